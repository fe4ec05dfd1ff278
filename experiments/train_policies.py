"""Tune rules and train agents for the chapter on patch planning; go on where a stop left it.

    python experiments/train_policies.py [--cores N] [--only KEY_PART]

Writes policies.safetensors and policies.json (what was tuned, learning curves, seconds, the digest of the
weights) into experiments/data/patch_planning, and prints the digest of the latter. Finished pieces are kept
under results/trainings by what made them, so that a stop, or a change of one algorithm, costs only what it
touches.
"""

import argparse
import ast
import hashlib
import inspect
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from joblib import Parallel, delayed

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dti_core.bridges import policies, simulators  # noqa: E402
from dti_core.bridges.policies import load_policies, save_policies, train  # noqa: E402
from dti_core.studies import patch_planning  # noqa: E402
from dti_core.studies.patch_planning.methods import shipped  # noqa: E402
from dti_core.studies.patch_planning.methods.agents import Planning  # noqa: E402
from dti_core.studies.patch_planning.methods.briefings import BEST_ORDERS, Briefing, brief  # noqa: E402
from dti_core.studies.patch_planning.methods.lessons import (  # noqa: E402
    FAULTS,
    FAULTY_WEEKS,
    LARGE,
    SMALL,
    TAUGHT,
    Lesson,
    classroom,
    lessons,
    teacher,
)  # fmt: skip
from dti_core.studies.patch_planning.methods.plan import run_rule  # noqa: E402
from dti_core.studies.patch_planning.methods.reports import mediated  # noqa: E402
from dti_core.studies.patch_planning.model.plans import account  # noqa: E402
from dti_core.studies.patch_planning.worlds.assumed import N_ASSUMED, PREFIX  # noqa: E402
from dti_core.studies.patch_planning.worlds.draws import draw_estates, setting_of  # noqa: E402

PIECES = ROOT / "results" / "trainings"
WEIGHTS = ROOT / "experiments" / "data" / shipped.SLUG / shipped.WEIGHTS
#: Modules whose meaning a tuning and a training depend on, below the study.
TUNING = ("model/estates", "model/weeks", "model/worth", "model/plans", "worlds/draws", "worlds/graphs",
          "worlds/settings", "worlds/simulate", "methods/rules",
          "methods/tuning", "methods/exact", "methods/program", "methods/plan",
          "methods/briefings")  # fmt: skip
TRAINING = (*TUNING[:9], "methods/agents")
#: Those of them that training depends on only where prices of downtime are private.
PRIVATE = ("methods/reports",)


def main() -> None:
    """Tune, train, write."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--cores", type=int, default=2)
    asked.add_argument("--only", default="", help="only lessons whose key has this part; writes no weights")
    options = asked.parse_args()
    places = [(world, size) for size in (LARGE, SMALL) for world in TAUGHT]
    places += [(f"{PREFIX}{number}", size) for size in (SMALL, LARGE) for number in range(N_ASSUMED)]
    briefings = dict(zip(places, _all(tuned, places, options.cores, "tuning"), strict=True))
    todo = [one for one in lessons() if options.only in one.key]
    taught = [(one, briefings[one.world, one.n_services]) for one in todo]
    done = _all(learn, taught, options.cores, "training")
    if not options.only:
        write(briefings, dict(zip(todo, done, strict=True)))


def _all(function, tasks, cores: int, what: str) -> list:
    """Outcomes of independent tasks, with a line of progress for each."""
    found, started = [], time.perf_counter()
    jobs = Parallel(n_jobs=cores, return_as="generator", batch_size=1)(
        delayed(function)(one) for one in tasks
    )
    for number, one in enumerate(jobs, start=1):
        found.append(one)
        left = (time.perf_counter() - started) / number * (len(tasks) - number)
        print(f"{what}: {number} of {len(tasks)}, about {left / 60:.1f} minutes left", flush=True)
    return found


def tuned(place: tuple[str, int]) -> Briefing:
    """The briefing of a world and size, from its piece or made."""
    about = f"{setting_of(place[0])!r} {_digest(TUNING)}"
    piece = PIECES / f"briefing.{place[0]}.{place[1]}.{_short(about)}.json"
    if not piece.is_file():
        few = place[0].startswith(PREFIX)
        _write(piece, (brief(*place, BEST_ORDERS, exact=False) if few else brief(*place)).as_json())
    return Briefing.from_json(json.loads(piece.read_text(encoding="utf-8")))


def learn(task: tuple[Lesson, Briefing]) -> tuple[Path, list[float], float]:
    """The file of a trained policy, its learning curve in dollars an estate, and its processor seconds."""
    lesson, briefing = task
    like = draw_estates(lesson.world, lesson.n_services, range(64))
    minutes = account(like, run_rule(like, briefing.rule)).minutes.sum(axis=(1, 2)).mean()
    algorithm = teacher(lesson, float(minutes))
    view = mediated(lesson.world, briefing.outage_usd)
    make = classroom(lesson, briefing.rule, like.take(slice(0, 1)), view)
    private = lesson.world == "conflict"
    made_by = _digest(TRAINING + PRIVATE * private, [policies, simulators])
    about = f"{lesson.key} {algorithm!r} {briefing.rule!r} {setting_of(lesson.world)!r} {made_by}"
    about += f" {briefing.outage_usd!r}" * private
    if (room := type(make())) is not Planning:
        about += f" {ast.dump(ast.parse(inspect.getsource(room)))} {FAULTS!r} {FAULTY_WEEKS!r}"
    stem = PIECES / f"{lesson.key}.{_short(about)}"
    weights, note = stem.with_name(f"{stem.name}.safetensors"), stem.with_name(f"{stem.name}.json")
    if not note.is_file():
        curve, begun = [], time.process_time()
        policy = train(
            make, algorithm, lesson.seed, lambda now: curve.append(now.mean_return),
            keep=stem.with_name(f"{stem.name}.state"),
        )  # fmt: skip
        save_policies(weights, {lesson.key: policy})
        _write(note, {"curve": curve, "cpu_seconds": time.process_time() - begun})
    found = json.loads(note.read_text(encoding="utf-8"))
    return weights, found["curve"], found["cpu_seconds"]


def write(
    briefings: dict[tuple[str, int], Briefing], done: dict[Lesson, tuple[Path, list[float], float]]
) -> None:
    """All policies in one file, and what is told of them in another."""
    together = {}
    for weights, _, _ in done.values():
        together |= load_policies(weights.read_bytes())
    digest = save_policies(WEIGHTS, together)
    told = WEIGHTS.with_name(shipped.TOLD)
    _write(
        told,
        {
            "sha256": digest,
            "cpu_seconds": round(sum(seconds for *_, seconds in done.values()), 1),
            "briefings": {f"{world}.{size}": one.as_json() for (world, size), one in briefings.items()},
            "algorithms": {one.algorithm: repr(teacher(one, 1.0)) for one in done},
            "curves": {one.key: [round(point, 1) for point in curve] for one, (_, curve, _) in done.items()},
        },
    )
    print(f"{len(together)} policies, {WEIGHTS.stat().st_size / 1e6:.2f} MB. For methods/shipped.py:")
    print(f'DIGEST = "{hashlib.sha256(told.read_bytes()).hexdigest()}"')


def _digest(modules: Iterable[str], bridges: Iterable[ModuleType] = ()) -> str:
    """Of the meaning of modules of the study, by name, and of whole bridges: comments change nothing."""
    study = Path(patch_planning.__path__[0])
    files = [study / f"{name}.py" for name in modules]
    files += [path for one in bridges for path in sorted(Path(one.__path__[0]).rglob("*.py"))]
    return _short("".join(map(_meaning, files)))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _meaning(path: Path) -> str:
    return ast.dump(ast.parse(path.read_text(encoding="utf-8")))


def _write(path: Path, found: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(path)


if __name__ == "__main__":
    main()

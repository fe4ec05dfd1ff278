"""The closed loop's world of firms: many draws at once, beside the same rules in Mesa 3 and in mesa-frames.

Levels of small, large and all firms are compared first, for every way that feedback is told; the script stops
if they differ. Then CPU seconds on one thread, medians of a few: a world in each, in turns in one process
(mesa-frames in its own); 200 worlds by the number simulated at once; cost and memory up to 100,000 firms. A
world is one draw of sizes in one world of shocks over 24 quarters. Run from the repository root, on a quiet
machine, about ten minutes, with mesa in a folder of its own:
PYTHONPATH=/tmp/mesa python experiments/benchmarks/closed_loop_world.py [--frames-python PYTHON]
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

os.environ.update({f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")})
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.closed_loop.data import load_cards, loop_of
from dti_core.studies.closed_loop.data.loop import Array, Loop
from dti_core.studies.closed_loop.model.draws import PRIORS, draw_places, sizes_at
from dti_core.studies.closed_loop.model.firms import HABITS, Shocks, deaf, draw_shocks
from dti_core.studies.closed_loop.model.world import SIGNALS, simulate
from dti_core.studies.closed_loop.model.world import told as all_told

Signals = NDArray[np.int64]
SEED, QUARTERS, WORLDS, REPEATS = 20_261_130, 24, 200, 5
#: Firms by size of the world; worlds at once that are tried at the smallest.
FIRMS, AT_ONCE = (220, 2_200, 22_000, 100_000), (1, 2, 5, 10, 20, 50, 100, 200)
#: Worlds at once on the cost curve, and most of them times firms.
BATCHES, MOST = (1, 4, 20), 500_000
#: Firms at which peers are measured too.
MESA_FIRMS, FRAMES_FIRMS = (220, 2_200), (220, 2_200, 22_000)
LARGEST_GAP, SECONDS_FOR_ALL, PEAK_MB = 1e-9, 2.0, 4096.0
TITLE = "A world of firms in a closed loop"
COMMAND = (
    "PYTHONPATH=/tmp/mesa python experiments/benchmarks/closed_loop_world.py "
    "--frames-python /tmp/frames/bin/python"
)
EQUAL = (
    "Sizes, shocks, rules and levels of small, large and all firms, which differ by {levels:.0e} at most "
    "over {draws} draws of 220 firms told in {ways} ways (checked first); one thread; drawing is not timed."
)
FRAMES_APART = (
    "mesa-frames 0.1.0a0 asks for numpy 1.26, and the lock has a later one, so that it stands in an "
    "environment of its own."
)


def world(firms: int, worlds: int) -> tuple[Loop, Array, Shocks]:
    """Loop, sizes of so many worlds and shocks, the same each time."""
    loop = loop_of(load_cards()[0])
    rng = np.random.default_rng(SEED)
    sizes = sizes_at(loop, draw_places(loop, worlds, rng), "log-uniform")
    return loop, sizes, draw_shocks(loop.roles, firms, QUARTERS, rng)


def told_in_every_way() -> tuple[Loop, Array, Shocks, Signals]:
    """Loop, sizes of both priors, shocks and signals: each way alone, and ways mixed over classes and arrows.

    Firms hear others of their class, so that who is heard is read.
    """
    loop, _, shocks = world(FIRMS[0], 1)
    rng = np.random.default_rng(SEED)
    ways = [all_told(loop, len(PRIORS), way) for way in SIGNALS]
    ways.append(rng.integers(0, len(SIGNALS), ways[0].shape))
    shocks = deaf(shocks, rng)
    sizes = [sizes_at(loop, draw_places(loop, 1, rng), prior) for _ in ways for prior in PRIORS]
    return loop, np.concatenate(sizes), shocks, np.concatenate(ways)


def in_words(signals: Signals) -> list[list[list[str]]]:
    """By draw, class and arrow, how it is told."""
    return np.array(SIGNALS)[signals].tolist()


def seconds(run: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    begun = time.process_time()
    run()
    return time.process_time() - begun


def median(told: list[float]) -> dict[str, Any]:
    """CPU seconds and their median."""
    return {"cpu_s": float(np.median(told)), "all_cpu_s": [round(one, 5) for one in told]}


@cache
def counted_nodes() -> list[int]:
    """Nodes whose totals ours tells, so that peers count no others. RuntimeError if an outcome lacks."""
    loop, sizes, shocks = world(FIRMS[0], 1)
    levels = simulate(loop, sizes, shocks, all_told(loop, 1, "closed")).levels
    counted = np.flatnonzero(np.isfinite(levels).all(axis=(0, 1, 2))).tolist()
    if missing := [loop.nodes[n] for n, word in enumerate(loop.better) if word and n not in counted]:
        raise RuntimeError(f"no levels of {', '.join(missing)}")
    return counted


def gap_to_mesa() -> dict[str, float]:
    """Largest gaps of levels, and of the share of cells at the bound. RuntimeError if they are not equal."""
    from mesa_loop import LoopModel

    loop, sizes, shocks, signals = told_in_every_way()
    course, counted = simulate(loop, sizes, shocks, signals), counted_nodes()
    gaps: dict[str, list[float]] = {"levels": [], "clipped": []}
    for draw, words in enumerate(in_words(signals)):
        model = LoopModel(loop, sizes[draw].tolist(), shocks, words, HABITS, counted)
        gaps["levels"].append(float(np.abs(model.run() - course.levels[draw][..., counted]).max()))
        gaps["clipped"].append(abs(model.clipped() - float(course.clipped[draw])))
    return checked("Mesa", gaps) | {"draws": len(sizes), "ways": len(SIGNALS) + 1}


def checked(peer: str, gaps: dict[str, list[float]]) -> dict[str, float]:
    """The largest gaps. RuntimeError if one is too large or no number."""
    found = {name: float(np.max(some)) for name, some in gaps.items()}
    if not all(gap <= LARGEST_GAP for gap in found.values()):
        raise RuntimeError(f"{peer}: not equal: {found}")
    return found


def frames(
    python: str, loop: Loop, sizes: Array, shocks: Shocks, signals: Signals, repeats: int
) -> tuple[Array, dict[str, Any]]:
    """Levels of all draws in mesa-frames, and what its process says."""
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/inputs.npz", f"{folder}/levels.npz"
        np.savez(
            source, roles=np.array(loop.roles), kinds=np.array(loop.kinds), starts=loop.starts,
            ends=loop.ends, sizes=sizes, signals=np.array(in_words(signals)), base=shocks.base,
            classes=shocks.classes, own=shocks.own, mixed=shocks.mixed,
            heard=shocks.heard, counted=np.array(counted_nodes()),
            habits=np.array(json.dumps(asdict(HABITS))),
        )  # fmt: skip
        bare = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        told = subprocess.run(
            [python, here / "mesa_frames_loop.py", source, target, str(repeats)],
            stdout=subprocess.PIPE, text=True, check=True, env=bare,
        )  # fmt: skip
        with np.load(target) as file:
            return file["levels"], json.loads(told.stdout.splitlines()[-1])


def gap_to_frames(python: str) -> dict[str, float]:
    """Largest gap of levels. RuntimeError if they are not equal."""
    loop, sizes, shocks, signals = told_in_every_way()
    course, counted = simulate(loop, sizes, shocks, signals), counted_nodes()
    levels, _ = frames(python, loop, sizes, shocks, signals, 1)
    gaps = {"levels": [float(np.abs(levels - course.levels[..., counted]).max())]}
    return checked("mesa-frames", gaps) | {"draws": len(sizes), "ways": len(SIGNALS) + 1}


def measure_frames(python: str) -> dict[str, Any]:
    """CPU seconds of one world in mesa-frames by number of firms, with versions."""
    found: dict[str, Any] = {}
    for firms in FRAMES_FIRMS:  # a process each
        loop, sizes, shocks = world(firms, 1)
        _, told = frames(python, loop, sizes, shocks, all_told(loop, 1, "closed"), REPEATS)
        found |= {f"firms_{firms}": median(told["cpu_s"]), "versions": told["versions"]}
    return found


def run_worlds(loop: Loop, sizes: Array, shocks: Shocks, at_once: int) -> None:
    """All draws of sizes, so many at once."""
    for first in range(0, len(sizes), at_once):
        some = sizes[first : first + at_once]
        simulate(loop, some, shocks, all_told(loop, len(some), "closed"))


def measure_many() -> dict[str, Any]:
    """CPU seconds of 200 worlds by the number simulated at once, and with shocks of their own."""
    loop, sizes, shocks = world(FIRMS[0], WORLDS)
    rng = np.random.default_rng(SEED)

    def with_own_shocks() -> None:
        for draw in sizes:
            own = draw_shocks(loop.roles, FIRMS[0], QUARTERS, rng)
            simulate(loop, draw[None], own, all_told(loop, 1, "closed"))

    told: dict[str, list[float]] = {name: [] for name in (*(f"at_once_{n}" for n in AT_ONCE), "own_shocks")}
    for _ in range(REPEATS):
        for n in AT_ONCE:
            told[f"at_once_{n}"].append(seconds(partial(run_worlds, loop, sizes, shocks, n)))
        told["own_shocks"].append(seconds(with_own_shocks))
    found: dict[str, Any] = {name: median(some) for name, some in told.items()}
    best = min(AT_ONCE, key=lambda n: found[f"at_once_{n}"]["cpu_s"])
    return found | {"best_at_once": best, "best": found[f"at_once_{best}"]}


def measure_pair(firms: int, at_once: int) -> dict[str, Any]:
    """CPU seconds of one world: of many at once, alone, and in Mesa; in turns in this process."""
    from mesa_loop import LoopModel

    loop, sizes, shocks = world(firms, at_once)
    words, counted = in_words(all_told(loop, 1, "closed"))[0], counted_nodes()
    rows: dict[str, tuple[Callable[[], Any], int]] = {
        "batch": (partial(run_worlds, loop, sizes, shocks, at_once), at_once),
        "alone": (partial(run_worlds, loop, sizes[:1], shocks, 1), 1),
        "mesa": (lambda: LoopModel(loop, sizes[0].tolist(), shocks, words, HABITS, counted).run(), 1),
    }
    told: dict[str, list[float]] = {row: [] for row in rows}
    for _ in range(REPEATS):
        for row, (run, worlds) in rows.items():
            told[row].append(seconds(run) / worlds)
    found: dict[str, Any] = {row: median(some) for row, some in told.items()}
    mesa = found["mesa"]["cpu_s"]
    times = {row: mesa / found[row]["cpu_s"] for row in ("batch", "alone")}
    return found | {"worlds_at_once": at_once, "times": times}


def measure_size(firms: int, at_once: int) -> dict[str, Any]:
    """CPU seconds a world and peak memory of this process, drawing included in memory and not in time."""
    loop, sizes, shocks = world(firms, at_once)
    drawn = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    repeats = REPEATS if firms < FIRMS[-1] else 3
    told = [seconds(lambda: run_worlds(loop, sizes, shocks, at_once)) / at_once for _ in range(repeats)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"firms": firms, "worlds_at_once": at_once} | median(told) | {
        "peak_mb": peak, "peak_mb_when_drawn": drawn,
    }  # fmt: skip


def exponent(rows: list[dict[str, Any]]) -> float:
    """Slope of log seconds on log firms; 1 is linear."""
    firms, cost = ([row[word] for row in rows] for word in ("firms", "cpu_s"))
    return float(np.polyfit(np.log(firms), np.log(cost), 1)[0])


def measure_curve() -> dict[str, Any]:
    """Cost and memory by number of firms, each in a process of its own; the best batch of each size."""
    rows = [
        in_own_process("size", str(firms), str(n)) for firms in FIRMS for n in BATCHES if firms * n <= MOST
    ]
    best = [min((r for r in rows if r["firms"] == firms), key=lambda r: r["cpu_s"]) for firms in FIRMS]
    alone = [row for row in rows if row["worlds_at_once"] == 1]
    return {
        "rows": rows, "best": best, "exponent_best": exponent(best), "exponent_alone": exponent(alone),
        "exponent_from_2200_best": exponent(best[1:]), "exponent_from_2200_alone": exponent(alone[1:]),
        "peak_mb_alone_at_largest": alone[-1]["peak_mb"], "peak_mb": max(row["peak_mb"] for row in rows),
    }  # fmt: skip


def in_own_process(*arguments: str) -> dict[str, Any]:
    """What this script prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, __file__, "--work", *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def comparison(
    what: str, ours: tuple[str, list[str]], peer: tuple[str, list[str]], **words: Any
) -> dict[str, Any]:
    """An entry of the book's speed page."""
    sides = {side: {"name": name, "at": at} for side, (name, at) in (("ours", ours), ("peer", peer))}
    return {"what": what, **sides, "unit": "CPU seconds", **words}


def arrays(at_once: int) -> str:
    """Our side, by the number of draws that are followed together."""
    return "arrays, a draw alone" if at_once == 1 else f"arrays, {at_once} draws of sizes at once"


def comparisons(report: dict[str, Any]) -> list[dict[str, Any]]:
    """What the book's speed page says of the report, with the places of the figures in it."""
    equal = {peer: EQUAL.format(**gaps) for peer, gaps in report["gaps"].items()}
    found = []
    unchecked = "Only ours adds up whether all that was dealt is what there was."
    for firms in MESA_FIRMS:
        key, mesa = f"firms_{firms}", ("Mesa 3, an agent a firm", [f"firms_{firms}", "mesa", "cpu_s"])
        at_once = report[key]["worlds_at_once"]
        what = f"A world of {firms:,} firms over {QUARTERS} quarters"
        found.append(comparison(
            what, (arrays(at_once), [key, "batch", "cpu_s"]), mesa,
            equal=equal["mesa"],
            differs=f"Ours shares one world of shocks among {at_once} draws. {unchecked}",
            target=100.0 if firms == FIRMS[0] else None,
        ))  # fmt: skip
        found.append(comparison(
            what, (arrays(1), [key, "alone", "cpu_s"]), mesa, equal=equal["mesa"],
            differs=unchecked, target=None,
        ))  # fmt: skip
    for firms in FRAMES_FIRMS if "mesa_frames" in report else ():
        place = next(n for n, row in enumerate(report["curve"]["best"]) if row["firms"] == firms)
        at_once = report["curve"]["best"][place]["worlds_at_once"]
        found.append(comparison(
            f"A world of {firms:,} firms over {QUARTERS} quarters",
            (arrays(at_once), ["best_by_firms", f"firms_{firms}"]),
            ("mesa-frames, a table in Polars", ["mesa_frames", f"firms_{firms}", "cpu_s"]),
            equal=equal["mesa_frames"],
            differs=f"A process each. {FRAMES_APART} It follows one draw at a time and neither counts cells "
            "at the bound nor adds up what was dealt.",
            target=None,
        ))  # fmt: skip
    best = report["worlds_200"]["best_at_once"]
    found.append(comparison(
        f"{WORLDS} worlds of {FIRMS[0]} firms over {QUARTERS} quarters",
        (arrays(best), ["worlds_200", "best", "cpu_s"]),
        ("the same code, a draw at a time", ["worlds_200", "at_once_1", "cpu_s"]),
        equal="Sizes, shocks and code; one thread.", differs="Nothing else; no other library takes part.",
        target=None,
    ))  # fmt: skip
    return found


def targets(report: dict[str, Any]) -> dict[str, Any]:
    """What was asked for beside what was measured."""
    rows = {
        "times_mesa": (report[f"firms_{FIRMS[0]}"]["times"]["batch"], "at least", 100.0),
        "cpu_s_of_200_worlds": (report["worlds_200"]["best"]["cpu_s"], "at most", SECONDS_FOR_ALL),
        "peak_mb_at_100000_firms": (report["curve"]["peak_mb_alone_at_largest"], "at most", PEAK_MB),
    }
    return {
        name: {"found": found, "asked": f"{word} {bound:g}",
               "met": found >= bound if word == "at least" else found <= bound}
        for name, (found, word, bound) in rows.items()
    }  # fmt: skip


def report(frames_python: str | None) -> dict[str, Any]:
    """Gaps, then figures, then what the book says of them."""
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "mesa")}
    found: dict[str, Any] = {
        "title": TITLE, "date": datetime.now(UTC).date().isoformat(), "command": COMMAND,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, one thread a process",
        "python": platform.python_version(), "versions": versions, "load_average": os.getloadavg()[0],
        "mesa_frames_apart": FRAMES_APART, "gaps": {"mesa": in_own_process("gap")},
    }  # fmt: skip
    if frames_python:
        found["gaps"]["mesa_frames"] = gap_to_frames(frames_python)
    print(json.dumps(found["gaps"]), flush=True)
    found["worlds_200"] = in_own_process("many")
    best = found["worlds_200"]["best_at_once"]
    for firms in MESA_FIRMS:
        found[f"firms_{firms}"] = in_own_process("pair", str(firms), str(best))
        print(firms, json.dumps(found[f"firms_{firms}"]), flush=True)
    found["curve"] = measure_curve()
    found["best_by_firms"] = {f"firms_{row['firms']}": row["cpu_s"] for row in found["curve"]["best"]}
    if frames_python:
        found["mesa_frames"] = measure_frames(frames_python)
        told = found["mesa_frames"].pop("versions")
        found["versions"] = versions | {"mesa-frames": told["mesa-frames"], "polars": told["polars"]}
    return found | {"targets": targets(found), "comparisons": comparisons(found)}


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--frames-python", help="an interpreter that has mesa-frames")
    asked.add_argument("--work", nargs="+", help="measure one part in this process and print it")
    told = asked.parse_args()
    match told.work:
        case ["gap"]:
            print(json.dumps(gap_to_mesa()))
        case ["many"]:
            print(json.dumps(measure_many()))
        case ["pair", firms, at_once]:
            print(json.dumps(measure_pair(int(firms), int(at_once))))
        case ["size", firms, at_once]:
            print(json.dumps(measure_size(int(firms), int(at_once))))
        case _:
            text = json.dumps(report(told.frames_python), indent=1)
            Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")
            print(text)

"""May a finished run be reused, or only be redrawn? Compare what decides its numbers and its telling."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from dti_core.lab.config import Config
from dti_core.lab.data import planned_reads, sha256_of
from dti_core.lab.errors import DataError, RunError
from dti_core.lab.files import write
from dti_core.lab.fingerprint import (
    DATA_PATH,
    Fingerprint,
    Numbers,
    Telling,
    numbers_changed,
    telling_changed,
)
from dti_core.lab.frozen import frozen_record, frozen_result
from dti_core.lab.kept import is_kept, save_result
from dti_core.lab.paths import results_root
from dti_core.lab.pieces import sha256
from dti_core.lab.running import runs, sources
from dti_core.lab.running.inputs import Inputs, live, own_hashes
from dti_core.lab.running.runs import RunPlan, RunState, finished_states
from dti_core.lab.running.sources import PACKAGE
from dti_core.lab.running.versions import package_versions

_FROZEN = ("*.csv", "*.csv.gz", "*.json", "*.parquet", "*.safetensors", "*.sarif", "*.yaml")
_SECONDS = "seconds"
REUSED = "reused: nothing changed"
#: Modules that cannot move a number: they word errors, colour figures, show what was found, or bring files
#: whose hashes are checked when they are read.
TELLING_ONLY = tuple(
    f"{PACKAGE}.{name}"
    for name in (
        "book",
        "cli",
        "lab.errors",
        "lab.theme",
        "lab.tables",
        "lab.keep",
        "lab.running",
        "lab.publishing",
    )
)
#: Modules that run, store and print, whatever is told.
_BEHIND_THE_SCENE = tuple(f"{PACKAGE}.{name}" for name in ("cli", "lab.keep", "lab.running"))
#: What tells, beside the notebook and what it imports: the judge and the maker of chapters.
_TELLERS = tuple(f"{PACKAGE}.lab.{name}" for name in ("claims", "publishing.clean"))


def fingerprint_of(config: Config, inputs: Inputs | None = None) -> Fingerprint:
    """Identity of the run that `config` asks for.

    Parameters
    ----------
    inputs : where the run reads from; the checkout as it is now if not given.

    Raises
    ------
    DataError if the user's data file is missing; RunError if the notebook is; ClaimError for a bad register.
    """
    inputs = inputs or live()
    code, notebook = sources.Code(inputs.package), inputs.notebook(config.slug)
    cells = sources.estimating_cells(notebook, config.slug)
    ours, outside = code.reached(_imports(cells), TELLING_ONLY)
    shown = [source for kind, _, source in sources.read_cells(notebook) if kind == "code"]
    told, _ = code.reached({*_imports(shown), *_TELLERS}, _BEHIND_THE_SCENE)
    numbers = Numbers(
        slug=config.slug,
        parameters=dict(config.values),
        data=data_hashes(config, inputs),
        code=code.meanings(ours),
        cells=sources.meaning_of_cells(cells),
        packages=package_versions(outside),
    )
    telling = Telling(
        code=code.meanings(told - ours),
        notebook=_notebook_hash(notebook),
        claims=claims_hash(config.slug, inputs.home),
    )
    return Fingerprint(numbers=numbers, telling=telling)


def _imports(cells: Iterable[str]) -> set[str]:
    return set().union(*map(sources.imported_names, cells))


def _notebook_hash(notebook: Path) -> str:
    """sha256 of all cells, prose included; outputs and metadata of a source notebook do not count."""
    told = [(kind, source) for kind, _, source in sources.read_cells(notebook)]
    return sha256(json.dumps(told).encode())


def claims_hash(slug: str, home: Path) -> str:
    """sha256 of the claims bound to a study, bars, controls and wording; '' without any."""
    from dti_core.lab.register import load_register, register_file

    if not register_file(home).is_file():
        return ""
    bound = {key: claim.model_dump(mode="json") for key, claim in load_register(home).bound_to(slug).items()}
    return sha256(json.dumps(bound, sort_keys=True).encode()) if bound else ""


def data_hashes(config: Config, inputs: Inputs) -> dict[str, str]:
    """sha256 of each file that a run reads, by the name under which it is read.

    A parameter whose value names a registered set stands for its files and those of the sets read with it, as
    does the experiment's list `reads`, in which slug/file is a file of another study in experiments/data and
    slug.result.json the frozen record of one; `data_path` stands for the user's file, with the tables that it
    names, or each file of a folder; every table, YAML or JSON file and weights below experiments/data/<slug>/
    count.

    Raises
    ------
    DataError if a file of another study is not there.
    """
    asked = getattr(config.experiment, "reads", ())
    others = {name: _of_another(name, inputs.home) for name in asked if "." in name}
    hashes = planned_reads(config.values.values(), [name for name in asked if name not in others])
    hashes |= {name.partition("/")[2] or name: sha256_of(file) for name, file in others.items()}
    if path := config.values.get(DATA_PATH):
        hashes |= own_hashes(str(path))
    folder = inputs.home / "experiments" / "data" / config.slug
    for file in sorted(found for pattern in _FROZEN for found in folder.rglob(pattern)):
        hashes[file.relative_to(folder).as_posix()] = sha256_of(file)
    return hashes


def _of_another(name: str, home: Path) -> Path:
    """The file of another study that an entry of `reads` names."""
    place = home / ("experiments/data" if "/" in name else "book/studies")
    file = place / name
    if not file.resolve().is_relative_to(place.resolve()) or not file.is_file():
        raise DataError(f"reads: no file {name}. It belongs to the checkout.")
    return file


def kept_store(numbers: Numbers) -> Path:
    """Folder in which a Result of these numbers is kept, whether or not there is one."""
    return results_root() / ".kept" / numbers.slug / numbers.digest[:32]


def seconds_behind(store: Path) -> float:
    """Seconds that earlier runs have spent on what is kept in `store`."""
    with suppress(OSError, ValueError):
        return float((store / _SECONDS).read_text(encoding="ascii"))
    return 0.0


def add_seconds(store: Path, seconds: float) -> None:
    """Note the seconds of a run that estimated into `store`, whether or not it came to its end."""
    write(store / _SECONDS, f"{seconds_behind(store) + seconds:.1f}")


def bring_frozen(numbers: Numbers, *, look_only: bool = False) -> bool:
    """Whether a Result of these numbers is kept; one that is frozen in the book is brought into the store.

    With `look_only` it is left where it is.
    """
    store = kept_store(numbers)
    if is_kept(store):
        return True
    try:
        if frozen_record(numbers.slug).provenance.fingerprint.numbers.digest != numbers.digest:
            return False
        if look_only:
            return True
        save_result(store, frozen_result(numbers.slug))
        add_seconds(store, frozen_record(numbers.slug).seconds)
    except RunError:
        return False
    return True


def find_reusable(
    fingerprint: Fingerprint, notice: Callable[[str], None] = lambda _: None, *, look_only: bool = False
) -> Path | None:
    """Folder of the latest finished run with the same fingerprint, None if there is none.

    A run whose files are not as it left them is set aside, and `notice` gets a sentence on each; with
    `look_only` it is passed over.
    """
    for folder, state in finished_states(fingerprint.slug, f"*-{fingerprint.digest[:8]}*"):
        if state.fingerprint.digest != fingerprint.digest:
            continue
        problem = runs.damage(folder, state)
        if not problem:
            return folder
        if look_only:
            continue
        place = runs.set_aside(folder, problem)
        notice(f"run {folder.name} is damaged ({problem}) and is not used; it now lies in {place}")
    return None


def explain(fingerprint: Fingerprint, *, forced: bool = False, look_only: bool = False) -> str:
    """Why a run is reused, redrawn or repeated, against the latest finished run of its study.

    With `look_only` nothing is changed on disk.
    """
    if forced:
        return "rerun: forced"
    if find_reusable(fingerprint, look_only=look_only) is not None:
        return REUSED
    states = [state for _, state in finished_states(fingerprint.slug)]
    if bring_frozen(fingerprint.numbers, look_only=look_only):
        return f"redrawn: {', '.join(_telling_since(fingerprint, states)) or 'the numbers are kept'}"
    if not states:
        return "rerun: first run"
    changes = numbers_changed(states[0].fingerprint.numbers, fingerprint.numbers)
    return f"rerun: {', '.join(changes) or 'the kept numbers are gone'}"


def _telling_since(fingerprint: Fingerprint, states: Iterable[RunState]) -> list[str]:
    """What of the telling changed since the latest run, or frozen chapter, of the same numbers."""
    tellings = [s.fingerprint for s in states]
    with suppress(RunError):
        tellings.append(frozen_record(fingerprint.slug).provenance.fingerprint)
    for other in tellings:
        if other.numbers.digest == fingerprint.numbers.digest:
            return telling_changed(other.telling, fingerprint.telling)
    return []


def expected_seconds(plan: RunPlan) -> float:
    """How long this run should take: as the latest finished one of its profile, else the profile's budget."""
    profile = plan.config.profile
    for _, state in finished_states(plan.slug):
        if state.profile == profile and not state.explanation.startswith("redrawn"):
            return state.seconds
    profiles = plan.config.experiment.profiles
    return float(profiles["quick" if profile == "custom" else profile].budget_seconds)  # type: ignore[index]

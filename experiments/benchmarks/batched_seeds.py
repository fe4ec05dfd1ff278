"""Networks of the study spillover trained all at once and one by one: CPU seconds at equal losses.

Run from the repository root, on a quiet machine: python experiments/benchmarks/batched_seeds.py
"""

import importlib.metadata
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.update({f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")})
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from dti_core.studies.spillover.methods.forecaster import BATCH, GROUP, HIDDEN, Lesson, learn, read
from dti_core.studies.spillover.model.sequences import sample

#: Rows of a window, as weekly and daily panels have them; rows and series learned from; steps; repeats.
WINDOWS, SIZE, N_STEPS, REPEATS = (12, 28), (400, 20), 200, 3
COMMAND = "python experiments/benchmarks/batched_seeds.py"


def measure(window: int) -> dict[str, Any]:
    """CPU seconds of both ways, medians of a few, and how far their losses lie apart."""
    levels = np.random.default_rng(1).normal(size=SIZE).cumsum(axis=0)
    ends, seeds = np.arange(window - 1, SIZE[0] - 1), tuple(range(GROUP))
    lesson = Lesson(levels, ends, window, 1, N_STEPS, seeds)
    alone = [Lesson(levels, ends, window, 1, N_STEPS, (seed,)) for seed in seeds]
    learn(alone[0])
    together, apart = [], []
    for _ in range(REPEATS):
        start = time.process_time()
        weights = learn(lesson)
        middle = time.process_time()
        single = np.concatenate([learn(one) for one in alone])
        together.append(middle - start)
        apart.append(time.process_time() - middle)
    asked = sample(levels, ends, window, 1)
    losses = [np.mean((read(one, asked, 1) - asked.target) ** 2, axis=(1, 2)) for one in (weights, single)]
    apart_by = float(np.max(np.abs(losses[0] / losses[1] - 1)))
    return {"together_s": float(np.median(together)), "apart_s": float(np.median(apart)),
            "largest_relative_difference_of_losses": apart_by}  # fmt: skip


def comparison(window: int, found: dict[str, Any]) -> dict[str, Any]:
    """What the book's speed page says of one window."""
    return {
        "what": f"{GROUP} networks of {HIDDEN} units on windows of {window} rows",
        "ours": {"name": "all seeds in one batched product", "at": [f"window_{window}", "together_s"]},
        "peer": {"name": "the same trainer, a seed at a time", "at": [f"window_{window}", "apart_s"]},
        "unit": "CPU seconds",
        "equal": f"Seeds, windows, {N_STEPS} steps with batches of {BATCH}, one thread; the losses differ by "
        f"{found['largest_relative_difference_of_losses']:.0e} of themselves at most.",
        "differs": "Nothing else; no other library takes part.",
        "target": 3.0,
    }


if __name__ == "__main__":
    report: dict[str, Any] = {
        "title": "Seeds trained at once", "date": datetime.now(UTC).date().isoformat(), "command": COMMAND,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, one thread a process",
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in ("numpy", "torch")},
        "load_average": os.getloadavg()[0],
    }  # fmt: skip
    report |= {f"window_{window}": measure(window) for window in WINDOWS}
    report["comparisons"] = [comparison(window, report[f"window_{window}"]) for window in WINDOWS]
    text = json.dumps(report, indent=1)
    Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    print(text)

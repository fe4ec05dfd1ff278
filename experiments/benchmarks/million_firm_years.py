"""A user's file of a million firm-years, from CSV to estimates: processor seconds and peak memory a stage.

The file has 22 columns in the units and names of the schema, made up here. Every stage is one that
`dti run esg_constraint --data FILE` takes, in one process on one thread; the simulated worlds, which no file
moves, are left out. Run from the repository root: OMP_NUM_THREADS=1 python
experiments/benchmarks/million_firm_years.py
"""

import importlib.metadata
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dti_core.lab.config import load_experiment
from dti_core.studies.esg_constraint import data
from dti_core.studies.esg_constraint import estimate as study
from dti_core.studies.esg_constraint.data import Parameters

N_FIRMS, N_YEARS = 50_000, 20
SMALLEST = {"n_draws": 4, "n_power_draws": 4, "n_resamples": 19}
COMMAND = "OMP_NUM_THREADS=1 python experiments/benchmarks/million_firm_years.py"
TITLE = "A user's file of a million firm-years, end to end"


def make_file(path: Path, n_firms: int, n_years: int) -> None:
    """Accounts, ratings in three quarters of the rows, a constraint and a policy, as a user holds them."""
    rng = np.random.default_rng(1)
    n = n_firms * n_years
    firm, year = np.repeat(np.arange(n_firms), n_years), np.tile(np.arange(n_years), n_firms)
    size = rng.normal(7.1, 1.2, n_firms)[firm] + 0.08 * year + rng.normal(0, 0.15, n)
    assets, quality = np.exp(size), rng.normal(0, 1, n_firms)[firm]
    ratings = [np.clip(np.rint(5 + quality + rng.normal(0, 1, n)), 1, 9) for _ in range(2)]
    shares = {"cash_flow": (0.05, 0.08), "net_income": (0.05, 0.06), "capex": (0.05, 0.03)}
    table = {"firm": firm + 600_000, "year": 2000 + year, "assets": assets, "age": 2 + firm % 17 + year}
    table |= {name: assets * rng.normal(*share, n) for name, share in shares.items()}
    table |= {name: assets * rng.uniform(0, top, n) for name, top in (
        ("dividends", 0.03), ("cash", 0.4), ("fixed_assets", 0.5), ("long_term_debt", 0.2), ("sales", 1.2)
    )}  # fmt: skip
    table |= {"leverage": rng.uniform(0.1, 0.8, n), "tobin_q": rng.uniform(0.9, 4, n)}
    table |= {"constraint": rng.normal(0, 1, n), "ownership": firm % 2, "industry": firm % 40}
    table |= {
        "cohort": np.where(firm % 3 == 0, 2008 + firm % 4, 0),
        "index_member": (quality > 0.3).astype(int),
    }
    rated = rng.random(n) < 0.75
    table |= {
        name: np.where(rated, values, np.nan)
        for name, values in zip(("rating_a", "rating_b"), ratings, strict=True)
    }
    pd.DataFrame(table).round(4).to_csv(path, index=False)


def timed(stages: dict[str, float], name: str, step: Callable[[], Any]) -> Any:
    """The outcome of a step, whose processor seconds are noted."""
    start = time.process_time()
    made = step()
    stages[name] = round(time.process_time() - start, 2)
    print(f"{name}: {stages[name]:.1f} CPU s, peak so far {peak_mb():,.0f} MB", flush=True)
    return made


def peak_mb() -> float:
    """Most memory that this process has held."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(found[1]) / 1024 if found else float("nan")


def main(n_firms: int = N_FIRMS, n_years: int = N_YEARS) -> None:
    """Make the file, answer it, write the report."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "panel.csv"
        make_file(path, n_firms, n_years)
        told = SMALLEST | {"panel": "yours", "data_path": str(path)}
        config = load_experiment("esg_constraint").resolve("smoke", told)
        stages: dict[str, float] = {}
        start, megabytes = time.perf_counter(), path.stat().st_size / 1e6
        panel, _ = timed(stages, "read, check and prepare", lambda: data.load(config))
        parts = timed(
            stages, "lay out, indices, overlap",
            lambda: study.observed_parts(panel, config.typed(Parameters), config, real=True),
        )  # fmt: skip
        found = [
            timed(stages, name, lambda part=part, name=name: study.do_part(name, part))
            for name, part in parts.items()
        ]
    left_out = sorted({title for one in found for title, _ in one.left_out})
    report = {
        "title": TITLE, "date": datetime.now(UTC).date().isoformat(), "command": COMMAND,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one thread used",
        "versions": {name: importlib.metadata.version(name) for name in ("numpy", "pandas", "scipy")},
        "comparisons": [], "firm_years": n_firms * n_years, "file_mb": round(megabytes, 1),
        "cpu_s": stages, "total_cpu_s": round(sum(stages.values()), 1),
        "wall_s": round(time.perf_counter() - start, 1), "peak_mb": round(peak_mb()), "left_out": left_out,
    }  # fmt: skip
    target = Path(__file__).with_suffix(".json")
    if (n_firms, n_years) == (N_FIRMS, N_YEARS):
        target.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()

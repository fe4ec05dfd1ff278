"""A million findings of six tools, made one list of work: processor seconds and peak memory a stage.

Findings are made up here: places that one to four tools report a few lines apart, and flaws of packages. Each
stage is one that the user's own scans take once they are read, in one process on one thread; P(real),
P(exploit) and hours are given. Run from the repository root, on a quiet machine: OMP_NUM_THREADS=1 python
experiments/benchmarks/million_findings.py
"""

import importlib.metadata
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.update({f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")})
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import pandas as pd

from dti_core.studies.vuln_priority.data.findings import NAMES
from dti_core.studies.vuln_priority.data.same import group
from dti_core.studies.vuln_priority.data.services import UNASSIGNED, Service, Services
from dti_core.studies.vuln_priority.methods.exports import worklist_csv
from dti_core.studies.vuln_priority.methods.worklist import rank

N_FINDINGS, N_SERVICES, N_FILES, SEED = 1_000_000, 400, 60_000, 20_261_201
MOST_SECONDS, MOST_MB = 60.0, 2_048.0
CWES = (22, 78, 79, 89, 90, 94, 113, 327, 328, 330, 352, 502, 601, 611, 732, 798, 862, 918, 1333, 1336)
TITLE = "A million findings, from scans to an order of work"
COMMAND = "OMP_NUM_THREADS=1 python experiments/benchmarks/million_findings.py"


def make_findings(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """A row a finding, as scans give them, shuffled; one in five is of a package."""
    place = rng.integers(0, n // 2, n)
    file, line = place % N_FILES, 10 + 40 * (place // N_FILES) + rng.integers(-1, 2, n)
    packaged, tool = rng.random(n) < 0.2, rng.integers(0, 4, n)
    code = {"tool": np.array(["bandit", "semgrep", "codeql", "agent"])[tool], "line": line,
            "file": [f"svc{one % N_SERVICES:03d}/pkg{one % 97}/module_{one}.py" for one in file.tolist()],
            "cwe": np.array(CWES)[place % len(CWES)], "package": np.full(n, "", dtype=object),
            "cve": np.full(n, "", dtype=object)}  # fmt: skip
    table = pd.DataFrame({name: code.get(name, "") for name in NAMES}).astype({"file": "object"})
    flaw = rng.integers(0, 4_000, packaged.sum())
    table.loc[packaged, "tool"] = np.array(["pip-audit", "trivy"])[flaw % 2]
    table.loc[packaged, "file"] = [
        f"svc{one % N_SERVICES:03d}/requirements.txt" for one in file[packaged].tolist()
    ]
    table.loc[packaged, "package"] = [f"package-{one % 900}" for one in flaw.tolist()]
    table.loc[packaged, "cve"] = [f"CVE-2024-{one:05d}" for one in flaw.tolist()]
    table.loc[packaged, "line"] = 0
    table["rule"], table["level"], table["kind"] = "rule-" + table["cwe"].astype(str), "warning", "sast"
    table["message"] = "Text of a request reaches a sink."
    table["origin"] = [f"scan.sarif#runs[0].results[{one}]" for one in range(n)]
    texts = {name: "str" for name in NAMES if name not in ("cwe", "line", "severity", "suppressed")}
    return table.assign(severity=np.nan, suppressed=False).astype(texts)


def make_services() -> Services:
    """Services in a tree of calls, a tenth of them open to the internet."""
    each = [
        Service(f"svc{one:03d}", exposure="internet" if one % 10 == 0 else "internal",
                owner=f"team {one % 12}",
                revenue_usd_per_hour=100.0 * one, calls=(f"svc{(2 * one + 1) % N_SERVICES:03d}",))
        for one in range(N_SERVICES)
    ]  # fmt: skip
    return Services((*each, Service(UNASSIGNED)))


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


def main(n: int = N_FINDINGS) -> None:
    """Make the findings, group and rank them, write the report. RuntimeError beyond the budgets."""
    rng, stages = np.random.default_rng(SEED), dict[str, float]()
    findings, services = make_findings(n, rng), make_services()
    made_mb, start = peak_mb(), time.perf_counter()
    findings["service"] = timed(stages, "find the service of each", lambda: services.owners_of(findings))
    groups = timed(stages, "group what is one flaw", lambda: group(findings))
    m = len(groups.table)
    real = np.sort(rng.random((m, 3)), axis=1)[:, [1, 0, 2]]
    exploit, hours = rng.beta(0.3, 6, m), rng.lognormal(1, 0.8, m)
    worklist = timed(stages, "rank", lambda: rank(groups.table, real, services, exploit, hours))
    ranked_s = time.perf_counter() - start
    ranked_mb = peak_mb()
    content = timed(stages, "write CSV", lambda: worklist_csv(worklist))
    report = {
        "title": TITLE, "date": datetime.now(UTC).date().isoformat(), "command": COMMAND,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, one thread used",
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in ("numpy", "pandas", "scipy")},
        "load_average": os.getloadavg()[0], "comparisons": [], "findings": n, "groups": m,
        "cpu_s": stages, "wall_s_until_ranked": round(ranked_s, 1), "csv_mb": round(len(content) / 1e6, 1),
        "peak_mb_of_making_them": round(made_mb), "peak_mb_until_ranked": round(ranked_mb),
        "peak_mb": round(peak_mb()), "budget": {"wall_s": MOST_SECONDS, "peak_mb": MOST_MB},
    }  # fmt: skip
    if n == N_FINDINGS:
        Path(__file__).with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))
    if ranked_s > MOST_SECONDS or ranked_mb > MOST_MB:
        raise RuntimeError(f"{ranked_s:.0f} s and {ranked_mb:.0f} MB are beyond the budget")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""The measured speed of this study's estimators beside that of other packages, as a table."""

import json

import pandas as pd

from dti_core.lab.paths import project_root


def speed_table() -> pd.DataFrame:
    """Processor seconds and peak memory a route, from the last measurement; empty if there is none."""
    path = project_root() / "experiments" / "benchmarks" / "panel_vs_peers.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    rows = [
        [panel, route, one["first_cpu_s"], one["median_cpu_s"], one["peak_mb"]]
        for panel in ("large", "unbalanced")
        for route, one in found.get(panel, {}).items()
        if "median_cpu_s" in one
    ]
    if batch := found.get("batch"):
        stack = f"{batch['draws']} panels of the Monte Carlo"
        rows.append([stack, "stacked", None, batch["stacked_cpu_s"], None])
        rows.append([stack, "loop over linearmodels", None, batch["loop_cpu_s"], None])
    columns = ["panel", "route", "first fit, CPU s", "next fits, CPU s", "peak memory, MB"]
    return pd.DataFrame(rows, columns=columns).round(3)

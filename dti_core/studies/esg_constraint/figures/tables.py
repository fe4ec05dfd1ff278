"""Tables of a Result under a name: the estimates of some measures, a row each, and the speed of the code."""

import json
import re
from collections.abc import Mapping

import pandas as pd

from dti_core.lab.paths import project_root
from dti_core.lab.record import Result

#: The measures that each table shows.
TABLES: Mapping[str, tuple[str, ...]] = {
    "controls": ("rating_effect", "rating_effect_found", "leads_found", "present_found"),
    "variants": (
        "effect of outcome", "difference of effects", "anderson_rubin", "reverse effect", "cross lag",
        "Oster bound", "effect by year", "two-way effects of the policy",
    ),
    "published": ("published", "published error"),
}  # fmt: skip


def table(result: Result, name: str) -> pd.DataFrame:
    """The estimates of one of `TABLES` with their intervals, worlds side by side."""
    names = {re.escape(one.name) for one in result if one.at["measure"] in TABLES[name]}
    return result.table(f"^({'|'.join(sorted(names))})$")


def fooled(result: Result) -> pd.DataFrame:
    """Estimators whose intervals miss the truth, by world, with their rate of false findings."""
    wrong = result.series["coverage"].query("verdict == 'wrong'")
    columns = ["world", "estimator", "offered", "bias", "coverage", "false_positive", "n"]
    return wrong[columns].reset_index(drop=True)


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

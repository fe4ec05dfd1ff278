"""Words in which tables of this study are read, the measures of each, and the speed of the code."""

import json
from typing import Any

import pandas as pd

from dti_core.lab.paths import project_root
from dti_core.lab.record import Result
from dti_core.lab.tables import Table, show_table
from dti_core.studies.esg_constraint.methods import METHODS
from dti_core.studies.esg_constraint.worlds import WORLDS

#: Names of the code in words.
TITLES = {name: method.title for name, method in METHODS.items()}
TITLES |= {name: world.title for name, world in WORLDS.items()} | {"title": "estimator"}
TITLES |= {"coverage": "coverage, %", "false_positive": "false findings, %", "bias_in_sd": "bias, sd"}
#: The measures that each table shows, in words.
TABLES = {
    "controls": {
        "rating_effect": "Decides: small firms",
        "rating_effect_all_firms": "All firms",
        "rating_gates_passed": "Panels past the gates",
        "rating_effect_found": "Past them, with an effect",
        "leads_found": "Panels in which next year's constraint predicts the rating",
    },
    "variants": {
        "effect of outcome": "Effect on another outcome", "difference of effects": "Difference of effects",
        "anderson_rubin": "Effect, by a set that weak instruments do not break (Anderson and Rubin)",
        "reverse effect": "Effect of the rating on the constraint",
        "cross lag": "Effect of last year on this year, by outcome",
        "Oster bound": "Effect if omitted variables are as strong as the controls (Oster)",
        "effect by year": "Effect of a constraint to come",
        "two-way effects of the policy": "Policy relief, two-way effects",
        "group-time effects": "Policy relief, cohort by cohort (Callaway and Sant'Anna)",
    },
}  # fmt: skip


def table(result: Result, name: str, title: str) -> Table:
    """The estimates of one of `TABLES` with their intervals, worlds side by side."""
    words = TABLES[name]
    return show_table(result, name=name, title=title, measures=[*words], titles=TITLES | words)


def fooled(result: Result) -> pd.DataFrame:
    """Offers that are broken, by world, with bias and, where known, rate of false findings."""
    broken = result.series["coverage"].query("offered and verdict == 'broken'").reset_index(drop=True)
    shares = ["coverage", "coverage_low", "coverage_high", "false_positive"]
    return broken[["world", "title"]].join(100 * broken[shares]).join(broken[["bias_in_sd"]])


def offers(result: Result) -> pd.DataFrame:
    """A row an estimator: in how many worlds it is offered as valid, and what becomes of the offers."""
    rows = result.series["coverage"].query("offered")
    counts = pd.crosstab(rows["title"], rows["verdict"])
    words = ["kept", "conservative", "open", "broken"]
    counts = counts.reindex([method.title for method in METHODS.values()], columns=words, fill_value=0)
    counts.insert(0, "offered in", counts.sum(axis=1))
    return counts.rename_axis("estimator").rename_axis(None, axis=1).reset_index()


def shown(result: Result, series: str, **texts: Any) -> Table:
    """A table of the result in words, as `show_table`; a sentence where its panel allows none."""
    return show_table(result.series.get(series, pd.DataFrame()), name=series, **texts)


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
    batch = found.get("batch", {})
    for route in ("stacked", "loop") if batch else ():
        rows.append([f"{batch['draws']} simulated panels", route, None, batch[f"{route}_cpu_s"], None])
    return pd.DataFrame(rows, columns=["panel", "route", "first fit, CPU s", "next fits, CPU s", "peak, MB"])

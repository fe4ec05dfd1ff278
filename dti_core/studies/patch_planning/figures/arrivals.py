"""How flaws and breaches come: one by one at an even rate, or in bunches."""

from dataclasses import replace

import plotly.graph_objects as go

from dti_core.lab.cards import nothing_drawn, registered
from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.lab.say import spoken
from dti_core.lab.theme import NEUTRAL, PALETTE

#: Lists in words, with what is counted a week.
LISTS = {"debian": "Debian", "kev": "KEV", "php": "PHP", "rust": "Rust"}
#: Breaches in words, counted a month.
BREACHES = {"reported": "Breaches by report", "started": "Breaches by start"}
_WHOLE, _WITHIN = "all years", "around the rate of each year"


def plot_arrivals(result: Result) -> go.Figure:
    """Variance over mean of what each list counts, less the 1 of what comes one by one at an even rate."""
    found = {one.key.removeprefix("arrivals_"): one for one in result if one.name.startswith("arrivals_")}
    if "breaches_reported" not in found:
        return nothing_drawn(result, "The reports of breaches are not on this machine: make install")
    labels = {f"{what}_{name}": f"{title}: {what}" for name, title in LISTS.items()
              for what in ("flaws", "upgrades")}  # fmt: skip
    labels |= {f"breaches_{name}": title for name, title in BREACHES.items()}
    rows: list[Row] = []
    for key, label in labels.items():
        if key in found:
            rows.append(Row(label, _above_one(found[key]), PALETTE[0], series=_WHOLE))
            within = _above_one(found[f"{key}_within_year"])
            rows.append(Row(label, within, PALETTE[2], series=_WITHIN))
    rows.append(Row("Simulated: upgrades", _above_one(found["upgrades@arrive"]), NEUTRAL, True, "simulated"))
    flaws = [found[f"flaws_{name}"] for name in LISTS if f"flaws_{name}" in found]
    upgrades = [found[f"upgrades_{name}"] for name in LISTS if f"upgrades_{name}" in found]
    bunched = sum(one.low > 1 for one in flaws)
    started, lag = found["breaches_started"], found["report_lag_days"]
    return plot_forest(
        rows, what="Variance over mean, less 1", x="variance over mean, less 1",
        title=f"Do flaws come one by one, as simulated? In bunches on {bunched} of {len(flaws)} lists: "
        f"variance over mean less 1 is {_span([_above_one(one) for one in flaws])}",
        caption="0: one by one at an even rate (Poisson), as simulated estates have it nearly. Counts a "
        f"week of flaws and of upgrades ({_span(upgrades)} times the mean), of which one owner has at most "
        f"one a week; of breaches of 500 records or more, a month: by start {spoken(started)} times the "
        f"mean. KEV: the list of known exploited flaws. Breaches are reported {spoken(lag)} days after they "
        "began (median). Bars: 95 % block bootstrap.",
        card=replace(registered("hhs_reports"), badge="Real lists of flaws and breaches"), series="arrivals",
    )  # fmt: skip


def _span(some: list[Estimate]) -> str:
    values = [one.value for one in some]
    return f"{min(values):.1f} to {max(values):.1f}"


def _above_one(one: Estimate) -> Estimate:
    return replace(one, value=one.value - 1, low=one.low - 1, high=one.high - 1)

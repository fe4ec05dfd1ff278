"""The ranges from which assumptions are drawn, in words: numbers hold over these and no further."""

import pandas as pd

from dti_core.studies.patch_planning.worlds import assumed, assumptions, finance, parties

_NO_SOURCE = "no source fixes it; ours"
#: Dials of a world of estates and of its costs, in words.
_DIALS = {
    "late": "bundles known only later, share", "windows": "weeks with a window, share",
    "hours": "weekly hours, share of all work by weeks", "minutes_allowed": "downtime allowed, share of all",
    "chained": "bundles that need another first, share", "budget": "budget, share of all costs",
    "risk_usd": "median weekly loss of an open flaw, USD", "risk_spread": "spread of log losses",
    "traffic_usd": "median price of a minute's downtime, USD",
    "factor": "loss once exploits are out, times before", "weekly_chance": "chance of an exploit, a week",
    "exploit_factor": "loss once exploits are out, times before", "hours_spread": "spread of log work",
    "hours_follow_risk": "correlation of log work and log risk", "wage_usd": "an hour's wage, USD",
    "capacity": "open work done a month, share", "spread": "spread of log costs beside hours",
    "licence_usd": "median subscription to an upgrade, USD",
}  # fmt: skip
#: Claims that rest on the ranges, and what is drawn for them, in the worlds' own names.
USES = {
    ("C6c", "C57"): assumed.SPANS | assumed.EXPLOITS,
    ("C20",): assumptions.SPANS,
    ("C21a",): parties.SPANS | {"licence_usd": parties.LICENCE_USD},
    ("C42",): finance.SPANS | {"spread": finance.COST_SPREAD},
}
#: Why a range is as it is, by the first claim that rests on it, where there is more to say than nothing.
_WHY = {
    ("C20", "exploit_factor"): "three times less and more than the central value",
    ("C20", "weekly_chance"): "down to some 2 % of flaws exploited in a year, the least published (2-7 %)",
    ("C20", "risk_usd"): "ten times less and more than the central value",
    ("C20", "capacity"): "lower to upper quartile, Prioritization to Prediction 8",
    ("C42", "budget"): "half of all costs hardly binds: it is a world of its own",
    ("C42", "spread"): "from labour alone to labour as the least part",
}


def ranges_in_words() -> pd.DataFrame:
    """A row a quantity, with the claims that rest on it: from where to where it is drawn, how, and why."""
    rows = [
        {"what is drawn": f"{', '.join(claims)}: {_DIALS[name]}", "low": span.low, "high": span.high,
         "drawn": "evenly in its logarithm" if span.ratio else "evenly",
         "why": _WHY.get((claims[0], name), _NO_SOURCE)}
        for claims, spans in USES.items()
        for name, span in spans.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)

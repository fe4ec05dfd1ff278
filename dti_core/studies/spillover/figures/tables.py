"""Tables of the study in words."""

import math

import pandas as pd

from dti_core.lab.record import Result
from dti_core.lab.tables import Table, show_table
from dti_core.studies.spillover.figures.sums import PROMISE

_PROFILES = (
    f"Epsilon is of {PROMISE}. Profiles are assumptions of ours; no statute sets an epsilon. Everybody under "
    "one region's rules, against no sums at all."
)
#: Series -> title, columns that stay with their words, what stands below.
VIEWS: dict[str, tuple[str, dict[str, str], str]] = {
    "regional_ratings_profiles": (
        "Ratings of firms under the rules of each region",
        {"profile": "rules", "epsilon": "epsilon", "added": "gain over no sums, %"},
        _PROFILES,
    ),
    "regional_fixes_profiles": (
        "Fixes of sources under the rules of each region",
        {"profile": "rules", "epsilon": "epsilon", "added": "gain over no sums, %"},
        f"Epsilon is of {PROMISE}.",
    ),
    "left_out": ("Left out", {"analysis": "analysis", "why": "why"}, ""),
}  # fmt: skip


#: Profiles as a reader writes them; what the table says of all together is judged as C37b.
_REGIONS = {"eu": "EU", "california": "California", "china": "China", "none": "no law"}


def _epsilon(epsilon: float) -> str:
    if math.isnan(epsilon):
        return "each its own"
    return "no noise" if math.isinf(epsilon) else f"{epsilon:g}"


def told(result: Result, series: str, **texts: str) -> Table:
    """A table of the result in words; a sentence where its data are not here."""
    title, words, note = VIEWS[series]
    table = result.series.get(series, pd.DataFrame())
    if not table.empty:
        ends = [f"{name}{end}" for name in words for end in ("_low", "_high") if f"{name}{end}" in table]
        order = [
            column for name in words for column in (name, *(e for e in ends if e.startswith(f"{name}_")))
        ]
        table = table[order]
        if "profile" in table:
            table = table[table["profile"].isin(list(_REGIONS))]
            table = table.assign(profile=table["profile"].map(_REGIONS)).reset_index(drop=True)
        if "epsilon" in table:
            table = table.assign(epsilon=table["epsilon"].map(_epsilon))
    return show_table(table, name=series, title=title, titles=words, **({"note": note} | texts))

"""What epsilons of a series promise, in one sentence."""

import pandas as pd

from dti_core.lab.say import listed

#: A guarantee in words, as `bridges.privacy.Guarantee.text` has it.
_TEXT = (
    r"^epsilon (?P<epsilon>[\d.]+), (?P<delta>delta \S+) a (?P<unit>.+) \((?P<next>.+)\), "
    r"(?P<by>.+) accounting$"
)


def promise(table: pd.DataFrame) -> str:
    """Epsilons, units, adjacency, delta and accountant of its column `guarantee`; "" where it has none."""
    if "guarantee" not in table:
        return ""
    parts = table["guarantee"].str.extract(_TEXT).dropna().drop_duplicates()
    epsilons = listed([f"{one:g}" for one in sorted(parts["epsilon"].astype(float).unique())])
    same = parts.groupby(["delta", "next", "by"], sort=False)["unit"].unique()
    told = [f"{' / '.join(unit)}, {near}, {delta}, {by}" for (delta, near, by), unit in same.items()]
    return f"Epsilon {epsilons} of one {'; of one '.join(told)}." if told else ""

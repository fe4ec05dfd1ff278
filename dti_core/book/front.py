"""What the synthesis answers, in the sentences of the first screen: every number stands in a record."""

from collections.abc import Mapping

from dti_core.lab.record import Estimate, Record
from dti_core.lab.say import listed, number, signed

LOOP, CELLS = "closed_loop", "spillover"
#: The bridge whose cells are of simulated budgets, and so are no cells of real data.
_SIMULATED = "policies"
#: What is said of small firms: their sales, closed loop over an even deal.
SMALL = "sales_of_small"


def loop_told(records: Mapping[str, Record]) -> list[str]:
    """What closing the loop does, what crosses fields, and on what small firms' gain depends.

    Empty until the synthesis has a chapter; a sentence whose numbers a record lacks is left out.
    """
    if LOOP not in records:
        return []
    loop = {one.key: one for one in records[LOOP].estimates}
    told = [_amplified(loop), _crossed(records), _small(loop)]
    return [sentence for sentence in told if sentence]


def _amplified(loop: Mapping[str, Estimate]) -> str:
    if not {"amplification", "one_part", "three_part"} <= set(loop):
        return ""
    one, three = (number(loop[name].value, 0) for name in ("one_part", "three_part"))
    return (
        "By sizes measured, published or assumed, closing the loop changes what a technology achieves by "
        f"{signed(loop['amplification'])} %; of what comes back {one} % stays within one field and {three} % "
        "passes through all three."
    )


def _crossed(records: Mapping[str, Record]) -> str:
    """Cells on real data into another field, and those that beat placebo and rivals for sure."""
    if CELLS not in records:
        return ""
    cells = [
        one for one in records[CELLS].estimates
        if one.key.startswith("gain_") and "@" not in one.key and one.at.get("bridge") != _SIMULATED
        and {"source", "target"} <= set(one.at) and one.at["source"] != one.at["target"]
    ]  # fmt: skip
    beaten = sum(one.low > 0 for one in cells)
    return (
        f"Of {len(cells)} cells where code moved to another field on real data, {beaten or 'none'} "
        f"{'beats' if beaten == 1 else 'beat'} both a placebo and a simple local method."
    )


def _small(loop: Mapping[str, Estimate]) -> str:
    """Arrows that tell the sign of small firms' sales best, by the tree that tells most of unseen draws."""
    trees = [one for one in loop.values() if one.name.startswith("flip_told_") and one.at.get("of") == SMALL]
    if not trees:
        return ""
    best = max(trees, key=lambda one: one.value)
    names = listed([str(best.at[place]) for place in ("first", "second")])
    return f"For small firms the sign depends most on {names}."

"""Baskets a store, or searches a site: what learning with others gains or loses."""

from dti_core.book.sizes.answers import Input, Line, Question
from dti_core.book.sizes.reading import Surface, Table, estimate, series, surface, three
from dti_core.lab.errors import RunError

STUDY = "spillover"
OF = ("stores", "sites")
_SIZE = {"stores": "baskets", "sites": "searches"}
_TRIAL = {"stores": "basket", "sites": "search"}
#: Contrasts of the record, and what they say.
CONTRASTS = {
    "pooled - alone": "one rate for all, less the unit alone",
    "partly pooled - alone": "drawn in by size, less the unit alone",
    "partly pooled - pooled": "drawn in by size, less one rate for all",
}
#: Classes of units by rank, beside which the record has those by size, and the estimate of each end.
QUARTER = "quarter"
ENDS = {"smallest quarter": "small_gain", "largest quarter": "large_harm"}
ENDS_SAY = {
    "small_gain": "what the smallest quarter gains by being drawn in, against alone",
    "large_harm": "what one rate for all costs the largest quarter, against alone",
}


def losses(of: str, contrast: str) -> Surface:
    """Difference of losses by size: flat within a class of sizes, straight between two classes."""
    table = series(STUDY, f"pooling_{of}_sizes")
    rows = table[(table["contrast"] == contrast) & ~table["units"].str.contains(QUARTER)]
    found: Table = {
        (float(end),): (float(row.value), float(row.low), float(row.high))
        for row in rows.itertuples()
        for end in (row.least, row.most)
    }
    return surface([_SIZE[of]], found)


def _answer(baskets: float, of: str) -> list[Line]:
    lines, cells = [], series(STUDY, "cells")
    told = cells[cells["cell"] == f"pooling_{of}"]
    if told.empty:
        raise RunError(f"{STUDY}: the frozen chapter has no cell pooling_{of}.")
    unit = f"{told['loss'].iloc[0]} a {_TRIAL[of]}"
    for contrast, says in CONTRASTS.items():
        grid = losses(of, contrast)
        how = f"the mean of its class of sizes; between classes {grid.how}; below 0 the first is better"
        numbers = grid.at(baskets)
        lines.append(Line(says, numbers, unit, "observed", how, STUDY, (f"series pooling_{of}_sizes",)))
    table = series(STUDY, f"pooling_{of}_sizes")
    for name, end in ENDS.items():
        here = table[table["units"] == name]
        if not here.empty and here["least"].min() <= baskets <= here["most"].max():
            one = estimate(STUDY, f"pooling_{of}_{end}")
            lines.append(Line(ENDS_SAY[end], three(one), one.unit, "observed", one.how, STUDY, (one.key,)))
    return lines


POOLING = Question(
    name="pooling", title="Do I gain or lose by pooling with others?", study=STUDY, answer=_answer,
    text="Rates learnt from one's own past, from all units alike, or in between: differences of loss.",
    inputs={
        "baskets": Input("int", "baskets of a store, or searches of a site, in the past that is learnt from"),
        "of": Input("str", f"which units: {', '.join(OF)}", "stores", OF),
    },
    typical={"small": {"baskets": 10}, "middle": {"baskets": 300}, "large": {"baskets": 2000}},
    uncovered="Other trades than a grocer's stores and a booking group's sites. Units of a size weigh alike.",
)  # fmt: skip

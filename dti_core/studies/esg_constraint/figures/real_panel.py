"""Figure of real scores on real accounts: between firms, inside firms, small against large."""

import plotly.graph_objects as go

from dti_core.lab.data import published
from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.lab.say import listed, value
from dti_core.lab.theme import NEUTRAL
from dti_core.studies.esg_constraint.data.africa import NAME
from dti_core.studies.esg_constraint.figures.dress import BLUE, ORANGE, nothing
from dti_core.studies.esg_constraint.measures.real_panel import LENIENT, PREFIX
from dti_core.studies.esg_constraint.measures.score import MEASURE, UNIT

ACCOUNTS = {"log_assets": "size", "leverage": "debt over assets", "roa": "return on assets"}
#: How each estimate is made -> its words and colour.
_MADE = {"pooled": ("between and inside firms", NEUTRAL), "within": ("inside firms", BLUE),
         "small_minus_large": ("small less large firms", ORANGE)}  # fmt: skip


def plot_score(result: Result, of: str = PREFIX) -> go.Figure:
    """Score on size, debt and profit of last year in the real panel; with `of="score"` in the one at hand.

    `of="csr_lenient"` shows the real panel with the accounts that are in doubt too. An account that the
    panel lacks has no row.
    """
    card = published(NAME).card(NAME) if of in (PREFIX, LENIENT) else result.card
    found = {
        (str(one.at["account"]), str(one.at["firms"])): one for one in result.where(measure=MEASURE, of=of)
    }
    if not found:
        why = f"The published panel is not on this machine: dti data get {NAME} brings it"
        return nothing(
            result, why if of in (PREFIX, LENIENT) else "This panel holds no rating beside accounts"
        )
    rows = [
        Row(words, found[name, made], colour, series=told)
        for name, words in ACCOUNTS.items()
        for made, (told, colour) in _MADE.items()
        if (name, made) in found
    ]
    inside = {name: found[name, "within"] for name in ACCOUNTS if (name, "within") in found}
    seen = [ACCOUNTS[name] for name, one in inside.items() if _is_clear(one)]
    powers = {
        str(one.at["account"]): one for one in result.where(measure="smallest effect found with 80 %", of=of)
    }
    told = listed([f"{ACCOUNTS[name]} {powers[name].value:.2f}" for name in inside if name in powers])
    size = found.get(("log_assets", "pooled"))
    between = f"Larger firms score higher by {value(size)} sd; inside" if size and size.low > 0 else "Inside"
    return plot_forest(
        rows, what="Score on accounts of last year", x=UNIT, card=card,
        title=f"{between} firms {listed(seen, 'no account')} clearly moves with the score",
        caption="Points and 95 % intervals (errors by firm). Grey: dummies of year, country and industry; "
        f"blue: firm and year effects. Smallest effect inside firms found with 80 %, in sd: {told}.",
        alt=f"Smallest effects found with 80 % inside firms: {told}.",
    )  # fmt: skip


def _is_clear(one: Estimate) -> bool:
    return one.low > 0 or one.high < 0

"""What decides the claims: every bar beside its control worlds, with the smallest effect drawn in."""

from dataclasses import replace

import plotly.graph_objects as go

from dti_core.lab.cards import registered
from dti_core.lab.forest import Axis, Row, bar_rows, plot_forest
from dti_core.lab.methods import World
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.lab.theme import PALETTE
from dti_core.studies.private_lift.figures.cards import made_up
from dti_core.studies.private_lift.worlds import WORLDS
from dti_core.studies.private_lift.worlds.offers import TELLS_LITTLE, TELLS_MUCH

_GROWTH = Axis("error that privacy adds, share of the error without", upto=2.0)
_APART = Axis("error of channels apart less joint, share")
_STRICT = Axis("error under the strictest rules less fitted ones, share", upto=1.5)
_PAIRS = Axis("share of pairs of regions, a half is mere order")
_GAIN = Axis("visits gained a hundred users", 100.0)
_ATTACK = Axis("true less false positives, a coin is 0")
#: What a bar measures, in few words, and its axis.
BARS = {
    "lift_error_growth_5000_users": ("C12b: 5,000 users", _GROWTH),
    "lift_error_growth_1000000_users": ("C12b: 1,000,000 users", _GROWTH),
    "apart_worst_excess_campaign": ("C13a: this campaign", _APART),
    "apart_worst_excess": ("C13a: markets that target more", _APART),
    "regions_excess_strictest": ("C37a: strictest rules everywhere", _STRICT),
    "regions_wrong_share": ("C37a: rules of another region", _PAIRS),
    "offer_gain_table_eps1": ("C48b: gain of personal offers", _GAIN),
    "offer_advantage_informed_eps1": ("C48b: advantage of an attacker", _ATTACK),
}
#: Worlds of offers in which only one of gain and secrecy is there, and their colours.
CROSSED = {"offers_told": PALETTE[3], "offers_hidden": PALETTE[4]}


def plot_bars(result: Result) -> go.Figure:
    """The bars of the conditional claims, over the assumptions from which markets and profiles are drawn."""
    rows = [
        row
        for claim in ("C12b", "C13a", "C37a")
        for row in _rows(result, claim, "Drawn from the assumptions")
    ]
    return plot_forest(
        rows, what="What decides", card=made_up(result),
        title="What decides the three claims that rest on assumptions",
        caption="Whiskers hold 95 % of the markets or profiles drawn from the stated assumptions. "
        "Hollow: control worlds, over their draws. Beyond an axis the number is told. Epsilon 1 of a user, "
        "add or remove one, delta 0, pure; that of regions as in the table of their rules.",
    )  # fmt: skip


def plot_offer_bars(result: Result) -> go.Figure:
    """The bars of the claim on personal offers, from a real trial and from worlds whose truth is known."""
    rows = _rows(result, "C48b", "Real e-mail trial", tuple(CROSSED))
    rows = [replace(row, colour=CROSSED.get(row.estimate.world, row.colour)) for row in rows]
    return plot_forest(
        rows, what="What decides", card=registered("hillstrom"),
        title="Personal offers gain little here, and their release gives users away",
        caption="Every epsilon is of a user, add or remove one, delta 0, pure; 1 in the real trial. The "
        "attacker knows all other users. Hollow, simulated: the same gain and attack where a table is "
        f"released at epsilon {TELLS_LITTLE:g} and at {TELLS_MUCH:g}, where offers differ and where one is "
        "best for all, so that gain and secrecy come together or apart. Controls are the worlds of both and "
        "of neither; the other two decide nothing.",
    )  # fmt: skip


def _rows(result: Result, claim: str, seen: str, also: tuple[str, ...] = ()) -> list[Row]:
    worlds = WORLDS | {OBSERVED: World(seen, "observed", None)}
    return bar_rows(result, claim, _label, worlds, lambda one: BARS[one.name][1], also)


def _label(one: Estimate) -> str:
    return BARS[one.name][0]

"""Who gets what from a plan: the worst-off party by plan, and the front of what parties can have together."""

import plotly.graph_objects as go

from dti_core.lab.data import DataCard, simulated_card
from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import OBSERVED, Result
from dti_core.lab.say import sign_of, value
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.patch_planning.measures.parties import BARS, DECIDES, MATTERS
from dti_core.studies.patch_planning.worlds.parties import TABLES

_SHARE = Axis("share of its own best plan that the worst-off party gets")
_MORE = Axis("more than under the other plan, share of its own best plan", upto=2.0)
_PLANS = {
    "joint": "Nash bargain", "equal": "Equal shares", "single": "Best plan of one party",
    "dollars": "Net dollars", "dealt": "Weights dealt to others",
}  # fmt: skip
_MADE_UP = "estates and parties drawn from assumptions"


def plot_worst_off(result: Result) -> go.Figure:
    """The worst-off party's share by plan; below, what decides, beside the control worlds."""
    rows = [
        Row(title, result[f"{DECIDES}_worst_share_{plan}"], PALETTE[1] if plan == "joint" else PALETTE[0],
            axis=_SHARE)
        for plan, title in _PLANS.items()
    ]  # fmt: skip
    for rival in BARS:
        name = f"{DECIDES}_joint_minus_{rival}"
        for world in (OBSERVED, *TABLES):
            key = name if world == OBSERVED else f"{name}@{world}"
            made = TABLES.get(world)
            colours = {"observed": PALETTE[1], "negative": NEUTRAL, "positive": PALETTE[2]}
            colour = colours[made.role if made else "observed"]
            series = made.title if made else "Drawn from the assumptions"
            label, control = f"Bargain less {_PLANS[rival].lower()}", made is not None
            rows.append(Row(label, result[key], colour, control, series, MATTERS, _MORE))
    joint, dollars = (result[f"{DECIDES}_worst_share_{plan}"] for plan in ("joint", "dollars"))
    margin = result[f"{DECIDES}_joint_minus_dollars"]
    more = sign_of(margin, "nearly always above", "nearly always below", "not always above")
    return plot_forest(
        rows, what="Share of its own best plan that the worst-off party gets", card=_card(result),
        title=f"The worst-off party gets {value(joint, 100)} % of its best plan from a Nash bargain, {more} "
        f"the {value(dollars, 100)} % from a plan of net dollars",
        caption=f"Median and 95 % of {joint.n} draws of weights and estates. Below 0 a party has less "
        "than without any plan. Hollow: control worlds of small estates, all their draws.",
    )  # fmt: skip


def plot_front(result: Result) -> go.Figure:
    """What the first party and each other one can have together, as their weights move."""
    rows = result.series["parties_front"]
    figure = go.Figure()
    for colour, (party, points) in zip(PALETTE, rows.groupby("party", sort=False), strict=False):
        on_front = ~points["point"].isin(["joint", "dollars"])
        figure.add_scatter(x=points["share_of_first"][on_front], y=points["share_of_party"][on_front],
                           mode="lines+markers", line_color=colour, name=str(party))  # fmt: skip
        for point, symbol in (("joint", "diamond"), ("dollars", "x")):
            one = points[points["point"] == point]
            figure.add_scatter(x=one["share_of_first"], y=one["share_of_party"], mode="markers",
                               marker={"symbol": symbol, "size": 12, "color": colour}, showlegend=False,
                               name=f"{party}, {_PLANS[point].lower()}")  # fmt: skip
    dollars = rows[rows["point"] == "dollars"].set_index("party")["share_of_party"]
    joint = rows[rows["point"] == "joint"].set_index("party")["share_of_party"]
    least = str(dollars.idxmin())
    told = "; ".join(f"{party} {joint[party]:.2f} and {dollars[party]:.2f}" for party in joint.index)
    return style(
        figure, x="share of its best plan that security gets", y="share of its best plan, other party",
        card=_card(result), series="parties_front",
        title=f"Net dollars give {least.lower()} least, {100 * dollars[least]:.0f} % of its best plan; a "
        f"Nash bargain gives it {100 * joint[least]:.0f} %",
        caption="Lines: plans that weigh security and one other party alone, from one's own best plan to "
        "the other's. Diamonds: Nash bargain of all. Crosses: net dollars. Means over estates with "
        "the middle of all assumptions, without intervals.",
        alt=f"Share of the best plan by the Nash bargain and by net dollars: {told}.",
    )  # fmt: skip


def _card(result: Result) -> DataCard:
    return simulated_card(result.card, "parties", _MADE_UP)

"""Who gets what from a plan: the worst-off party by plan, and the front of what parties can have together."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.data import DataCard, simulated_card
from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import OBSERVED, Result
from dti_core.lab.say import value
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.patch_planning.figures.cards import ROLE_TITLES, cut, place_badge
from dti_core.studies.patch_planning.measures.parties import BARS, DECIDES, MATTERS
from dti_core.studies.patch_planning.worlds.parties import TABLES

_SHARE = Axis("% of its own best plan", 100.0)
_MORE = Axis("more than by the other plan, %", 100.0, upto=100.0)
_COLOURS = {"observed": PALETTE[1], "negative": NEUTRAL, "positive": PALETTE[2]}
#: What of both axes is shown, in percent.
_SHOWN = ((-60.0, 105.0), (-30.0, 100.0))
_PLANS = {
    "joint": "Nash bargain", "equal": "Equal shares", "single": "Best plan of one party",
    "dollars": "Net dollars", "dealt": "Weights dealt to others",
}  # fmt: skip
#: Plans of the front: how their marks are drawn.
_TWO, _ALL, _NET = "plans for these two", "Nash bargain of all", "net dollars"
_FRONT = {_TWO: ("lines+markers", "circle", 6, PALETTE[0]), _ALL: ("markers", "diamond", 13, PALETTE[1]),
          _NET: ("markers", "x", 12, PALETTE[2])}  # fmt: skip
_MADE_UP = "drawn from stated assumptions"


def plot_worst_off(result: Result) -> go.Figure:
    """The worst-off party's share by plan; below, what decides, beside the control worlds."""
    rows = [
        Row(title, result[f"{DECIDES}_worst_share_{plan}"], PALETTE[1], axis=_SHARE,
            series=ROLE_TITLES["observed"])
        for plan, title in _PLANS.items()
    ]  # fmt: skip
    for rival in BARS:
        name = f"{DECIDES}_joint_minus_{rival}"
        for world in (OBSERVED, *TABLES):
            key = name if world == OBSERVED else f"{name}@{world}"
            role = TABLES[world].role if world in TABLES else "observed"
            label, control = f"Bargain less {_PLANS[rival].lower()}", role != "observed"
            rows.append(Row(label, result[key], _COLOURS[role], control, ROLE_TITLES[role], MATTERS, _MORE))
    joint, dollars = (result[f"{DECIDES}_worst_share_{plan}"] for plan in ("joint", "dollars"))
    figure = plot_forest(
        rows, what="Share of its own best plan that the worst-off party gets", card=_card(result),
        title=f"What does the worst-off party get? {value(joint, 100)} % of its own best plan from a Nash "
        f"bargain, {value(dollars, 100)} % from a plan of net dollars",
        caption="Medians, which do not subtract. Above: what the worst-off party gets; below: how much "
        f"more the bargain gives it, both in % of its own best plan. Median and 95 % interval over "
        f"{joint.n} draws of weights and estates. "
        "Below 0 a party has less than without any plan; where its own best is small, far less. Hollow: "
        "control worlds of small estates, all their draws. A line that leaves the figure has its end "
        "beside it.",
    )  # fmt: skip
    return cut(figure, *_SHOWN)


def plot_front(result: Result) -> go.Figure:
    """What the first party and each other one can have together, as their weights move."""
    rows = result.series["parties_front"]
    parties = list(dict.fromkeys(rows["party"]))
    figure = make_subplots(rows=len(parties), shared_xaxes=True, vertical_spacing=0.08,
                           subplot_titles=[f"security and {party.lower()}" for party in parties])  # fmt: skip
    which = rows["point"].map({"joint": _ALL, "dollars": _NET}).fillna(_TWO)
    for row, party in enumerate(parties, start=1):
        for title, (mode, symbol, size, colour) in _FRONT.items():
            some = rows[(rows["party"] == party) & (which == title)]
            figure.add_scatter(
                x=100 * some["share_of_first"], y=100 * some["share_of_party"], name=title, legendgroup=title,
                mode=mode, showlegend=row == 1, row=row, col=1,
                marker={"symbol": symbol, "size": size, "color": colour},
            )  # fmt: skip
    dollars = rows[rows["point"] == "dollars"].set_index("party")["share_of_party"]
    joint = rows[rows["point"] == "joint"].set_index("party")["share_of_party"]
    least = str(dollars.idxmin())
    told = "; ".join(f"{party} {joint[party]:.2f} and {dollars[party]:.2f}" for party in joint.index)
    figure = style(
        figure, x="", y="", card=_card(result), series="parties_front",
        title=f"What can parties have together? {least} gets {100 * joint[least]:.0f} % of its best plan by "
        f"a Nash bargain, {100 * dollars[least]:.0f} % by net dollars",
        caption="Lines: plans that weigh security and one other party alone, from one's own best plan to the "
        "other's; a plan for all four may lie below. Means over estates with the middle of all assumptions, "
        "without intervals. Axes of parties differ.",
        alt=f"Share of the best plan by the Nash bargain and by net dollars: {told}.",
    )  # fmt: skip
    figure.update_xaxes(title_text="security, % of its best plan", row=len(parties), col=1)
    for row, party in enumerate(parties, start=1):
        figure.update_yaxes(title_text=f"{party.lower()}, %", row=row, col=1)
    figure.update_layout(height=280 + 170 * len(parties))
    return place_badge(figure, titled=True)


def _card(result: Result) -> DataCard:
    return simulated_card(result.card, "parties", _MADE_UP)

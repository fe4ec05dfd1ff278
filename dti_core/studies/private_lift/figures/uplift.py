"""Whom it moves: gain by share treated; personal offers, and what they give away of a user."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.cards import nothing_drawn, registered
from dti_core.lab.record import Result
from dti_core.lab.say import spoken, value
from dti_core.lab.theme import NEUTRAL, PALETTE, SHADE, style
from dti_core.studies.private_lift.figures.cards import made_up
from dti_core.studies.private_lift.figures.colours import MODELS
from dti_core.studies.private_lift.figures.federated import at_epsilon, label_epsilons
from dti_core.studies.private_lift.methods.budget import DELTA
from dti_core.studies.private_lift.methods.offers import OFFERS
from dti_core.studies.private_lift.methods.uplift import UPLIFT

#: Trials by their names in estimates, and in the registry of data.
TRIALS = {"politicians": "black_politicians", "hillstrom": "hillstrom"}
#: Smallest gain of personal offers that matters, outcomes a user; largest advantage that may be called none.
LEAST_GAIN, LEAST_ADVANTAGE = 0.005, 0.05


def plot_uplift(result: Result, trial: str = "politicians") -> go.Figure:
    """Outcomes gained a user as a growing share is treated, by each learner, on a real trial."""
    curves, figure = result.series.get(f"uplift_curve_{trial}"), go.Figure()
    if curves is None:
        return nothing_drawn(result, _lacking(TRIALS[trial]))
    for colour, name in zip((*PALETTE, NEUTRAL), UPLIFT, strict=False):
        figure.add_scatter(x=curves["share"], y=curves[name] - curves["random"], name=UPLIFT[name].title,
                           mode="lines", line_color=colour)  # fmt: skip
    best = max(
        (one for one in result.where(trial=trial) if one.name.startswith("uplift_qini_")),
        key=lambda one: one.value,
    )
    word = "is above that of chance" if best.low > 0 else "is not clearly above that of chance"
    title = UPLIFT[str(best.at["method"])].title
    private, exact = (result[f"uplift_groups_{trial}_qini_{how}"] for how in ("eps1", "plain"))
    return style(
        figure, x="share of users treated, best ranked first", y="outcomes gained a user over random order",
        card=registered(TRIALS[trial]),
        series=f"uplift_curve_{trial}",
        title=f"The best of {len(UPLIFT)} rankings, {title}, {word}: Qini {value(best)}",
        caption="Users ranked by learners that never saw them, valued by doubly robust scores. The best of "
        "several is flattered by being chosen, and its interval, which holds the rankings fixed, is too "
        f"narrow. The curves have no privacy; ranked by a table of groups, with {private.at['guarantee']}, "
        f"Qini is {spoken(private)}, without noise {spoken(exact)}: see the table.",
        alt=f"Curves of outcomes gained by share treated; best Qini {value(best)}, by {title}.",
    )  # fmt: skip


def plot_offers(result: Result) -> go.Figure:
    """Gain over the best single offer and an attacker's advantage at the same epsilon."""
    table, figure = result.series.get("offers"), make_subplots(rows=2, vertical_spacing=0.16)
    if table is None:
        return nothing_drawn(result, _lacking("hillstrom"))
    lines = [("gain", name, 1) for name in OFFERS] + [("advantage, all others known", "table", 2)]
    lines += [("advantage, release alone", name, 2) for name in OFFERS]
    for measure, name, row in lines:
        rows = table[(table["measure"] == measure) & (table["method"] == name)]
        ends = {"array": rows["high"] - rows["value"], "arrayminus": rows["value"] - rows["low"], "width": 0}
        figure.add_scatter(
            x=at_epsilon(rows["epsilon"]), y=rows["value"], error_y=ends, mode="lines+markers",
            line={"color": MODELS[name], "dash": "dash" if "known" in measure else "solid"},
            row=row, col=1, showlegend=measure != "advantage, release alone",
            name=OFFERS[name].title + measure.removeprefix("gain").removeprefix("advantage"),
        )  # fmt: skip
    most = table[table["measure"] == "advantage, all others known"]
    figure.add_scatter(
        x=at_epsilon(most["epsilon"]), y=most["ceiling"], mode="lines", name="most that epsilon allows",
        line={"color": NEUTRAL, "dash": "dot"}, row=2, col=1,
    )  # fmt: skip
    for row, size in ((1, LEAST_GAIN), (2, LEAST_ADVANTAGE)):
        figure.add_hrect(y0=0, y1=size, fillcolor=SHADE, line_width=0, row=row, col=1)
        label_epsilons(figure, row=row, col=1)
    gain, told = result["offer_gain_table_eps1"], result["offer_advantage_informed_eps1"]
    figure = style(
        figure, x="", y="", card=registered("hillstrom"), series="offers",
        title=f"At epsilon 1 personal offers gain {gain.text} visits a user; whoever knows all "
        f"others tells who is in the table with an advantage of {value(told)}",
        caption="Two e-mails, dealt at random to real customers. Gain: doubly robust, out of fold, against "
        "the best single e-mail at the same epsilon. Epsilon is of a user, add or remove one; table: delta "
        f"0, pure; federated model: delta {DELTA:g}, PLD. Below, in the same colours: who sees the release "
        "alone. Shaded: too small to matter. Bars: 95 %.",
        alt=f"At epsilon 1: gain {gain.text}, advantage {value(told)}.",
    )  # fmt: skip
    figure.update_xaxes(title_text="epsilon of a user, add or remove one")
    figure.update_yaxes(title_text="visits gained a user", row=1, col=1)
    figure.update_yaxes(title_text="true less false positive rate", row=2, col=1)
    return figure.update_layout(height=760)


def _lacking(name: str) -> str:
    return f"The data of {name} are not on this machine: dti data get {name}"


def plot_offer_price(result: Result) -> go.Figure:
    """Share of the possible gain that is kept, by epsilon, for each number of users; simulated."""
    table, figure = result.series["offer_price"], go.Figure()
    for colour, (users, rows) in zip(PALETTE, table.groupby("users"), strict=False):
        ends = {"array": rows["high"] - rows["kept"], "arrayminus": rows["kept"] - rows["low"], "width": 0}
        figure.add_scatter(x=rows["ceiling"], y=rows["kept"], error_y=ends, mode="lines+markers",
                           name=f"{users:,.0f} users", line_color=colour)  # fmt: skip
    figure.add_vline(x=LEAST_ADVANTAGE, line_color=NEUTRAL, line_dash="dash")
    most = table[table["users"] == table["users"].max()]
    kept = float(most.loc[(most["ceiling"] <= LEAST_ADVANTAGE), "kept"].max())
    return style(
        figure, x="advantage that epsilon allows an attacker", y="share of the possible gain kept",
        card=made_up(result), series="offer_price",
        title=f"With {most['users'].iloc[0]:,.0f} users {kept:.0%} of the gain is left where no attacker can "
        f"have an advantage above {LEAST_ADVANTAGE:g}",
        caption="Simulated: three offers, twelve segments, each offer moves a third of users by 5 points. "
        f"A table with discrete Laplace noise. Epsilon {table['epsilon'].min():g} to "
        f"{table['epsilon'].max():g} of a user, add or remove one, delta 0, pure.",
        alt=f"Share of the gain kept against the advantage allowed; {kept:.0%} at {LEAST_ADVANTAGE:g} with "
        "most users.",
    )  # fmt: skip

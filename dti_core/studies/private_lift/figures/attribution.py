"""Who gets the credit: a channel that moves nobody by method, real paths by rule, platforms apart."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.cards import registered
from dti_core.lab.record import OBSERVED, Result
from dti_core.lab.say import number, spoken, value
from dti_core.lab.theme import NEUTRAL, PALETTE, SHADE, style
from dti_core.studies.private_lift.figures.cards import made_up
from dti_core.studies.private_lift.figures.colours import CREDIT
from dti_core.studies.private_lift.measures.apart import BARS, MATTERS, WAYS
from dti_core.studies.private_lift.measures.attribution import CLOSE, NULL_CHANNEL
from dti_core.studies.private_lift.measures.paths import MOVED
from dti_core.studies.private_lift.measures.telling import GUARANTEE
from dti_core.studies.private_lift.methods.attribution import METHODS

#: Shares of credit that the central figure shows; longer bars leave it.
SHOWN = (-0.15, 0.6)


def plot_attribution(result: Result) -> go.Figure:
    """Share of all credit that each method gives the channel that moves nobody; below, by targeting."""
    rows = result.series["attribution"]
    rows = rows[(rows["world"] == OBSERVED) & (rows["channel"] == NULL_CHANNEL)].iloc[::-1]
    random = ["eligible" in METHODS[name].needs for name in rows["method"]]
    marks = {"color": [CREDIT[name] for name in rows["method"]], "size": 9,
             "symbol": ["diamond" if one else "circle" for one in random]}  # fmt: skip
    figure = make_subplots(rows=2, vertical_spacing=0.14, row_heights=[0.62, 0.38])
    figure.add_scatter(
        x=rows["share"], y=rows["title"], mode="markers", marker=marks,
        showlegend=False, error_x=_ends(rows, color=NEUTRAL), row=1, col=1,
    )  # fmt: skip
    figure.add_scatter(x=rows["limit"], y=rows["title"], mode="markers", showlegend=False, row=1, col=1,
                       marker={"symbol": "line-ns-open", "size": 14, "color": NEUTRAL})  # fmt: skip
    figure.add_vrect(x0=-CLOSE, x1=CLOSE, fillcolor=SHADE, line_width=0, row=1, col=1)
    curve = result.series["attribution_targeting"]
    for name in curve.columns.drop("targeting"):
        figure.add_scatter(x=curve["targeting"], y=curve[name], name=METHODS[name].title,
                           line_color=CREDIT[name], mode="lines", row=2, col=1)  # fmt: skip
    last, shapley = (f"{100 * result[f'credit_limit_{name}'].value:.0f}"
                     for name in ("last_touch", "exposure_shapley"))  # fmt: skip
    seeds = result[f"credit_last_touch_{NULL_CHANNEL}"].n_seeds
    (trial,) = rows.loc[rows["method"] == "factorial", ["share", "low", "high"]].to_numpy()
    told = "; ".join(f"{title} {share:.3f} [{low:.3f}, {high:.3f}]" for title, share, low, high
                     in rows[["title", "share", "low", "high"]].itertuples(index=False))  # fmt: skip
    figure = style(
        figure, x="", y="", card=made_up(result), series="attribution",
        title=f"A channel that moves nobody gets {last} % of the credit by last touch, {shapley} % by a "
        f"Shapley value of exposure; an experiment gives it {100 * trial[0]:.1f} % "
        f"[{100 * trial[1]:.1f}, "
        f"{100 * trial[2]:.1f}]",
        caption=f"Above: 95 % over {seeds} campaigns, the same users for all; grey ticks: no sampling error; "
        "shaded: 3 points; diamonds: from randomised eligibility. The first two shares of the title are "
        "those without sampling error. Below, no sampling error: all targeting as a multiple "
        "of the campaign's, as many users reached; the campaign's "
        f"was chosen so that 1 gives the title's shares. With noise: epsilon 1, {GUARANTEE}.",
        alt=f"Share of all credit given to a channel without effect: {told}.",
    )  # fmt: skip
    figure.update_xaxes(title_text=f"share of all credit given to {NULL_CHANNEL}", range=SHOWN, row=1, col=1)
    figure.update_xaxes(title_text="targeting, multiple of the campaign's", row=2, col=1)
    figure.update_yaxes(title_text="share of all credit", row=2, col=1)
    return figure.update_layout(height=900)


def plot_rules(result: Result) -> go.Figure:
    """Shares of credit on real paths, by channel and rule."""
    rows, mean = result.series["attribution_rules"], result["rules_apart_mean"]
    moved = max((one for one in result if one.at.get("measure") == MOVED and one.at["epsilon"] == 1.0),
                key=lambda one: one.value)  # fmt: skip
    order = rows.groupby("channel")["share"].mean().sort_values().index
    figure, n_rules = go.Figure(), rows["method"].nunique()
    for place, (name, part) in enumerate(rows.groupby("method", sort=False)):
        part = part.set_index("channel").loc[order]
        figure.add_scatter(
            x=part["share"], y=np.arange(len(order)) + 0.4 - 0.8 * place / (n_rules - 1), mode="markers",
            name=METHODS[str(name)].title, error_x=_ends(part, width=0, thickness=2), showlegend=True,
            customdata=part[["low", "high"]], marker={"color": CREDIT[str(name)], "size": 5},
            hovertemplate="%{x:.3f} [%{customdata[0]:.3f}, %{customdata[1]:.3f}]",
        )  # fmt: skip
    half = (rows["high"] - rows["low"]) / 2
    figure = style(
        figure, x="share of all credit", y="channel (its name is not public)", card=registered("mta_paths"),
        series="attribution_rules",
        title=f"On real paths two rules differ in {100 * mean.value:.0f} % of the credit on average",
        caption="10,000 real paths over 12 channels, not randomised: no truth is known, and no rule is shown "
        "to be right. Bars: 95 % by a Poisson bootstrap of users, at most "
        f"{100 * half.max():.1f} points to each side, which marks of rare channels hide. No privacy; told "
        f"from a histogram with noise ({moved.at['guarantee']}) first touch, last touch and linear credit "
        f"move by {value(moved, 100)} % at most, on average over noise: see the table.",
        alt=f"Shares of credit by rule and channel on real paths; two rules differ in {spoken(mean)} of it.",
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=np.arange(len(order)), ticktext=[f"{int(one) + 1}" for one in order], zeroline=False
    )
    return figure.update_layout(height=900, legend_itemsizing="constant")


def plot_apart(result: Result) -> go.Figure:
    """Errors of credit and reach by way to measure and size of the campaign."""
    rows = result.series["apart_users"]
    rows = rows[rows["measure"].isin(BARS)]
    figure = make_subplots(rows=2, vertical_spacing=0.2)
    for place, (colour, (name, way)) in enumerate(zip(PALETTE, WAYS.items(), strict=False)):
        for row, measure in enumerate(BARS, start=1):
            part = rows[(rows["way"] == name) & (rows["measure"] == measure)]
            ends = {"array": part["most"] - part["mean"], "arrayminus": part["mean"] - part["least"],
                    "thickness": 1, "width": 0}  # fmt: skip
            figure.add_scatter(
                x=part["users"] * 1.06 ** (place - 2), y=part["mean"], name=way.title, line_color=colour,
                error_y=ends, mode="lines+markers", showlegend=row == 1, row=row, col=1,
                customdata=part[["users", "low", "high", "least", "most"]],
                hovertemplate="%{customdata[0]:,} users: mean %{y:.3f} [%{customdata[1]:.3f}, "
                "%{customdata[2]:.3f}], campaigns %{customdata[3]:.3f} to %{customdata[4]:.3f}",
            )  # fmt: skip
    claims, rival, ours = (
        result[f"apart_{name}"] for name in ("reach_excess", "worst_excess", "worst_excess_campaign")
    )
    known = 100 * (rows["high"] - rows["low"]).max() / 2
    figure = style(
        figure, x="", y="", card=made_up(result), series="apart_users",
        title=f"Platforms that claim their own buyers misstate reach by {100 * claims.value:.0f} points more "
        f"than a private join; with holdouts of their own they fall behind by "
        f"{number(100 * ours.value, 1)} in this campaign, by {100 * rival.value:.0f} over drawn markets",
        caption=f"Means over {rows['n'].iloc[0]} campaigns a size, known to {known:.1f} points or better "
        "(Student's t, 95 %); whiskers: the middle 95 % of campaigns, which one advertiser may meet. The "
        "last two figures of the title are of the worse of credit and reach; over markets drawn from the "
        "assumptions, the median. Platforms with own holdouts join their reaches as those of independent "
        f"audiences. Epsilon {claims.at['epsilon']:g} a user in total, {claims.at['guarantee']}. An excess "
        f"of {MATTERS:g} is what matters.",
        alt=f"Excess of the error: own buyers' reach {spoken(claims)}, own holdouts' worst "
        f"{spoken(ours)} in this campaign, {spoken(rival)} over drawn markets.",
    )  # fmt: skip
    figure.update_xaxes(type="log", dtick=1, title_text="users in the campaign")
    figure.update_yaxes(title_text="budget that goes wrong", row=1, col=1)
    figure.update_yaxes(title_text="relative error of reach", row=2, col=1)
    return figure.update_layout(height=760)


def _ends(rows: pd.DataFrame, **look: object) -> dict[str, object]:
    return {"array": rows["high"] - rows["share"], "arrayminus": rows["share"] - rows["low"], **look}

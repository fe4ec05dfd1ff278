"""How much noise each way to publish adds, and from how many releases Gaussian noise is the smaller one."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.record import Result
from dti_core.lab.say import value
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.private_lift.figures.cards import made_up
from dti_core.studies.private_lift.methods.noise import DELTA, METHODS

PROMISE = (
    "a user over all channels, add or remove one (local: replace one); delta 0, pure, epsilons add up; "
    f"discrete Gaussian (exact) and Skellam (PLD): delta {DELTA:g}"
)


def plot_accuracy(result: Result) -> go.Figure:
    """RMSE of a bucket by epsilon and method; below, Laplace and Gaussian noise by releases at epsilon 1."""
    table, crossover = result.series["accuracy"], result.series["crossover"]
    figure = make_subplots(rows=2, vertical_spacing=0.2)
    colours = (*PALETTE, NEUTRAL)
    for colour, name in zip(colours, [name for name in METHODS if name != "none"], strict=False):
        rows = table[table["method"] == name]
        figure.add_scatter(x=rows["epsilon"], y=rows["rmse"], name=METHODS[name].title, line_color=colour,
                           mode="lines+markers", row=1, col=1)  # fmt: skip
    at_one = crossover[crossover["epsilon"] == 1.0]
    for k, (column, dash) in enumerate((("laplace_sd", "solid"), ("gaussian_sd", "dot"))):
        figure.add_scatter(x=at_one["releases"], y=at_one[column], line={"color": PALETTE[k], "dash": dash},
                           name=METHODS[("central", "central_gaussian")[k]].title, showlegend=False,
                           row=2, col=1)  # fmt: skip
    turn, worse = result["crossover_eps1"], result["local_over_central_gaussian"]
    figure.add_vline(x=turn.value, line_color=NEUTRAL, line_dash="dash", row=2, col=1)
    rmse = table[table["epsilon"] == 1.0].set_index("method")["rmse"]
    told = "; ".join(
        f"{METHODS[name].title} {rmse[name]:.3g}" for name in METHODS if name in rmse.index and name != "none"
    )
    figure = style(
        figure, x="", y="", card=made_up(result), series="accuracy",
        title=f"Local noise errs {value(worse)} times as much as one central Gaussian at epsilon 1, which "
        f"itself pays from {turn.value:.0f} releases",
        caption="Above: root mean square error of a bucket, 10,000 users in 64 buckets; epsilon is of "
        f"{PROMISE}. Below: noise a bucket where releases share epsilon 1: Laplace solid, Gaussian dotted.",
        alt=f"Error of a bucket at epsilon 1, in users: {told}. Gaussian noise is the smaller one from "
        f"{turn.value:.0f} releases that share epsilon 1.",
    )  # fmt: skip
    for row, (axis, ticks) in enumerate(
        (("epsilon", rows["epsilon"]), ("releases that share epsilon 1", (1, 2, 5, 10, 20, 50))), start=1
    ):
        figure.update_xaxes(type="log", title_text=axis, tickvals=ticks, row=row, col=1)
    figure.update_yaxes(type="log", title_text="error, users a bucket", row=1, col=1)
    figure.update_yaxes(type="log", title_text="noise, users a bucket", row=2, col=1)
    return figure.update_layout(height=720)

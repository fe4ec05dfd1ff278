"""The policy, cohort by cohort: years since it came, and how far trends may part before the sign is lost."""

import math

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.record import Result
from dti_core.lab.say import sign_of, signed
from dti_core.lab.theme import NEUTRAL, style
from dti_core.studies.esg_constraint.figures.dress import BLUE, ORANGE, bars, nothing, test_of

NO_POLICY = "No policy that reached some firms and not others: a column 'cohort' would open this figure"


def plot_staggered(result: Result) -> go.Figure:
    """Effects by years since the policy with joint bands; below, bounds that unequal trends leave."""
    events, honest = result.series.get("staggered"), result.series.get("honest")
    found = next(iter(result.where(measure="group-time effects")), None)
    if events is None or found is None:
        return nothing(result, NO_POLICY)
    figure = make_subplots(rows=1 if honest is None else 2, vertical_spacing=0.22)
    joint = events.rename(columns={"low": "_", "high": "__", "joint_low": "low", "joint_high": "high"})
    for rows, width in ((joint, 1), (events, 3)):
        figure.add_scatter(
            x=rows["years"], y=rows["coef"], mode="markers", marker={"color": BLUE, "size": 9},
            error_y=bars(rows, color=BLUE, thickness=width, width=0), showlegend=False, row=1, col=1,
        )  # fmt: skip
    figure.add_vline(x=-1, line_color=NEUTRAL, line_dash="dot", row=1, col=1)
    if honest is not None:
        _add_bounds(figure, honest)
    figure.add_hline(y=0, line_color=NEUTRAL)
    rose = sign_of(found, "raises", "lowers", "does not clearly move")
    most = test_of(result, "Policy, breakdown of parallel trends, mean over years")
    limit = (
        "" if math.isnan(most) else f"; the sign survives trends that part {most:.2f} times as fast as before"
    )
    figure = style(
        figure, title=f"Cohort by cohort the policy {rose} the rating: {signed(found)} grades{limit}",
        x="", y="", card=result.card, series="staggered",
        caption="Each cohort against firms never reached, change since the year before (dotted). Thick: 95 % "
        "each; thin: 95 % of all together (multiplier bootstrap by firm). Below: 95 % intervals that hold if "
        "trends part from year to year by at most so many times the largest step before the policy.",
        alt=f"Effects by years since the policy; overall {signed(found)} grades{limit}.",
    )  # fmt: skip
    figure.update_xaxes(title_text="years since the policy's reach", row=1, col=1)
    figure.update_yaxes(title_text="rating, grades", row=1, col=1)
    return figure.update_layout(height=320 if honest is None else 600)


def _add_bounds(figure: go.Figure, honest: pd.DataFrame) -> None:
    for name, colour, aside in (("first year", ORANGE, -0.02), ("mean over years", BLUE, 0.02)):
        rows = pd.DataFrame(
            {"coef": honest[name], "low": honest[f"{name}_low"], "high": honest[f"{name}_high"]}
        )
        figure.add_scatter(
            x=honest["relative"] + aside, y=rows["coef"], mode="markers", name=name,
            marker={"color": colour, "size": 9}, error_y=bars(rows, color=colour), row=2, col=1,
        )  # fmt: skip
    figure.update_xaxes(title_text="trend steps, in the largest before", row=2, col=1)
    figure.update_yaxes(title_text="effect, grades", row=2, col=1)

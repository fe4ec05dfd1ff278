"""Who is paid wrongly by which rule, and what noise adds to it."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.record import Result
from dti_core.lab.say import intervals_in_words
from dti_core.lab.theme import style
from dti_core.studies.private_lift.figures.cards import made_up
from dti_core.studies.private_lift.figures.colours import CREDIT
from dti_core.studies.private_lift.measures.payouts import MARKETS
from dti_core.studies.private_lift.methods.payouts import RULES


def plot_payouts(result: Result) -> go.Figure:
    """Part of a pool that goes to the wrong players, by rule and epsilon, in both markets."""
    rows = result.series["payouts"]
    figure = make_subplots(
        rows=len(MARKETS), vertical_spacing=0.24, subplot_titles=[f"Paid: {m}" for m in MARKETS]
    )
    for row, market in enumerate(MARKETS, start=1):
        for name, rule in RULES.items():
            part = rows[(rows["market"] == market) & (rows["rule"] == name)]
            figure.add_scatter(
                x=["none" if np.isinf(e) else f"{e:g}" for e in part["epsilon"]], y=part["wrong"],
                error_y={"array": part["high"] - part["wrong"], "arrayminus": part["wrong"] - part["low"]},
                name=rule.title, mode="lines+markers", line_color=CREDIT[name], showlegend=row == 1,
                row=row, col=1,
            )  # fmt: skip
    causal, last = (result[f"payout_wrong_channels_{name}_private"] for name in ("shapley", "last_touch"))
    gain = result["false_name_gain_creators_shapley"]
    figure = style(
        figure, x="", y="", card=made_up(result), series="payouts",
        title=f"At epsilon 1 causal Shapley values misplace {100 * causal.value:.0f} % of a pool, last touch "
        f"{100 * last.value:.0f} %; a second name pays a creator up to {100 * gain.value:.0f} % more",
        caption=f"95 % over {causal.n} campaigns of {causal.at['n_users']:,.0f} users. Epsilon is for the "
        f"one histogram that a rule releases, {causal.at['guarantee']}; equal pay and impressions release "
        "none.",
        alt=intervals_in_words("Part of the pool of channels that goes wrong at epsilon 1",
                               [("causal Shapley", causal), ("last touch", last)]),
    )  # fmt: skip
    figure.update_xaxes(type="category", title_text="epsilon")
    figure.update_yaxes(title_text="pool paid wrongly, share", rangemode="tozero")
    return figure.update_layout(height=760)

"""How accurate forecasts must be: what forecasts of known accuracy earn, and what decides C16a."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, bar_rows, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.lab.say import listed, sign_of, signed, spoken, ways
from dti_core.lab.theme import NEUTRAL, PALETTE, SHADE, style
from dti_core.studies.lstm_portfolio.figures.names import (
    CONTROLLED,
    LSTM,
    RIVAL,
    STEPS,
    TITLES,
    hollow,
    only,
    worded,
)
from dti_core.studies.lstm_portfolio.measures.dose import COSTS_BPS, GOOD, PRIOR
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK

COEFFICIENT = Axis("information coefficient that pays, by cost and rival")
GAIN = Axis(f"annual Sharpe ratio less that of {RIVAL}")


def plot_accuracy(result: Result) -> go.Figure:
    """Sharpe ratio of made forecasts less that of risk x constant by their accuracy, a line a cost."""
    figure, needed = go.Figure(), _break_evens(result)
    for cost, colour in zip(COSTS_BPS, PALETTE, strict=False):
        line = _curve(result, cost)
        figure.add_scatter(
            x=[one.at["accuracy"] for one in line], y=[one.value for one in line], name=f"{cost} bp",
            line_color=colour, mode="lines+markers",
        )  # fmt: skip
    curve = _curve(result, COSTS_BPS[0])
    around = [*curve, *reversed(curve)]
    figure.add_scatter(
        x=[one.at["accuracy"] for one in around], mode="lines", fill="toself", line_width=0,
        y=[one.high for one in curve] + [one.low for one in reversed(curve)], fillcolor=SHADE,
        name=f"95 % interval at {COSTS_BPS[0]} bp", hoverinfo="skip",
    )  # fmt: skip
    own = only(result, measure="information_coefficient", method=FAVOURITE)
    figure.add_scatter(
        x=[own.value], y=[0.0], name=f"{LSTM}'s own coefficient", mode="markers",
        marker={"color": NEUTRAL, "size": 10, "symbol": "diamond"},
        error_x={"array": [own.high - own.value], "arrayminus": [own.value - own.low], "color": NEUTRAL},
    )  # fmt: skip
    told = [f"{one.at['cost_bps']:g} bp {spoken(one)}" for one in needed]
    start = f"from an information coefficient of {spoken(needed[0])} on" if needed else "at no accuracy"
    figure = style(
        figure, x="information coefficient", y="Sharpe ratio a year, gain", card=result.card,
        title=f"At {COSTS_BPS[0]} basis points forecasts pay {start}; the {LSTM} has {spoken(own)}",
        caption=f"Gain over {RIVAL} of forecasts made of foresight and error, trusted as if their "
        f"coefficient were {GOOD:g}; a line a cost in basis points per traded dollar (bp). "
        f"Break-even against {RIVAL}: {listed(told)}. "
        f"{STEPS}. Diamond: the {LSTM}'s own coefficient; its height means nothing. Shaded, and behind "
        f"the numbers: 95 % intervals ({ways(curve)}).",
        alt=f"Line chart of the annual Sharpe ratio less that of {RIVAL}; at {COSTS_BPS[0]} bp: "
        + "; ".join(f"coefficient {one.at['accuracy']:g} {signed(one)}" for one in curve)
        + f". The {LSTM}'s own coefficient is {spoken(own)}.",
    )  # fmt: skip
    return figure.update_layout(height=520)


def plot_break_even(result: Result) -> go.Figure:
    """What decides C16a, and the break-even at each cost against both rivals."""
    measures = {
        "good_forecast": "good forecasts",
        "break_even": f"{COSTS_BPS[0]} bp, {RIVAL}",
    }
    rows = bar_rows(
        result, "C16a", lambda one: worded(one, measures), CONTROLLED,
        lambda one: GAIN if str(one.at["measure"]).startswith("good") else COEFFICIENT,
    )  # fmt: skip
    for one in result.where(measure="break_even"):
        if (one.at["against"], one.at["cost_bps"]) != (PRIOR, COSTS_BPS[0]):
            rival = RIVAL if one.at["against"] == PRIOR else TITLES[BENCHMARK]
            label = f"{one.at['cost_bps']:g} bp, {rival}"
            rows.append(Row(label, one, PALETTE[1], series="as observed", axis=COEFFICIENT))
    good = only(result, measure="good_forecast", against=PRIOR, cost_bps=COSTS_BPS[0])
    found = sign_of(good, "beat", "fall behind", "do not clearly beat")
    months = result.where(measure="good_forecast_months", against=PRIOR, cost_bps=COSTS_BPS[0])
    told = [
        f", {sign_of(one, 'and do', 'and fall behind', 'and do not clearly')} in months" for one in months
    ]
    return plot_forest(
        rows, what="Accuracy and what it pays", card=result.card,
        title=f"Good forecasts, of an information coefficient of {GOOD:g}, {found} {RIVAL} on these "
        f"prices{''.join(told)}",
        caption=f"Points and 95 % intervals ({ways(row.estimate for row in rows)}) at {COSTS_BPS[0]} basis "
        f"points of cost where no other is named. The rows with hollow marks judge C16a. "
        f"{hollow(rows)} {STEPS}.",
    )  # fmt: skip


def _curve(result: Result, cost: int) -> list[Estimate]:
    """What made forecasts earn more than risk x constant at a cost, by rising accuracy."""
    return result.where(measure="dose_gain", against=PRIOR, cost_bps=cost)


def _break_evens(result: Result) -> list[Estimate]:
    return result.where(measure="break_even", against=PRIOR)

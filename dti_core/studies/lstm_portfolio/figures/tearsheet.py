"""A tear sheet: what portfolio people look at first, drawn from the series of a Result alone."""

import math
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.record import Result
from dti_core.lab.tables import Cell, Number, Span, Table, show_table
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.lstm_portfolio.figures.names import LSTM, TITLES
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, CONSTANT_MIX, TRADERS
from dti_core.studies.lstm_portfolio.model import Array

INDEX, RISKLESS = "index", "riskless"
#: Decisions of a year, of days as of months.
DECISIONS_A_YEAR = 12
#: Points of a line at most, as a chapter has room for.
MOST_POINTS = 120
#: Lines that are drawn at first; a reader takes the others from the legend.
SHOWN = (FAVOURITE, *TRADERS, BENCHMARK, "min_variance", INDEX)
PANELS = {
    "sharpe": "Sharpe ratio<br>of a year",
    "loss": "loss from<br>peak, %",
    "beta": "beta of<br>a year",
    "holdings": "effective<br>holdings",
    "turnover": "traded a year,<br>x wealth",
}


def plot_tearsheet(result: Result) -> go.Figure:
    """Sharpe ratio, loss from the peak, beta, concentration and trading through time, a panel each."""
    panels, measures = _panels(result), _measures(result)
    drawn = dict.fromkeys(one for one in (*SHOWN, *measures) if one in measures)
    colours = dict(zip(drawn, cycle((PALETTE[1], PALETTE[2], PALETTE[0], *PALETTE[3:5])), strict=False))
    figure = make_subplots(len(PANELS), 1, shared_xaxes=True, vertical_spacing=0.025)
    for row, (panel, title) in enumerate(PANELS.items(), start=1):
        for name in drawn:
            figure.add_scatter(
                **_line(panels[panel].get(name, pd.Series(dtype=float))), name=TITLES.get(name, name),
                row=row, col=1, mode="lines", legendgroup=name, showlegend=panel == "loss",
                visible=True if name in SHOWN else "legendonly",
                line={"color": NEUTRAL if name == INDEX else colours[name],
                      "dash": "solid" if name in SHOWN else "dot",
                      "width": 2.5 if name == FAVOURITE else 1.2},
            )  # fmt: skip
        figure.update_yaxes(title={"text": title, "font_size": 12}, row=row, col=1)
    told = {name: measures[name] for name in SHOWN if name in measures}
    own, equal = told[FAVOURITE], told[BENCHMARK]
    figure = style(
        figure, x="", y="", card=result.card, series="returns",
        title=f"The {LSTM}'s deepest loss is {own['loss']:.0f} %, that of {TITLES[BENCHMARK]} "
        f"{equal['loss']:.0f} %; trading costs {own['cost']:.2f} and {equal['cost']:.2f} % a year",
        caption=f"Each point of the first, third and last panel looks back over a year. Beta is on "
        f"{_beta_on(result)[1]}; effective holdings are one over the sum of squared weights; what is traded, "
        f"times {result.config.cost_bps:g} basis points, is the cost. One decision in {_apart(result)} is "
        f"drawn, with the deepest loss since the one before. One path of history, without intervals: those "
        f"are in the figures of differences. On the "
        f"page a name of the legend shows or hides a portfolio.",
        alt="Five line charts. Deepest loss, Sharpe ratio and cost a year: "
        + "; ".join(
            f"{TITLES.get(name, name)} {one['loss']:.0f} %, {one['sharpe']:.2f}"
            + (f", {one['cost']:.2f} %" if "cost" in one else "")
            for name, one in told.items()
        ) + ".",
    )  # fmt: skip
    dated = isinstance(result.series["returns"].index, pd.DatetimeIndex)
    figure.update_xaxes(title_text="date" if dated else "trading day", row=len(PANELS), col=1)
    return figure.update_layout(height=920)


def _line(values: pd.Series) -> dict[str, Any]:
    """A line of points that lie equally far apart, which says where it begins and not where each point is."""
    values = values.dropna()
    if len(values) < 2:
        return {"x": values.index, "y": values}
    first, last = values.index[[0, -1]]
    step = (last - first) / (len(values) - 1)
    dated = isinstance(values.index, pd.DatetimeIndex)
    return {
        "x0": f"{first:%Y-%m-%d}" if dated else first, "y": values.to_numpy(np.float32),
        "dx": step.total_seconds() * 1000 if dated else step,
    }  # fmt: skip


def tearsheet(result: Result) -> Table:
    """The usual numbers of every portfolio, each from one path and without an interval."""
    heads = {
        "growth": ("growth, % a year", 1), "return": ("return, % a year", 1),
        "volatility": ("volatility, % a year", 1),
        "sharpe": ("Sharpe", 2), "sortino": ("Sortino", 2), "loss": ("deepest loss, %", 1),
        "calmar": ("Calmar", 2), "cvar": (f"CVaR 95 %, % a {_row(result)}", 2),
        "turnover": ("traded a year", 1), "cost": ("cost, % a year", 2),
        "gains": ("months with a gain, %", 0),
    }  # fmt: skip
    rows: dict[str | tuple[str, str], dict[str, Cell]] = {
        TITLES.get(name, name): {
            head: Number(told[key], digits) for key, (head, digits) in heads.items() if key in told
        }
        for name, told in _measures(result).items()
    }
    return show_table(
        rows, name="tearsheet", stub="portfolio", title="Tear sheet: portfolios after costs, on one path",
        note="Growth and losses compound and hold the riskless rate; all else is less that rate, and "
        "arithmetic. Calmar is growth over the deepest loss. Sortino is over falls below zero, CVaR the mean "
        "of the worst twentieth. Traded: buys plus sells in multiples of wealth. Index: without costs.",
    )  # fmt: skip


def sectors(result: Result) -> Table:
    """Share of wealth in each sector, of those whose weights are kept: mean, least and most."""
    known, weights = result.series["sectors"]["sector"], _weights(result)
    rows: dict[str | tuple[str, str], dict[str, Cell]] = {}
    for sector in sorted(set(known)):
        held = known.index[known == sector]
        shares = {name: (100 * table[held].sum(axis=1)).round(2) for name, table in weights.items()}
        rows[sector] = {
            TITLES[name]: Span(float(share.mean()), float(share.min()), float(share.max()))
            for name, share in shares.items()
        }
    return show_table(
        rows, name="sectors", stub="sector", title="Share of wealth by sector, %: mean, and least to most",
        note="At the decisions; GICS sectors of 2023 for the packaged stocks, one for all years.",
        empty="No sectors are known for these assets.",
    )  # fmt: skip


def _row(result: Result) -> str:
    """What a row of the returns is: a day or a month."""
    return str(result.series["samples"].loc["asked for", "rows are"]).removesuffix("s")


def _a_year(result: Result) -> int:
    """Rows of a year."""
    return 12 if _row(result) == "month" else 252


def _beta_on(result: Result) -> tuple[str, str]:
    """The series that betas are on, and what it is called."""
    return (INDEX, "the index") if INDEX in result.series["returns"] else (BENCHMARK, TITLES[BENCHMARK])


def _weights(result: Result) -> dict[str, pd.DataFrame]:
    """Weights at each decision of strategies that choose, and of equal weights."""
    found = {name: result.series.get(f"weights_{name}") for name in result.series["turnover"]}
    kept = {name: table for name, table in found.items() if table is not None}
    listed = result.series[f"forecasts_{FAVOURITE}"].notna().to_numpy()
    held = kept[FAVOURITE]
    equal = pd.DataFrame(listed / listed.sum(axis=1, keepdims=True), held.index, held.columns)
    return {FAVOURITE: kept.pop(FAVOURITE), BENCHMARK: equal, **kept}


def _panels(result: Result) -> dict[str, pd.DataFrame]:
    """Each panel's lines at some of the decisions, a column a strategy."""
    (returns, riskless), a_year = _paths(result), _a_year(result)
    turnover, on = result.series["turnover"], returns[_beta_on(result)[0]]
    past, wealth = returns.rolling(a_year), (1 + returns.add(riskless, axis=0)).cumprod()
    panels = {
        "sharpe": past.mean() / past.std() * np.sqrt(a_year),
        "loss": 100 * (wealth / wealth.cummax().clip(lower=1.0) - 1),
        "beta": past.cov(on).div(on.rolling(a_year).var(), axis=0),
        "holdings": result.series["effective_holdings"],
        "turnover": turnover.iloc[1:].rolling(DECISIONS_A_YEAR).sum(),
    }
    drawn = {name: table.reindex(turnover.index[1 :: _apart(result)]) for name, table in panels.items()}
    ends = np.searchsorted(drawn["loss"].index, wealth.index)  # the deepest since the point before
    deepest = panels["loss"].groupby(ends).min().reindex(range(len(drawn["loss"])))
    return drawn | {"loss": deepest.set_axis(drawn["loss"].index)}


def _apart(result: Result) -> int:
    """Of how many decisions one is drawn."""
    return -(-len(result.series["turnover"]) // MOST_POINTS)


def _paths(result: Result) -> tuple[pd.DataFrame, pd.Series]:
    """Returns of each portfolio less the riskless rate, and that rate."""
    returns = result.series["returns"].astype(float)
    return returns.drop(columns=RISKLESS), returns[RISKLESS]


def _measures(result: Result) -> dict[str, dict[str, float]]:
    """The usual numbers of each strategy but controls that see ahead; costs where trading is known."""
    (returns, riskless), turnover = _paths(result), result.series["turnover"].astype(float)
    month = np.searchsorted(turnover.index[1:], returns.index)
    found = {}
    for name, path in returns.items():
        if name == CONSTANT_MIX or (name in METHODS and METHODS[str(name)].needs):
            continue
        told = usual_numbers(path.to_numpy(), _a_year(result), riskless.to_numpy())
        if name in turnover:
            traded = float(turnover[name].iloc[1:].mean() * DECISIONS_A_YEAR)
            told |= {"turnover": traded, "cost": traded * result.config.cost_bps / 100}
        told["gains"] = 100 * float(((1 + path + riskless).groupby(month).prod() > 1).mean())
        found[str(name)] = told
    return found


def usual_numbers(returns: Array, periods_per_year: int, riskless: Array | float = 0.0) -> dict[str, float]:
    """Measures of one path of (n_periods,) simple returns less the riskless rate, by skfolio; shares in %.

    CVaR is of one period, the others of a year; growth and the deepest loss compound and hold that rate.
    """
    from skfolio import measures

    mean = float(measures.mean(returns)) * periods_per_year
    volatility = float(measures.standard_deviation(returns)) * math.sqrt(periods_per_year)
    below = float(measures.semi_deviation(returns, min_acceptable_return=0.0)) * math.sqrt(periods_per_year)
    loss = float(measures.max_drawdown(measures.get_drawdowns(returns + riskless, compounded=True)))
    growth = float(np.prod(1 + returns + riskless)) ** (periods_per_year / len(returns)) - 1
    return {
        "growth": 100 * growth, "return": 100 * mean, "volatility": 100 * volatility,
        "sharpe": mean / volatility, "sortino": mean / below, "loss": 100 * loss, "calmar": growth / loss,
        "cvar": 100 * float(measures.cvar(returns, beta=0.95)),
    }  # fmt: skip

"""Months without survivorship bias: every portfolio of three universes against equal weights and factors."""

from dataclasses import replace

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.lab.say import listed, ways
from dti_core.lab.tables import Cell, Table, show_table
from dti_core.lab.theme import PALETTE
from dti_core.studies.lstm_portfolio.figures.names import TITLES
from dti_core.studies.lstm_portfolio.measures.months import OF_MONTHS
from dti_core.studies.lstm_portfolio.methods.forecasters import METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK

UNIVERSES = {
    "industries_12": "12 industries", "size_value_9": "9 size x value",
    "size_momentum_9": "9 size x momentum",
}  # fmt: skip
#: Columns of the table, by what the measure of an estimate begins with.
_COLUMNS = {
    "monthly_sharpe": "Sharpe ratio a month", "monthly_sharpe_difference": "less equal weights",
    "turnover": "turnover a month", "factor_alpha": "alpha a year",
}  # fmt: skip


def months_table(result: Result) -> Table:
    """Every portfolio of months: Sharpe ratio, lead over equal weights, turnover and four-factor alpha."""
    rows: dict[str | tuple[str, str], dict[str, Cell]] = {}
    for measure, column in _COLUMNS.items():
        for one in result.where(measure=f"{measure}{OF_MONTHS}"):
            if one.at.get("against", BENCHMARK) == BENCHMARK:
                rows.setdefault(_place(one), {})[column] = one
    return show_table(
        rows, name="months", stub="portfolio", title="Months without survivorship bias, after costs",
        note=f"Returns less the riskless rate, {_window(result)}, {result.config.cost_bps:g} basis points of "
        "cost. Factors: market, size, value, momentum. Past mean: largest Sharpe ratio with sample means.",
        empty="No universe of months was run.",
    )  # fmt: skip


def _place(one: Estimate) -> tuple[str, str]:
    method = str(one.at["method"])
    title = "market" if method == "index" else TITLES[method]
    return UNIVERSES[str(one.at["universe"])], title


def _window(result: Result) -> str:
    """First and last month that is held, of all universes alike."""
    about = result.series["samples"].loc["industries_12"]
    return f"{about['first_held'][:7]} to {about['last_held'][:7]}, {about['lookback']} months of lookback"


def plot_months(result: Result) -> go.Figure:
    """Monthly Sharpe ratio of every portfolio less that of equal weights, a panel a universe."""
    rows: list[Row] = []
    ahead: list[str] = []
    behind: list[str] = []
    axes = {name: Axis(f"{title}: Sharpe ratio a month, difference") for name, title in UNIVERSES.items()}
    for one in result.where(measure=f"monthly_sharpe_difference{OF_MONTHS}", against=BENCHMARK):
        universe, title = _place(one)
        method = str(one.at["method"])
        control = method in METHODS and bool(METHODS[method].needs)
        rows.append(Row(title, one, PALETTE[1], control, axis=axes[str(one.at["universe"])]))
        if not control and (one.low > 0 or one.high < 0):
            (ahead if one.low > 0 else behind).append(f"{title} ({universe})")
    n_real = sum(not row.control for row in rows)
    return plot_forest(
        rows, what=f"Monthly Sharpe ratio less that of {TITLES[BENCHMARK]}, without survivorship bias",
        card=replace(result.card, badge="Real portfolios of all US stocks"),
        title=f"Without survivorship bias {len(ahead)} of {n_real} portfolios clearly beat "
        f"{TITLES[BENCHMARK]}, {len(behind)} clearly fall behind",
        caption=f"Points and 95 % intervals ({ways(row.estimate for row in rows)}), months paired, after "
        f"{result.config.cost_bps:g} basis points of cost, {_window(result)}. Clearly better: "
        f"{listed(ahead, 'none')}; clearly worse: {listed(behind, 'none')}. Of "
        f"{n_real} comparisons one in forty clears 0 on the right by luck alone. Hollow: forecasts dealt to "
        f"the wrong portfolios. Source: Kenneth French's library.",
    )  # fmt: skip


def samples_table(result: Result) -> Table:
    """What each sample of the run is, and each length of the study in its rows."""
    told = result.series["samples"].rename(index=lambda name: UNIVERSES.get(str(name), str(name)))
    rows: dict[str | tuple[str, str], dict[str, Cell]] = {
        str(name).replace("_", " "): {str(label): _plain(cell) for label, cell in row.items()}
        for name, row in told.T.iterrows()
    }
    return show_table(
        rows, name="samples", stub="sample", title="The samples of this run, lengths in their rows"
    )


def _plain(cell: object) -> Cell:
    return cell if isinstance(cell, str | bool) else str(cell)

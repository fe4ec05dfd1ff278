"""Tables of the study: what the claims are judged by, and every portfolio after costs."""

import numpy as np

from dti_core.lab.methods import trials
from dti_core.lab.record import OBSERVED, Result
from dti_core.lab.tables import Number, Table, show_table
from dti_core.studies.lstm_portfolio.estimate import PATH_STRIDE_DAYS
from dti_core.studies.lstm_portfolio.figures.names import TITLES
from dti_core.studies.lstm_portfolio.methods.forecasters import METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import OVERLAYS
from dti_core.studies.lstm_portfolio.model.performance import DAYS_PER_YEAR
from dti_core.studies.lstm_portfolio.worlds import WORLDS

#: Measures by which the claims are judged, as tables call them.
MEASURES = {
    "sharpe_difference": "Sharpe ratio a year", "return_difference": "Return",
    "volatility_difference": "Volatility", "drawdown_difference": "Deepest loss", "r2": "Out-of-sample R2",
    "rank_ic": "Rank correlation", "rank_ic_difference": "Rank correlation, difference",
    "qlike_difference": "Loss of volatility forecasts",
}  # fmt: skip
#: Dimensions of estimates in words, where they are no method.
REGIMES = {"all": "", "calm_minus_volatile": "calm less volatile", "assets": ""}


def numbers(result: Result) -> Table:
    """What the claims are judged by, as observed and in the control worlds."""
    words = {**MEASURES, **TITLES, **REGIMES} | {name: world.title for name, world in WORLDS.items()}
    judged = {one.name for one in result if one.world != OBSERVED}
    return show_table(
        [one for one in result if one.name in judged], name="numbers", measures=[*MEASURES], titles=words,
        title="Differences and skill, as observed and in the control worlds",
    )  # fmt: skip


def strategies(result: Result) -> Table:
    """Every portfolio after costs: ratio and trades as estimated, the rest as its path of wealth has it."""
    rows, steps_a_year = {}, DAYS_PER_YEAR / PATH_STRIDE_DAYS
    for name, path in result.series["wealth"].items():
        steps = path.pct_change().dropna()
        growth = path.iloc[-1] ** (steps_a_year / len(steps)) - 1
        kind = "Controls" if name in METHODS else "Without a forecast"
        kind = "Forecasts" if name in (*trials(METHODS), *OVERLAYS) else kind
        rows[kind, TITLES.get(name, name)] = {
            "return, % a year": Number(100 * growth, 1),
            "volatility, % a year": Number(100 * steps.std() * np.sqrt(steps_a_year), 1),
            "deepest loss, %": Number(100 * (1 - path / path.cummax()).max(), 1),
            "Sharpe ratio a year": next(iter(result.where(measure="sharpe", method=name)), None),
            "turnover": next(iter(result.where(measure="turnover", method=name)), None),
        }
    return show_table(
        rows, name="strategies", title="Every portfolio after costs", stub="portfolio",
        note=f"Return (compound growth), volatility and loss are read off the path of wealth, every "
        f"{PATH_STRIDE_DAYS} days, and have no interval. Their differences are not those of the table above, "
        "which has means, and volatility, of single days.",
    )  # fmt: skip

"""Tables of the study: what the claims are judged by, and every portfolio after costs."""

from dataclasses import replace

from dti_core.lab.methods import trials
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.lab.tables import Cell, Table, show_table
from dti_core.studies.lstm_portfolio.figures.names import CONTROLLED, TITLES
from dti_core.studies.lstm_portfolio.methods.forecasters import METHODS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, OVERLAYS, TRADERS

#: Measures by which the claims are judged, as tables call them.
MEASURES = {
    "good_forecast": "Sharpe ratio of good forecasts", "break_even": "Accuracy that pays",
    "return_at_equal_volatility": "Return at equal volatility", "alpha": "Alpha",
    "alpha_beyond_placebo": "Alpha beyond dealt forecasts", "beta": "Beta",
    "sharpe_difference": "Sharpe ratio a year",
    "sharpe_difference_beyond_placebo": "Sharpe ratio a year, beyond dealt forecasts",
    "return_difference": "Return, not at equal risk",
    "volatility_difference": "Volatility", "r2": "Out-of-sample R2",
    "rank_ic": "Rank correlation", "rank_ic_difference": "Rank correlation, difference",
    "rank_ic_difference_beyond_placebo": "Rank correlation, difference beyond dealt forecasts",
    "qlike_difference": "Loss of volatility forecasts",
}  # fmt: skip
#: Dimensions of estimates in words, where they are no method.
REGIMES = {"all": "", "calm_minus_volatile": "calm less volatile", "assets": ""}


def numbers(result: Result) -> Table:
    """What the claims are judged by, as observed and in the control worlds of each."""
    words = {
        **MEASURES,
        **TITLES,
        **REGIMES,
        "negative": "where it must fail",
        "positive": "where it must hold",
    }
    controls: dict[tuple[str, str], Estimate] = {}
    for one in (one for one in result if one.world != OBSERVED):
        place = one.name, CONTROLLED[one.world].role if one.world in CONTROLLED else one.world
        if place not in controls or len(one.draws) > len(controls[place].draws):
            controls[place] = one
    judged = {name for name, _ in controls}
    rows = [one for one in result if one.world == OBSERVED and one.name in judged]
    rows += [replace(one, world=role) for (_, role), one in controls.items()]
    return show_table(
        rows, name="numbers", measures=[*MEASURES], titles=words,
        title="Differences and skill, as observed and in control worlds",
    )  # fmt: skip


def strategies(result: Result) -> Table:
    """Every portfolio after costs, each number from single days and with its interval."""
    heads = {
        "annual_return": "return", "annual_volatility": "volatility", "drawdown": "deepest loss",
        "sharpe": "Sharpe ratio a year", "turnover": "turnover", "alpha": "alpha",
    }  # fmt: skip
    rows: dict[tuple[str, str], dict[str, Cell]] = {}
    for one in result.where(measure="sharpe"):
        name = str(one.at["method"])
        kind = "Controls" if name in METHODS else "Without a forecast"
        kind = "Forecasts" if name in (*trials(METHODS), *TRADERS, *OVERLAYS) else kind
        found = {measure: _of(result, measure, name) for measure in heads}
        rows[kind, TITLES.get(name, name)] = {heads[key]: cell for key, cell in found.items()}
    return show_table(
        rows, name="strategies", title="Every portfolio after costs", stub="portfolio",
        note=f"Return (less the riskless rate), volatility and alpha are a year's, from single days; alpha "
        f"is on {TITLES[BENCHMARK]}. The deepest loss describes one path and has no interval.",
    )  # fmt: skip


def _of(result: Result, measure: str, method: str) -> Estimate | None:
    """The estimate of a strategy, alpha that on the benchmark."""
    found = result.where(measure=measure, method=method)
    return next((one for one in found if one.at.get("against", BENCHMARK) == BENCHMARK), None)


def left_out(result: Result) -> Table:
    """What the data did not allow, each with its reason."""
    return show_table(
        result.series["left_out"].reset_index(drop=True), name="left_out", title="Left out",
        empty="Nothing was left out.",
    )  # fmt: skip

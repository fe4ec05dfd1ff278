"""The tear sheet: each number from skfolio or by hand, drawn from the series of a Result and nothing else."""

import itertools

import numpy as np
import pandas as pd
import pytest
from skfolio import Portfolio, RatioMeasure
from skfolio.measures import effective_number_assets

from dti_core.lab.config import load_experiment
from dti_core.lab.data import packaged, simulated_card
from dti_core.lab.record import Result
from dti_core.studies.lstm_portfolio import figures
from dti_core.studies.lstm_portfolio.data import Market
from dti_core.studies.lstm_portfolio.estimate import estimate
from dti_core.studies.lstm_portfolio.figures.names import TITLES
from dti_core.studies.lstm_portfolio.figures.tearsheet import usual_numbers
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK

TINY = {
    "n_folds": 3, "refit_months": 6, "window_days": 20, "lookback_days": 120, "validation_days": 63,
    "hidden": 4, "n_steps": 4, "n_seeds": 1, "control_folds": 1, "n_draws": 2, "n_market_draws": 1,
    "n_resamples": 100, "cost_bps": 25.0,
}  # fmt: skip
SECTORS = dict(zip("ABCDE", ["x", "x", "y", "y", "y"], strict=True))


@pytest.fixture(scope="module")
def result() -> Result:
    rng = np.random.default_rng(31)
    dates = pd.bdate_range("2010-01-04", periods=780)
    returns = pd.DataFrame(rng.normal(0.0004, 0.01, (780, 5)), dates, list("ABCDE"))
    rate = pd.Series(0.0001, dates)
    market = Market(returns, returns.mean(axis=1).rename("index"), risk_free=rate, sectors=SECTORS)
    card = simulated_card(packaged("sp500_20").card("test"), "test", "noise")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTI_CORES", "1")
        patch.setattr("dti_core.studies.lstm_portfolio.estimate.samples.MONTHLY", {})
        return estimate(load_experiment("lstm_portfolio").resolve("quick", TINY), market, card)


def told(result: Result, portfolio: str) -> dict[str, float]:
    return {head: cell.value for head, cell in figures.tearsheet(result).rows[portfolio].items()}


@pytest.mark.parametrize("periods", [252, 12])
def test_usual_numbers_are_those_of_a_portfolio_of_skfolio(periods: int) -> None:
    returns = np.random.default_rng(0).standard_t(4, 700) * 0.01 + 0.0005
    path = Portfolio(
        X=returns[:, None], weights=[1.0], annualized_factor=periods, compounded=True,
        min_acceptable_return=0.0,
    )  # fmt: skip
    found = usual_numbers(returns, periods)
    assert found == pytest.approx({
        "return": 100 * path.annualized_mean, "volatility": 100 * path.annualized_standard_deviation,
        "sharpe": path.annualized_sharpe_ratio, "sortino": path.annualized_sortino_ratio,
        "loss": 100 * path.max_drawdown, "cvar": 100 * path.cvar,
        "growth": 100 * (np.prod(1 + returns) ** (periods / 700) - 1),
        "calmar": (np.prod(1 + returns) ** (periods / 700) - 1) / path.max_drawdown,
    })  # fmt: skip


def test_usual_numbers_by_hand() -> None:
    """Ten periods: one loss of a half from the peak, one gain; the rest stand still."""
    found = usual_numbers(np.array([0.2, -0.5, 0.4, *[0.0] * 7]), 10)
    assert found["return"] == pytest.approx(100 * 0.1)
    assert found["loss"] == pytest.approx(50)
    assert found["growth"] == pytest.approx(100 * (1.2 * 0.5 * 1.4 - 1))
    assert found["calmar"] == pytest.approx((1.2 * 0.5 * 1.4 - 1) / 0.5)
    assert found["cvar"] == pytest.approx(50)
    assert found["sortino"] == pytest.approx(0.1 / (np.sqrt(0.25 / 9) * np.sqrt(10)))


def test_the_table_says_of_each_portfolio_what_the_estimates_say(result: Result) -> None:
    for name in ("lstm", BENCHMARK, "hrp", "heeding_costs"):
        row = told(result, TITLES[name])
        for head, estimated, scale in (
            ("return, % a year", "annual_return", 100), ("Sharpe", "sharpe", 1),
            ("volatility, % a year", "annual_volatility", 100), ("deepest loss, %", "drawdown", 100),
            ("traded a year", "turnover", 1),
        ):  # fmt: skip
            assert row[head] == pytest.approx(scale * result[f"{estimated}_{name}"].value, rel=2e-3)
        assert row["cost, % a year"] == pytest.approx(row["traded a year"] * 25 / 100)
    assert "cost, % a year" not in told(result, "index")
    assert not {"foresight", TITLES["shuffled"]} & figures.tearsheet(result).rows.keys()


def test_months_with_a_gain_are_counted_between_decisions(result: Result) -> None:
    returns, days = result.series["returns"]["lstm"].astype(float) + 0.0001, result.series["turnover"].index
    ends = [*days[1:], returns.index[-1]]
    months = [
        returns[(returns.index > first) & (returns.index <= last)]
        for first, last in zip(days, ends, strict=True)
    ]
    gains = [float(np.prod(1 + month) > 1) for month in months]
    assert sum(map(len, months)) == len(returns)
    assert told(result, "LSTM")["months with a gain, %"] == pytest.approx(100 * np.mean(gains))


def drawn(result: Result, panel: int, name: str) -> np.ndarray:
    axis = "y" if panel == 1 else f"y{panel}"
    (trace,) = [t for t in figures.plot_tearsheet(result).data if t.yaxis == axis and t.name == TITLES[name]]
    return np.asarray(trace.y, dtype=float)


def test_lines_are_those_of_skfolio_and_pandas(result: Result) -> None:
    returns = result.series["returns"].astype(float)
    days = result.series["turnover"].index[1:]
    path = Portfolio(X=returns[["lstm"]], weights=[1.0], annualized_factor=252, compounded=True)
    rolling = path.rolling_measure(measure=RatioMeasure.ANNUALIZED_SHARPE_RATIO, window=252)
    assert drawn(result, 1, "lstm") == pytest.approx(rolling.reindex(days).dropna().to_numpy(), rel=1e-4)
    held = Portfolio(X=returns[["lstm"]] + 0.0001, weights=[1.0], compounded=True)
    losses = pd.Series(held.drawdowns, returns.index)
    deepest = [losses[(losses.index > a) & (losses.index <= b)].min() for a, b in itertools.pairwise(days)]
    assert drawn(result, 2, "lstm")[1:] == pytest.approx(100 * np.array(deepest), rel=1e-4, abs=1e-4)
    last = returns[["lstm", "index"]].loc[: days[-1]].iloc[-252:]
    slope = np.polyfit(last["index"], last["lstm"], 1)[0]
    assert drawn(result, 3, "lstm")[-1] == pytest.approx(slope, rel=1e-4)
    weights = result.series["weights_lstm"].loc[days].to_numpy(dtype=float)
    number = [effective_number_assets(row) for row in weights]
    assert drawn(result, 4, "lstm") == pytest.approx(number, rel=1e-4)
    assert drawn(result, 4, BENCHMARK) == pytest.approx(5)
    traded = result.series["turnover"]["lstm"].to_numpy(dtype=float)
    assert drawn(result, 5, "lstm")[-1] == pytest.approx(traded[-12:].sum(), rel=1e-4)


def test_shares_of_sectors_add_up_and_equal_weights_have_those_of_their_number(result: Result) -> None:
    rows = figures.sectors(result).rows
    assert list(rows) == ["x", "y"]
    for name in rows["x"]:
        assert rows["x"][name].value + rows["y"][name].value == pytest.approx(100, abs=0.01)
        assert rows["x"][name].low <= rows["x"][name].value <= rows["x"][name].high
    assert rows["x"]["equal weights"].value == pytest.approx(40)
    weights = result.series["weights_lstm"]
    assert rows["x"]["LSTM"].high == pytest.approx(100 * weights[["A", "B"]].sum(axis=1).max(), rel=1e-4)


def test_all_is_drawn_from_series_alone_and_undated_rows_and_unknown_sectors_are_shown(
    result: Result,
) -> None:
    plain = {
        name: table.reset_index(drop=True) if name.startswith(("weights", "forecasts")) else table
        for name, table in result.series.items()
    }
    where = result.series["returns"].index
    plain["returns"] = result.series["returns"].reset_index(drop=True)
    numbers = np.append([-1], where.get_indexer(result.series["turnover"].index[1:]))
    for name in ("turnover", "effective_holdings"):
        plain[name] = result.series[name].set_axis(pd.Index(numbers))
    plain["sectors"] = result.series["sectors"].iloc[:0]
    bare = Result(result.config, result.card, (), plain)
    assert figures.tearsheet(bare).rows == figures.tearsheet(result).rows
    figure = figures.plot_tearsheet(bare)
    assert figure.layout.xaxis5.title.text == "trading day"
    assert "No sectors are known" in figures.sectors(bare).html
    for number in (1, 2, 5):
        assert len(figure.data[number].y) == len(figures.plot_tearsheet(result).data[number].y)


def test_the_figure_names_what_it_shows(result: Result) -> None:
    figure = figures.plot_tearsheet(result)
    row = told(result, "LSTM")
    assert f"{row['deepest loss, %']:.0f} %" in figure.layout.title.text
    assert f"{row['cost, % a year']:.2f}" in figure.layout.title.text
    assert "Simulated" in figure.layout.meta["caption"]
    assert figure.layout.meta["series"] in result.series
    shown = {trace.name for trace in figure.data if trace.visible is True}
    assert {"LSTM", "LSTM, heeding costs", "equal weights", "index"} <= shown
    assert {trace.name for trace in figure.data if trace.visible == "legendonly"} >= {"ridge", "boosting"}

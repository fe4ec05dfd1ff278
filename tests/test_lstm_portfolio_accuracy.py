"""Forecasts of known accuracy: as accurate as stated, and a break-even that is right where it is known."""

import dataclasses
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.claims import judge_test
from dti_core.lab.config import load_experiment
from dti_core.lab.intervals import influence_interval
from dti_core.lab.register import load_register
from dti_core.studies.lstm_portfolio.data import Market
from dti_core.studies.lstm_portfolio.estimate import dose as stage
from dti_core.studies.lstm_portfolio.estimate.samples import Sample, make_samples
from dti_core.studies.lstm_portfolio.measures.dose import ACCURACIES, CONTROLS, PRIOR, dose_estimates
from dti_core.studies.lstm_portfolio.measures.resampling import Resampling
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, max_sharpe
from dti_core.studies.lstm_portfolio.model import forecasting
from dti_core.studies.lstm_portfolio.model.backtest import hold
from dti_core.studies.lstm_portfolio.model.dose import (
    DoseResponse,
    break_even,
    information_coefficient,
    lasting_noise,
    make_template,
    standardised,
)
from dti_core.studies.lstm_portfolio.model.performance import sharpe_ratio
from dti_core.studies.lstm_portfolio.model.statistic import Statistic

SIZES = {"n_folds": 8, "refit_months": 12, "window_days": 30, "lookback_days": 120, "n_resamples": 100}


def tables(n: int = 4000, n_assets: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prior, returns that follow and scale; the last asset may not be held."""
    rng = np.random.default_rng(seed)
    scale = 0.05 * (1 + rng.random((n, n_assets)))
    future = scale * (0.3 * rng.standard_normal((n, 1)) + rng.standard_normal((n, n_assets)))
    scale[:, -1] = np.nan
    return 0.2 * scale, future, scale


@pytest.mark.parametrize("accuracy", ACCURACIES)
def test_made_forecasts_are_as_accurate_as_stated(accuracy: float) -> None:
    prior, future, scale = tables()
    template = make_template(prior, prior * (1 + 1e-3 * future), future, scale, trust=0.05)
    noise = lasting_noise(future.shape, 0.6, np.random.default_rng(1))
    made = template.forecast(accuracy, noise)
    found = information_coefficient(made, future, scale)
    error = np.sqrt(np.mean(found.influence**2) / len(found.influence))
    assert found.value == pytest.approx(accuracy, abs=3 * error)
    spread = np.nanstd((made - prior) / scale, axis=1).mean()
    outcomes = np.nanstd(future / scale, axis=1).mean()
    assert spread == pytest.approx(0.05 * outcomes, rel=0.03)


def test_errors_last_as_the_favourites_do() -> None:
    noise = lasting_noise((3000, 12), 0.7, np.random.default_rng(2))
    assert noise.mean(axis=1) == pytest.approx(np.zeros(3000), abs=1e-12)
    assert (noise[1:] * noise[:-1]).mean() == pytest.approx(0.7, abs=0.04)
    prior, future, scale = tables(3000, 12)
    scale[:, -1] = 1.0
    found = make_template(prior, scale * noise, future, scale, 0.05).persistence
    assert found == pytest.approx((noise[1:] * noise[:-1]).mean())


def test_equal_forecasts_have_no_scores() -> None:
    assert standardised(np.ones((2, 4))).tolist() == np.zeros((2, 4)).tolist()


def lines(values: list[float]) -> list[Statistic]:
    return [Statistic(value, np.array([1.0, -1.0]) * (k + 1)) for k, value in enumerate(values)]


def test_break_even_by_hand() -> None:
    """Between .02 and .04 the gain rises from -.1 to .3: a quarter of the way."""
    found = break_even((0.0, 0.02, 0.04), lines([-0.2, -0.1, 0.3]))
    assert found.value == pytest.approx(0.025)
    # d b = -step (g1 d g0 - g0 d g1) / (g1 - g0)^2, with influences 2 and 3
    assert found.influence[0] == pytest.approx(-0.02 * (0.3 * 2 + 0.1 * 3) / 0.16)
    assert break_even((0.0, 0.1), lines([0.1, 0.3])).value == pytest.approx(-0.05)
    assert break_even((0.0, 0.1), lines([-0.3, -0.1])).value == pytest.approx(0.15)
    with pytest.raises(ValueError, match=r"coefficient of 0\.1 on"):
        break_even((0.0, 0.1, 0.2), lines([-0.3, -0.1, -0.2]))


def market(n_days: int = 3600, n_assets: int = 10) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    own = rng.normal(0, 0.012, (n_days, n_assets)) * np.linspace(0.8, 1.3, n_assets)
    common = rng.normal(0.0005, 0.008, (n_days, 1))
    dates = pd.bdate_range("2000-01-03", periods=n_days)
    return pd.DataFrame(common + own, dates, [f"A{k}" for k in range(n_assets)])


@pytest.fixture(scope="module")
def response() -> tuple[DoseResponse, Sample, Resampling]:
    config = load_experiment("lstm_portfolio").resolve("quick", SIZES)
    sample = make_samples(config, Market(market()))[0]
    days, network = sample.walk.days, sample.network
    prior = forecasting.constant_sharpe(sample.log_returns, days, network.window_days, network.horizon_days)
    errors = np.random.default_rng(4).standard_normal(prior.shape)
    forecasts = {PRIOR: prior[None], FAVOURITE: (prior * (1 + 0.1 * errors))[None]}
    equal = np.full(prior.shape, 0.1)
    weights = {(name, None): equal for name in (PRIOR, BENCHMARK)}
    return stage.respond(sample, forecasts, weights, config), sample, Resampling(config, 1)


def test_costs_are_taken_as_a_backtest_takes_them(
    response: tuple[DoseResponse, Sample, Resampling],
) -> None:
    known, sample, _ = response
    equal = np.full((len(sample.walk.days), 10), 0.1)
    dear = hold(equal, sample.returns, sample.walk.days, 50.0, sample.walk.end)
    found = known.sharpe(*known.rivals[BENCHMARK], 50.0)
    assert found.value == pytest.approx(sharpe_ratio(dear.returns).value, rel=1e-9)


def test_strategies_held_side_by_side_earn_what_each_earns_alone() -> None:
    returns, rng = market().to_numpy(), np.random.default_rng(6)
    weights, days = rng.dirichlet(np.ones(10), (3, 5)), np.array([20, 50, 60, 90, 91])
    together = hold(weights, returns, days, 10.0, 120)
    for k, table in enumerate(weights):
        alone = hold(table, returns, days, 10.0, 120)
        assert together.returns[k] == pytest.approx(alone.returns, abs=1e-14)
        assert together.turnover[k] == pytest.approx(alone.turnover, abs=1e-14)


def test_portfolios_are_those_of_the_studys_optimiser() -> None:
    window = market().to_numpy()[:300]
    held = np.array([True] * 9 + [False])
    root = stage.risk_root(window[:, held])
    task = stage.DoseTask(None, None, (root, root), np.array([held, held]), None, None, None, None)  # type: ignore[arg-type]
    expected = np.stack([np.linspace(-0.01, 0.02, 10), np.linspace(-0.02, -0.01, 10)])
    (found,) = task.weigh(expected[None])
    assert found[:, -1].tolist() == [0, 0]
    for k in (0, 1):
        assert found[k, held] == pytest.approx(max_sharpe(window[:, held], expected[k, held]))


def test_accuracy_pays_and_its_controls_know(response: tuple[DoseResponse, Sample, Resampling]) -> None:
    """Nothing is cleared by forecasts that know nothing; those of .1 are told apart from them."""
    known, _, resampling = response
    found = list(dose_estimates(known, resampling))
    by_key = {one.key: one for one in found}
    curve = [one.value for one in found if one.at["measure"] == "dose_gain" and one.at["cost_bps"] == 10]
    assert np.all(np.diff(curve[: len(ACCURACIES)]) > 0)
    cheap, dear = (by_key[f"sharpe_accuracy_050_minus_{BENCHMARK}_{cost}bp"].value for cost in (10, 50))
    assert cheap > dear
    for world, control in CONTROLS.items():
        needed = by_key[f"break_even_against_{BENCHMARK}_10bp@{world}"]
        assert needed.value == pytest.approx(control.settings, abs=0.02)
        assert len(needed.draws) == stage.FEWEST
        covered = sum(draw is not None and draw[0] <= control.settings <= draw[1] for draw in needed.draws)
        assert covered >= 17
    void = by_key[f"break_even_against_{PRIOR}_10bp@uninformed"].draws
    assert sum(draw is not None and draw[0] > 0 for draw in void) <= 2


def test_own_coefficient_stands_beside_the_break_even(
    response: tuple[DoseResponse, Sample, Resampling],
) -> None:
    known, _, resampling = response
    by_key = {one.key: one for one in dose_estimates(known, resampling)}
    own, needed = by_key["information_coefficient_lstm"], by_key[f"break_even_against_{PRIOR}_25bp"]
    beyond = by_key[f"information_coefficient_lstm_minus_break_even_{PRIOR}_25bp"]
    assert beyond.value == pytest.approx(own.value - needed.value)
    assert own.n == beyond.n == 96
    assert Counter(one.at["measure"] for one in by_key.values())["break_even"] == 6 + 4


def test_the_verdict_on_needed_accuracy_can_go_either_way(
    response: tuple[DoseResponse, Sample, Resampling],
) -> None:
    """On one sample: bars moved past the intervals make it supported and refuted; lost controls, neither."""
    known, _, resampling = response
    found = list(dose_estimates(known, resampling))
    share = next(one for one in found if one.name == "share_accuracy_pays")
    (test,) = load_register().claims["C16a"].tests
    ours = tuple(bar for bar in test.estimates if not bar.estimate.endswith("industries_12"))
    assert len(ours) == 2

    def verdict(shift: float, planted: float = 1.0) -> str:
        moved = [
            dataclasses.replace(
                one, low=one.value + shift - 1e-3, high=one.value + shift + 1e-3, value=one.value + shift,
                draws=tuple((w - 1e-3, w + 1e-3) for w in [planted * (one.world == "informed")] * 20)
                if one.draws else (),
            )
            for one in found
        ]  # fmt: skip
        return judge_test("C16a", test.model_copy(update={"estimates": ours}), [*moved, share]).verdict

    assert (verdict(2.0), verdict(-2.0), verdict(2.0, planted=0.0)) == (
        "supported",
        "refuted",
        "inconclusive",
    )


def test_intervals_of_the_break_even_narrow_with_history() -> None:
    rng = np.random.default_rng(5)

    def width(n: int) -> float:
        days = rng.normal(0, 1, (3, n))
        gains = [Statistic(v, d - d.mean()) for v, d in zip([-0.2, 0.1, 0.4], days, strict=True)]
        needed = break_even((0.0, 0.05, 0.1), gains)
        return influence_interval(needed.value, needed.influence).std_error

    assert width(40_000) < 0.5 * width(2500)

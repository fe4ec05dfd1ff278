"""Forecasts of known accuracy: as accurate as stated, and a break-even that is right where it is known."""

import dataclasses
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.claims import judge_test
from dti_core.lab.config import load_experiment
from dti_core.lab.intervals import influence_interval
from dti_core.lab.pieces import decode, encode
from dti_core.lab.register import load_register
from dti_core.studies.lstm_portfolio.data import Market
from dti_core.studies.lstm_portfolio.estimate import dose as stage
from dti_core.studies.lstm_portfolio.estimate.samples import Sample, make_samples
from dti_core.studies.lstm_portfolio.measures.dose import (
    ACCURACIES,
    CONTROLS,
    PRIOR,
    Dose,
    dose_estimates,
    judge_controls,
    least_share,
)
from dti_core.studies.lstm_portfolio.measures.report import Report
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, max_sharpe
from dti_core.studies.lstm_portfolio.model import forecasting
from dti_core.studies.lstm_portfolio.model.backtest import hold
from dti_core.studies.lstm_portfolio.model.dose import (
    break_even,
    information_coefficient,
    lasting,
    loading,
    make_template,
    persistence,
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


def favourite_of(prior: np.ndarray, scale: np.ndarray, lasts: float, seed: int = 9) -> np.ndarray:
    """A forecast whose scores last."""
    shocks = np.random.default_rng(seed).standard_normal(prior.shape)
    return prior + 0.04 * np.where(np.isfinite(scale), scale, 0.05) * standardised(lasting(shocks, lasts))


@pytest.mark.parametrize("accuracy", ACCURACIES)
@pytest.mark.parametrize("n_assets", [12, 21])
def test_made_forecasts_are_as_accurate_as_stated(accuracy: float, n_assets: int) -> None:
    """The mean Pearson correlation in units of risk is the label within 1 %; unscaled weights miss 5 to 10 %.

    Over 20 paths of 4000 decisions its error is .0008 at most, which mirrored errors take away.
    """
    prior, future, scale = tables(4000, n_assets)
    rng = np.random.default_rng(1)
    template = make_template(prior, favourite_of(prior, scale, 0.6), future, scale, 0.05, rng)
    made = template.forecast(accuracy, template.noise(10, rng))
    found = np.mean([information_coefficient(path, future, scale).value for path in made])
    assert found == pytest.approx(accuracy, rel=0.01, abs=1e-4)
    spread = np.nanstd((made - prior) / scale, axis=-1).mean()
    outcomes = np.nanstd(future / scale, axis=1).mean()
    assert spread == pytest.approx(0.05 * outcomes, rel=1e-9)


def test_the_weight_of_the_outcome_by_simulation() -> None:
    """Across eight assets: the mean correlation of the weighted sum with the outcome."""
    outcome, noise = standardised(np.random.default_rng(2).standard_normal((2, 400_000, 8)))
    weight = loading(0.3, 8)
    both = standardised(weight * outcome + np.sqrt(1 - weight**2) * noise)
    assert (both * outcome).mean() == pytest.approx(0.3, abs=0.002)
    assert 0.3 * 1.05 < weight < 0.3 * 1.2
    with pytest.raises(ValueError, match="2 assets"):
        loading(0.1, 2)


@pytest.mark.parametrize("lasts", [0.3, 0.9])
def test_made_forecasts_last_as_the_favourites_do(lasts: float) -> None:
    """From decision to decision, prior and error together; fresh errors would last far less."""
    prior, future, scale = tables(1500)
    favourite, rng = favourite_of(prior, scale, lasts), np.random.default_rng(3)
    template = make_template(prior, favourite, future, scale, 0.05, rng)
    made = template.forecast(0.05, template.noise(10, rng))
    asked = persistence(favourite + 0 * scale)
    assert np.mean([persistence(path) for path in made]) == pytest.approx(asked, abs=0.01)
    fresh = dataclasses.replace(template, noise_persistence=0.0)
    assert persistence(fresh.forecast(0.05, fresh.noise(1, rng))[0]) < asked - 0.1


def test_errors_are_mirrored_and_know_nothing() -> None:
    prior, future, scale = tables(300)
    rng = np.random.default_rng(4)
    noise = make_template(prior, prior, future, scale, 0.05, rng).noise(3, rng)
    assert noise.shape == (6, 300, 20)
    np.testing.assert_array_equal(noise[3:], -noise[:3])
    assert np.isnan(noise[..., -1]).all()
    assert np.nanmean(noise, axis=-1) == pytest.approx(np.zeros((6, 300)), abs=1e-12)


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
def asked():
    """(sample, forecasts, weights, config) of a made market."""
    config = load_experiment("lstm_portfolio").resolve("quick", SIZES)
    sample = make_samples(config, Market(market()))[0]
    days, network = sample.walk.days, sample.network
    prior = forecasting.constant_sharpe(sample.log_returns, days, network.window_days, network.horizon_days)
    errors = np.random.default_rng(4).standard_normal(prior.shape)
    forecasts = {PRIOR: prior[None], FAVOURITE: (prior * (1 + 0.1 * errors))[None]}
    equal = np.full(prior.shape, 0.1)
    return sample, forecasts, {(name, None): equal for name in (PRIOR, BENCHMARK)}, config


@pytest.fixture(scope="module")
def response(asked) -> tuple[Dose, Sample, Report]:
    sample, forecasts, weights, config = asked
    return stage.respond(sample, forecasts, weights, config), sample, Report(config, 1)


def test_costs_are_taken_as_a_backtest_takes_them(response: tuple[Dose, Sample, Report]) -> None:
    dose, sample, _ = response
    equal = np.full((len(sample.walk.days), 10), 0.1)
    dear = hold(equal, sample.returns, sample.walk.days, 50.0, sample.walk.end)
    found = dose.response.sharpe(*dose.response.rivals[BENCHMARK], 50.0)
    assert found.value == pytest.approx(sharpe_ratio(dear.returns).value, rel=1e-9)


def test_a_draw_judges_what_the_bar_judges(asked, response: tuple[Dose, Sample, Report]) -> None:
    """Months drawn as they came, with the errors of the bar: the draw's answer is a level of the curve.

    Each is the mean over as many paths, less the same rival, with the same interval.
    """
    months, _ = stage.take_months(*asked)
    n = len(months.premium)
    dose, _, report = response
    same = stage.answer(
        months.redrawn(np.arange(n)), 1, np.random.default_rng(asked[3].seeds("observed", "dose"))
    )
    for one, other in zip(same.made, dose.response.made, strict=True):
        np.testing.assert_array_equal(one, other)
    bar = {one.key: one for one in dose_estimates(dose, report)}
    drawn = judge_controls(same)
    for world, label in (("uninformed", "000"), ("informed", "100")):
        told = drawn[f"sharpe_good_forecast_minus_{PRIOR}_10bp", world]
        level = bar[f"sharpe_accuracy_{label}_minus_{PRIOR}_10bp"]
        assert (told.value, told.low, told.high) == pytest.approx((level.value, level.low, level.high))
    assert dose.response.made[0].shape[1] == 2  # paths of the bar, as of each draw


def test_control_draws_are_other_months_with_other_errors(asked) -> None:
    months, _ = stage.take_months(*asked)
    seeds = np.random.SeedSequence(1).spawn(2)
    first, again, other = (stage.judge_draw((months, 1, seed)) for seed in (seeds[0], seeds[0], seeds[1]))
    assert first == again == decode(encode(first))  # as an interrupted run finds it
    assert all(first[key] != other[key] for key in first)
    came = np.array([3, 3, 5])
    drawn = months.redrawn(came)
    equal = np.full((3, 10), 0.1)
    growth = np.concatenate([np.cumprod(1 + months.returns[k], axis=0).mean(axis=1)[-1:] for k in came])
    assert np.prod(1 + drawn.held(equal).returns) == pytest.approx(np.prod(growth))


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
    both = np.array([held, held])
    task = stage.Months(None, None, (root, root), both, (), (), None, {}, 252.0)  # type: ignore[arg-type]
    expected = np.stack([np.linspace(-0.01, 0.02, 10), np.linspace(-0.02, -0.01, 10)])
    (found,) = task.weigh(expected[None])
    assert found[:, -1].tolist() == [0, 0]
    for k in (0, 1):
        assert found[k, held] == pytest.approx(max_sharpe(window[:, held], expected[k, held]))


def test_accuracy_pays_and_its_controls_know(response: tuple[Dose, Sample, Report]) -> None:
    """Nothing is cleared by forecasts that know nothing; those of .1 are told apart from them."""
    known, _, report = response
    found = list(dose_estimates(known, report))
    by_key = {one.key: one for one in found}
    curve = [one.value for one in found if one.at["measure"] == "dose_gain" and one.at["cost_bps"] == 10]
    assert np.all(np.diff(curve[: len(ACCURACIES)]) > 0)
    cheap, dear = (by_key[f"sharpe_accuracy_050_minus_{BENCHMARK}_{cost}bp"].value for cost in (10, 50))
    assert cheap > dear
    for world, control in CONTROLS.items():
        needed = by_key[f"break_even_against_{BENCHMARK}_10bp@{world}"]
        assert needed.value == pytest.approx(control.settings, abs=0.03)
        assert len(needed.draws) == 20
        covered = sum(draw is not None and draw[0] <= control.settings <= draw[1] for draw in needed.draws)
        assert covered >= 16
    void = by_key[f"break_even_against_{PRIOR}_10bp@uninformed"].draws
    assert sum(draw is not None and draw[0] > 0 for draw in void) <= 2


def test_own_coefficient_stands_beside_the_break_even(response: tuple[Dose, Sample, Report]) -> None:
    known, _, report = response
    by_key = {one.key: one for one in dose_estimates(known, report)}
    own, needed = by_key["information_coefficient_lstm"], by_key[f"break_even_against_{PRIOR}_25bp"]
    beyond = by_key[f"information_coefficient_lstm_minus_break_even_{PRIOR}_25bp"]
    assert beyond.value == pytest.approx(own.value - needed.value)
    assert own.n == beyond.n == 96
    assert Counter(one.at["measure"] for one in by_key.values())["break_even"] == 6 + 4
    assert by_key["turnover_good_forecast"].value > 1


def test_the_share_of_both_samples_is_the_smaller(response: tuple[Dose, Sample, Report]) -> None:
    known, _, report = response
    days = next(one for one in dose_estimates(known, report) if one.name == "share_accuracy_pays")
    made = [dataclasses.replace(days, value=0.5), dataclasses.replace(days, name=f"{days.name}_x", value=0.3)]
    (least,) = least_share(made)
    assert (least.name, least.value) == ("share_accuracy_pays_everywhere", 0.3)
    assert not list(least_share([]))


def test_the_verdict_on_needed_accuracy_can_go_either_way(
    response: tuple[Dose, Sample, Report],
) -> None:
    """On one sample: bars moved past the intervals make it supported and refuted; lost controls, neither."""
    known, _, report = response
    found = list(dose_estimates(known, report))
    share = next(least_share(found))
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

"""Worlds drawn many times: what is dealt knows what it should and no more; bars hold their error rates."""

import numpy as np
import pytest

from dti_core.lab.config import load_experiment
from dti_core.lab.data import packaged, simulated_card
from dti_core.lab.rates import false_verdicts
from dti_core.lab.record import Estimate, Result
from dti_core.lab.tables import Span
from dti_core.studies.lstm_portfolio.data import Market, load_months
from dti_core.studies.lstm_portfolio.estimate import draws, make_backtest
from dti_core.studies.lstm_portfolio.estimate.samples import make_samples, market_volatility
from dti_core.studies.lstm_portfolio.measures import drawn
from dti_core.studies.lstm_portfolio.measures.adapting import adapting_estimates
from dti_core.studies.lstm_portfolio.measures.equal_risk import judged_equal_risk
from dti_core.studies.lstm_portfolio.measures.performance import judged_performance
from dti_core.studies.lstm_portfolio.measures.regimes import regime_estimates
from dti_core.studies.lstm_portfolio.measures.report import Report
from dti_core.studies.lstm_portfolio.measures.skill import judged_skill
from dti_core.studies.lstm_portfolio.methods.portfolios import OVERLAYS
from dti_core.studies.lstm_portfolio.model import forecasting
from dti_core.studies.lstm_portfolio.model.backtest import Backtest
from dti_core.studies.lstm_portfolio.model.frontier import best_ratio
from dti_core.studies.lstm_portfolio.model.regimes import Regime, trust
from dti_core.studies.lstm_portfolio.worlds import WORLDS, Dealt, deal, draw_months
from tests.test_lstm_portfolio_worlds import simulated_returns

N_DRAWS = 40


def walked(market: Market, changes: dict[str, int]):
    """(deck, observed backtest) of a market, and a favourite that says little beyond its null."""
    config = load_experiment("lstm_portfolio").resolve("quick", changes)
    sample = next(iter(make_samples(config, market)))
    walk, rng = sample.walk, np.random.default_rng(2)
    lengths = sample.network.window_days, sample.network.horizon_days
    null = forecasting.constant_sharpe(sample.log_returns, walk.days, *lengths)
    said = null * (1 + 0.3 * rng.standard_normal(null.shape))
    forecasts = dict.fromkeys(sample.methods, said[None])
    forecasts |= {"zero": 0 * null[None], "pooled_mean": null[None], "constant_sharpe": null[None]}
    windows = [sample.returns[day + 1 - sample.lookback_days : day + 1] for day in walk.days]
    back = sample.lookback_days, sample.network.horizon_days
    expected = np.expm1(said + forecasting.convexity(sample.log_returns, walk.days, *back))
    by_ratio = [best_ratio(*pair) for pair in zip(windows, expected, strict=True)]
    equal = np.full_like(null, 1 / null.shape[1])
    weights = {(name, None): equal for name in ("equal_weight", "constant_sharpe", "shuffled", "foresight")}
    weights["lstm", None] = np.array(by_ratio)
    for name, overlay in OVERLAYS.items():
        weights[name, None] = overlay.run(np.array(by_ratio), equal, market_volatility(market), walk.days)
    backtest = make_backtest(sample, forecasts, weights, config)
    return draws.make_deck(sample, backtest, weights, config), backtest


@pytest.fixture(scope="module")
def observed():
    returns = simulated_returns(5000, 12)
    market = Market(returns, returns.mean(axis=1).rename("index"))
    return walked(market, {"n_folds": 15, "refit_months": 12, "lookback_days": 252})


@pytest.fixture(scope="module")
def months():
    return walked(load_months("industries_12"), {"n_folds": 6, "refit_months": 12})


def judged(deck, settings: Dealt, seed: int = 5) -> dict[str, np.ndarray]:
    """(N_DRAWS, 3) of each statistic."""
    seeds = np.random.SeedSequence(seed).spawn(N_DRAWS)
    found = draws.judge_draws((deck, settings, seeds, list(drawn.DRAWN)))
    return {name: found[:, place] for place, name in enumerate(drawn.DRAWN)}


def test_months_are_drawn_in_blocks_and_each_as_often() -> None:
    rng = np.random.default_rng(1)
    drawn_often = np.array([draw_months(60, rng) for _ in range(400)])
    assert np.bincount(drawn_often.ravel(), minlength=60) == pytest.approx(np.full(60, 400), rel=0.25)
    follows = (np.diff(drawn_often, axis=1) % 60) == 1
    assert follows.mean() > 0.9


@pytest.mark.parametrize("information", [0.0, 0.1, 0.4])
def test_dealt_messages_know_as_much_as_is_said(information: float) -> None:
    """The mean correlation across stocks of message and outcome is the stated one, in the stated months."""
    rng = np.random.default_rng(3)
    outcome, message = rng.standard_normal((2, 3000, 15))
    regime = rng.integers(0, 3, 3000)
    told = deal(0.1 + 0.01 * message, outcome, regime, Dealt(information, (Regime.CALM,)), rng)
    each = np.array([np.corrcoef(*pair)[0, 1] for pair in zip(told, outcome, strict=True)])
    for kind, expected in ((Regime.CALM, information), (Regime.MIDDLE, 0.0), (Regime.VOLATILE, 0.0)):
        months = regime == kind
        assert each[months].mean() == pytest.approx(expected, abs=0.03)
    calm = regime == Regime.CALM
    if information:
        bold = information * outcome.std(axis=1).mean()
        assert told[calm].std(axis=1).mean() == pytest.approx(bold, rel=0.05)
    own = (0.01 * message).std(axis=1).mean()
    assert told[~calm].std(axis=1).mean() == pytest.approx(own, rel=0.02)  # bets no more than it does anyhow
    np.testing.assert_allclose(told.mean(axis=1), (0.1 + 0.01 * message).mean(axis=1), atol=1e-9)


def test_information_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"information is 1\.5"):
        Dealt(1.5)


def estimates_of(backtest: Backtest) -> dict[str, Estimate]:
    report = Report(load_experiment("lstm_portfolio").resolve("quick"), 1)
    measures = (judged_performance, judged_equal_risk, judged_skill, regime_estimates, adapting_estimates)
    return {one.name: one for measure in measures for one in measure(backtest, report)}


@pytest.mark.parametrize("sample", ["observed", "months"])
def test_a_draw_is_judged_as_the_observed_market_is(sample: str, request: pytest.FixtureRequest) -> None:
    """Value and bounds of each statistic are those of the estimate whose name it bears, a year's in both."""
    _, backtest = request.getfixturevalue(sample)
    judged = estimates_of(backtest)
    for name, statistic in drawn.DRAWN.items():
        one = judged[name]
        assert statistic(backtest) == pytest.approx((one.value, one.low, one.high)), name


def test_the_draw_that_changes_nothing_is_the_observed_market(months, monkeypatch) -> None:
    """Months as they came and messages as they were sent: bars and draws are on one scale, cash included."""
    deck, backtest = months
    monkeypatch.setattr(draws, "draw_months", lambda n, rng: np.arange(n))
    monkeypatch.setattr(draws, "deal", lambda message, *rest: message)
    found = draws.judge_draws((deck, Dealt(), [np.random.SeedSequence(1)], list(drawn.DRAWN)))[0]
    judged = estimates_of(backtest)
    for name, ends in zip(drawn.DRAWN, found, strict=True):
        one = judged[name]
        assert ends == pytest.approx((one.value, one.low, one.high), rel=1e-6, abs=1e-9), name


def test_a_draw_without_knowledge_is_hardly_ever_supported_and_a_known_one_is(observed) -> None:
    """Three binomial deviations around 2.5 %, the share of two-sided intervals that miss 0 above it."""
    deck, _ = observed
    placebo, skilled = (judged(deck, settings) for settings in (WORLDS["placebo"].settings, Dealt(0.5)))
    most = 0.025 + 3 * np.sqrt(0.025 * 0.975 / N_DRAWS)
    for name, found in placebo.items():
        assert (found[:, 1] > 0).mean() <= most, name
    for name in ("sharpe_lstm_minus_constant_sharpe", "rank_ic_lstm_minus_constant_sharpe"):
        assert (skilled[name][:, 1] > 0).mean() >= 0.8, name


def test_skill_in_calm_months_is_told_from_skill_in_all(observed) -> None:
    deck, _ = observed
    calm, both = (judged(deck, Dealt(0.5, regimes)) for regimes in ((Regime.CALM,), tuple(Regime)))
    for name in ("sharpe_lstm_minus_equal_weight_calm_minus_volatile", "sharpe_adaptive_minus_constant_mix"):
        assert calm[name][:, 0].mean() > both[name][:, 0].mean(), name
    assert (calm["sharpe_lstm_minus_equal_weight_calm"][:, 1] > 0).mean() >= 0.8


def test_the_constant_mix_holds_as_much_of_the_favourite_as_the_adaptive_bet() -> None:
    rng = np.random.default_rng(6)
    favourite, benchmark = rng.dirichlet(np.ones(5), 100), np.full((100, 5), 0.2)
    volatility, days = np.exp(0.4 * rng.standard_normal(3000)), np.arange(1000, 3000, 20)
    adaptive, mix = (overlay.run(favourite, benchmark, volatility, days) for overlay in OVERLAYS.values())
    share = (mix - benchmark)[:, 0] / (favourite - benchmark)[:, 0]
    np.testing.assert_allclose(share, trust(volatility, days).mean())
    steady = np.full(3000, 0.1)
    for overlay in OVERLAYS.values():
        np.testing.assert_allclose(overlay.run(favourite, benchmark, steady, days), favourite)
    assert not np.allclose(adaptive, mix)


def test_a_draw_moves_with_its_seed_alone(observed) -> None:
    deck, _ = observed
    first, again, other = (
        draws.draw_backtest(deck, Dealt(0.2), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.returns("lstm"), again.returns("lstm"))
    assert len(first.returns("lstm")) == len(first.regime) == len(first.index_returns)
    assert not np.array_equal(first.target, other.target)


def test_the_table_of_false_verdicts_counts_draws() -> None:
    """Of 40 draws of each world 2 are wrong without the effect, 30 find it and 4 refute it."""
    at = {"measure": "rank_ic_difference_beyond_placebo", "method": "lstm"}
    bar = "rank_ic_lstm_minus_constant_sharpe_beyond_placebo"
    clear, none, below = (0.01, 0.05), (-0.05, 0.05), (-0.05, 0.01)
    worlds = {
        "placebo": (clear,) * 2 + (below,) * 38,
        "known_skill": (clear,) * 30 + (none,) * 6 + (below,) * 4,
    }
    found = [
        Estimate(bar, 0.0, -0.1, 0.1, "rank correlation", 40, world=world, at=at, draws=ends)
        for world, ends in worlds.items()
    ]
    config = load_experiment("lstm_portfolio").resolve("quick")
    card = simulated_card(packaged("sp500_20").card("test"), "test", "made up")
    table = false_verdicts(Result(config, card, tuple(found)))
    (row,) = table.rows.values()
    shares = {head: cell[0] for head, cell in row.items() if isinstance(cell, Span)}
    assert shares == pytest.approx({"false support": 0.05, "found": 0.75, "false refutation": 0.10})
    assert row["draws"] == 40


def test_what_a_placebo_has_is_taken_off(observed) -> None:
    """Dealt forecasts have an alpha; beyond it they have none, and skill stays. Errors of the mean count."""
    deck, backtest = observed
    name = "alpha_lstm_on_equal_weight"
    dealt = {world: judged(deck, WORLDS[world].settings)[name] for world in ("placebo", "known_skill")}
    like = estimates_of(backtest)[name]
    found = {one.world: one for one in drawn.beyond_placebo(like, dealt)}
    usual = dealt["placebo"][:, 0].mean()
    assert found["observed"].value == pytest.approx(like.value - usual)
    assert found["observed"].high - found["observed"].low > like.high - like.low
    assert found["placebo"].value == pytest.approx(0, abs=1e-12)
    assert found["known_skill"].value == pytest.approx(dealt["known_skill"][:, 0].mean() - usual)
    assert {one.at["measure"] for one in found.values()} == {"alpha_beyond_placebo"}
    assert WORLDS[drawn.PLACEBO].settings.information == 0
    assert set(drawn.BEYOND) <= set(drawn.DRAWN)


def test_worlds_with_the_effect_are_drawn_less_often_but_often_enough() -> None:
    """Four in five are told by fewer draws than five in a hundred; fewer than 20 are no control at all."""
    asked = [2, 20, 40, 200]
    assert [draws._fewer_of("placebo", n) for n in asked] == asked
    assert [draws._fewer_of("known_skill", n) for n in asked] == [2, 20, 20, 100]

"""The pooling bridge against hand arithmetic, a published example, scipy and statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from scipy.special import expit

from dti_core.bridges.pooling import (
    ESTIMATES,
    HOW,
    BetaPrior,
    NormalPrior,
    fit_beta,
    fit_normal,
    james_stein,
    log_likelihood,
    lone_rates,
    within_variance,
)

#: Of 18 players of 1970, batting averages in their first 45 times at bat and over the rest of the season.
FIRST = [.400, .378, .356, .333, .311, .311, .289, .267, .244, .244, .222, .222, .222, .222, .222, .200, .178,
         .156]  # fmt: skip


@pytest.fixture
def rng():
    return np.random.default_rng(20261130)


def drawn_counts(rng, n_units=150, means=(0.02, 0.2, 0.6), strengths=(30.0, 8.0, 100.0)):
    trials = rng.integers(0, 200, n_units)
    means, strengths = np.array(means), np.array(strengths)
    rates = rng.beta(means * strengths, (1 - means) * strengths, (n_units, len(means)))
    return rng.binomial(trials[:, None], rates), trials


def test_a_beta_prior_is_conjugate():
    """By hand: Beta(1, 3) and 2 of 6 give Beta(3, 7), mean .3."""
    prior = BetaPrior(np.array([0.25]), np.array([4.0]))
    assert prior.rates([[2]], [6]) == pytest.approx(0.3)
    low, high = prior.interval([[2]], [6])
    assert (low[0, 0], high[0, 0]) == pytest.approx(stats.beta(3, 7).interval(0.95))


def test_a_normal_prior_is_conjugate():
    """By hand: around 10 with variance 3, a value of 14 with variance 1 leaves 13, of variance 3/4."""
    prior = NormalPrior(10.0, 3.0)
    assert prior.means([14.0, 99.0], [1.0, np.inf]) == pytest.approx([13.0, 10.0])
    assert prior.spreads([1.0, np.inf]) == pytest.approx([np.sqrt(0.75), np.sqrt(3.0)])


def test_baseball_of_efron_and_morris():
    """Efron and Morris (1977): averages are drawn in to .265 by a factor of .212, Clemente's .400 to .294."""
    variance = 0.265 * (1 - 0.265) / 45
    drawn = james_stein(FIRST, variance)
    factor = (drawn[0] - drawn[-1]) / (FIRST[0] - FIRST[-1])
    assert np.mean(FIRST) == pytest.approx(0.265, abs=5e-4)
    assert factor == pytest.approx(0.212, abs=2e-3)
    assert drawn[0] == pytest.approx(0.294, abs=1e-3)


def test_the_likelihood_is_that_of_scipy(rng):
    hits, trials = drawn_counts(rng)
    prior = BetaPrior(np.array([0.03, 0.25, 0.5]), np.array([20.0, 5.0, 70.0]))
    first, second = prior.mean * prior.strength, (1 - prior.mean) * prior.strength
    flat = BetaPrior(np.full(3, 0.5), np.full(3, 2.0))
    ours = log_likelihood(prior, hits, trials) - log_likelihood(flat, hits, trials)
    law, uniform = (
        stats.betabinom.logpmf(hits, trials[:, None], *shape).sum(axis=0)
        for shape in ((first, second), (1, 1))
    )
    assert ours == pytest.approx(law - uniform)


def test_the_fit_is_the_summit_that_scipy_climbs(rng):
    """Nelder and Mead on scipy's beta-binomial law, a category at a time."""
    hits, trials = drawn_counts(rng)
    found = fit_beta(hits, trials)
    for k in range(3):

        def loss(at, k=k):
            mean, strength = expit(at[0]), np.exp(at[1])
            return -stats.betabinom.logpmf(hits[:, k], trials, mean * strength, (1 - mean) * strength).sum()

        summit = optimize.minimize(loss, [-1.0, 2.0], method="Nelder-Mead", options={"xatol": 1e-7})
        assert found.mean[k] == pytest.approx(expit(summit.x[0]), rel=1e-3)
        assert found.strength[k] == pytest.approx(np.exp(summit.x[1]), rel=1e-3)


def test_categories_are_fitted_each_by_itself(rng):
    hits, trials = drawn_counts(rng)
    together = fit_beta(hits, trials)
    alone = fit_beta(hits[:, 1:2], np.broadcast_to(trials[:, None], hits.shape)[:, 1:2])
    assert (together.mean[1], together.strength[1]) == pytest.approx(
        (alone.mean[0], alone.strength[0]), rel=1e-4
    )


def test_the_planted_strength_is_found(rng):
    found = fit_beta(*drawn_counts(rng, 4000))
    assert found.mean == pytest.approx([0.02, 0.2, 0.6], rel=0.05)
    assert found.strength == pytest.approx([30.0, 8.0, 100.0], rel=0.15)


def test_units_that_are_alike_are_pooled(rng):
    """Units that differ by less than chance give a strength at its bound, and one rate for all."""
    trials = rng.integers(1, 100, 300)
    hits = np.round(0.3 * trials)[:, None]
    assert fit_beta(hits, trials).strength == pytest.approx([1e6])
    rates = ESTIMATES["empirical_bayes"](hits, trials)
    assert np.ptp(rates) < 1e-4


def test_a_category_without_success_keeps_a_rate_above_zero():
    prior = fit_beta([[0, 3], [0, 5]], [10, 5])
    assert prior.mean[0] == pytest.approx(0.5 / 16)
    assert (prior.rates([[0, 3], [0, 5]], [10, 5]) > 0).all()


@pytest.mark.parametrize(("how", "theirs"), [("dersimonian_laird", "chi2"), ("paule_mandel", "iterated")])
def test_moments_are_those_of_statsmodels(rng, how, theirs):
    from statsmodels.stats.meta_analysis import combine_effects

    noise = rng.uniform(0.2, 3.0, 40)
    values = 5.0 + rng.normal(0, np.sqrt(1.5 + noise))
    referee = combine_effects(values, noise, method_re=theirs, atol=1e-12)
    found = fit_normal(values, noise, how)
    assert found.variance == pytest.approx(referee.tau2, rel=1e-5)
    assert found.mean == pytest.approx(referee.mean_effect_re, rel=1e-6)


@pytest.mark.parametrize("reml", [False, True])
def test_likelihoods_are_those_of_a_mixed_model(rng, reml):
    """statsmodels' MixedLM on single observations; its own variance within units is handed to the bridge."""
    import statsmodels.api as sm

    counts = rng.integers(2, 9, 60)
    unit = np.repeat(np.arange(60), counts)
    y = 2.0 + rng.normal(0, 1.2, 60)[unit] + rng.normal(0, 0.8, len(unit))
    referee = sm.MixedLM(y, np.ones((len(y), 1)), unit).fit(reml=reml)
    means = np.bincount(unit, y) / counts
    found = fit_normal(means, referee.scale / counts, "reml" if reml else "ml")
    assert found.mean == pytest.approx(float(referee.params[0]), rel=1e-3)
    assert found.variance == pytest.approx(float(referee.cov_re[0, 0]), rel=0.02)
    drawn = found.means(means, referee.scale / counts) - found.mean
    theirs = np.array([float(one.iloc[0]) for one in referee.random_effects.values()])
    assert drawn == pytest.approx(theirs, abs=0.02)


@pytest.mark.parametrize("how", HOW)
def test_equal_means_leave_no_variance_between_units(how):
    assert fit_normal([3.0, 3.0, 3.0, 3.0], np.ones(4), how) == NormalPrior(3.0, 0.0)


def test_variance_within_units_is_that_of_an_analysis_of_variance():
    """By hand: squares 2 + 0 + 2 over 3 degrees of freedom; a unit of one value says nothing."""
    table = [[1.0, 3.0, np.nan], [7.0, np.nan, np.nan], [4.0, 5.0, 6.0]]
    assert within_variance(table) == pytest.approx(4 / 3)


def test_partial_pooling_beats_both_extremes_where_it_must(rng):
    """Rates of a known beta law: the posterior mean has the least expected squared error of all rules."""
    trials = rng.integers(1, 40, 3000)
    truth = rng.beta(2.0, 8.0, (3000, 1))
    hits = rng.binomial(trials[:, None], truth)
    errors = {name: float(np.mean((rule(hits, trials) - truth) ** 2)) for name, rule in ESTIMATES.items()}
    assert min(errors, key=errors.get) == "empirical_bayes"


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=30))
def test_a_rate_lies_between_the_units_own_and_that_of_all(pairs):
    hits, misses = np.array(pairs).T
    trials = hits + misses
    prior = fit_beta(hits[:, None], trials)
    rates, own = prior.rates(hits[:, None], trials)[:, 0], hits / np.maximum(trials, 1)
    own = np.where(trials > 0, own, prior.mean[0])
    low, high = np.minimum(own, prior.mean[0]), np.maximum(own, prior.mean[0])
    assert ((rates >= low - 1e-9) & (rates <= high + 1e-9)).all()


@pytest.mark.parametrize(
    ("hits", "trials"),
    [
        ([[3.0]], [2.0]),
        ([[-1.0]], [2.0]),
        ([1.0], [2.0]),
        ([[1.0], [1.0]], [[1.0, 2.0]]),
        ([[1.0]], [np.inf]),
    ],
)
def test_counts_that_are_none_are_refused(hits, trials):
    with pytest.raises(ValueError, match="successes"):
        lone_rates(hits, trials)


@pytest.mark.parametrize("noise", [[1.0, 0.0], [1.0], [np.inf, 1.0]])
def test_variances_that_are_none_are_refused(noise):
    with pytest.raises(ValueError, match=r"variances|two units"):
        fit_normal([1.0, 2.0], noise)

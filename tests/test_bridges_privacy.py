"""Mechanisms and accounting of the privacy bridge against papers, other libraries and exact enumeration."""

import math
import random
import secrets
from fractions import Fraction
from functools import reduce
from itertools import product

import numpy as np
import pytest
from scipy import stats

from dti_core.bridges.privacy import (
    ARA_BUDGET,
    Guarantee,
    ara_noise_sd,
    clip_rows,
    compose,
    discrete_gaussian,
    discrete_gaussian_pmf,
    discrete_gaussian_sigma,
    discrete_laplace,
    draw_oue_sums,
    epsilon_of,
    estimate_oue,
    estimate_randomised_response,
    gaussian_epsilon,
    gaussian_sigma,
    noise_multiplier_for,
    oue_encode,
    oue_variance,
    randomised_response,
    randomised_response_rate,
    rational_at_least,
    release_discrete_gaussian,
    release_discrete_laplace,
    sensitivity,
    skellam,
    skellam_epsilon,
    skellam_epsilon_bound,
    skellam_renyi,
    skellam_variance_for,
)

#: A fit worse than this would come once in a million tests of a true law.
RARE = 1e-6


@pytest.fixture
def rng():
    return np.random.default_rng(20260728)


def fit(draws, pmf) -> float:
    """p-value of a chi-square test of integer draws against a probability mass function on the integers."""
    reach = int(np.abs(draws).max()) + 1
    support = np.arange(-reach, reach + 1)
    expected = pmf(support) * draws.size
    inner = support[expected >= 10]
    low, high = inner.min(), inner.max()
    counts = np.bincount(np.clip(draws, low, high).ravel() - low, minlength=high - low + 1)
    expected = expected[(support >= low) & (support <= high)]
    expected[0] += draws.size * pmf(np.arange(low - 4000, low)).sum()
    expected[-1] += draws.size * pmf(np.arange(high + 1, high + 4000)).sum()
    return stats.chisquare(counts, expected, sum_check=False).pvalue


def gaussian_law(sigma):
    support, mass = discrete_gaussian_pmf(sigma)
    known = dict(zip(support.tolist(), mass.tolist(), strict=True))
    return lambda k: np.array([known.get(int(one), 0.0) for one in k])


# What an epsilon means


def test_a_guarantee_prints_all_that_it_means():
    text = Guarantee("user", "add or remove one", 1.0, 1e-6, "pld").text
    assert text == "epsilon 1.0, delta 1e-06 a user (add or remove one), PLD accounting"
    assert "epsilon 7.118," in Guarantee("record", "replace one", 7.11759, 1e-5, "rdp_classic").text
    assert "no privacy" in Guarantee("user", "replace one", math.inf, 0, "pure").text


@pytest.mark.parametrize("wrong", [{"unit": ""}, {"adjacency": "x"}, {"epsilon": -1}, {"delta": 2}])
def test_a_guarantee_without_its_words_is_refused(wrong):
    said = {"unit": "user", "adjacency": "replace one", "epsilon": 1, "delta": 0, "accountant": "pure"}
    with pytest.raises(ValueError, match=r"guarantee|adjacency|delta"):
        Guarantee(**said | wrong)


def test_only_guarantees_of_one_kind_add_up():
    one = Guarantee("user", "replace one", 1.0, 1e-6, "pld")
    both = compose(one, Guarantee("user", "replace one", 0.5, 0.0, "pure"))
    assert (both.epsilon, both.delta) == (1.5, 1e-6)
    with pytest.raises(ValueError, match="add up"):
        compose(one, Guarantee("record", "replace one", 1.0, 0.0, "pure"))


# Sensitivity and the analytic Gaussian


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("signed", [False, True])
def test_sensitivity_is_what_the_worst_pair_shows(norm, signed):
    """All pairs of vectors of norm at most 1 on a grid; one-hot reports reach what is said of no sign."""
    grid = np.array(list(product(np.linspace(-1 if signed else 0, 1, 9 if signed else 5), repeat=2)))
    order = {"l1": 1, "l2": 2}[norm]
    ball = grid[np.linalg.norm(grid, ord=order, axis=1) <= 1 + 1e-12]
    worst = np.linalg.norm(ball[:, None] - ball[None], ord=order, axis=2).max()
    assert worst == pytest.approx(sensitivity(norm, "replace one", signed=signed))
    assert np.linalg.norm(ball, ord=order, axis=1).max() == sensitivity(
        norm, "add or remove one", signed=signed
    )


def test_substitution_doubles_l1_and_multiplies_l2_by_root_two():
    assert sensitivity("l1", "replace one") == 2 * sensitivity("l1", "add or remove one")
    assert sensitivity("l2", "replace one", 3.0) == pytest.approx(3 * math.sqrt(2))
    with pytest.raises(ValueError, match="no sensitivity"):
        sensitivity("l2", "replace one", 0.0)


@pytest.mark.parametrize(
    ("epsilon", "sigma"), [(0.25, 15.41), (0.5, 8.06), (1, 4.225), (2, 2.23), (4, 1.194)]
)
def test_analytic_gaussian_meets_the_published_sigmas(epsilon, sigma):
    """delta 1e-6, to the digits given; and by Balle and Wang's own equation (6)."""
    found = gaussian_sigma(epsilon, 1e-6)
    assert found == pytest.approx(sigma, rel=1e-3)
    a, b = 1 / (2 * found), epsilon * found
    delta = stats.norm.cdf(a - b) - math.exp(epsilon) * stats.norm.cdf(-a - b)
    assert delta == pytest.approx(1e-6, rel=1e-6)
    assert gaussian_sigma(epsilon, 1e-6, 3.0) == pytest.approx(3 * found)
    assert gaussian_epsilon(3 * found, 1e-6, 3.0) == pytest.approx(epsilon)


def test_clipping_shortens_long_rows_alone(rng):
    rows = rng.normal(size=(500, 7)) * np.exp(rng.normal(size=(500, 1)))
    clipped, changed = clip_rows(rows, 2.0)
    lengths = np.linalg.norm(rows, axis=1)
    assert (changed == (lengths > 2)).all()
    assert (clipped[~changed] == rows[~changed]).all()
    np.testing.assert_allclose(np.linalg.norm(clipped[changed], axis=1), 2)
    np.testing.assert_allclose(clipped * lengths[:, None], rows * np.minimum(lengths, 2)[:, None])


def test_clipping_lets_no_hostile_row_through():
    rows = np.array([[np.nan, 1], [np.inf, 0], [1e300, -1e300], [5e-324, 0], [0, 0]])
    clipped, changed = clip_rows(rows, 1.0)
    assert np.isfinite(clipped).all()
    assert (np.linalg.norm(clipped, axis=1) <= 1 + 1e-12).all()
    assert changed.tolist() == [True, True, True, False, False]


# Samplers


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0, 40.0])
def test_simulated_discrete_laplace_has_its_law(scale, rng):
    assert fit(discrete_laplace(scale, 200_000, rng), lambda k: stats.dlaplace.pmf(k, 1 / scale)) > RARE


@pytest.mark.parametrize("sigma", [0.4, 1.194, 4.225, 60.0])
def test_simulated_discrete_gaussian_has_its_law(sigma, rng):
    draws = discrete_gaussian(sigma, 200_000, rng)
    assert fit(draws, gaussian_law(sigma)) > RARE


@pytest.mark.parametrize("variance", [0.5, 17.8, 900.0])
def test_skellam_shares_of_clients_add_up_to_one_draw(variance, rng):
    alone = skellam(variance, 100_000, rng)
    shared = skellam(variance / 10, (10, 100_000), rng).sum(axis=0)
    for draws in (alone, shared):
        assert fit(draws, lambda k: stats.skellam.pmf(k, variance / 2, variance / 2)) > RARE


def test_the_fit_would_see_a_wrong_law(rng):
    """Positive control of the tests above: noise short by sqrt 2, and a rounded continuous Laplace."""
    short = discrete_gaussian(4.225 / math.sqrt(2), 20_000, rng)
    assert fit(short, gaussian_law(4.225)) < RARE
    rounded = np.round(rng.laplace(0, 1, 20_000)).astype(int)
    assert fit(rounded, lambda k: stats.dlaplace.pmf(k, 1.0)) < RARE


@pytest.mark.parametrize("epsilon", [Fraction(1, 2), Fraction(1), Fraction(7, 3)])
def test_released_discrete_laplace_is_exact(epsilon):
    below = random.Random(11).randrange
    draws = release_discrete_laplace(np.zeros(12_000, dtype=int), epsilon, 1, below)
    assert fit(draws, lambda k: stats.dlaplace.pmf(k, float(epsilon))) > RARE


@pytest.mark.parametrize("sigma", [Fraction(1, 2), Fraction(169, 40)])
def test_released_discrete_gaussian_is_exact(sigma):
    below = random.Random(12).randrange
    draws = release_discrete_gaussian(np.zeros(6_000, dtype=int), sigma, below)
    assert fit(draws, gaussian_law(float(sigma))) > RARE


def test_release_takes_its_randomness_from_the_system():
    assert release_discrete_laplace.__defaults__[-1] is secrets.randbelow
    assert release_discrete_gaussian.__defaults__[-1] is secrets.randbelow
    seen = set()
    for _ in range(2):
        random.seed(1)
        np.random.default_rng(1)
        seen.add(tuple(release_discrete_laplace(np.zeros(40, dtype=int), Fraction(1, 9))))
    assert len(seen) == 2


@pytest.mark.parametrize("epsilon", [1.0, 0.1, np.float64(1), True, "1", None])
def test_release_refuses_what_is_not_rational(epsilon):
    with pytest.raises(TypeError, match="Fraction"):
        release_discrete_laplace(np.zeros(2, dtype=int), epsilon)
    with pytest.raises(TypeError, match="Fraction"):
        release_discrete_gaussian(np.zeros(2, dtype=int), epsilon)


def test_release_refuses_counts_that_are_not_integers_and_keeps_shapes():
    with pytest.raises(TypeError, match="integers"):
        release_discrete_laplace(np.zeros(2), 1)
    with pytest.raises(ValueError, match="positive"):
        release_discrete_laplace(np.zeros(2, dtype=int), 0)
    table = np.full((3, 4), 10**6, dtype=np.int32)
    noised = release_discrete_laplace(table, np.int64(4), np.int64(2))
    assert noised.shape == (3, 4)
    assert (np.abs(noised - table) < 100).all()


@pytest.mark.parametrize("n_counts", [1, 2, 4])
def test_the_discrete_sigma_keeps_its_delta_over_all_counts_that_move(n_counts):
    """By the sum over a grid of integers, without convolution; the analytic sigma misses it somewhere."""

    def exact(sigma: float, epsilon: float) -> float:
        far = np.arange(-14, 15)
        masses = [np.exp(-(((far - shift) / sigma) ** 2) / 2) for shift in (0, 1)]
        grids = [reduce(np.multiply.outer, [one / masses[0].sum()] * n_counts) for one in masses]
        return float(np.maximum(grids[0] - math.exp(epsilon) * grids[1], 0).sum())

    delta, epsilons = 1e-3, (3.0, 4.0, 5.0, 6.0)
    for epsilon in epsilons:
        sigma = discrete_gaussian_sigma(epsilon, delta, n_counts=n_counts)
        assert 0.5 * delta < exact(sigma, epsilon) <= delta * (1 + 1e-9)
    assert max(exact(gaussian_sigma(e, delta, math.sqrt(n_counts)), e) for e in epsilons) > delta


def test_a_calibrated_sigma_becomes_a_fraction_that_is_no_smaller():
    sigma = discrete_gaussian_sigma(1.0, 1e-6)
    assert sigma <= rational_at_least(sigma) < sigma + 1e-3
    assert release_discrete_gaussian(np.zeros(3, dtype=int), rational_at_least(sigma)).shape == (3,)


def test_ara_noise_meets_its_published_spread(rng):
    """65,536 / epsilon: 1448, 6620, 92682 at epsilon 64, 14, 1; and so the draws."""
    assert [round(ara_noise_sd(epsilon)) for epsilon in (64, 14, 1)] == [1448, 6620, 92682]
    draws = discrete_laplace(ARA_BUDGET / 14, 200_000, rng)
    assert draws.std() == pytest.approx(ara_noise_sd(14), rel=0.02)


# Accounting

#: The published MNIST runs: noise multiplier, epochs of 234 (or 250) steps, at delta 1e-5.
RUNS = ((1.3, 15), (1.1, 60), (0.7, 45))


@pytest.mark.parametrize(
    ("rate", "steps", "accountant", "published"),
    [
        (256 / 60_000, 234, "rdp_classic", (1.191, 3.007, 7.118)),
        (0.004, 250, "rdp_classic", (1.16, 2.91, 6.86)),
        (256 / 60_000, 234, "rdp_integer", (0.954, 2.595, 6.368)),
    ],
)
def test_the_accountant_explains_the_published_epsilons(rate, steps, accountant, published):
    digits = len(str(published[0])) - 2
    found = [epsilon_of(sigma, rate, epochs * steps, 1e-5, accountant) for sigma, epochs in RUNS]
    for epsilon, printed in zip(found, published, strict=True):
        assert abs(epsilon - printed) <= 0.51 * 10**-digits


def test_accountants_are_ordered_on_one_run():
    found = [
        epsilon_of(1.1, 256 / 60_000, 60 * 234, 1e-5, a) for a in ("pld", "rdp", "rdp_integer", "rdp_classic")
    ]
    assert found == sorted(found)


@pytest.mark.parametrize(("sigma", "rate", "steps"), [(1.1, 0.0512, 40), (2.0, 0.1, 100)])
def test_opacus_agrees(sigma, rate, steps):
    """Its RDP at the same integer orders, and its PRV accountant against PLD: within 1 %."""
    from opacus.accountants import PRVAccountant
    from opacus.accountants.analysis import rdp

    orders = list(range(2, 64))
    divergence = rdp.compute_rdp(q=rate, noise_multiplier=sigma, steps=steps, orders=orders)
    theirs, _ = rdp.get_privacy_spent(orders=orders, rdp=divergence, delta=1e-5)
    assert epsilon_of(sigma, rate, steps, 1e-5, "rdp_integer") == pytest.approx(theirs, rel=1e-6)
    prv = PRVAccountant()
    prv.history = [(sigma, rate, steps)]
    assert epsilon_of(sigma, rate, steps, 1e-5) == pytest.approx(prv.get_epsilon(1e-5), rel=0.01)


@pytest.mark.parametrize(("sigma", "steps"), [(2.0, 1), (5.0, 30), (20.0, 400)])
def test_without_sampling_pld_is_the_analytic_gaussian(sigma, steps):
    assert epsilon_of(sigma, 1.0, steps, 1e-6) == pytest.approx(
        gaussian_epsilon(sigma / math.sqrt(steps), 1e-6), rel=0.01
    )


@pytest.mark.parametrize(("epsilon", "rate", "steps"), [(0.5, 0.05, 100), (0.5, 1.0, 10), (2.0, 1.0, 10)])
def test_calibrated_noise_keeps_its_promise_and_wastes_little(epsilon, rate, steps):
    sigma = noise_multiplier_for(epsilon, rate, steps, 1e-6)
    assert 0.995 * epsilon <= epsilon_of(sigma, rate, steps, 1e-6) <= epsilon * (1 + 1e-4)


def test_no_noise_has_no_epsilon_and_odd_numbers_are_refused():
    assert epsilon_of(0.0, 0.1, 5, 1e-5) == math.inf
    assert epsilon_of(1.0, 0.1, 0, 1e-5) == 0
    for wrong in ((1, 0, 5, 1e-5), (1, 1.5, 5, 1e-5), (-1, 0.5, 5, 1e-5), (1, 0.5, 5, 0.0)):
        with pytest.raises(ValueError, match="no epsilon"):
            epsilon_of(*wrong)
    with pytest.raises(ValueError, match="accountant"):
        epsilon_of(1.0, 0.1, 5, 1e-5, "moments")


# Skellam


def skellam_loss(variance, buckets):
    """Probabilities and privacy losses of one or two Skellam buckets against their shifted selves."""
    reach = int(9 * math.sqrt(variance)) + 20
    k = np.arange(-reach, reach + 1)
    log_p = stats.skellam.logpmf(k, variance / 2, variance / 2)
    loss = log_p - stats.skellam.logpmf(k - 1, variance / 2, variance / 2)
    p = np.exp(log_p)
    if buckets == 1:
        return p, loss
    return np.outer(p, p).ravel(), np.add.outer(loss, loss).ravel()


@pytest.mark.parametrize(
    ("epsilon", "adjacency"),
    [(0.5, "add or remove one"), (2.0, "add or remove one"), (1.0, "replace one")],
)
def test_skellam_delta_is_what_direct_summation_gives(epsilon, adjacency):
    variance = skellam_variance_for(epsilon, 1e-6, adjacency)
    p, loss = skellam_loss(variance, 1 if adjacency == "add or remove one" else 2)
    delta = p[loss > epsilon] @ -np.expm1(epsilon - loss[loss > epsilon])
    assert 0.85e-6 < delta <= 1e-6
    moved = 1 if adjacency == "add or remove one" else 2
    assert skellam_epsilon_bound(variance, 1e-6, moved, moved) > epsilon


@pytest.mark.parametrize("variance", [2.0, 14.0, 200.0])
@pytest.mark.parametrize("buckets", [1, 2])
def test_skellam_renyi_bound_holds(variance, buckets):
    """Against the divergence summed directly; and it is tight where the variance is large."""
    p, loss = skellam_loss(variance, buckets)
    for order in (2, 8, 32):
        exact = np.log(p @ np.exp((order - 1) * loss)) / (order - 1)
        bound = skellam_renyi(order, variance, buckets, buckets)
        assert exact <= bound * (1 + 1e-9)
        assert variance < 100 or bound < 1.1 * exact


def test_skellam_costs_more_when_it_is_released_again():
    once, thrice = (skellam_epsilon(100.0, 1e-6, steps=n) for n in (1, 3))
    assert thrice == pytest.approx(gaussian_epsilon(10 / math.sqrt(3), 1e-6), rel=0.03)
    assert thrice > 1.5 * once


# Local mechanisms


def test_event_level_randomised_response_meets_its_published_rate():
    """Chrome prints .0024 for clicks: k = 2925 outputs at epsilon 14; for views k = 3."""
    assert randomised_response_rate(2925, 14) == pytest.approx(0.002426, abs=5e-7)
    assert randomised_response_rate(3, 14) == pytest.approx(2.49e-6, rel=2e-3)


@pytest.mark.parametrize("epsilon", [0.3, 1.0, 4.0])
def test_randomised_response_keeps_its_promise_and_is_unbiased(epsilon, rng):
    k, rate = 5, randomised_response_rate(5, epsilon)
    channel = np.full((k, k), rate / k) + np.eye(k) * (1 - rate)
    assert math.log(channel.max() / channel.min()) == pytest.approx(epsilon)
    truth = np.array([700, 0, 50, 3, 247])
    np.testing.assert_allclose(estimate_randomised_response(truth @ channel, k, epsilon), truth, atol=1e-9)
    values = np.repeat(np.arange(k), 40_000)
    answers = randomised_response(values, k, epsilon, rng)
    seen = np.array([np.bincount(answers[values == value], minlength=k) for value in range(k)]) / 40_000
    np.testing.assert_allclose(seen, channel, atol=0.012)


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 3.0])
def test_oue_reports_of_two_values_differ_by_at_most_epsilon(epsilon, rng):
    """Chances of all 8 reports over 3 values, counted from draws of each bit and multiplied out."""
    n = 400_000
    bits = np.array([oue_encode(np.full(n, v), 3, epsilon, rng).mean(axis=0) for v in range(3)])
    flip = 1 / (1 + math.exp(epsilon))
    np.testing.assert_allclose(bits, np.where(np.eye(3), 0.5, flip), atol=0.005)
    exact = np.where(np.eye(3), 0.5, flip)
    reports = np.array(list(product([0, 1], repeat=3)))
    chances = np.prod(np.where(reports[:, None], exact, 1 - exact), axis=2)
    assert np.log(chances.max(axis=1) / chances.min(axis=1)).max() == pytest.approx(epsilon)


def test_oue_sums_drawn_at_once_have_the_moments_of_the_reports(rng):
    counts, epsilon = np.array([600, 250, 150, 0]), 1.0
    values = np.repeat(np.arange(4), counts)
    one_by_one = np.array([oue_encode(values, 4, epsilon, rng).sum(axis=0) for _ in range(1500)])
    at_once = draw_oue_sums(np.tile(counts, (1500, 1)), epsilon, rng)
    for sums in (one_by_one, at_once):
        found = estimate_oue(sums, 1000, epsilon)
        variance = oue_variance(counts, 1000, epsilon)
        assert (np.abs(found.mean(axis=0) - counts) < 4.5 * np.sqrt(variance / 1500)).all()
        np.testing.assert_allclose(found.var(axis=0), variance, rtol=0.2)


def test_oue_error_meets_the_published_one(rng):
    """192 a bucket at epsilon 1 and n = 10,000 (theory 4 n e / (e - 1)^2); measured 194 over 64 buckets."""
    counts = rng.multinomial(10_000, np.ones(64) / 64)
    sums = draw_oue_sums(np.tile(counts, (200, 1)), 1.0, rng)
    error = np.sqrt(np.mean((estimate_oue(sums, 10_000, 1.0) - counts) ** 2))
    assert error == pytest.approx(192, rel=0.03)
    many = estimate_oue(sums.reshape(4, 50, 64), np.full((4, 50), 10_000), 1.0)
    assert many.shape == (4, 50, 64)

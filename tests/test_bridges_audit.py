"""Audits bound from below what leaks: never above the truth more often than they say, and close to it."""

import math

import numpy as np
import pytest
from scipy import stats

from dti_core.bridges.privacy import (
    clopper_pearson,
    discrete_gaussian,
    discrete_laplace,
    gaussian_epsilon,
    gaussian_mu_bound,
    gaussian_sigma,
    one_run_bound,
    two_world_bound,
)


@pytest.fixture
def rng():
    return np.random.default_rng(20260729)


def geometric(epsilon, n, rng):
    return [discrete_laplace(1 / epsilon, n, rng).astype(float) + user for user in (0, 1)]


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0])
def test_geometric_mechanism_is_audited_within_two_percent(epsilon, rng):
    """2 million runs a world; measured elsewhere: .495, .997 and 1.994."""
    bound = two_world_bound(*geometric(epsilon, 2_000_000, rng))
    assert 0.98 * epsilon < bound <= epsilon


def test_bounds_exceed_the_truth_no_more_often_than_they_may(rng):
    """400 audits each of mechanisms whose parameter is known: at most 5 %, which are 33 but once in 1000."""
    sigma = 2.0
    epsilons = [two_world_bound(*geometric(1.0, 1_500, rng)) for _ in range(400)]
    mus = [gaussian_mu_bound(rng.normal(0, sigma, 1_500), rng.normal(1, sigma, 1_500)) for _ in range(400)]
    most = int(stats.binom.isf(1e-3, 400, 0.05))
    assert sum(bound > 1 for bound in epsilons) <= most
    assert sum(bound > 1 / sigma for bound in mus) <= most
    assert np.median(epsilons) > 0.75
    assert np.median(mus) > 0.6 / sigma


def test_where_nothing_differs_nothing_is_found(rng):
    same = [two_world_bound(*rng.normal(size=(2, 1_500, 3))) for _ in range(100)]
    assert sum(bound > 0 for bound in same) <= int(stats.binom.isf(1e-3, 100, 0.05))
    mus = [gaussian_mu_bound(*rng.normal(size=(2, 1_500, 3))) for _ in range(100)]
    assert sum(bound > 0 for bound in mus) <= int(stats.binom.isf(1e-3, 100, 0.05))


def test_either_side_and_any_score_may_give_it_away(rng):
    without, with_user = geometric(1.0, 100_000, rng)
    bound = two_world_bound(without, with_user)
    assert two_world_bound(-without, -with_user) == pytest.approx(bound, abs=0.03)
    assert two_world_bound(with_user, without) == pytest.approx(bound, abs=0.03)
    useless = rng.normal(size=(2, 100_000, 2))
    hidden = [np.column_stack([junk, one]) for junk, one in zip(useless, (without, with_user), strict=True)]
    assert two_world_bound(*hidden) == pytest.approx(bound, abs=0.03)
    with pytest.raises(ValueError, match="20 runs"):
        two_world_bound(without[:5], with_user)


def test_epsilon_misses_half_the_noise_that_mu_sees(rng):
    """Gaussian noise of half its variance at delta 1e-6: why Gaussian noise is audited by its mu."""
    sigma = gaussian_sigma(1.0, 1e-6)
    worlds = [user + discrete_gaussian(sigma / math.sqrt(2), 100_000, rng) for user in (0, 1)]
    assert two_world_bound(*worlds, delta=1e-6) < 1.0
    assert gaussian_mu_bound(*worlds) > 1.2 / sigma


@pytest.mark.parametrize("epsilon", [0.25, 2.0])
def test_one_run_bound_is_tight_for_randomised_response_and_valid(epsilon, rng):
    """Canaries answered by randomised response: the mechanism for which theorem 5.2 is tight."""
    bounds = []
    for _ in range(150):
        included = rng.random(5_000) < 0.5
        honest = rng.random(5_000) < 1 / (1 + math.exp(-epsilon))
        answers = np.where(honest, included, ~included) + rng.random(5_000) / 2
        bounds.append(one_run_bound(answers, included, guesses=(5_000,)))
    assert sum(bound > epsilon for bound in bounds) <= int(stats.binom.isf(1e-3, 150, 0.05))
    assert np.median(bounds) > 0.7 * epsilon


def test_one_run_bound_meets_the_published_band(rng):
    """White-box canaries, sigma 1 (theory 4.38 at delta 1e-5): 1.4; sigma .5 sold as 4.2 (.88): 3.3."""

    def audit(sigma):
        included = rng.random(1_000) < 0.5
        return one_run_bound(included + rng.normal(0, sigma, 1_000), included, 1e-5)

    found = {sigma: np.median([audit(sigma) for _ in range(7)]) for sigma in (4.2, 1.0, 0.5)}
    assert found[4.2] < 0.5
    assert 1.0 < found[1.0] < 2.2 < gaussian_epsilon(1.0, 1e-5)
    assert 2.9 < found[0.5] < 4.0


def test_delta_makes_the_one_run_bound_smaller(rng):
    included = rng.random(1_000) < 0.5
    scores = included + rng.normal(0, 0.5, 1_000)
    found = [one_run_bound(scores, included, delta) for delta in (0.0, 1e-5, 1e-3)]
    assert found == sorted(found, reverse=True)
    assert found[2] < found[0]


def test_limits_of_a_rate_are_clopper_and_pearsons():
    low, high = clopper_pearson(np.array([0, 3, 10]), 10, 0.025)
    for k, below, above in zip((0, 3, 10), low, high, strict=True):
        exact = stats.binomtest(k, 10).proportion_ci(0.95, method="exact")
        assert (below, above) == pytest.approx((exact.low, exact.high))


# The planted faults of the study


@pytest.fixture(scope="module")
def audits():
    from dti_core.studies.private_lift.measures.audit import study_audits

    return study_audits(np.random.SeedSequence(7).spawn(4), 40_000)


def test_all_five_planted_faults_are_caught_and_the_honest_release_is_not(audits):
    table = audits.series["audits"].set_index(["auditor", "fault"])
    for mechanism in ("geometric", "gaussian"):
        rows = table.loc[mechanism]
        assert len(rows) == 6
        assert rows["n_flagged"].drop("honest").to_dict() == dict.fromkeys(rows.index.drop("honest"), 4)
        assert rows.loc["honest", "n_flagged"] == 0
        assert rows.loc["honest", "bound_low"] > 0.75 * rows.loc["honest", "claimed"]
    assert table.loc["one_run"].loc[["no_clipping", "noise_added_once", "reused_seed"], "caught"].all()
    assert table.loc[("one_run", "honest"), "n_flagged"] == 0


def test_audits_say_what_they_claim_and_what_they_cannot_see(audits):
    names = [estimate.key for estimate in audits.estimates]
    assert len(names) == len(set(names)) == 17 * 2 + 1 + 3 + 3
    assert audits.series["audits"]["guarantee"].str.contains(r"epsilon 1\.0, delta .* a user \(").all()
    assert [what for what, _ in audits.left_out] == ["one-run audit of wrong_adjacency"]
    tight = audits.series["audit_tightness"].to_numpy()
    assert ((tight > 0.95) & (tight <= 1)).all()


def test_audits_depend_on_their_seeds_alone(audits):
    from dti_core.studies.private_lift.measures.audit import audit_once

    seed = np.random.SeedSequence(7).spawn(4)[2]
    first, again = audit_once((seed, 2_000)), audit_once((seed, 2_000))
    assert first == again
    assert first != audit_once((np.random.SeedSequence(8), 2_000))

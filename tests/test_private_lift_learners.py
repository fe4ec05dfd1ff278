"""Learners of bookings, uplift and offers: known answers, refused leaks, worlds that must pass or fail."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from dti_core.bridges.federated import advantage_limit
from dti_core.lab.bars import FALSE_RATE, cleared, share_of
from dti_core.lab.errors import DataError
from dti_core.lab.register import load_register
from dti_core.studies.private_lift.data.expedia import SearchLog
from dti_core.studies.private_lift.estimate import OFFERED_USERS
from dti_core.studies.private_lift.measures.federated import study_federated, study_poisoning
from dti_core.studies.private_lift.measures.offers import (
    N_TARGETS,
    gain_over_single,
    informed_advantage,
    study_offer_controls,
    study_offer_price,
    study_offers,
)
from dti_core.studies.private_lift.measures.uplift import study_uplift_simulated, study_uplift_trial
from dti_core.studies.private_lift.methods import uplift as uplift_methods
from dti_core.studies.private_lift.methods.budget import Budget
from dti_core.studies.private_lift.methods.learners import LEARNERS
from dti_core.studies.private_lift.methods.offers import OFFERS, table
from dti_core.studies.private_lift.methods.uplift import UPLIFT, Trial, fit_arms
from dti_core.studies.private_lift.model.ranking import SCORES, auc, calibration_slope, over_runs_and_users
from dti_core.studies.private_lift.model.searches import refuse_leak, split_log
from dti_core.studies.private_lift.model.uplift import (
    areas,
    individual_effect,
    places,
    ranks,
    robust_scores,
    targeting_curve,
)
from dti_core.studies.private_lift.worlds import CAMPAIGN, changed
from dti_core.studies.private_lift.worlds.market import truth
from dti_core.studies.private_lift.worlds.offers import OFFER_WORLDS, OfferTrial, simulate_offers

#: A budget with noise that was not accounted for: tests of mechanics only.
LOUD, FREE = Budget(0.5, 3.43), Budget(np.inf)


@pytest.fixture(scope="module")
def log() -> SearchLog:
    """Users of six unlike sites; three features tell who books."""
    rng = np.random.default_rng(1)
    n = 3000
    user, features = rng.integers(2500, size=n), rng.normal(size=(n, 5))
    site = np.minimum(rng.geometric(0.5, size=n), 6)
    chance = 1 / (1 + np.exp(2 - features[:, :3].sum(axis=1) - 0.3 * (site == 2)))
    day = user / 2500 * 100 + rng.random(n)
    order = np.argsort(day)
    booked = (rng.random(n) < chance).astype(np.int64)
    names = tuple("abcde")
    channel = rng.integers(3, size=n)
    return SearchLog(
        site[order], channel[order], user[order], day[order], features[order], names, booked[order]
    )


def test_auc_and_its_influence_meet_sklearn_and_delong():
    """sklearn's area; the influence's variance is DeLong's, by its formula for two normal samples."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    outcome = (rng.random(4000) < 0.3).astype(float)
    chance = np.round(norm.cdf(rng.normal(size=4000) + outcome), 2)
    area, influence = auc(outcome, chance)
    assert area == pytest.approx(roc_auc_score(outcome, chance), abs=1e-12)
    hit, miss = chance[outcome > 0], chance[outcome == 0]
    wins = (hit[:, None] > miss) + 0.5 * (hit[:, None] == miss)
    delong = wins.mean(axis=1).var() / len(hit) + wins.mean(axis=0).var() / len(miss)
    assert influence @ influence / len(outcome) ** 2 == pytest.approx(delong, rel=1e-9)


def test_calibration_slope_meets_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(0)
    x = rng.normal(-2, 1, size=3000)
    outcome = (rng.random(3000) < 1 / (1 + np.exp(-(0.3 + 0.7 * x)))).astype(float)
    slope, influence = calibration_slope(outcome, 1 / (1 + np.exp(-x)))
    fit = sm.Logit(outcome, sm.add_constant(x)).fit(disp=0, cov_type="HC0")
    assert slope == pytest.approx(fit.params[1], rel=1e-6)
    assert np.sqrt(influence @ influence) / 3000 == pytest.approx(fit.bse[1], rel=1e-6)
    with pytest.raises(ValueError, match="no calibration slope"):
        calibration_slope(outcome, np.full(3000, 0.2))


def test_interval_of_users_meets_a_bootstrap_of_users():
    rng = np.random.default_rng(3)
    users = np.sort(rng.integers(400, size=900))
    users = np.unique(users, return_inverse=True)[1]
    taste = rng.normal(size=users.max() + 1)[users]
    outcome = (rng.random(900) < 1 / (1 + np.exp(1 - taste))).astype(float)
    chance = 1 / (1 + np.exp(-taste + rng.normal(size=900)))
    area, influence = auc(outcome, chance)
    found = over_runs_and_users(np.array([area, area]), influence, users)
    rows = [np.flatnonzero(users == one) for one in range(users.max() + 1)]
    again = []
    for _ in range(400):
        picks = np.concatenate([rows[one] for one in rng.integers(len(rows), size=len(rows))])
        again.append(auc(outcome[picks], chance[picks])[0])
    assert found.std_error == pytest.approx(np.std(again), rel=0.12)


def test_training_and_test_share_neither_users_nor_time(log):
    split = split_log(log, np.random.default_rng(0))
    assert len(split.fit.booked) > len(split.test.booked) > 500
    half = np.arange(len(log.user)) % 2 == 0
    with pytest.raises(DataError, match="users are both in training and in the test"):
        refuse_leak(log, half, ~half)
    apart = log.user % 2 == 0
    with pytest.raises(DataError, match="older than the last of the training"):
        refuse_leak(log, apart, ~apart)


def test_every_learner_beats_the_constant_and_says_its_guarantee(log, monkeypatch):
    """Each model of telling features ranks better than chance; six sites are too few for a private one."""
    for name, method in list(LEARNERS.items()):
        one = replace(method.run, candidates=method.run.candidates[-2:][:1])
        monkeypatch.setitem(LEARNERS, name, replace(method, run=one))
    found = study_federated(log, (LOUD, FREE), 2, np.random.SeedSequence(1))
    rows = found.series["federated"].set_index(["learner", "epsilon"])
    assert {name for name, _ in rows.index} == set(LEARNERS)
    free = rows.xs(np.inf, level="epsilon")["auc"]
    models = [name for name in LEARNERS if name not in ("constant", "channel_rates")]
    assert (free[models] > 0.72).all()
    assert free["constant"] == 0.5
    assert rows.loc[("private_site", 0.5), "auc"] < free["private_site"] - 0.05
    assert rows.loc[("record", 0.5), "auc"] < free["record"]
    keys = {one.name: one for one in found.estimates}
    assert "a user (add or remove one), PLD" in keys["booking_auc_user_eps0_5"].at["guarantee"]
    assert "a record (add or remove one), PLD" in keys["booking_auc_record_eps0_5"].at["guarantee"]
    assert len(keys["booking_auc_user_eps0_5"].per_seed) == 2
    assert "calibration_slope of Share of bookings for all" in dict(found.left_out)
    assert set(SCORES) <= set(rows.columns)


def test_one_boosting_user_in_twenty_ruins_a_model_without_a_bound(log):
    told = study_poisoning(log, 10.0, 2, np.random.SeedSequence(1))
    assert {len(one.per_seed) for one in told.estimates} == {2}, "as many seeds as asked"
    found = told.series["poisoning"]
    loss = found[found["score"] == "log_loss"].set_index(["attack", "bound"])["value"]
    assert loss["boosted", "unbounded"] > 2 * loss["clean", "unbounded"]
    assert loss["boosted", "bounded"] < 1.3 * loss["clean", "bounded"]


def test_qini_is_the_area_of_the_curve_above_chance():
    """Three users by hand: effects 3, 0, -3 in this order; ties share places and give no Qini."""
    scores = np.array([3.0, 0.0, -3.0])
    found = areas(scores, places(np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])))
    assert found[:, 1] == pytest.approx([2 / 3, -2 / 3, 0.0])
    assert areas(np.ones(4), places(np.arange(4.0)[None]))[0] == pytest.approx([0.5, 0.0])


def test_rounding_noise_ranks_nobody():
    """A line that knows the arm moves all alike: no order of rows and no 1e-15 gives its scores a Qini."""
    rng = np.random.default_rng(0)
    features, treated = rng.normal(size=(4000, 6)), (rng.random(4000) < 0.5).astype(float)
    outcome = features @ np.full(6, 0.2) + 0.1 * treated + rng.normal(size=4000)
    trial, new = Trial(features, treated, outcome, 0.5), rng.normal(size=(1000, 6))
    mixed = np.concatenate([rng.permutation(1000), 1000 + rng.permutation(3000)])
    learn = UPLIFT["s"].run
    alike = learn(trial, fit_arms(trial), new, rng)
    assert np.ptp(alike) > 0, "the scores differ by rounding, else nothing is tested"
    scores, several = 0.1 + new[:, 0], np.round(new[:, 0], 1)
    for effect, qini in ((alike, 0.0), (several, None)):
        found = areas(scores, places(ranks(effect)[None]))[0]
        assert qini is None or found[1] == pytest.approx(qini, abs=1e-12)
        line = targeting_curve(scores, ranks(effect))
        order = rng.permutation(1000)
        for other, worth in (
            (effect + 1e-15 * rng.normal(size=1000), scores),
            (effect[order], scores[order]),
            (learn(trial.part(mixed), fit_arms(trial), new, rng) if qini == 0 else effect, scores),
        ):
            assert areas(worth, places(ranks(other)[None]))[0] == pytest.approx(found, abs=1e-12)
            assert targeting_curve(worth, ranks(other)) == pytest.approx(line, abs=1e-12)
    assert len(np.unique(ranks(UPLIFT["random"].run(trial, fit_arms(trial), new, rng)))) == 1000


def test_effects_of_users_average_to_the_markets_truth():
    activity = np.random.default_rng(0).normal(size=400_000)
    for channel in (2, 4):
        mean = individual_effect(CAMPAIGN, activity, channel).mean()
        assert mean == pytest.approx(truth(CAMPAIGN).itt[channel], rel=0.01, abs=1e-9)


def test_robust_scores_are_unbiased_with_wrong_models():
    rng = np.random.default_rng(0)
    treated = (rng.random(200_000) < 0.3).astype(float)
    outcome = 1.0 + 2.0 * treated + rng.normal(size=200_000)
    scores = robust_scores(outcome, treated, 0.3, np.full(200_000, 7.0), np.full(200_000, -5.0))
    assert scores.mean() == pytest.approx(2.0, abs=0.15)


def test_learners_rank_planted_effects_and_nobody_where_arms_are_shuffled(monkeypatch):
    """Qini of every learner is clearly positive where half are moved; with arms dealt anew it is not."""
    monkeypatch.setattr(uplift_methods, "TREES", 5)
    rng = np.random.default_rng(0)
    features, treated = rng.normal(size=(2000, 3)), (rng.random(2000) < 0.5).astype(float)
    outcome = (rng.random(2000) < 0.3 + 0.4 * treated * (features[:, 0] > 0)).astype(float)
    trial = Trial(features, treated, outcome, 0.5)
    found = study_uplift_trial("planted", trial, 50, 3, np.random.SeedSequence(0))
    keys = {one.key: one for one in found.estimates}
    assert all(keys[f"uplift_qini_{name}_planted"].low > 0 for name in ("t", "x", "dr"))
    assert keys["uplift_qini_constant_planted"].value == pytest.approx(0, abs=1e-12)
    draws = keys["uplift_qini_t_planted@shuffled_arms"].draws
    assert len(draws) == 3
    assert sum(low > 0 for low, _ in draws) <= 1


def test_learners_find_much_of_the_best_ranking_where_effects_differ(monkeypatch):
    monkeypatch.setattr(uplift_methods, "TREES", 5)
    markets = {"uneven": changed(CAMPAIGN, tilt=0.9, effect=0.1)}
    found = study_uplift_simulated(markets, 4000, 2, 2, np.random.SeedSequence(0))
    value = {one.name: one.value for one in found.estimates}
    assert value["uplift_qini_dr_uneven"] > 0.3 * value["uplift_qini_best_uneven"]
    assert value["uplift_rmse_constant_uneven"] == pytest.approx(0.0265, rel=0.15)
    assert all(value[f"uplift_qini_{name}_uneven"] <= value["uplift_qini_best_uneven"] for name in UPLIFT)


def test_noise_of_the_table_is_that_of_its_epsilon():
    """Variance of discrete Laplace noise, 2 a / (1 - a)^2 with a = exp(-epsilon)."""
    trial = OfferTrial(np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0), 4000, 2)
    counts = table(trial, Budget(1.0), np.random.default_rng(0)).counts
    a = np.exp(-1)
    assert counts.var() == pytest.approx(2 * a / (1 - a) ** 2, rel=0.05)


@pytest.mark.parametrize("epsilon", [0.5, 1.0])
def test_who_knows_all_others_reaches_the_limit_and_no_more(epsilon):
    """Tight for discrete Laplace noise: P(0) of it is the limit, (e^epsilon - 1) / (e^epsilon + 1)."""
    budget, limit = Budget(epsilon), advantage_limit(epsilon, 0.0)
    seeds = np.random.SeedSequence(0).spawn(50)
    found = [informed_advantage(budget, np.random.default_rng(child)) for child in seeds]
    most = 4 * (2 * 0.25 / (N_TARGETS / 4)) ** 0.5 / 50**0.5
    assert np.mean([one.value for one in found]) == pytest.approx(limit, abs=most)
    assert sum(one.low <= limit <= one.high for one in found) >= 42


def test_each_bar_of_the_offers_answers_to_its_own_cause_and_not_to_the_other():
    """Gain where offers differ, secrecy where epsilon is small: two by two worlds, one attack and release."""
    found = study_offer_controls(1.0, OFFERED_USERS, 20, np.random.SeedSequence(0))
    keys = {one.key: one for one in found.estimates}
    gain, told = load_register().claims["C48b"].tests[0].estimates
    for world, (gains, hides) in {
        "offers_differ": (True, True), "offers_alike": (False, False), "offers_told": (True, False),
        "offers_hidden": (False, True),
    }.items():  # fmt: skip
        for bar, there in ((gain, gains), (told, hides)):
            one = keys[f"{bar.estimate}@{world}"]
            assert cleared(bar, one, planted=there)[0] == there
            assert share_of("refuted", bar, one).value <= FALSE_RATE or not there
    assert keys["offer_advantage_informed_eps1@offers_alike"].value == pytest.approx(
        advantage_limit(0.25, 0.0), abs=0.01
    )
    assert keys["offer_gain_random_eps1@offers_differ"].high < 0.002


def test_gain_out_of_fold_covers_the_known_gain():
    """Of 20 trials the 95 % interval of the gain holds the true gain of the policy that knows it all."""
    chances = OFFER_WORLDS["offers_differ"].settings.chances()
    known = chances.max(axis=1).mean() - chances.mean(axis=0).max()
    seeds = np.random.SeedSequence(4).spawn(20)
    held = 0
    for child in seeds:
        rng = np.random.default_rng(child)
        trial = simulate_offers(OFFER_WORLDS["offers_differ"].settings, 60_000, rng)
        found = gain_over_single(trial, "table", FREE, child.spawn(2))
        held += found.low <= known <= found.high
    assert held >= 16


def test_a_trial_is_answered_for_every_way_to_choose_and_the_price_rises_with_privacy():
    trial = simulate_offers(OFFER_WORLDS["offers_differ"].settings, 8000, np.random.default_rng(0))
    found = study_offers(trial, (Budget(1.0, 2.0), FREE), 2, np.random.SeedSequence(0))
    names = {one.name for one in found.estimates}
    assert {f"offer_gain_{way}_{at}" for way in OFFERS for at in ("eps1", "no_noise")} <= names
    (memory,) = (one for one in found.estimates if one.name == "offer_advantage_memorised")
    assert memory.low > 0.3
    price: pd.DataFrame = study_offer_price((0.1, 8.0), (4000, 64_000), 10, np.random.default_rng(0)).series[
        "offer_price"
    ]
    kept = price.pivot(index="users", columns="epsilon", values="kept")
    assert kept.loc[4000, 0.1] < kept.loc[4000, 8.0] < kept.loc[64_000, 8.0]
    assert kept.loc[64_000, 0.1] > 0.9

"""Regions, consent and broken clients: rules on hand-made cases, weights that recover the truth, alarms."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from dti_core.lab.errors import DataError
from dti_core.studies.private_lift.data.regions import load_regions, profile_table, read_regions
from dti_core.studies.private_lift.measures.clients import is_one_hot, sample_ratio_p, study_clients
from dti_core.studies.private_lift.measures.consent import (
    Task as ConsentTask,
)
from dti_core.studies.private_lift.measures.consent import (
    expected_effects,
    measure_campaigns,
    release,
    study_consent,
    weighted_itt,
    weighted_sums,
)
from dti_core.studies.private_lift.measures.regions import (
    SMALLEST_EXCESS,
    Task,
    excess,
    lift_errors,
    pair_table,
    squared_errors,
    study_regions,
    wrong_share,
)
from dti_core.studies.private_lift.methods.dealing import POLICIES
from dti_core.studies.private_lift.methods.weighting import WEIGHTINGS
from dti_core.studies.private_lift.model.consent import LARGEST, balancing_weights
from dti_core.studies.private_lift.model.lift import intent_to_treat
from dti_core.studies.private_lift.model.rules import (
    N_EPOCHS,
    Region,
    Rules,
    breaches,
    conduct,
    laxest,
    strictest,
    younger,
)
from dti_core.studies.private_lift.worlds import MARKETS
from dti_core.studies.private_lift.worlds.market import activity_nodes, joint, truth
from dti_core.studies.private_lift.worlds.regions import REGION_WORLDS, drawn_around, eligible_cells
from dti_core.studies.private_lift.worlds.users import chances

LAX = Rules("none", 0, 1, float("inf"), 4, False, 0)
LAW = Rules("opt_in", 18, 1_000, 1.0, 2, True, 0.1)
REGION = Region("here", LAW, opt_in_share=0.5, opt_out_share=0.9)


def test_profiles_are_read_with_their_types_and_each_value_says_why():
    eu, california, china, none = load_regions()
    assert [one.name for one in (eu, california, china, none)] == ["eu", "california", "china", "none"]
    assert (eu.rules.consent_default, california.rules.consent_default) == ("opt_in", "opt_out")
    assert [one.rules.minors_under for one in (eu, california, china)] == [18, 16, 14]
    assert china.rules.local_aggregator
    assert not eu.rules.local_aggregator
    assert none.rules.epsilon_epoch == float("inf")
    table = profile_table()
    assert set(table["basis"]) == {"article", "ours"}
    assert table["motive"].str.len().min() > 10
    assert set(table.loc[table["basis"] == "article", "parameter"]) == {"consent_default", "minors_under"}
    assert "a user and epoch (add or remove one), pure epsilon accounting" in eu.rules.guarantee.text


def _without(table: pd.DataFrame, parameter: str) -> pd.DataFrame:
    return table[~((table["region"] == "eu") & (table["parameter"] == parameter))]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: t.replace("least_batch", "least_bach"), "eu: least_batch: .*least_bach: "),
        (lambda t: _without(t, "epsilon_epoch"), "eu: epsilon_epoch: Field required"),
        (lambda t: _without(t, "opt_in_share"), "eu: opt_in_share: "),
        (lambda t: t.replace("opt_in", "ask_nicely"), "consent_default: .*ask_nicely"),
        (lambda t: t.replace("inf", "-1"), "none: epsilon_epoch: .*'-1'"),
        (lambda t: t.replace("true", "maybe"), "china: local_aggregator: .*'maybe'"),
        (lambda t: t.replace("1000", "many"), "eu: least_batch: .*'many'"),
        (lambda t: pd.concat([t, t.head(1)]), "given twice: eu: consent_default"),
        (lambda t: t.drop(columns="motive"), "lacks the columns motive"),
    ],
)
def test_a_profile_that_is_not_as_the_card_says_is_refused(spoil, says):
    with pytest.raises(DataError, match=says):
        read_regions(spoil(profile_table()))


def test_conduct_of_a_hand_made_case():
    """10,000 users: 9 in 10 targeted, half agree, a tenth under 18: 4,050; batches of 1,013 an epoch."""
    done = conduct(REGION, LAW, 10_000)
    assert younger(18) == pytest.approx(0.1)
    assert done.measured == pytest.approx(10_000 * 0.9 * 0.5 * 0.9)
    assert (done.without_consent, done.minors) == (0, 0)
    assert done.releases == N_EPOCHS
    assert done.batch == pytest.approx(1_012.5)
    assert conduct(REGION, LAW, 6_000).releases == 2  # 607 an epoch: two are merged
    assert conduct(REGION, LAW, 3_000).releases == 0  # two epochs, the most that may be held, have 607
    assert breaches(LAW, done) == {}


def test_every_breach_is_counted_alone():
    """Each rule in turn is laxer than the law; users wronged by hand."""
    cases = {
        "epsilon above the cap": ({"epsilon_epoch": 1.01}, 4_050),
        "batch below the least": ({"least_batch": 1.0}, 1_620),
        "measured without consent": ({"consent_default": "opt_out"}, 4_050 * (0.9 - 0.5) / 0.5),
        "minors measured": ({"minors_under": 15.0}, 4_500 * 0.05),
        "kept too long": ({"retention_epochs": 3.0}, 4_050),
        "summed abroad": ({"local_aggregator": False}, 4_050),
        "untargeted arm too small": ({"untargeted_share": 0.0}, 4_500),
    }
    for kind, (change, users) in cases.items():
        n = 4_000 if kind.startswith("batch") else 10_000
        assert breaches(LAW, conduct(REGION, replace(LAW, **change), n)) == {kind: pytest.approx(users)}, kind


def test_strictest_rules_break_no_law_and_laxest_break_any_stricter_one():
    regions = load_regions()
    rules = [one.rules for one in regions]
    assert strictest([LAX, LAW]) == LAW
    assert laxest([LAX, LAW]) == LAX
    rng = np.random.default_rng(0)
    for _ in range(200):
        drawn = drawn_around(regions, rng)
        strict = strictest([one.rules for one in drawn])
        n = int(rng.integers(100, 1_000_000))
        assert not any(breaches(one.rules, conduct(one, strict, n)) for one in drawn)
    assert all(breaches(one.rules, conduct(one, laxest(rules), 20_000)) for one in regions[:3])
    dealings = POLICIES["wrong"].run(rules)
    assert len(dealings) == 9  # derangements of four
    assert all(a is not b for deal in dealings for a, b in zip(deal, rules, strict=True))


def test_regions_that_are_only_ordered_break_half_of_the_wrong_dealings():
    """What the bar of the claim is: of a pair, only the laxer one breaks the other's rules."""
    loose = replace(LAW, least_batch=1.0, local_aggregator=False)
    ladder = [replace(loose, epsilon_epoch=2.0**k) for k in range(4)]
    assert wrong_share(tuple(replace(REGION, rules=rules) for rules in ladder)) == 0.5
    assert wrong_share((REGION, REGION, REGION)) == 0


def test_pairs_of_regions_that_break_a_rule_by_kind_left_out():
    """Of a pair that differs in epsilon alone one breaks it; by articles, in age of minors alone."""
    stricter = replace(LAW, least_batch=1.0, local_aggregator=False)
    two = tuple(
        replace(REGION, name=name, rules=replace(stricter, **other))
        for name, other in (("a", {}), ("b", {"epsilon_epoch": 2.0, "minors_under": 14.0}))
    )
    found = pair_table(two).set_index("name")["pairs"].to_dict()
    assert found == {"without_epsilon_above_the_cap": 1, "without_minors_measured": 1, "of_articles": 1}
    assert pair_table(load_regions()[:3])["pairs"].max() <= 6


def test_cells_without_exposures_are_those_of_the_joint():
    market = replace(MARKETS["uneven"].settings, consent=0.4, consent_tilt=-0.8)
    np.testing.assert_allclose(eligible_cells(market), joint(market, consenting=True).sum(axis=1), atol=1e-14)


def test_error_of_lift_is_what_its_formula_says():
    """Squared bias of the consenting, and variance of a rate with noise, late conversions weighed up."""
    market, rng = MARKETS["uneven"].settings, np.random.default_rng(1)
    region = Region("here", replace(LAW, local_aggregator=False), 0.5, 0.9)
    errors = lift_errors(market, region, region.rules, 20_000, 3_000, rng)
    done = conduct(region, region.rules, 20_000)
    agreeing = replace(market, consent=0.5, consent_tilt=-0.8)
    bias = truth(agreeing, consenting=True).itt - truth(market).itt
    np.testing.assert_allclose(errors.mean(axis=0), bias, atol=4 * errors.std() / np.sqrt(len(errors)))
    seen = 1 - 0.2**2
    cells = eligible_cells(agreeing) @ np.array([[1, 0], [1 - seen, seen]])
    variance = done.releases / (2 * np.sinh(0.5) ** 2)
    expected = intent_to_treat(done.measured * cells, variance).std_error / seen
    np.testing.assert_allclose(errors.std(axis=0), expected, rtol=0.05)
    silent = lift_errors(market, region, region.rules, 500, 3, rng)
    np.testing.assert_allclose(silent, np.tile(-truth(market).itt, (3, 1)))


def test_bars_of_the_claim_fail_where_rules_are_alike_and_pass_where_they_are_far_apart():
    def shown(world: str, seed: int) -> tuple[float, float]:
        ruled = load_regions()[:3]
        regions = REGION_WORLDS[world].settings(drawn_around(ruled, np.random.default_rng(seed)))
        task = Task(regions, ("fitted", "strictest"), 20_000, 200, np.random.SeedSequence(seed))
        squares = squared_errors(task)
        strict, fitted = (squares[name].mean(axis=0) for name in ("strictest", "fitted"))
        return excess(strict, fitted).low, wrong_share(regions)

    alike, apart = ([shown(world, seed) for seed in range(8)] for world in ("same_rules", "far_apart"))
    assert sum(low > 0 for low, _ in alike) <= 2
    assert all(low > SMALLEST_EXCESS for low, _ in apart)
    assert {share for _, share in alike} == {0.0}
    assert {share for _, share in apart} == {1.0}


def test_weights_balance_the_means_of_all_users():
    rng = np.random.default_rng(2)
    covariates = rng.normal(size=(20_000, 3))
    consents = rng.random(20_000) < 1 / (1 + np.exp(0.4 + 0.5 * covariates[:, 0]))
    weights, largest = balancing_weights(covariates, consents)
    gaps = np.hstack([covariates, covariates**2])
    gaps = gaps[consents] - gaps.mean(axis=0)
    slopes = minimize(lambda x: logsumexp(gaps @ x), np.zeros(6), method="BFGS").x  # the same dual by scipy
    np.testing.assert_allclose(weights, len(gaps) * softmax(gaps @ slopes), atol=1e-3)
    assert largest == LARGEST
    assert weights.max() < LARGEST  # none was cut, so that balance is exact
    for moments in (covariates, covariates**2):
        mean = np.average(moments[consents], axis=0, weights=weights)
        np.testing.assert_allclose(mean, moments.mean(axis=0), atol=1e-3)


@pytest.mark.parametrize(("tilt", "least"), [(0.0, -0.01), (-0.8, 0.15)])
def test_consent_biases_only_by_what_it_tells_of_outcomes_and_weights_undo_that(tilt, least):
    """Consent by the activity that is among the covariates here: the truth is that of `truth`."""
    market = MARKETS["uneven"].settings
    activity = np.random.default_rng(3).normal(size=100_000)
    level = 0.4 if tilt == 0 else 1 / (1 + np.exp(0.6 - tilt * activity))
    consents = np.random.default_rng(4).random(100_000) < level
    itt, _ = expected_effects(chances(market, activity), market.holdout)
    true, moves = truth(market).itt, truth(market).itt > 0
    bias = {
        name: np.average(itt[consents], axis=0, weights=method.run(activity[:, None], consents)[0])[moves]
        / true[moves]
        - 1
        for name, method in WEIGHTINGS.items()
    }
    assert np.abs(bias["balanced"]).max() < 0.015
    assert np.abs(bias["unweighted"]).max() > least
    if tilt == 0:
        assert np.abs(bias["unweighted"]).max() < 0.015


def test_expected_effects_integrate_to_the_truth():
    market = MARKETS["uneven"].settings
    nodes, weights = activity_nodes(market)
    itt, held = expected_effects(chances(market, nodes), market.holdout)
    np.testing.assert_allclose(weights @ itt, truth(market).itt, atol=1e-12)
    np.testing.assert_allclose((weights @ itt / (weights @ held))[:4], truth(market).lift[:4], rtol=1e-10)


def test_bias_of_the_unweighted_is_that_of_the_consenting():
    market = MARKETS["uneven"].settings
    expected, _ = measure_campaigns(ConsentTask("uneven", 20_000, 3, np.random.SeedSequence(5)))
    agreeing = truth(replace(market, consent=0.4, consent_tilt=-0.8), consenting=True)
    np.testing.assert_allclose(expected[:, 2, 0, 0].mean(axis=0), agreeing.itt, rtol=0.02, atol=1e-9)


def test_weighted_itt_has_the_spread_that_its_standard_error_says():
    rng = np.random.default_rng(6)
    weights = rng.choice([0.5, 1.0, 3.0], 8_000, p=[0.5, 0.3, 0.2])
    drawn = []
    for _ in range(400):
        place = rng.integers(0, 32, 8_000) * 2 + (rng.random(8_000) < 0.1 * weights / 1.15)
        drawn.append(release(weighted_sums(place, 32, weights), 5.0, 2.0, rng))
    drawn, errors = weighted_itt(drawn)
    assert np.std(drawn) == pytest.approx(np.mean(errors), rel=0.06)
    assert abs(np.mean(drawn)) < 4 * np.std(drawn) / np.sqrt(2_000)
    _, error = weighted_itt([weighted_sums(place, 32, np.ones(8_000))])
    counts = np.bincount(place, minlength=64).reshape(32, 2).astype(float)
    assert error.mean() == pytest.approx(intent_to_treat(counts).std_error.mean(), rel=0.01)


def test_only_one_hot_reports_pass_the_client_library():
    good, bad = np.eye(64, dtype=np.int64), np.zeros((4, 64), dtype=np.int64)
    bad[0, :2], bad[1, 3], bad[2, 5] = 1, -1, 1000
    assert is_one_hot(good).all()
    assert not is_one_hot(bad).any()
    assert not is_one_hot(np.array([[2, -1, 0]])).any()


def test_sample_ratio_alarms_as_often_as_its_level_says_and_sees_a_lost_side():
    rng = np.random.default_rng(7)
    counts = rng.multinomial(10_000, np.full(64, 1 / 64), 4_000).reshape(-1, 32, 2)
    noisy = (
        counts + rng.geometric(1 - np.exp(-0.2), counts.shape) - rng.geometric(1 - np.exp(-0.2), counts.shape)
    )
    p = sample_ratio_p(noisy, 0.5, 1 / (2 * np.sinh(0.1) ** 2))
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.006)
    lost = counts.astype(float)
    lost[:, 16:] *= 0.8
    assert (sample_ratio_p(lost, 0.5)[:, 4] < 1e-6).all()


def test_findings_are_named_once_and_tell_what_the_chapter_needs(monkeypatch):
    monkeypatch.setenv("DTI_CORES", "1")
    seeds = np.random.SeedSequence(8)
    parts = [
        study_regions(load_regions(), seeds, n_campaigns=40, n_draws=20),
        study_consent(seeds, n_users=3_000, n_campaigns=2),
        study_clients(seeds, n_users=5_000, n_campaigns=100),
    ]
    estimates = {one.key: one for part in parts for one in part.estimates}
    assert len(estimates) == sum(len(part.estimates) for part in parts)
    for bar in ("regions_excess_strictest", "regions_wrong_share"):
        assert len(estimates[f"{bar}@same_rules"].draws) == len(estimates[f"{bar}@far_apart"].draws) == 20
    profiles, ours = (estimates[f"regions_excess_strictest{one}"] for one in ("", "_ours"))
    assert profiles.how == "2.5th to 97.5th percentile over 20 drawn profiles"
    assert profiles.low < ours.value < profiles.high
    parted = [estimates[f"regions_excess_strictest_{one}"].value for one in ("eu", "california", "china")]
    assert min(parted) < ours.value < max(parted)
    table = parts[0].series["regions"].set_index(["policy", "users"])
    assert (table.loc[["fitted", "strictest"], "breaches"] == 0).all()
    assert (table.loc[["laxest", "wrong"], "breaches"] > 0).all()
    assert estimates["clients_shift_thousandfold_k1"].value > 3
    assert estimates["clients_shift_thousandfold_k1_checked"].value == 0
    assert estimates["consent_bias_unweighted_c40_no_noise@uneven"].value < -0.1

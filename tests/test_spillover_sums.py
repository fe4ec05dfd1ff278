"""Private sums of study spillover: known answers of sums, noise and attackers; worlds that fail or pass."""

import math
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dti_core.bridges.privacy import discrete_laplace
from dti_core.bridges.secure_sum import secure_histogram
from dti_core.lab.errors import DataError
from dti_core.studies.spillover.data.exploits import START, exploits_of
from dti_core.studies.spillover.data.ratings import load_ratings, ratings_of
from dti_core.studies.spillover.data.regions import Profile, load_profiles, profiles_of
from dti_core.studies.spillover.methods import regional, sums, warnings
from dti_core.studies.spillover.methods.task import Effort, Task
from dti_core.studies.spillover.model import attacker, months
from dti_core.studies.spillover.model import sums as model
from dti_core.studies.spillover.model.gains import null_gains
from dti_core.studies.spillover.model.losses import PLACEBO, WITH
from dti_core.studies.spillover.worlds.sums import Members, planted_members, read_with_error

BOUNDS = (-1.0, 3.0)
TINY = Task(3, Effort(4, 20, 10, 10))


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.fixture(scope="module")
def busy():
    """Months of 60 members with rates of their own and nothing in common."""
    rng = np.random.default_rng(8)
    active = (rng.random((60, 50)) < rng.uniform(0.02, 0.3, (60, 1))).astype(float)
    return months.Months(active, np.where(active > 0, 3.0, np.nan))


def test_two_aggregators_give_the_plain_sums(rng):
    """The Monte Carlo adds noise to plain sums; the code of commerce gives the very same without noise."""
    values, codes = rng.uniform(-2, 4, (40, 1)), rng.integers(4, size=40)
    steps = model.steps_of(values, BOUNDS)
    released = secure_histogram(model.reports_of(steps[:, 0], codes, 4))
    up, down = (model.group_totals(one, codes[None], 4)[0, :, 0] for one in (steps, model.STEPS - steps))
    assert released.tolist() == [*up.astype(int), *down.astype(int)]


def test_noise_of_both_aggregators_has_the_variance_told(rng):
    release = model.Release(0.7, steps=3)
    drawn = release.noise((20_000,), rng)
    draws = [
        secure_histogram(np.zeros((1, 4_000), dtype=int), partial(discrete_laplace, release.scale, rng=rng))
    ]
    for sample in (drawn, *draws):
        assert np.var(sample) == pytest.approx(release.variance, rel=0.1)
    assert model.Release(math.inf).variance == 0
    assert not model.Release(math.inf).noise((3,), rng).any()
    assert "epsilon 0.7, delta 0 a firm and year (add or remove one), pure" in release.guarantee.text


@given(st.floats(-50, 50), st.integers(0, 3))
def test_every_report_moves_the_sums_equally_far(value, group):
    """The L1 norm of a report is the sensitivity to one member more or less, whatever its value."""
    steps = model.steps_of(np.array([value]), BOUNDS)
    report = model.reports_of(steps, np.array([group]), 4)
    assert report.min() >= 0
    assert np.abs(report).sum() == model.STEPS


def test_exact_means_are_those_of_pandas_and_noisy_ones_return_to_the_centre(rng):
    values, codes = rng.uniform(*BOUNDS, (50, 2)), np.arange(50) % 5
    values[3, 0] = np.nan
    wanted = pd.DataFrame(values).groupby(codes).mean().to_numpy()
    centre = np.full((1, 1, 1), 0.5)
    for epsilon, told, within in ((math.inf, wanted, 0.01), (1e-4, 0.5, 0.8)):
        found = model.release_sums(
            model.steps_of(values, BOUNDS), codes[None], 5, model.Release(epsilon), 1, rng
        )
        assert model.group_means(found, BOUNDS, centre)[0] == pytest.approx(told, abs=within)
    assert model.raw_means(found.weighed(0.0), BOUNDS) == pytest.approx(BOUNDS[0])


def test_weights_are_those_of_least_squares(rng):
    own, target = rng.standard_normal((1, 9, 6)), rng.standard_normal((9, 6))
    learning = np.arange(6) < 4
    seen, wanted = own[0][:, learning].ravel(), target[:, learning].ravel()
    mean = np.cumsum(own, axis=2) / np.arange(1, 7)
    columns = np.column_stack([seen, mean[0][:, learning].ravel()]) - 2
    a, b = np.linalg.lstsq(columns, wanted - 2, rcond=None)[0]
    found = model.shrunk(own, np.full((1, 1, 1), 2.0), target, learning)
    assert found == pytest.approx(2 + a * (own - 2) + b * (mean - 2), abs=1e-4)
    table = np.column_stack([np.ones(len(seen)), seen])
    first, second = np.linalg.lstsq(table, wanted, rcond=None)[0]
    found = model.least_squares([np.ones((1, 1, 1)), own], target, learning)
    assert found == pytest.approx(first + second * own, abs=1e-6)


def test_a_mean_so_far_leaves_out_what_is_absent_and_what_comes_later():
    found = model.mean_so_far(np.array([[np.nan, 2.0, np.nan, 6.0]]))
    assert found[0, 1:].tolist() == [2.0, 2.0, 4.0]
    assert np.isnan(found[0, 0])


def test_a_bank_that_averages_its_readings_is_a_rival_that_sums_may_lose_to():
    """Where readings err each alone their group means are as good as any sum, without its noise."""
    made = planted_members((240, 6), 6, BOUNDS, np.random.default_rng(3))
    honest = Members(made.values, made.codes, BOUNDS, partial(read_with_error, made.values, 0.8))
    losses = sums.losses_in(honest, 1.0, 8, np.random.default_rng(4), pooled=True)
    assert set(losses.rivals) == {"without", sums.GLOBAL, sums.LAST, sums.READINGS, sums.STALE}
    assert losses.best_rival == sums.READINGS
    assert losses.mean(sums.READINGS) < losses.mean(WITH)
    wrong = sums.losses_in(made, 1.0, 8, np.random.default_rng(4), pooled=True)
    assert wrong.mean(sums.READINGS) > wrong.mean(WITH)


def test_firms_of_a_group_hang_together():
    """The interval is as wide as that of six groups, however many firms they have."""
    made = planted_members((240, 6), 6, BOUNDS, np.random.default_rng(3))
    losses = sums.losses_in(made, 1.0, 4, np.random.default_rng(4), pooled=True)
    one = losses.gain(PLACEBO)
    assert one.how == "clustered by 4 seeds x 6 clusters of units"
    assert one.std_error > losses.__class__(losses.arms, losses.rows).gain(PLACEBO).std_error


def test_raw_sector_means_lose_to_one_global_mean_where_noise_is_large():
    """The known trap: most of what sector means give at a small epsilon is shrinkage."""
    members, rng = sums.firms_members(), np.random.default_rng(2)
    for epsilon, raw_wins in ((0.5, False), (8.0, True)):
        losses = sums.all_losses(members, epsilon, 8, rng, pooled=True)
        assert sums.RAW not in sums.contest(losses).arms
        assert (losses.mean(sums.RAW) < losses.mean(sums.GLOBAL)) is raw_wins
        assert losses.mean(WITH) < losses.mean(sums.GLOBAL)


def test_groups_by_chance_fail_and_groups_apart_pass():
    made = planted_members((120, 6), 6, BOUNDS, np.random.default_rng(4))
    found = sums.draws_of(
        TINY,
        "test",
        {"null": partial(sums.null_draw, made, True), "planted": partial(sums.planted_draw, made, True)},
    )
    assert np.mean([one.lesser.low > 0 for one in found["null"]]) <= 0.1
    assert np.mean([one.lesser.low > 0 for one in found["planted"]]) >= 0.8


@given(st.floats(0.05, 6), st.integers(1, 6), st.sampled_from(("aggregator", "outsider")))
@settings(max_examples=25, deadline=None)
def test_no_attacker_beats_the_bound(epsilon, n, view):
    found = attacker.exact_advantage(epsilon, view, n)
    assert 0 < found <= attacker.bound(epsilon, n) + 1e-9
    assert found <= attacker.exact_advantage(epsilon, "aggregator", n) + 1e-3


def test_advantage_by_hand():
    """One draw of two-sided geometric noise meets the bound; two releases by all pairs of outcomes."""
    assert attacker.exact_advantage(1.3, "aggregator") == pytest.approx(math.tanh(0.65), abs=1e-9)
    pmf = attacker.noise_pmf(1.0, 1)
    middle = len(pmf) // 2
    near = range(middle - 14, middle + 15)
    pairs = (pmf[i - 1] * pmf[j - 1] - pmf[i] * pmf[j] for i, j in product(near, near))
    total = sum(max(one, 0.0) for one in pairs)
    assert attacker.exact_advantage(1.0, "aggregator", 2) == pytest.approx(total, abs=1e-4)
    assert attacker.exact_advantage(math.inf, "outsider", 3) == 1.0


@pytest.mark.parametrize(("view", "n_noises"), attacker.UNKNOWN.items())
def test_the_exact_advantage_is_that_of_simulated_releases(view, n_noises, rng):
    """Who says "in" from 1 up on releases less all known reports: 40,000 with the report, 40,000 without."""
    scale = model.Release(1.0, steps=1).scale
    noise = discrete_laplace(scale, (2, n_noises, 40_000), rng).sum(axis=1)
    seen = float(np.mean(1 + noise[0] >= 1) - np.mean(noise[1] >= 1))
    assert seen == pytest.approx(attacker.exact_advantage(1.0, view), abs=4 * np.sqrt(0.5 / 40_000))


def test_an_attack_is_set_against_a_sample_of_the_judged_months(busy, rng):
    judged = warnings.judged_totals(busy)
    assert len(judged) == int((~busy.learning).sum())
    every = np.arange(len(judged))
    seen, spared = warnings.attacked(busy, 1.0, "outsider", every, 100, rng)
    exact = attacker.exact_advantage(1.0, "outsider")
    share = attacker.sampled_share(judged.mean(), model.Release(1.0, steps=1).variance)
    assert (seen.value, spared.value) == pytest.approx((exact, share - exact))
    assert spared.low < spared.value < spared.high
    alone, less = warnings.attacked(busy, 1.0, "outsider", every, 100, rng, forgotten=True)
    assert alone.value == 1.0
    assert less.high < 0
    assert warnings.judged_totals(warnings.crowd(busy)).mean() == warnings.CROWD * judged.mean()


def test_a_sample_in_secret_by_hand():
    """One other, each in by half: 0, 1, 2 come with 1/4, 1/2, 1/4, or without it with 1/2, 1/2, 0."""
    assert attacker.secret_advantage(np.array([1.0]), 0.5) == pytest.approx(0.25)
    assert attacker.secret_advantage(np.array([0.0, 0.0]), 0.3) == pytest.approx(0.3)
    both = attacker.secret_advantage(np.array([0.0, 1.0]), 0.5)
    assert both == pytest.approx((0.5 + 0.25) / 2)


def test_aggregators_are_held_against_plain_sums(rng, monkeypatch):
    steps = model.steps_of(rng.uniform(-2, 4, (30, 3)), BOUNDS)
    steps[4, 1] = np.nan
    codes = rng.integers(3, size=30)
    model.check_sums(steps, codes, 3)
    monkeypatch.setattr(model, "secure_histogram", lambda reports: secure_histogram(reports) + 1)
    with pytest.raises(ArithmeticError, match="period 0"):
        model.check_sums(steps, codes, 3)


def test_a_sample_of_that_share_errs_as_much_as_the_noise(rng):
    variance = model.Release(1.0, steps=1).variance
    share = attacker.sampled_share(9.0, variance)
    sampled = rng.binomial(9, share, 50_000) / share
    assert np.var(sampled) == pytest.approx(variance, rel=0.05)


def test_months_by_hand():
    found = months.months_of(np.array([0, 0, 1, 1]), np.array([5, 2, 29, 90]), 2, 90)
    assert found.active.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert found.first[0, 0] == 2
    assert found.first[1, 1] == 1
    assert np.isnan(found.first[1, 0])


def test_warnings_by_hand():
    """Of two active member-months in the test one is watched, from the month's start to its day 10."""
    active = np.zeros((2, 6))
    active[0, 4], active[1, 5] = 1, 1
    made = months.Months(active, np.where(active > 0, 10.0, np.nan))
    forecast = np.zeros((2, 5))
    forecast[0, 3] = 0.9
    assert months.warned(made, forecast, 0.25, np.arange(2)) == (0.5, 5.0)


def test_totals_of_other_months_fail_and_common_waves_pass(busy):
    draws = {"null": partial(warnings.null_draw, busy), "planted": partial(warnings.planted_draw, busy)}
    found = warnings.draws_of(TINY, "months", draws)
    assert np.mean([one.lesser.low > 0 for one in found["null"]]) <= 0.1
    assert np.mean([one.lesser.low > 0 for one in found["planted"]]) >= 0.8


def test_nobody_is_in_the_fixes_because_of_what_came_later():
    found = warnings.fixes_months()
    assert found.active[:, : found.learning.sum() + 1].any(axis=1).all()
    assert set(np.unique(found.active)) == {0.0, 1.0}


def test_wrong_but_lawful_rules_are_no_laxer_than_the_law():
    profiles = load_profiles()
    assert [one.epsilon for one in profiles] == [1.0, 2.0, 1.0, math.inf]
    for seed in range(9):
        for dealt, law in zip(regional.wrongly(profiles, seed, lawful=True), profiles, strict=True):
            assert dealt.epsilon <= law.epsilon
            assert dealt.taking_part <= law.taking_part
            assert dealt.least_batch >= law.least_batch
            assert dealt.name != law.name
    assert {one.epsilon for one in regional.strictest(profiles)} == {1.0}


@pytest.mark.parametrize("target", ["firms", "months"])
def test_rules_alike_fail_and_rules_apart_pass(target, busy):
    alike, rng = (Profile("one", 1.0, 0.5, 1.0),) * 4, np.random.default_rng(6)
    made = planted_members((120, 5), 6, BOUNDS, rng)
    losses = (
        partial(regional.firm_losses, made) if target == "firms" else partial(regional.month_losses, busy)
    )
    planted = (
        partial(regional._planted_ratings, made)
        if target == "firms"
        else partial(regional._planted_fixes, busy)
    )
    null = [null_gains(regional.contest(losses(alike, 16, rng))).lesser.low > 0 for _ in range(12)]
    assert np.mean(null) <= 0.1
    assert np.mean([planted(rng).lesser.low > 0 for _ in range(10)]) >= 0.8


def test_a_region_below_its_batch_reports_nothing(rng):
    """Without any report forecasts are those without sums, but for the weight, which is the same too."""
    made = planted_members((40, 5), 4, BOUNDS, rng)
    silent = (Profile("silent", 1.0, 1.0, 1e6),) * 4
    losses = regional.firm_losses(made, silent, 4, rng, 1.0)
    assert losses.mean(WITH) == pytest.approx(losses.mean("without"), rel=1e-9)
    assert losses.mean(PLACEBO) == pytest.approx(losses.mean(WITH), rel=1e-9)


def _reports(**changed):
    rows = [("a", "Kenya", "Mining", 2014), ("a", "Kenya", "Mining", 2015), ("b", "Ghana", "Media", 2014)]
    table = pd.DataFrame(rows, columns=["company", "listing_country", "industry", "reporting_year"])
    return table.assign(com_1=[0, 5, 2], env_1=[4, 5, 2], com_note=["", "", ""]).assign(**changed)


def test_ratings_are_means_of_items_and_readings_of_some():
    found = ratings_of(pd.concat([_reports(), _reports().iloc[[2]]]))
    assert found.firms == ("a",)
    assert found.scores.tolist() == [[2.0, 5.0]]
    read = found.read(50, 200, np.random.default_rng(1))
    assert read.mean(axis=0)[0] == pytest.approx([2.0, 5.0], abs=0.1)


@pytest.mark.parametrize(
    ("table", "word"),
    [(_reports(com_1=[0, 9, 2]), "coded 0 to 5"), (_reports().drop(columns="industry"), "industry")],
)
def test_unfit_ratings_are_refused(table, word):
    with pytest.raises(DataError, match=word):
        ratings_of(table)


def test_absent_data_are_told_and_not_replaced(monkeypatch, tmp_path):
    monkeypatch.setenv("DTI_DATA", str(tmp_path))
    with pytest.raises(DataError, match="dti data get csr_africa"):
        load_ratings()


def test_other_rules_are_of_the_same_kind(rng):
    for one in load_profiles():
        many = [one.varied(rng) for _ in range(50)]
        assert all(one.epsilon / 4 <= other.epsilon <= 4 * one.epsilon for other in many)
        assert all(0 < other.taking_part <= 1 and other.least_batch >= 1 for other in many)
        assert len({other.least_batch for other in many}) > 1


def test_profiles_out_of_range_are_refused():
    columns = ["region", "parameter", "value"]
    rows = [("x", "consent_default", "none"), ("x", "epsilon_epoch", "-1"), ("x", "least_batch", "1")]
    with pytest.raises(DataError, match="out of its range"):
        profiles_of(pd.DataFrame(rows, columns=columns))
    with pytest.raises(DataError, match="epsilon_epoch"):
        profiles_of(pd.DataFrame(rows[:1], columns=columns))


def test_vendors_are_those_known_before_the_start():
    late = pd.Timestamp(START) + pd.Timedelta(days=3)
    rows = [("a", "2022-01-05"), ("a", str(late.date())), ("b", str(late.date()))]
    names, vendor, day = exploits_of(pd.DataFrame(rows, columns=["vendorProject", "dateAdded"]))
    assert names == ("a",)
    assert vendor.tolist() == [0]
    assert day.tolist() == [3]


def test_a_cell_is_the_same_twice(monkeypatch):
    made = planted_members((60, 5), 5, BOUNDS, np.random.default_rng(9))
    noisy = Members(made.values, made.codes, BOUNDS, partial(read_with_error, made.values, 0.4))
    monkeypatch.setattr(sums, "firms_members", lambda error=0.3: noisy)
    first, second = sums.run_firms(TINY), sums.run_firms(TINY)
    assert first.estimates == second.estimates
    assert first.observed == second.observed
    names = [one.key for one in first.estimates]
    assert len(set(names)) == len(names)

"""Attribution in the study of private lift: rules by hand, textbook chains, games, and the exact limits."""

import numpy as np
import pytest

from dti_core.bridges.privacy import Guarantee
from dti_core.lab.bars import cleared
from dti_core.lab.findings import Findings
from dti_core.lab.record import OBSERVED
from dti_core.lab.register import Bar
from dti_core.studies.private_lift.measures.apart import MATTERS, _by_users, errors, study_apart
from dti_core.studies.private_lift.measures.attribution import (
    _experiment,
    limits,
    pooled,
    study_attribution,
    targeting_curve,
    users_needed,
)
from dti_core.studies.private_lift.measures.paths import credit_shares, study_paths, study_private_paths
from dti_core.studies.private_lift.measures.reports import Plan
from dti_core.studies.private_lift.measures.telling import GUARANTEE, laplace_variance, released
from dti_core.studies.private_lift.methods.attribution import METHODS, Evidence
from dti_core.studies.private_lift.model.cells import bits, shapley_weights
from dti_core.studies.private_lift.model.journeys import Journeys, journeys_from, journeys_of, markov_removal
from dti_core.studies.private_lift.model.lift import factorial_shapley, shares
from dti_core.studies.private_lift.worlds import AUDIENCES, CAMPAIGN, MARKETS, OVERLAPPING, changed
from dti_core.studies.private_lift.worlds.market import (
    activity_nodes,
    draw_counts,
    exposure_chance,
    joint,
    truth,
)
from dti_core.studies.private_lift.worlds.paths import expected_journeys, order_chance, scaled_targeting
from dti_core.studies.private_lift.worlds.users import simulate_users

RNG = np.random.default_rng(0)


def run(name: str, journeys: Journeys) -> np.ndarray:
    """Shares that a method credits on these paths."""
    credit = METHODS[name].run(Evidence(journeys, 1.0), RNG)
    return credit / credit.sum()


@pytest.fixture
def two_channels() -> Journeys:
    """Channels A and B: 6 users walk A A B and buy, 4 walk B and buy, 5 walk A and do not; 10 see nothing."""
    return journeys_from(((0, 0, 1), (1,), (0,), ()), np.array([6, 4, 0, 1]), np.array([0, 0, 5, 9]))


@pytest.mark.parametrize(
    ("name", "first_channel"),
    [
        ("first_touch", 0.6),  # 6 of 10
        ("last_touch", 0.0),
        ("linear", 6 * 2 / 3 / 10),
        ("time_decay", 6 * (1 / 4 + 1 / 2) / (7 / 4) / 10),
        ("position", 6 * (0.4 + 0.2) / 10),
        ("set_shapley", 6 / 2 / 10),
    ],
)
def test_rules_by_hand(name: str, first_channel: float, two_channels: Journeys) -> None:
    assert run(name, two_channels) == pytest.approx([first_channel, 1 - first_channel])


def test_rules_credit_each_touched_conversion_once(two_channels: Journeys) -> None:
    """10 of 25 users converted after a touch, and the one who converted without is credited to nobody."""
    for name in ("first_touch", "linear", "time_decay", "position", "set_shapley", "markov"):
        credit = METHODS[name].run(Evidence(two_channels, 1.0), RNG)
        assert credit.sum() == pytest.approx(10 / 25)


def test_markov_meets_the_textbook_chain() -> None:
    """C1 C2 C3 converts, C1 and C2 C3 do not: P = 1/3; removal 1/2, 1 and 1 (Bryl', "Marketing multi-channel
    attribution model based on Markov chains", 2016)."""
    journeys = journeys_from(((0, 1, 2), (0,), (1, 2)), np.array([1, 0, 0]), np.array([0, 1, 1]))
    assert markov_removal(journeys) == pytest.approx([0.5, 1.0, 1.0])


def test_markov_with_two_channels_by_hand(two_channels: Journeys) -> None:
    """Of A's 17 moves 6 stay, 6 go to B, 5 end; B always converts. P(A) = 6/11, P = (11 * 6/11 + 4) / 15."""
    assert markov_removal(two_channels) == pytest.approx([6 / 10, 1.0])


def test_samples_of_the_same_paths_are_credited_one_by_one(two_channels: Journeys) -> None:
    double = np.vstack([two_channels.converted, 2 * two_channels.converted])
    missed = np.vstack([two_channels.missed, two_channels.missed])
    both = Journeys(two_channels.steps, double, missed, 2)
    for name in ("last_touch", "markov", "set_shapley"):
        rows = METHODS[name].run(Evidence(both, 1.0), RNG)
        assert rows[0] == pytest.approx(METHODS[name].run(Evidence(two_channels, 1.0), RNG))


def test_the_shapley_value_of_totals_splits_each_path_evenly() -> None:
    """Zhao et al.'s closed form is the Shapley value of v(S) = conversions on paths within S."""
    journeys = expected_journeys(CAMPAIGN, 1.0)
    sets = journeys.touched @ (1 << np.arange(5))
    own = np.bincount(sets, journeys.converted, 32)
    inside = (np.arange(32)[:, None] & np.arange(32)) == np.arange(32)
    assert METHODS["set_shapley"].run(Evidence(journeys, 1.0), RNG) == pytest.approx(
        shapley_weights(5) @ (inside @ own), rel=1e-5
    )


def test_paths_of_users_are_in_the_order_of_time() -> None:
    times = np.array([[0.9, 0.1], [np.nan, 0.5], [np.nan, np.nan], [0.8, 0.2]])
    journeys = journeys_of(times, np.array([True, False, True, False]))
    ends = zip(journeys.steps, journeys.converted, journeys.missed, strict=True)
    found = {tuple(map(int, path)): (won, lost) for path, won, lost in ends}
    assert found == {(1, 0): (1, 1), (1, -1): (0, 1), (-1, -1): (1, 0)}


def test_orders_of_touches_have_all_the_chance() -> None:
    assert order_chance((0.3, 0.3)) == pytest.approx(0.5, abs=1e-6)
    assert order_chance((0.2, 0.9)) + order_chance((0.9, 0.2)) == pytest.approx(1, abs=1e-6)
    assert expected_journeys(CAMPAIGN, 1.0).n_users == pytest.approx(1, abs=1e-6)


def test_limits_are_what_many_users_give() -> None:
    users = simulate_users(CAMPAIGN, 150_000, np.random.default_rng(3))
    journeys, exact = journeys_of(users.times, users.converted), limits(CAMPAIGN)
    for name in ("first_touch", "last_touch", "time_decay", "markov"):
        assert run(name, journeys) == pytest.approx(exact[name], abs=0.02)


def test_false_credit_is_as_published_and_the_experiment_gives_none() -> None:
    """The channel that moves nobody gets 24 % by last touch and 34 % by an observational Shapley value."""
    exact = limits(CAMPAIGN)
    assert exact["last_touch"][-1] == pytest.approx(0.24, abs=0.005)
    assert exact["exposure_shapley"][-1] == pytest.approx(0.34, abs=0.005)
    assert abs(exact["factorial"][-1]) < 1e-6
    assert exact["factorial"] == pytest.approx(truth(CAMPAIGN).shares, abs=1e-6)


def test_without_targeting_scaled_exposure_values_agree_with_the_truth() -> None:
    market = MARKETS["no_targeting"].settings
    exact, true = limits(market), truth(market).shares
    assert exact["exposure_shapley_scaled"] == pytest.approx(true, abs=2e-3)
    assert np.abs(exact["exposure_shapley"] - true).max() > 0.03  # an effect an exposure is another question
    assert np.abs(exact["last_touch"] - true).max() > 0.1  # buyers who would have bought anyway


def test_scaled_targeting_reaches_as_many() -> None:
    points, weights = activity_nodes(CAMPAIGN)
    for factor in (0.0, 1.3):
        moved = scaled_targeting(CAMPAIGN, factor)
        assert weights @ exposure_chance(moved, points) == pytest.approx(
            weights @ exposure_chance(CAMPAIGN, points), abs=1e-9
        )
    curve = targeting_curve(CAMPAIGN).set_index("targeting")
    assert abs(curve["exposure_shapley"].iloc[0]) < 1e-3
    assert curve["exposure_shapley"].iloc[0] < curve["exposure_shapley"].loc[1.0]


def test_observational_estimators_are_right_where_nobody_is_targeted() -> None:
    """Matching and double machine learning, within four standard errors of what exposure adds."""
    market = scaled_targeting(CAMPAIGN, 0.0)
    drawn = []
    for seed in range(3):
        users = simulate_users(market, 30_000, np.random.default_rng(seed))
        evidence = Evidence(journeys_of(users.times, users.converted), 1.0, users)
        added = [np.mean(users.exposed[:, c] * users.moved[:, c] * (1 - users.unmoved)) for c in range(5)]
        drawn.append([METHODS[name].run(evidence, RNG) - added for name in ("matching", "dml")])
    gaps = np.array(drawn)
    assert (np.abs(gaps.mean(axis=0)) < 4 * gaps.std(axis=0, ddof=1).max() / np.sqrt(3)).all()


def test_a_pooled_share_is_a_ratio_of_means() -> None:
    credit = np.array([[1.0, 3.0], [3.0, 1.0], [2.0, 2.0]])
    found = pooled(credit)
    assert [one.value for one in found] == pytest.approx([0.5, 0.5])
    assert found[0].low < 0.5 < found[0].high


def test_noise_of_a_release_has_its_variance_and_says_its_promise() -> None:
    noise = released(np.zeros(200_000), 1.0, np.random.default_rng(1))
    assert noise.var() == pytest.approx(laplace_variance(1.0), rel=0.03)
    assert released(np.array([3.0]), np.inf, RNG) == pytest.approx([3.0])
    promise = Guarantee("user", "add or remove one", 1.0, 0.0, "pure").text
    assert all(word in promise for word in ("user", "add or remove one", "delta 0", "pure epsilon"))
    assert "add or remove one, delta 0, pure epsilon" in GUARANTEE


def test_users_needed_halve_the_interval_fourfold() -> None:
    cells = 1e6 * joint(CAMPAIGN).sum(axis=1)[None]
    few, many = users_needed(cells, 4, 0.06, np.inf), users_needed(cells, 4, 0.03, np.inf)
    assert many / few == pytest.approx(4, rel=0.01)
    noisy = users_needed(cells, 4, 0.03, 0.1)
    assert noisy > users_needed(cells, 4, 0.03, 1.0) > many
    for needed, epsilon in ((many, np.inf), (noisy, 0.1)):  # the interval reaches just so far there
        there = needed[0] * cells / cells.sum()
        _, errors_of = shares(*factorial_shapley(there, laplace_variance(epsilon)))
        assert 1.959964 * errors_of[0, 4] == pytest.approx(0.03, rel=1e-4)


def test_campaigns_of_the_size_that_is_needed_spread_as_far_as_was_asked() -> None:
    """Shares of the null channel in 600 campaigns, with the noise that was reckoned with."""
    found, rng = Findings(), np.random.default_rng(3)
    _experiment(found, "private", CAMPAIGN, 1_000_000, 200, 0.1, np.random.default_rng(4))
    (needed,) = (one for one in found.estimates if one.name == "experiment_private_users_for_3_points")
    assert needed.low < needed.value < needed.high < 2 * needed.low
    counts = draw_counts(CAMPAIGN, int(needed.value), 600, rng).sum(axis=2)
    values, _ = factorial_shapley(released(counts, 0.1, rng))
    assert 1.96 * np.std(values[:, 4] / values.sum(axis=1)) == pytest.approx(0.03, rel=0.1)


def test_the_curve_by_users_tells_of_campaigns_and_of_its_means() -> None:
    """More campaigns narrow the mean's interval, and not the range of campaigns."""
    few, many = (_by_users(n, 1.0, np.random.default_rng(n)) for n in (20, 80))
    for table in (few, many):
        inside = table[["least", "low", "mean", "high", "most"]].to_numpy()
        assert (np.diff(inside[:, 1:4], axis=1) >= 0).all()
        assert (inside[:, 4] >= inside[:, 2]).all()
    width = [(one["high"] - one["low"]).sum() for one in (few, many)]
    spread = [(one["most"] - one["least"]).sum() for one in (few, many)]
    assert width[1] < 0.7 * width[0]
    assert spread[1] > 0.8 * spread[0]


def test_apart_platforms_count_buyers_and_users_twice() -> None:
    """Reaches of platforms add up to P(exposed to c) over c, of which the union is 26 % less."""
    wrong = errors(CAMPAIGN, 100_000, 10, 1.0, np.random.default_rng(2))
    inside = bits(5)
    assert inside.shape == (32, 5)
    assert wrong["claims"]["reach"].mean() == pytest.approx(0.7420 / 0.5473 - 1, abs=0.01)
    assert wrong["claims"]["credit"].mean() > 0.2 > wrong["joint_private"]["credit"].mean()
    assert wrong["shuffled"]["bias"].mean() == pytest.approx(-1, abs=0.1)


def test_the_bars_of_channels_apart_fail_and_pass_where_they_must() -> None:
    found = study_apart(np.random.SeedSequence(4), 200_000, 40, 20)
    by_key = {one.key: one for one in found.estimates}
    for bar in ("apart_worst_excess", "apart_worst_excess_campaign"):
        draws = {world: by_key[f"{bar}@{world}"].draws for world in AUDIENCES}
        assert {len(one) for one in draws.values()} == {20}
        judged = Bar(estimate=bar, label="x", direction="greater", than=0, smallest_effect=MATTERS)
        none, strong = (cleared(judged, by_key[f"{bar}@{world}"], planted=world == "overlapping")
                        for world in AUDIENCES)  # fmt: skip
        assert none is not None
        assert not none[0]
        assert strong is not None
        assert strong[0]
    assert all(low > MATTERS for low, _ in by_key["apart_worst_excess@overlapping"].draws)
    assert 0 < by_key["apart_share_of_markets"].value < 1
    slopes = found.series["apart_by_slope"].set_index("slope_to")
    assert slopes.loc[0.2, "share_that_matters"] < slopes.loc[2.0, "share_that_matters"]
    assert slopes.loc[2.0, "median"] > 2 * slopes.loc[0.4, "median"]


def test_reach_of_independent_audiences_is_right_where_they_are_and_wrong_where_they_are_not() -> None:
    """One less the product of those missed: true where being in one audience says nothing of another."""
    rng = np.random.default_rng(6)
    even = errors(changed(CAMPAIGN, targeting=0.0), 500_000, 20, 8.0, rng)["tested"]["reach"].mean()
    assert even < 0.003
    assert errors(OVERLAPPING, 500_000, 20, 8.0, rng)["tested"]["reach"].mean() > 0.05


def test_attribution_is_estimated_the_same_twice() -> None:
    one, two = (study_attribution(np.random.SeedSequence(7), 5_000, 2, 5) for _ in range(2))
    assert [(e.key, e.value) for e in one.estimates] == [(e.key, e.value) for e in two.estimates]
    assert {e.world for e in one.estimates} == {OBSERVED, "no_targeting"}
    assert set(one.series["attribution"]["method"]) == set(METHODS)


def test_rules_on_given_paths_disagree_by_their_distance(two_channels: Journeys) -> None:
    found = study_paths(two_channels, np.random.default_rng(1), 50)
    by_name = {one.name: one for one in found.estimates}
    assert by_name["rules_apart_last_touch_first_touch"].value == pytest.approx(0.6)
    assert {what for what, _ in found.left_out} >= {"factorial on real paths", "dml on real paths"}


@pytest.mark.parametrize("rule", ["first_touch", "last_touch", "linear"])
def test_a_private_rule_is_the_rule_and_noise(rule: str, two_channels: Journeys) -> None:
    """Its mean is the rule's credit, and the spread of its counts that of discrete Laplace noise."""
    many = Journeys(
        two_channels.steps, np.tile(two_channels.converted, (4_000, 1)), two_channels.missed, 2
    )  # fmt: skip
    plain = METHODS[rule].run(Evidence(two_channels, np.inf), RNG)
    counts = METHODS[f"{rule}_private"].run(Evidence(many, 0.5), np.random.default_rng(1)) * 25
    assert counts.mean(axis=0) == pytest.approx(25 * plain, abs=4 * np.sqrt(8 / 4_000))
    assert counts.var(axis=0) == pytest.approx(2 / 0.5**2, rel=0.15)


@pytest.mark.parametrize("rule", ["first_touch", "last_touch", "linear"])
def test_a_path_more_moves_the_histogram_by_one_at_most(rule: str) -> None:
    """Without noise to speak of: a path of seven, eleven or no touches adds one or less over all channels."""
    for path in ((0, 1, 2, 0, 1, 2, 1), (0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1), (2,), ()):
        with_it, without = (
            journeys_from(((0, 1, 2), path), np.array([5, n]), np.array([5, 0])) for n in (1, 0)
        )
        credit = [METHODS[f"{rule}_private"].run(Evidence(one, 1e9), RNG) * one.n_users
                  for one in (with_it, without)]  # fmt: skip
        moved = np.abs(credit[0] - credit[1]).sum()
        assert moved <= 1 + 1e-6
        assert moved == pytest.approx(float(len(path) > 0), abs=0.01)


@pytest.mark.parametrize("rule", ["first_touch", "last_touch", "linear"])
def test_intervals_of_private_credit_hold_the_truth(rule: str) -> None:
    """Paths and noise drawn anew, few enough that noise matters; those of linear credit may be wide."""
    rng, steps = np.random.default_rng(2), ((0, 1), (1, 2, 0), (2,), (0,), (1, 1, 2))
    chance = np.array([0.2, 0.15, 0.3, 0.25, 0.1])
    zero = np.zeros(len(steps))
    true = METHODS[rule].run(Evidence(journeys_from(steps, chance, zero), np.inf), RNG)
    held, without = [], []
    for _ in range(1_500):
        won = rng.poisson(300 * chance).astype(float)
        found = credit_shares(rule, journeys_from(steps, won, zero), 0.1, 1, rng)
        held.append(np.abs(found.value - true) <= 1.959964 * found.std_error)
        noiseless = credit_shares(rule, journeys_from(steps, won, zero), np.inf, 1, rng).std_error
        without.append(np.abs(found.value - true) <= 1.959964 * noiseless)
    least, most = (0.93, 0.97) if rule != "linear" else (0.93, 1.0)
    assert least < np.mean(held) < most
    assert np.mean(without) < 0.85  # errors that leave the noise out would be too small


def test_private_answers_on_paths_stand_beside_the_plain_ones_with_their_promise(
    two_channels: Journeys,
) -> None:
    found = study_private_paths(two_channels, Plan(np.random.SeedSequence(3), 50))
    rows, by_name = found.series["paths"], {one.name: one for one in found.estimates}
    assert by_name["paths_linear_channel_1_plain"].value == pytest.approx(40)
    assert set(rows["title"]) == {"First touch", "Last touch", "Linear"}
    for one in found.estimates:
        promise = str(one.at["guarantee"])
        wanted = ("delta 0 a path", "add or remove one", "pure epsilon accounting")
        assert promise == "no privacy" if one.name.endswith("plain") else all(w in promise for w in wanted)
    moved = [by_name[f"paths_moved_linear_eps{epsilon}"].value for epsilon in ("0_5", "1", "2")]
    assert moved[0] > moved[1] > moved[2] > 0

"""Time to repair: a table of hand, statsmodels, backlogs that no order moves, and both controls."""

import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from dti_core.studies.vuln_priority.measures.repair import (
    CAPACITIES,
    HORIZON,
    Teams,
    follow,
    saved,
    study_repair,
)  # fmt: skip
from dti_core.studies.vuln_priority.model.survival import (
    logrank,
    median_time,
    open_share,
    restricted_mean,
    team_mean,
    work_off,
)  # fmt: skip

#: Weeks of remission of the treated, Freireich et al. (1963); the last 12 had not ended when last seen.
WEEKS = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35], dtype=float)
ENDED = np.arange(21) < 9


def test_kaplan_meier_of_a_textbook():
    """S(6) = 18/21, S(7) = .807, S(10) = .753, S(13) = .690, S(16) = .627, S(22) = .538, S(23) = .448."""
    ends, left = open_share(WEEKS, ENDED, np.ones((1, 21)))
    known = dict(zip(ends, left[0], strict=True))
    wanted = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448, 35: 0.448}
    assert {time: known[time] for time in wanted} == pytest.approx(wanted, abs=0.0005)
    assert median_time(ends, left, 40)[0] == 23
    assert median_time(ends, left, 20)[0] == 20
    assert restricted_mean(ends, left, 7)[0] == pytest.approx(6 + 18 / 21)


def test_weights_are_repeated_findings_and_statsmodels_agrees():
    rng = np.random.default_rng(1)
    times, closed = np.round(rng.exponential(5, 60), 1), rng.random(60) < 0.7
    weights = rng.integers(1, 4, (2, 60))
    ends, left = open_share(times, closed, weights.astype(float))
    for row, share in zip(weights, left, strict=True):
        theirs = SurvfuncRight(np.repeat(times, row), np.repeat(closed, row).astype(int))
        assert share[np.searchsorted(ends, theirs.surv_times)] == pytest.approx(theirs.surv_prob)
        assert median_time(ends, share[None], 99)[0] == theirs.quantile(0.5)


def test_the_restricted_mean_of_what_was_followed_to_the_end_is_a_mean():
    times = np.random.default_rng(2).exponential(8, 200)
    kept = open_share(np.minimum(times, 15), times < 15, np.ones((1, 200)))
    assert restricted_mean(*kept, 12)[0] == pytest.approx(np.minimum(times, 12).mean())


def test_work_by_hand():
    """Two of four are closed in the first month, two of three in the second; the newcomer goes first."""
    arrived = np.array([[-1.0, -1.0, -1.0, 0.5, 1.2]])
    score, lot = np.array([[1.0, 2.0, 2.0, 3.0, 9.0]]), np.array([[0.0, 0.9, 0.1, 0.5, 0.5]])
    worked = work_off(arrived, score, lot, 0.5, 2)
    assert worked.month.tolist() == [[-1, 1, 0, 0, 1]]
    assert worked.backlog.tolist() == [[2, 1]]
    one = work_off(arrived, score, lot, 0.34, 2)
    assert one.month.tolist() == [[-1, -1, -1, 0, 1]]
    assert one.backlog.tolist() == [[3, 3]]


def test_no_order_moves_the_backlog():
    rng = np.random.default_rng(3)
    arrived = np.hstack([np.full((3, 200), -1.0), rng.uniform(0, 12, (3, 360))])
    lot = rng.random(arrived.shape)
    orders = [-arrived, arrived, rng.random(arrived.shape), np.zeros(arrived.shape)]
    some = [work_off(arrived, order, lot, 0.152, 12) for order in orders]
    assert all((one.backlog == some[0].backlog).all() for one in some)
    done = [(one.month >= 0).sum() for one in some]
    assert len(set(done)) == 1
    assert all((one.month >= np.floor(arrived))[one.month >= 0].all() for one in some)


def test_intervals_over_teams_cover():
    """Findings of a team share a shock: an interval that took them as independent would be far too narrow."""
    rng, covered = np.random.default_rng(4), 0
    for _ in range(400):
        counts = rng.poisson(30, 8).astype(float)
        sums = counts * (2 + rng.standard_normal(8)) + np.sqrt(counts) * rng.standard_normal(8)
        one = team_mean(sums, counts)
        covered += one.low <= 2 <= one.high
    assert 0.91 * 400 <= covered <= 0.985 * 400


def test_log_rank_tells_apart_what_differs():
    rng = np.random.default_rng(5)
    times, group = rng.exponential(1, 400), np.repeat([0, 1], 200)
    closed = np.ones(400, dtype=bool)
    assert logrank(times * (1 + 2 * group), closed, group) < 1e-6
    assert logrank(times, closed, group) > 0.01


@pytest.fixture(scope="module")
def found():
    return study_repair(np.random.SeedSequence(6), n_teams=12, n_draws=30, n_control_teams=6, n_resamples=200)


def test_what_an_order_decides_and_what_not(found):
    told, table = {one.key: one for one in found.estimates}, found.series["repair_orders"]
    backlogs = table.groupby("capacity")["mean_backlog"].nunique()
    assert (backlogs == 1).all()
    blind = table[~table["order"].isin(["oldest_first"])]
    spread = blind.groupby("capacity")["mean_12_of_all"].agg(lambda one: one.max() / one.min() - 1)
    assert (spread < 0.03).all()  # orders that do not look at age leave the time to repair of all as it is
    for capacity in CAPACITIES:
        assert told[f"repair_saved_random_over_cvss_{capacity}"].high < 0
        assert told[f"repair_median_risk_{capacity}"].value <= told[f"repair_median_random_{capacity}"].value
    assert told["repair_mean_12_cvss_low"].value > told["repair_mean_12_cvss_high"].value
    assert len(told) == len(found.estimates)


def test_controls_of_the_time_saved(found):
    told = {one.key: one for one in found.estimates}
    nothing = np.array(told["repair_saved_risk_over_cvss_median@independent"].draws)
    assert np.mean((nothing[:, 0] > 0) | (nothing[:, 1] < 0)) <= 0.2
    planted = np.array(told["repair_saved_risk_over_cvss_median@planted"].draws)
    assert np.mean(planted[:, 0] > 0) >= 0.9


def test_followed_findings_are_seen_for_a_year():
    part = follow(Teams("observed", 0.152, 2, ("cvss", "random"), np.random.SeedSequence(7)))
    for name in ("cvss", "random"):
        still = part[f"closed_{name}"] == 0
        assert (part[f"time_{name}"][still] >= HORIZON).all()
        assert (part[f"time_{name}"] > 0).all()
    assert saved(part, "cvss").value == 0

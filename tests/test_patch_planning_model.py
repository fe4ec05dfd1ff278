"""The planning problem: answers worked out by hand, and what must hold in every week."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from dti_core.studies.patch_planning.model.estates import NEVER, Estates, Exploits
from dti_core.studies.patch_planning.model.plans import account, broken_limits, no_plan
from dti_core.studies.patch_planning.model.weeks import Quarter, admit
from dti_core.studies.patch_planning.model.worth import expected_later, expected_worth, weeks_ahead
from dti_core.studies.patch_planning.worlds import WORLDS
from dti_core.studies.patch_planning.worlds.simulate import simulate_estates


def by_hand() -> Estates:
    """Two services, three bundles, three weeks; the second bundle needs the first."""
    return Estates(
        service=np.array([[0, 0, 1]]), after=np.array([[-1, 0, -1]]), known=np.array([[0, 0, 1]]),
        exploited=np.array([[2, NEVER, NEVER]]), risk_usd=np.array([[100.0, 50.0, 30.0]]),
        severity=np.array([[5.0, 5.0, 5.0]]), hours=np.array([[2.0, 1.0, 3.0]]),
        cost_usd=np.array([[10.0, 20.0, 40.0]]), minutes=np.array([[5.0, 6.0, 7.0]]),
        setup_hours=np.array([[1.0, 0.5]]), setup_usd=np.array([[3.0, 4.0]]),
        setup_minutes=np.array([[2.0, 1.0]]), open=np.ones((1, 2, 3), dtype=bool),
        outage_usd=np.array([[[1.0, 2.0, 3.0], [0.5, 0.5, 0.5]]]), weekly_hours=np.array([[5.0, 5.0, 5.0]]),
        budget_usd=np.array([80.0]), minutes_allowed=np.array([[20.0, 20.0]]), window_minutes=15.0,
        callers=np.full((1, 2, 1), -1), exploits=Exploits(factor=10.0, weekly_chance=0.1, tail_weeks=1),
    )  # fmt: skip


def test_account_of_an_estate_worked_out_by_hand():
    found = account(by_hand(), np.array([[0, 0, 1]]))
    # 100 x (2 quiet weeks + 2 at tenfold) + 50 x 4 weeks + 30 x 3 weeks
    assert found.avoided_usd[0] == pytest.approx(2200 + 200 + 90)
    assert found.spent_usd[0] == pytest.approx(10 + 20 + 3 + 40 + 4)  # one set-up for the first two
    assert found.outage_usd[0] == pytest.approx((5 + 6 + 2) * 1.0 + (7 + 1) * 0.5)
    assert found.hours[0] == pytest.approx([4.0, 3.5, 0.0])
    assert found.net_usd[0] == pytest.approx(2490 - 77 - 17)
    assert account(by_hand(), no_plan(by_hand())).net_usd[0] == 0


@pytest.mark.parametrize(
    ("limit", "plan", "change"),
    [
        ("unknown", [NEVER, NEVER, 0], {}),
        ("order", [1, 0, NEVER], {}),
        ("order", [NEVER, 0, NEVER], {}),
        ("window", [0, NEVER, NEVER], {"open": np.zeros((1, 2, 3), dtype=bool)}),
        ("hours", [0, NEVER, NEVER], {"weekly_hours": np.full((1, 3), 2.9)}),
        ("budget", [0, 0, 1], {"budget_usd": np.array([76.0])}),
        ("window minutes", [0, 0, NEVER], {"window_minutes": 12.0}),
        ("objective", [0, 1, NEVER], {"minutes_allowed": np.array([[14.0, 20.0]])}),
    ],
)
def test_each_limit_is_seen_when_it_alone_is_broken(limit, plan, change):
    broken = broken_limits(replace(by_hand(), **change), np.array([plan]))
    assert [name for name, flag in broken.items() if flag.any()] == [limit]


def test_weeks_ahead_are_means_of_simulated_exploits():
    exploits, n_weeks, rng = (
        Exploits(factor=15.0, weekly_chance=0.05, tail_weeks=4),
        12,
        np.random.default_rng(3),
    )
    for week in (0, 7, 11):
        left = n_weeks + exploits.tail_weeks - week
        quiet = np.minimum(rng.geometric(exploits.weekly_chance, 200_000), left)
        losses = quiet + exploits.factor * (left - quiet)
        ahead = weeks_ahead(exploits, n_weeks)[week]
        assert ahead[0] == pytest.approx(losses.mean(), abs=4 * losses.std() / np.sqrt(losses.size))
        assert ahead[1] == exploits.factor * left


def test_worth_of_patching_later_is_that_of_now_less_what_is_lost_meanwhile():
    estates = simulate_estates(WORLDS["arrive"].settings, 4, 5, np.random.default_rng(0))
    later = expected_later(estates, 3)
    assert later[..., 3] == pytest.approx(expected_worth(estates, 3))
    assert (later[..., :3] == 0).all()
    known, out = estates.known <= 3, (estates.known <= 3) & (estates.exploited <= 3)
    first_week = later[..., 3] - later[..., 4]
    assert first_week[known & ~out] == pytest.approx(estates.risk_usd[known & ~out])
    assert first_week[out] == pytest.approx(15 * estates.risk_usd[out])
    # an exploit may come out with a chance of 3 % before the second week of waiting
    assert (later[..., 4] - later[..., 5])[known & ~out] == pytest.approx(
        (0.97 + 0.03 * 15) * estates.risk_usd[known & ~out]
    )


@pytest.mark.parametrize("chained", [0.1, 0.6, 0.95])
def test_no_limit_is_broken_in_thousands_of_weeks_of_random_bids(chained):
    rng = np.random.default_rng(7)
    for world in ("scarce", "tight_budget", "conflict"):
        setting = replace(WORLDS[world].settings, chained=chained)
        estates = simulate_estates(setting, 120, 6, rng)
        quarter = Quarter.begin(estates)
        for _ in range(estates.n_weeks):
            admit(estates, quarter, np.round(rng.normal(1.0, 1.0, estates.service.shape), 1))  # with ties
        broken = broken_limits(estates, quarter.plan)
        assert not any(flags.any() for flags in broken.values()), broken
        spent = account(estates, quarter.plan).spent_usd
        assert quarter.money_usd == pytest.approx(estates.budget_usd - spent)
        left = estates.minutes_allowed - account(estates, quarter.plan).minutes.sum(axis=2)
        assert quarter.minutes_left == pytest.approx(left, abs=1e-9)
        assert (quarter.plan < NEVER).mean() > 0.05


def scan_one(estate: Estates, bids: np.ndarray) -> set[int]:
    """The first week of one estate without chains, bid by bid, in plain Python."""
    hours, money = estate.weekly_hours[0, 0], estate.budget_usd[0]
    window = [min(estate.window_minutes, left) for left in estate.minutes_allowed[0]]
    touched, admitted = set(), set()
    for bundle in np.argsort(-bids[0]):
        service = estate.service[0, bundle]
        if bids[0, bundle] <= 0 or estate.known[0, bundle] > 0 or not estate.open[0, service, 0]:
            continue
        fresh = service not in touched
        work = estate.hours[0, bundle] + fresh * estate.setup_hours[0, service]
        cost = estate.cost_usd[0, bundle] + fresh * estate.setup_usd[0, service]
        down = estate.minutes[0, bundle] + fresh * estate.setup_minutes[0, service]
        if work <= hours and cost <= money and down <= window[service]:
            hours, money = hours - work, money - cost
            window[service] -= down
            touched.add(service)
            admitted.add(int(bundle))
    return admitted


def test_many_estates_at_once_go_as_each_alone_in_plain_python():
    rng = np.random.default_rng(5)
    estates = simulate_estates(replace(WORLDS["scarce"].settings, chained=0.0, budget=0.05), 100, 8, rng)
    bids = rng.normal(0.5, 1.0, estates.service.shape)
    admitted = admit(estates, Quarter.begin(estates), bids)
    for one in range(len(estates)):
        alone = scan_one(estates.take(slice(one, one + 1)), bids[one : one + 1])
        assert alone == set(np.flatnonzero(admitted[one]))


def test_a_bundle_goes_with_its_predecessor_or_not_at_all():
    estate = by_hand()
    assert admit(estate, Quarter.begin(estate), np.array([[1.0, 9.0, 0.0]])).tolist() == [[True, True, False]]
    assert not admit(estate, Quarter.begin(estate), np.array([[0.0, 9.0, 0.0]])).any()
    apart = replace(estate, service=np.array([[0, 1, 1]]))
    assert admit(apart, Quarter.begin(apart), np.array([[1.0, 9.0, 0.0]])).tolist() == [[True, False, False]]


def test_severity_says_something_of_the_loss_but_not_much():
    setting = WORLDS["scarce"].settings
    estates = simulate_estates(setting, 200, 11, np.random.default_rng(0))
    entry = estates.service == 0  # exposed alike
    assert spearmanr(estates.severity[entry], estates.risk_usd[entry])[0] == pytest.approx(0.4, abs=0.05)
    assert estates.severity.min() >= 0
    assert estates.severity.max() <= 10

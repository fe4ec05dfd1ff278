"""Orders at equal hours: known answers, worlds in which a gain must, or must not, be found, and failures."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.bars import cleared
from dti_core.lab.config import load_config
from dti_core.lab.data import DataCard
from dti_core.lab.findings import Findings
from dti_core.lab.record import Result
from dti_core.lab.register import Bar
from dti_core.lab.say import signed
from dti_core.studies.patch_planning.data.cadence import N_WEEKS as ALL_WEEKS
from dti_core.studies.patch_planning.data.cadence import load_cadence
from dti_core.studies.patch_planning.figures.need import plot_need
from dti_core.studies.patch_planning.measures.backlog import (
    Backlog,
    Sums,
    gain_by_set,
    resample_quarters,
    work_by_orders,
)
from dti_core.studies.patch_planning.measures.need import (
    CONTROL_SETS,
    _tell_gains,
    exploited_quarters,
    spread_over_sets,
    study_need,
)
from dti_core.studies.patch_planning.methods.backlog import ORDERINGS, handed_out, lifted, work_off
from dti_core.studies.patch_planning.model.estates import NEVER, NONE
from dti_core.studies.patch_planning.model.plans import account, broken_limits
from dti_core.studies.patch_planning.worlds.assumptions import Assumptions
from dti_core.studies.patch_planning.worlds.cadence import N_WEEKS, cadence_estates, cut_quarters

BAR = Bar(estimate="x", label="Gain", direction="greater", than=0.0, smallest_effect=0.02)


def seeds(*names):
    return np.random.SeedSequence([11, *"/".join(names).encode()])


@pytest.fixture(scope="module")
def calendar():
    return cut_quarters(load_cadence(), ALL_WEEKS)


@pytest.fixture(scope="module")
def drawn(calendar):
    return cadence_estates(calendar, [Assumptions()], 1, np.random.default_rng(0))


@pytest.fixture(scope="module")
def found():
    return study_need(seeds, n_sets=3, n_estates=1, n_draws=20, n_resamples=40)


def three_bundles(drawn):
    """One estate: much work for the highest risk, little for two lesser ones; hours for one or for both."""
    here = drawn.estates.take(slice(0, 1))
    some = np.zeros_like(here.known, dtype=bool)
    some[0, :3] = True
    hours, risk = np.ones(some.shape), np.zeros(some.shape)
    hours[0, :3], risk[0, :3] = (6.0, 3.0, 3.0), (100.0, 80.0, 70.0)
    service = np.zeros_like(here.service)
    service[0, :3] = [0, 1, 2]
    weekly = np.zeros_like(here.weekly_hours)
    weekly[0, 0] = 6.0
    here = replace(
        here, service=service, after=np.full_like(here.after, NONE), known=np.where(some, 0, NEVER),
        exploited=np.full_like(here.exploited, NEVER), risk_usd=risk, hours=hours, cost_usd=hours,
        minutes=0 * hours, setup_hours=0 * here.setup_hours, setup_usd=0 * here.setup_usd,
        setup_minutes=0 * here.setup_minutes, open=np.ones_like(here.open), weekly_hours=weekly,
    )  # fmt: skip
    since = np.where(some, [[-9, -5, -7, *[0] * (some.shape[1] - 3)]], 0)
    return replace(drawn, estates=here, seen=here, since=since)


@pytest.mark.parametrize(
    ("order", "patched"),
    [("weighed", [1, 2]), ("risk_alone", [0]), ("oldest_first", [0])],
)
def test_orders_take_up_by_hand_what_they_must(drawn, order, patched):
    one = three_bundles(drawn)
    plan = work_off(one, ORDERINGS[order].run, np.random.default_rng(0))
    assert np.flatnonzero(plan[0] < N_WEEKS).tolist() == patched


def test_the_oldest_goes_first_even_if_it_came_before_the_quarter(drawn):
    one = three_bundles(drawn)
    younger = replace(one, since=np.where(one.since == -9, -6, one.since))
    plan = work_off(younger, ORDERINGS["oldest_first"].run, np.random.default_rng(0))
    assert np.flatnonzero(plan[0] < N_WEEKS).tolist() == [1, 2]  # then what still fits


def test_a_step_before_a_better_one_is_raised_to_it(drawn):
    here = three_bundles(drawn).estates
    after = here.after.copy()
    after[0, 0], after[0, 1] = 1, 2
    ranked = np.zeros(after.shape)
    ranked[0, :4] = [9.0, 1.0, 4.0, 2.0]
    assert lifted(replace(here, after=after), ranked)[0, :4].tolist() == [9.0, 9.0, 9.0, 2.0]
    ranked[0, 1] = 0.0  # it may not bid, so it stays out
    assert lifted(replace(here, after=after), ranked)[0, 1] == 0.0


def test_a_month_hands_out_what_its_weeks_would():
    hours = np.arange(13.0)[None]
    month = handed_out(hours, "month")
    assert month[0, [0, 5, 9]].tolist() == [10.0, 26.0, 42.0]
    assert month.sum() == hours.sum()
    assert handed_out(hours, "week").tolist() == hours.tolist()


@pytest.mark.parametrize("pot", ["month", "week"])
@pytest.mark.parametrize("order", ORDERINGS)
def test_no_order_uses_hours_before_they_are_there(drawn, order, pot):
    plan = work_off(drawn, ORDERINGS[order].run, np.random.default_rng(1), pot)
    broken = broken_limits(drawn.estates, plan)
    assert not any(flags.any() for limit, flags in broken.items() if limit != "hours")
    used = account(drawn.estates, plan).hours.cumsum(axis=1)
    assert (used <= handed_out(drawn.estates.weekly_hours, pot).cumsum(axis=1) + 1e-6).all()
    assert used[:, -1].sum() > 0.8 * drawn.estates.weekly_hours.sum()


def test_gains_are_shares_of_what_the_rival_earns():
    first, second = np.array([[3.0, 1.0], [1.0, 1.0]]), np.array([[1.0, 1.0], [1.0, -3.0]])
    assert gain_by_set(first, second).tolist() == [1.0, 2.0]
    flat = resample_quarters(2 * np.ones((6, 3)), np.ones((6, 3)), np.random.default_rng(0), 20)
    assert flat.shape == (20, 3)
    assert (flat == 1).all()


def test_sets_in_which_a_rival_earns_nothing_are_told():
    """Of four sets, in one the rival loses money and in one it earns nothing; neither hides the gain."""
    of = {"weighed": [3.0, 3.0, 3.0, 3.0], "risk_alone": [-1.0, 0.0, 1.0, 2.0], "oldest_first": [1.0] * 4}
    nothing, told = np.zeros((6, 4)), Findings()
    net = {who: np.tile(sums, (6, 1)) for who, sums in of.items()}
    part = Sums(*[nothing] * 5, net_usd=net, used={}, left={})
    _tell_gains(told, "sets", [part], ("risk_alone", "oldest_first"), np.random.default_rng(0), 20)
    found = {one.name: one.value for one in told.estimates}
    assert found["need_sets_unprofitable_risk_alone"] == 0.5
    assert found["need_sets_unprofitable_oldest_first"] == 0.0
    assert found["need_sets_over_both"] == 1.0


def test_the_interval_spans_the_sets_and_not_the_quarters_alone():
    rival = np.ones((8, 40))
    gains = np.linspace(-0.5, 0.5, 40)
    found = spread_over_sets(rival * (1 + gains), rival, np.random.default_rng(0), 50)
    assert found.value == pytest.approx(0, abs=1e-9)
    assert found.low == pytest.approx(-0.475, abs=0.03)
    assert found.high == pytest.approx(0.475, abs=0.03)


def test_an_order_moves_no_number_of_another(calendar):
    named = {who: seeds(who) for who in ("estates", "weighed", "random")}
    both = work_by_orders(Backlog(calendar, (Assumptions(),), 1, named))
    alone = work_by_orders(
        Backlog(calendar, (Assumptions(),), 1, {k: v for k, v in named.items() if k != "random"})
    )
    assert (both.net_usd["weighed"] == alone.net_usd["weighed"]).all()
    assert (both.asked == alone.asked).all()


def test_surges_come_from_the_quarters_that_kev_covers(calendar):
    weeks = pd.DataFrame({"added": [1, 3] * 26})
    some, surges = exploited_quarters(calendar, weeks)
    assert len(some) == 4
    assert surges.shape == (4, N_WEEKS)
    assert surges.mean() == pytest.approx(1.0)
    assert set(np.round(surges.ravel(), 6)) == {0.5, 1.5}


@pytest.mark.parametrize("rival", ["risk_alone", "oldest_first"])
def test_both_controls_of_each_bar_hold(found, rival):
    keys = {one.key: one for one in found.estimates}
    alike, planted = (keys[f"need_over_{rival}@{world}"] for world in ("alike", "planted"))
    assert cleared(BAR, alike, planted=False)[0] is False
    assert cleared(BAR, planted, planted=True)[0] is True
    alone = keys[f"need_one_set_above_0_{rival}@alike"]
    assert alone.n == 20 * CONTROL_SETS
    assert alone.value < 0.1
    lows = [low for low, _ in alike.draws]
    assert np.ptp(lows) > 0  # the draws differ: one could have raised a false alarm


def test_demand_exceeds_hands_by_less_the_more_hands_there_are(found):
    keys = {one.key: one.value for one in found.estimates}
    asked = [keys[f"need_asked_over_hours_{name}"] for name in ("low", "median", "high")]
    assert asked == sorted(asked, reverse=True)
    assert asked[0] / asked[2] == pytest.approx(0.271 / 0.066, rel=0.1)
    assert 0 <= keys["need_sets_over_both"] <= min(keys["need_sets_over_risk_alone"],
                                                  keys["need_sets_over_oldest_first"])  # fmt: skip
    assert list(found.series["need_sets"].columns[-5:]) == [
        "over_risk_alone", "over_oldest_first", "over_exploited_first", "over_severity", "over_random"
    ]  # fmt: skip


def test_without_kev_the_rest_is_studied_and_the_command_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DTI_DATA", str(tmp_path))
    found = study_need(seeds, n_sets=2, n_estates=1, n_draws=2, n_resamples=20)
    assert "dti data get vuln_dates" in found.left_out[0][1]
    assert not [one for one in found.estimates if "kev" in one.name]


def test_the_figure_says_what_the_intervals_allow(found):
    card = DataCard("x", "X", "simulated", "Simulated data", "s", "MIT", 1, 1, "0" * 64, "c")
    result = Result(load_config("private_lift", {}), card, tuple(found.estimates), found.series)
    figure = plot_need(result)
    told = f"{signed(result['need_over_oldest_first'], scale=100)} % beside oldest first"
    assert told in figure.layout.title.text.replace("<br>", " ")
    assert "Over risk alone" in figure.layout.meta["alt"]
    assert "sets" in figure.layout.meta["caption"]

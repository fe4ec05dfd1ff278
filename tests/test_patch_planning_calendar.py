"""From a plan to a calendar: the best plan that was worked out by hand, its files, and what it leaves."""

import itertools
from datetime import UTC, datetime
from io import BytesIO

import icalendar
import numpy as np
import pandas as pd
import pytest

from dti_core.lab.pieces import read_table, table_bytes
from dti_core.studies.patch_planning.data import load_example, load_yours
from dti_core.studies.patch_planning.data.calendar import CALENDAR, NOT_PLANNED, calendar_rows, not_planned
from dti_core.studies.patch_planning.data.calendar_files import calendar_files
from dti_core.studies.patch_planning.data.margins import margins_of
from dti_core.studies.patch_planning.model.estates import NEVER
from dti_core.studies.patch_planning.model.plans import account, broken_limits, no_plan
from dti_core.studies.patch_planning.model.weeks import Quarter, admit
from dti_core.studies.patch_planning.model.worth import expected_worth, planned_worth_usd
from tests.patch_planning_estate import BEST, BEST_NET_USD, CSV, YAML

MADE = datetime(2027, 2, 26, 12, tzinfo=UTC)


@pytest.fixture
def estate(tmp_path):
    (tmp_path / "findings.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "estate.yaml").write_text(YAML, encoding="utf-8")
    return load_yours(str(tmp_path))[0]


@pytest.fixture
def best(estate):
    return np.array([[BEST.get(one.name, NEVER) for one in estate.upgrades]])


@pytest.fixture(scope="module")
def planned():
    """The packaged shop, planned week by week by a simple rule."""
    shop = load_example()[0]
    quarter = Quarter.begin(shop.estates)
    for week in range(shop.estates.n_weeks):
        admit(shop.estates, quarter, expected_worth(shop.estates, week) - shop.estates.cost_usd)
    return shop, quarter.plan


def test_the_best_plan_by_hand_earns_what_was_worked_out(estate, best):
    assert not any(found[0] for found in broken_limits(estate.estates, best).values())
    assert account(estate.estates, best).net_usd[0] == pytest.approx(BEST_NET_USD)


def test_no_other_plan_is_better(estate, best):
    """All 5^6 plans of six bundles over four weeks or never."""
    plans = np.array(list(itertools.product([0, 1, 2, 3, NEVER], repeat=6)))
    many = estate.estates.take(np.zeros(len(plans), dtype=np.int64))
    allowed = ~np.any(list(broken_limits(many, plans).values()), axis=0)
    net = np.where(allowed, account(many, plans).net_usd, -np.inf)
    assert plans[net.argmax()].tolist() == best[0].tolist()
    assert np.sort(net)[-2] < BEST_NET_USD - 1


def test_calendar_of_the_best_plan(estate, best):
    """Sundays at 22:00 in Berlin; a1 stands before a2, which the file names first, and carries the set-up."""
    rows = calendar_rows(estate, best)
    assert tuple(rows) == CALENDAR
    assert rows["bundle"].tolist() == ["w1", "a1", "a2", "u1"]
    assert rows["week"].tolist() == [1, 2, 2, 3]
    assert [one.isoformat() for one in rows["start"]] == [
        "2027-03-07T22:00:00+01:00", "2027-03-14T22:00:00+01:00", "2027-03-14T22:05:00+01:00",
        "2027-03-21T22:00:00+01:00",
    ]  # fmt: skip
    assert rows["downtime_minutes"].tolist() == [6, 5, 3, 5]
    assert rows["hours"].tolist() == [5, 4, 2, 4]
    assert rows["cost_usd"].tolist() == [500, 400, 200, 400]
    np.testing.assert_allclose(rows["risk_removed_usd"], [4000, 1800, 900, 600])
    assert rows["findings"].tolist() == ["F1", "F2", "F3", "F4, F5"]
    assert rows["why"][0] == "avoids 4,000 USD for 500 USD of money and 6 USD of downtime"
    assert "opens the way to a2" in rows["why"][1]
    assert "late: due by 2027-03-10" in rows["why"][1]
    assert "needs a1 first" in rows["why"][2]


def test_summer_time_moves_the_offset_and_not_the_clock(estate, best):
    """Clocks go on at 02:00 on 28 March, a Sunday: that night is 22:00 at +02:00."""
    plan = best.copy()
    plan[0, 3] = 3
    assert calendar_rows(estate, plan)["start"].iloc[-1].isoformat() == "2027-03-28T22:00:00+02:00"


def test_what_the_best_plan_leaves_and_why(estate, best):
    rows = not_planned(estate, best)
    assert tuple(rows) == NOT_PLANNED
    told = dict(zip(rows["bundle"], rows["kept_out"], strict=True))
    assert told["d1"] == "kept out by the hours of the week, the budget"
    assert told["b1"].startswith("not worth it: at best it would cost 191 USD more")
    assert rows["weekly_risk_usd"].tolist() == pytest.approx([360, 1000 * 0.6**12])


@pytest.mark.parametrize(
    ("plan", "bundle", "words"),
    [
        ({}, "a2", "waits for a1, which is not planned"),
        ({}, "w1", "nothing kept it out: in week 1 it would gain 3,494 USD; the plan is not the best"),
        ({"a2": 1}, None, "order"),
        ({"w1": 0, "a1": 0}, None, "hours"),
        ({"d1": 0}, None, "window"),
        ({"u1": 0}, None, "window"),
        ({"w1": 0, "a1": 1, "a2": 1, "d1": 2}, None, "budget"),
    ],
)
def test_reasons_and_plans_that_break_a_limit(estate, plan, bundle, words):
    weeks = np.array([[plan.get(one.name, NEVER) for one in estate.upgrades]])
    if bundle:
        rows = not_planned(estate, weeks)
        assert rows["kept_out"][rows["bundle"] == bundle].item() == words
    else:
        with pytest.raises(ValueError, match=f"the plan breaks .*{words}.*, so no calendar is made"):
            calendar_rows(estate, weeks)


def test_an_objective_that_keeps_a_bundle_out(tmp_path):
    yaml = YAML.replace("name: auth, calls: [db],", "name: auth, calls: [db], minutes_allowed: 4,")
    (tmp_path / "findings.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "estate.yaml").write_text(yaml, encoding="utf-8")
    estate = load_yours(str(tmp_path))[0]
    rows = not_planned(estate, no_plan(estate.estates))
    assert (
        rows["kept_out"][rows["bundle"] == "u1"].item()
        == "kept out by the downtime that the objective allows"
    )


def test_rows_add_up_to_the_plan(planned):
    shop, plan = planned
    rows, ledger = calendar_rows(shop, plan), account(shop.estates, plan)
    assert len(rows) + len(not_planned(shop, plan)) == len(shop.upgrades)
    assert rows["cost_usd"].sum() == pytest.approx(ledger.spent_usd[0])
    assert rows["downtime_minutes"].sum() == pytest.approx(ledger.minutes.sum())
    assert rows.groupby("week")["hours"].sum().max() == pytest.approx(ledger.hours.max())
    assert rows["start"].is_monotonic_increasing


def test_margins_are_those_of_whole_plans(planned):
    """Every bundle in every week: gains and broken limits, against plans that are accounted in full."""
    shop, plan = planned
    arrays, margins = shop.estates, margins_of(shop.estates, plan)
    weeks = np.arange(arrays.n_weeks)
    many = arrays.take(np.zeros(len(weeks), dtype=np.int64))
    for bundle in range(arrays.n_bundles):
        without, tried = plan.copy(), np.repeat(plan, len(weeks), axis=0)
        without[0, bundle], tried[:, bundle] = NEVER, weeks
        before, after = account(arrays, without), account(many, tried)
        avoided, spent, outage = margins.gain(bundle, weeks)
        np.testing.assert_allclose(spent, after.spent_usd - before.spent_usd, atol=1e-6)
        np.testing.assert_allclose(outage, after.outage_usd - before.outage_usd, atol=1e-6)
        np.testing.assert_allclose(avoided, planned_worth_usd(many, tried)[:, bundle])
        if plan[0, bundle] == NEVER:
            whole, alone = broken_limits(many, tried), margins.broken(bundle, weeks)
            for name, found in alone.items():
                assert found.tolist() == whole[name].tolist(), name


def test_rows_of_a_service_lie_in_its_window_one_behind_the_other(planned):
    shop, plan = planned
    for (service, week), rows in calendar_rows(shop, plan).groupby(["service", "week"]):
        window = shop.windows[shop.services.index(service)][week - 1]
        assert rows["start"].iloc[0] == window.start
        assert rows["end"].iloc[-1] <= window.end
        assert (rows["start"].to_numpy()[1:] == rows["end"].to_numpy()[:-1]).all()


def test_worth_of_a_plan_is_the_mean_over_many_futures(planned):
    """Exploits come out at 3 % a week; 20,000 draws of the weeks, against the closed form."""
    shop, plan = planned
    arrays, n = shop.estates, 20_000
    rng = np.random.default_rng(1)
    out = rng.geometric(arrays.exploits.weekly_chance, (n, *plan.shape[1:]))
    out = np.where(arrays.exploited[0] <= 0, 0, out)
    ends = arrays.n_weeks + arrays.exploits.tail_weeks
    start = np.where(plan[0] < arrays.n_weeks, plan[0], ends)
    first = np.clip(out, start, ends)
    drawn = arrays.risk_usd[0] * ((first - start) + arrays.exploits.factor * (ends - first))
    error = drawn.std(axis=0) / n**0.5
    assert (np.abs(drawn.mean(axis=0) - planned_worth_usd(arrays, plan)[0]) <= 4.5 * error + 1e-6).all()
    now = np.zeros_like(plan)
    np.testing.assert_allclose(planned_worth_usd(arrays, now), expected_worth(arrays, 0))


def test_files(estate, best):
    rows, left = calendar_rows(estate, best), not_planned(estate, best)
    files = calendar_files(estate.name, rows, left, MADE)
    assert list(files) == ["patch_calendar.csv", "patch_calendar.ics", "not_planned.csv"]
    table = pd.read_csv(BytesIO(files["patch_calendar.csv"]), dtype=str)
    assert table["fix_version"].tolist() == ["1.10", "2.1", "2.2", "3.0"]
    assert table["start"][0] == "2027-03-07T22:00:00+01:00"
    assert len(pd.read_csv(BytesIO(files["not_planned.csv"]))) == 2
    assert calendar_files(estate.name, rows, left, MADE) == files


def test_icalendar_is_read_back_with_its_zone(estate, best):
    content = calendar_files(estate.name, calendar_rows(estate, best), pd.DataFrame(), MADE)
    text = content["patch_calendar.ics"].decode()
    assert "DTSTART;TZID=Europe/Berlin:20270307T220000" in text
    book = icalendar.Calendar.from_ical(text)
    assert [str(one["TZID"]) for one in book.walk("VTIMEZONE")] == ["Europe/Berlin"]
    events = book.walk("VEVENT")
    assert str(events[0]["SUMMARY"]) == "web: w1 1.10"
    assert [str(one["LOCATION"]) for one in events] == ["web", "api", "api", "auth"]
    assert "Mends F4, F5" in str(events[3]["DESCRIPTION"])
    assert events[1]["DTSTART"].dt.utcoffset().total_seconds() == 3600
    assert len({str(one["UID"]) for one in events}) == 4


def test_an_upgrade_keeps_its_uid_when_it_is_planned_anew(estate, best):
    def uids(plan):
        files = calendar_files(estate.name, calendar_rows(estate, plan), pd.DataFrame(), MADE)
        events = icalendar.Calendar.from_ical(files["patch_calendar.ics"]).walk("VEVENT")
        return {str(one["SUMMARY"]): str(one["UID"]) for one in events}

    later = best.copy()
    later[0, 3] = 3
    assert uids(best) == uids(later)


def test_an_empty_plan_gives_an_empty_calendar(estate):
    plan = no_plan(estate.estates)
    files = calendar_files(estate.name, calendar_rows(estate, plan), not_planned(estate, plan), MADE)
    assert files["patch_calendar.csv"].decode().splitlines() == [",".join(CALENDAR)]
    assert not icalendar.Calendar.from_ical(files["patch_calendar.ics"]).walk("VEVENT")


def test_tables_survive_the_store_of_series(planned):
    for table in (calendar_rows(*planned), not_planned(*planned)):
        pd.testing.assert_frame_equal(read_table(table_bytes(table)), table, check_dtype=False)

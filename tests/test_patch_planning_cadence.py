"""The upload calendar: how it is read, cut into quarters, and filled with what nobody observed."""

import csv
import runpy
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.errors import DataError
from dti_core.lab.paths import project_root
from dti_core.studies.patch_planning.data import cadence as observed
from dti_core.studies.patch_planning.data.arrivals import load_exploited_weeks, weekly_additions
from dti_core.studies.patch_planning.model.estates import NEVER, NONE
from dti_core.studies.patch_planning.worlds.assumptions import Assumptions, draw_assumptions
from dti_core.studies.patch_planning.worlds.cadence import (
    N_WEEKS,
    WEEKS_A_MONTH,
    YEAR,
    _exploited,
    alike,
    cadence_estates,
    cut_quarters,
)

FOLDER = project_root() / "experiments" / "data" / "patch_planning"
CHANGELOG = """tool (2.0-1+deb12u1) bookworm-security; urgency=high

  * CVE-2024-0001 and CVE-2024-0002, again CVE-2024-0001
  * Keep the fix of CVE-2020-0009.

 -- A Person <a@example.org>  Fri, 03 May 2024 23:30:00 -0200

tool (2.0-1) unstable; urgency=medium

  * Fixes CVE-2020-0009.

 -- A Person <a@example.org>  Mon, 06 Jan 2020 10:00:00 +0000
"""


@pytest.fixture(scope="module")
def calendar():
    return cut_quarters(observed.load_cadence(), observed.N_WEEKS)


def test_a_changelog_closes_each_flaw_once_at_its_first_upload_in_universal_time():
    closing = runpy.run_path(str(FOLDER / "make_data.py"))["closing"]
    assert closing(iter([CHANGELOG, CHANGELOG])) == [
        ("tool", "2.0-1+deb12u1", "CVE-2024-0001", "2024-05-04"),
        ("tool", "2.0-1+deb12u1", "CVE-2024-0002", "2024-05-04"),
    ]


def test_weeks_are_counted_by_hand():
    rows = [("a", "1", "CVE-1", "2021-01-04"), ("a", "1", "CVE-2", "2021-01-10"),
            ("a", "2", "CVE-3", "2021-01-11"), ("b", "1", "CVE-1", "2021-01-11"),
            ("linux", "1", "CVE-9", "2021-01-11"), ("a", "0", "CVE-8", "2020-12-31")]  # fmt: skip
    table = pd.DataFrame(rows, columns=observed.COLUMNS)
    found = observed.weekly_uploads(table, without=("linux",))
    assert found.to_dict("list") == {"source": ["a", "a", "b"], "week": [0, 1, 1], "n_cves": [2, 1, 1]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"date": None}, "lacks the columns date"),
        ({"date": "4 May"}, "1 dates are none"),
        ({"cve": "twice"}, "closes twice twice"),
    ],
)
def test_a_table_that_is_none_is_refused(change, said):
    rows = [("a", "1", "CVE-1", "2021-01-04"), ("a", "2", "twice", "2021-02-04")]
    table = pd.DataFrame(rows, columns=observed.COLUMNS)
    for name, value in change.items():
        table = table.drop(columns=name) if value is None else table
        if value is not None:
            table.loc[0, name] = value
    with pytest.raises(DataError, match=said):
        observed.weekly_uploads(table)


def test_the_frozen_table_holds_what_its_card_says():
    with (FOLDER / "debian_cadence.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    uploads = {(row["source"], row["version"]) for row in rows}
    assert f"{len(rows):,} rows, {len(uploads)} uploads of {len({one for one, _ in uploads})} sources" in card
    kept = [
        row for row in rows
        if row["source"] not in observed.EVERY_DEFECT and date.fromisoformat(row["date"]) < observed.END
    ]  # fmt: skip
    assert observed.load_cadence()["n_cves"].sum() == len(kept)


def test_quarters_are_cut_by_hand():
    uploads = pd.DataFrame(
        {"source": ["a", "b", "a", "a"], "week": [0, YEAR - 1, YEAR, YEAR + 3], "n_cves": [1, 2, 3, 4]}
    )
    found = cut_quarters(uploads, YEAR + N_WEEKS)
    assert len(found) == 1
    assert found.since.tolist() == [[-YEAR, 0, 3, -1]]
    assert found.n_cves.tolist() == [[1, 3, 4, 2]]
    assert found.after.tolist() == [[NONE, 0, 1, NONE]]
    with pytest.raises(ValueError, match="no quarter after a year"):
        cut_quarters(uploads, YEAR + N_WEEKS - 1)


def test_uploads_of_the_quarter_are_all_there_and_chained_within_their_source(calendar):
    drawn = cadence_estates(calendar, [Assumptions()], 2, np.random.default_rng(0))
    here = drawn.estates
    real, counted = here.known < NEVER, (calendar.n_cves > 0) & (calendar.since >= 0)
    within = (real & (drawn.since >= 0)).sum(axis=1)
    assert within.tolist() == counted.sum(axis=1)[drawn.quarter].tolist()
    rows, later = np.nonzero(here.after != NONE)
    first = here.after[rows, later]
    assert real[rows, later].all()
    assert real[rows, first].all()
    assert (here.service[rows, later] == here.service[rows, first]).all()
    assert (drawn.since[rows, first] < drawn.since[rows, later]).all()
    linked = len({(row, source) for row, source in zip(rows, here.service[rows, later], strict=True)})
    services = sum(len(set(here.service[n, real[n]])) for n in range(len(here)))
    assert real.sum() - len(rows) == services >= linked  # one chain a source


def test_half_of_what_is_a_quarter_old_is_still_open(calendar):
    drawn = cadence_estates(calendar, [Assumptions()], 40, np.random.default_rng(1))
    around = (drawn.since >= -15) & (drawn.since <= -11) & (drawn.estates.known < NEVER)
    there = ((calendar.since >= -15) & (calendar.since <= -11) & (calendar.n_cves > 0)).sum() * 40
    assert around.sum() / there == pytest.approx(0.5, abs=0.03)


def test_hands_are_the_share_of_mean_open_work(calendar):
    sets = [Assumptions(capacity=0.1), Assumptions(capacity=0.2)]
    drawn = cadence_estates(calendar, sets, 3, np.random.default_rng(2))
    here = drawn.estates
    for which, one in enumerate(sets):
        open_work = np.mean([
            (here.hours * (here.known <= week)).sum(axis=1)[drawn.which == which].mean()
            for week in range(N_WEEKS)
        ])  # fmt: skip
        weekly = here.weekly_hours[drawn.which == which]
        assert np.allclose(weekly * WEEKS_A_MONTH, one.capacity * open_work)


def test_work_follows_risk_as_far_as_assumed(calendar):
    drawn = cadence_estates(calendar, [Assumptions(hours_follow_risk=0.8)], 20, np.random.default_rng(3))
    free = cadence_estates(calendar, [Assumptions()], 20, np.random.default_rng(3))
    for one, low, high in ((drawn, 0.4, 0.8), (free, -0.05, 0.05)):
        real = one.estates.known < NEVER
        seen = np.corrcoef(np.log(one.estates.hours[real]), np.log(one.estates.risk_usd[real]))[0, 1]
        assert low < seen < high  # exposure differs too, so that less of the correlation is left


def test_an_even_surge_changes_nothing_and_a_late_one_delays():
    since, known = np.array([[-3, 0, 5]]).repeat(4000, axis=0), np.array([[0, 0, 5]]).repeat(4000, axis=0)
    plain = _exploited(since, known, 0.03, None, np.random.default_rng(4))
    even = _exploited(since, known, 0.03, np.ones((4000, N_WEEKS)), np.random.default_rng(4))
    assert (plain == even)[plain < YEAR].all()
    assert (plain > since).all()
    assert (plain == since + 1).mean() == pytest.approx(0.03, abs=0.005)
    late = np.zeros((4000, N_WEEKS))
    late[:, -1] = N_WEEKS
    delayed = _exploited(since, known, 0.03, late, np.random.default_rng(4))[:, 1:]
    assert not ((delayed >= 0) & (delayed < N_WEEKS - 1)).any()
    assert (_exploited(since, known, 0.0, None, np.random.default_rng(4)) == NEVER).all()


def test_nothing_is_left_to_choose_by_where_all_is_alike(calendar):
    drawn = alike(cadence_estates(calendar, [Assumptions()], 1, np.random.default_rng(5)))
    here = drawn.estates
    for values in (here.hours, here.cost_usd, here.minutes, here.risk_usd, here.severity, here.outage_usd):
        assert np.ptp(values) == 0
    assert (drawn.seen.exploited == NEVER).all()
    assert (here.exploited < NEVER).any()


def test_estates_side_by_side_must_share_their_exploits(calendar):
    sets = [Assumptions(), replace(Assumptions(), exploit_factor=2.0)]
    with pytest.raises(ValueError, match="too many values"):
        cadence_estates(calendar, sets, 1, np.random.default_rng(6))


def test_sets_are_drawn_within_their_spans_and_what_is_fixed_stays():
    sets = draw_assumptions(50, np.random.default_rng(7), capacity=0.5)
    assert {one.capacity for one in sets} == {0.5}
    assert all(6 <= one.risk_usd <= 600 and -0.5 <= one.hours_follow_risk <= 0.5 for one in sets)


def test_additions_to_kev_are_counted_by_whole_weeks():
    days = pd.Series(pd.to_datetime(["2022-07-03", "2022-07-04", "2022-07-10", "2022-07-18", "2022-07-26"]))
    found = weekly_additions(days)
    assert found["added"].tolist() == [2, 0, 1]
    assert found["monday"].iloc[-1] == pd.Timestamp("2022-07-18")


def test_without_kev_the_command_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DTI_DATA", str(tmp_path))
    with pytest.raises(DataError, match="dti data get vuln_dates"):
        load_exploited_weeks()

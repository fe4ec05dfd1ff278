"""A user's estate: its arrays against numbers worked out by hand, and every malformed case with its words."""

import re
import shutil
from datetime import date
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import typer
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dti_core.cli import data as data_command
from dti_core.lab.described import Described, described_hashes
from dti_core.lab.errors import DataError
from dti_core.lab.paths import project_root
from dti_core.lab.running.inputs import Inputs, copy_own_data
from dti_core.studies.patch_planning.data import check, load_example, load_yours, read
from dti_core.studies.patch_planning.data.own import estate_of
from dti_core.studies.patch_planning.data.severity import (
    CHANCE_BY_SCORE,
    CHANCE_IF_EXPLOITED,
    base_score,
    exploit_chance,
    weekly,
)
from dti_core.studies.patch_planning.data.windows import Slot, windows_by_week
from dti_core.studies.patch_planning.model.estates import NEVER, NONE
from tests.patch_planning_estate import CSV, YAML
from tests.shared_data import bring


@pytest.fixture
def write(tmp_path):
    """Writes the two files of an estate; gives the path of the first."""

    def written(yaml: str = YAML, csv: str = CSV):
        (tmp_path / "findings.csv").write_text(csv, encoding="utf-8")
        (tmp_path / "estate.yaml").write_text(yaml, encoding="utf-8")
        return tmp_path / "estate.yaml"

    return written


def said(path) -> list[str]:
    return [problem.text for problem in check(read(path)[0]) if problem.blocks]


def test_arrays_of_the_hand_written_estate(write):
    estate, card = load_yours(str(write()))
    arrays = estate.estates
    assert [one.name for one in estate.upgrades] == ["w1", "a1", "a2", "u1", "d1", "b1"]
    assert estate.upgrades[0].fix_version == "1.10"
    assert estate.upgrades[3].findings == ("F4", "F5")
    assert arrays.service.tolist() == [[0, 1, 1, 2, 3, 4]]
    assert arrays.after.tolist() == [[NONE, NONE, 1, NONE, NONE, NONE]]
    assert arrays.hours.tolist() == [[4, 3, 2, 3, 6, 1]]
    assert arrays.cost_usd.tolist() == [[400, 300, 200, 300, 600, 100]]
    np.testing.assert_allclose(arrays.risk_usd[0], [1000, 600, 300, 300, 360, 1000 * 0.6**12])
    np.testing.assert_allclose(arrays.outage_usd[0, :, 0], [1, 0.3, 0.3, 0.18, 0])
    assert arrays.open[0].tolist() == [[True] * 4, [True] * 4, [False] + [True] * 3, [0, 0, 1, 0], [True] * 4]
    assert (arrays.exploited == NEVER).all()
    assert arrays.weekly_hours.tolist() == [[8.0] * 4]
    assert arrays.budget_usd.tolist() == [1600]
    assert arrays.window_minutes == 120
    assert (card.rows, card.origin) == (7, "yours")


def test_limits_that_are_not_given_never_bind(write):
    free = "\n".join(one for one in YAML.splitlines() if not one.startswith(("weekly_hours", "budget")))
    arrays = load_yours(str(write(free)))[0].estates
    assert arrays.weekly_hours.min() >= arrays.hours.sum() + arrays.setup_hours.sum()
    assert arrays.budget_usd[0] >= arrays.cost_usd.sum() + 4 * arrays.setup_usd.sum()
    assert arrays.minutes_allowed.min() >= arrays.minutes.sum() + 4 * arrays.setup_minutes.max()


def test_a_flaw_that_is_exploited_costs_its_chance_times_impact_now(write):
    """A chance of .5 in 30 days is 1 - .5^(7/30) a week; the factor does not come on top of it."""
    yaml = YAML.replace("exploit_factor: 1, weekly_chance: 0", "exploit_factor: 15, weekly_chance: 0.03")
    csv = CSV.replace("web,F1,1,", "web,F1,.5,").replace("due_by\n", "due_by,exploited\n")
    csv = "\n".join(f"{one}{',yes' * ('F1' in one)}" for one in csv.splitlines())
    arrays = load_yours(str(write(yaml, csv)))[0].estates
    assert arrays.exploited[0, 0] == 0
    assert arrays.risk_usd[0, 0] * 15 == pytest.approx(1000 * (1 - 0.5 ** (7 / 30)))
    quiet = [0.97**week for week in range(4)]
    mean = sum(one + 15 * (1 - one) for one in quiet) / 4
    assert arrays.risk_usd[0, 1] * mean == pytest.approx(600)


def test_without_a_probability_the_score_gives_one(write):
    csv = CSV.replace("exploit_probability", "cvss").replace(",1,1000,w1", ",9.8,1000,w1")
    estate, card = load_yours(str(write(csv=csv)))
    assert estate.n_assumed == 7
    assert "7 findings give no chance" in card.caveat
    assert estate.estates.risk_usd[0, 0] == pytest.approx(1000 * weekly(exploit_chance(9.8, exploited=False)))


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3),
        ("5.3", 5.3),
    ],
)
def test_base_scores_are_those_that_first_publishes(vector, score):
    assert base_score(vector) == score


def test_weekly_chance_repeats_to_that_of_thirty_days():
    assert 1 - (1 - weekly(0.3)) ** (30 / 7) == pytest.approx(0.3)
    assert (weekly(0.0), weekly(1.0)) == (0.0, 1.0)


def test_assumed_chances_are_the_shares_of_the_records(monkeypatch, tmp_path):
    source = bring("vuln_dates", monkeypatch, tmp_path)
    records = source.table("vulnrichment_min.csv.gz")
    records = records[records["cvss_score"].notna() & records["ssvc_exploitation"].notna()]
    top = 10.1
    for least, chance in CHANCE_BY_SCORE:
        band = records[(records["cvss_score"] >= least) & (records["cvss_score"] < top)]
        assert band["kev_added"].notna().mean() == pytest.approx(chance, rel=0.06)
        top = least
    scores = source.table("kev_epss_monthly.csv.gz")
    last = scores[scores["date"] == scores["date"].max()]
    assert last["epss"].median() == pytest.approx(CHANCE_IF_EXPLOITED, abs=0.005)


def test_a_window_cut_short_by_the_clock_is_closed():
    """On 28 March 2027 clocks in Berlin go from 02:00 to 03:00; on 31 October back from 03:00 to 02:00."""
    night = Slot(60, 240, weekday=6)
    zone = ZoneInfo("Europe/Berlin")
    spring = windows_by_week([night], date(2027, 3, 15), 3, zone, (), 180)
    assert [one is not None for one in spring] == [True, False, True]
    assert windows_by_week([night], date(2027, 3, 15), 3, zone, (), 120)[1].minutes == 120
    assert windows_by_week([night], date(2027, 10, 25), 1, zone, (), 180)[0].minutes == 240


def test_a_week_has_its_first_window_that_fits_and_a_frozen_one_none():
    slots = [Slot(0, 60, weekday=5), Slot(0, 120, weekday=6), Slot(0, 120, day=date(2027, 1, 6))]
    found = windows_by_week(slots, date(2027, 1, 4), 3, ZoneInfo("UTC"), [date(2027, 1, 12)], 90)
    assert [one and one.start.date() for one in found] == [date(2027, 1, 6), None, date(2027, 1, 24)]


def test_calls_may_go_round_in_circles(write):
    assert said(write(YAML.replace("name: db\n", "name: db\n    calls: [api]\n"))) == []


def test_the_packaged_example_is_clean_and_is_what_its_card_says():
    folder = project_root() / "experiments" / "data" / "patch_planning"
    assert check(read(folder)[0]) == check(read(folder / "shop.yaml")[0]) == []
    estate, card = load_example()
    assert (len(estate.services), card.rows, len(estate.upgrades)) == (11, 45, 33)
    assert card.origin == "frozen"


#: What is changed in which file, and what is said of it.
MALFORMED = {
    "unknown service": ("db,F6", "dd,F6", "findings.csv line 7: unknown service 'dd'. Known: web, api, auth"),
    "near service": ("auth,F4", "aut,F4", "Did you mean 'auth'?"),
    "unknown call": ("calls: [api, auth]", "calls: [apis, auth]", "unknown service 'apis'. Did you mean"),
    "prerequisite cycle": ("a1,2.1,3,4,,", "a1,2.1,3,4,a2,", "a2 after a1 after a2: each waits for the next"),
    "unknown prerequisite": ("2,3,a1", "2,3,zz", "bundle a2: after the unknown bundle 'zz'"),
    "negative hours": ("1.10,4,5", "1.10,-4,5", "line 2: hours: -4 is not 0 or more (work of the upgrade)"),
    "nan hours": ("1.10,4,5", "1.10,nan,5", "line 2: hours: 'nan' is not finite"),
    "no hours": ("1.10,4,5", "1.10,,5", "bundle w1 (line 2): hours is missing"),
    "window in the past": ("date: 2027-03-20", "date: 2026-03-20", "start 2027-03-01: in the past"),
    "window after the end": ("date: 2027-03-20", "date: 2027-06-20", "lies after the last week"),
    "bad time": ('start: "01:00"', 'start: "25:00"', "start: '25:00' is no time HH:MM"),
    "probability above 1": ("web,F1,1,", "web,F1,1.2,", "exploit_probability: 1.2 is not from 0 to 1"),
    "percent": ("web,F1,1,", "web,F1,80%,", "exploit_probability: '80%' is no number"),
    "no chance": ("web,F1,1,", "web,F1,,", "line 2: neither cvss nor exploit_probability. Give one of them."),
    "a finding twice": ("auth,F5", "auth,F4", "line 6: F4 of auth stands in line 5 too. Keep one."),
    "bundle of two services": ("db,F6,1,1000,d1", "db,F6,1,1000,w1", "is of more than one service, web, db"),
    "upgrade told twice": ("300,u1,,", "300,u1,3.1,", "fix_version differs between its rows (3.0, 3.1)"),
    "due before the start": ("2027-03-10", "2027-02-10", "due_by 2027-02-10 lies before the start"),
    "no date": ("2027-03-10", "10.03.2027", "due_by: '10.03.2027' is no date YYYY-MM-DD"),
    "time zone": ("Europe/Berlin", "Berlin", "timezone: 'Berlin' is unknown. Did you mean 'Europe/Berlin'?"),
    "misspelt key": ("budget_usd", "budget_us", "unknown 'budget_us'. Did you mean 'budget_usd'?"),
    "misspelt column": ("impact_usd", "impact", "unknown column 'impact'. Did you mean 'impact_usd'?"),
    "currency": ("budget_usd: 1600", "budget_usd: $1600", "budget_usd: '$1600' bears a currency"),
    "currency in a cell": ("web,F1,1,1000", "web,F1,1,1000 EUR", "impact_usd: '1000 EUR' bears a currency"),
    "thousands": ("budget_usd: 1600", 'budget_usd: "1,600"', "has a comma; write 1200 for a thousand"),
    "hours by week": ("weekly_hours: 8", "weekly_hours: [8, 8]", "weekly_hours: 2 numbers for 4 weeks"),
    "no entry": ("entry: true, ", "", "no service is an entry, so nothing can be attacked"),
    "service twice": ("name: batch", "name: auth", "service auth stands there twice"),
    "no such name": ("name: batch", "name: '=1+1'", "'=1+1' is no name"),
    "weekday": ("weekday: sunday", "weekday: sonntag", "weekday: 'sonntag' is no day of the week"),
    "both dates": ("{date: 2027-03-20,", "{date: 2027-03-20, weekday: sun,", "give either weekday"),
    "window too short": ("n_weeks: 4", "n_weeks: 4\nwindow_minutes: 500", "shortest window has 120"),
    "weeks": ("n_weeks: 4", "n_weeks: 4.5", "n_weeks: 4.5 is no whole number"),
    "no start": ("start: 2027-03-01\n", "", "estate.yaml: start is missing (first day of the first week"),
    "services as text": ("services:\n", "services: none\nx:\n", "services: no list of services"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(MALFORMED))
def test_a_malformed_estate_is_told_and_not_planned(write, case):
    old, new, words = MALFORMED[case]
    assert (old in YAML) + (old in CSV) == 1, "the case must change one file"
    path = write(YAML.replace(old, new, 1), CSV.replace(old, new, 1))
    assert any(words in text for text in said(path)), said(path)
    with pytest.raises(DataError, match=r"^estate\.yaml: \d+ problem"):
        load_yours(str(path))


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        ("CVSS:3.1/AV:N/AC:L", "is no CVSS vector"),
        ("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "is no CVSS vector"),
        ("critical", "is neither a CVSS vector nor a score"),
        ("11", "is no base score from 0 to 10"),
        ("nan", "is no base score from 0 to 10"),
    ],
)
def test_a_bad_severity_is_told(write, vector, words):
    csv = CSV.replace("exploit_probability", "cvss").replace("web,F1,1,", f"web,F1,{vector},")
    assert any(f"line 2: cvss: '{vector}'" in one or words in one for one in said(write(csv=csv)))
    assert any(words in one for one in said(write(csv=csv)))


def test_a_service_without_any_window_is_told(write):
    yaml = YAML.replace('windows: [{weekday: sunday, start: 22:00, end: "00:00"}]\n', "")
    told = [one for one in said(write(yaml)) if "has findings and no window" in one]
    assert len(told) == 4


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("d1,16.2,6,5", "d1,16.2,9,5", "d1 never fits: 10 hours of work with the set-up, and no week"),
        ("d1,16.2,6,5", "d1,16.2,6,300", "301 minutes of downtime with the set-up, and a window holds 120"),
        ("freeze: [2027-03-03]", "freeze: [2027-03-01, 2027-03-08, 2027-03-15, 2027-03-22]", "no window"),
        ('start: "01:00", end: "03:00"', 'start: "01:00", end: "02:00"', "windows are of 60 to 120 minutes"),
    ],
)  # fmt: skip
def test_what_can_be_planned_around_is_a_warning(write, old, new, words):
    path = write(YAML.replace(old, new), CSV.replace(old, new))
    problems = check(read(path)[0])
    assert any(words in one.text for one in problems), problems
    assert not any(one.blocks for one in problems)
    load_yours(str(path))


_STRANGE = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**40), 10**40), st.floats(), st.dates(), st.text(max_size=8),
    st.lists(st.one_of(st.integers(), st.text(max_size=5), st.dates(), st.none()), max_size=3),
    st.dictionaries(st.sampled_from(["name", "weekday", "start", "date"]), st.integers(), max_size=2),
    st.sampled_from(["web", "yes", "22:00", "CVSS:3.1/AV:N", "1e400", "2027-03-01", "=1", "Europe/Berlin"]),
)  # fmt: skip


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_stands_in_a_file_is_told_or_planned(data):
    """Up to three values are replaced by strange ones: no fault, and what passes is an estate."""
    described = Described(
        yaml.safe_load(YAML), pd.read_csv(StringIO(CSV), dtype=str).fillna(""), "e.yaml", "f.csv"
    )
    content, table = described.content, described.table
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = data.draw(st.sampled_from([content, content["services"], table, *content["services"]]))
        if place is table:
            row, column = data.draw(st.integers(0, 6)), data.draw(st.sampled_from(list(table.columns)))
            table.loc[row, column] = str(data.draw(_STRANGE))
        elif isinstance(place, list):
            place[data.draw(st.integers(0, len(place) - 1))] = data.draw(_STRANGE)
            break
        else:
            place[data.draw(st.sampled_from([*place, "freeze", "x"]))] = data.draw(_STRANGE)
            if not isinstance(content["services"], list):
                break
        content["services"] = [one for one in content["services"] if isinstance(one, dict)] or [{}]
    problems = check(described)
    if not any(problem.blocks for problem in problems):
        arrays = estate_of(described).estates
        assert np.isfinite(arrays.risk_usd).all()
        assert (arrays.cost_usd >= 0).all()


def test_all_problems_come_at_once(write):
    path = write(YAML.replace("Europe/Berlin", "Mars"), CSV.replace("1.10,4,5", "1.10,-4,x"))
    assert len(said(path)) >= 3


@pytest.mark.parametrize(
    ("content", "csv", "words"),
    [
        ("", CSV, "estate.yaml: holds no 'name: value' lines"),
        ("a: [1", CSV, "estate.yaml: not readable as YAML"),
        ("a: 1\na: 2", CSV, "a stands there twice"),
        ("- 1", CSV, "holds no 'name: value' lines"),
        ("name: x", CSV, "names no table. Add the line 'findings: FILE.csv'"),
        ("findings: ../findings.csv", CSV, "is no CSV file in the folder"),
        ("findings: other.csv", CSV, "no file other.csv beside estate.yaml"),
        (YAML, "", "findings.csv: could not be read as CSV"),
        (YAML, CSV.splitlines()[0], "findings.csv: holds no rows"),
        (YAML, "service,id\na,b,c\n", "more cells than its first line has names"),
        ("x: !!python/object/apply:os.system [ls]", CSV, "not readable as YAML"),
    ],
)
def test_files_that_cannot_be_read(write, content, csv, words):
    with pytest.raises(DataError, match=re.escape(words)):
        load_yours(str(write(content, csv)))


def test_a_folder_with_both_files_is_an_estate_and_other_files_are_told(write, tmp_path):
    path = write()
    assert load_yours(str(tmp_path))[0].upgrades == load_yours(str(path))[0].upgrades
    with pytest.raises(DataError, match=r"ends in '.csv', not in .yaml"):
        load_yours(str(tmp_path / "findings.csv"))
    shutil.copy(path, tmp_path / "second.yaml")
    with pytest.raises(DataError, match="2 files"):
        load_yours(str(tmp_path))


def test_a_run_copies_and_hashes_both_files(write, tmp_path):
    path, home = write(), tmp_path / "home"
    home.mkdir()
    before = described_hashes(path)
    assert set(before) == {"data_path", "data_path/findings.csv"}
    copy = copy_own_data(str(path), Inputs(home, home))
    assert described_hashes(copy) == before
    assert load_yours(str(copy))[0].services == load_yours(str(path))[0].services
    (tmp_path / "findings.csv").write_text(CSV.replace("F1", "F9"), encoding="utf-8")
    assert described_hashes(path) != before


def test_the_command_checks_an_estate(write, monkeypatch, capsys):
    monkeypatch.setattr(data_command, "load_experiment", lambda slug: None)
    with pytest.raises(typer.Exit) as end:
        data_command.check("patch_planning", write())
    assert end.value.exit_code == 0
    assert "7 rows, 10 columns: fit for patch_planning" in capsys.readouterr().out
    with pytest.raises(typer.Exit) as end:
        data_command.check("patch_planning", write(csv=CSV.replace("db,F6", "dd,F6")))
    assert end.value.exit_code == 1
    assert "unknown service 'dd'" in " ".join(capsys.readouterr().out.split())


def test_cells_stay_as_typed(write):
    table = read(write())[0].table
    assert all(pd.api.types.is_string_dtype(table[name]) for name in table)
    assert table["fix_version"].iloc[0] == "1.10"

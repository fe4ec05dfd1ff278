"""The worklist against numbers worked out by hand, and its files: safe in every reader, and read back."""

import base64
import csv
import hashlib
import io
import json
import re
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dti_core.lab.paths import project_root
from dti_core.studies.patch_planning import data as patch_planning
from dti_core.studies.patch_planning.data.calendar import calendar_rows
from dti_core.studies.patch_planning.data.own import estate_of
from dti_core.studies.patch_planning.methods.plan import run_rule
from dti_core.studies.patch_planning.methods.rules import Rule
from dti_core.studies.vuln_priority.data.check import check
from dti_core.studies.vuln_priority.data.findings import Finding, table_of
from dti_core.studies.vuln_priority.data.readers import read_scan
from dti_core.studies.vuln_priority.data.same import group
from dti_core.studies.vuln_priority.data.services import services_of
from dti_core.studies.vuln_priority.data.yours import read
from dti_core.studies.vuln_priority.methods.exports import (
    patch_files,
    worklist_csv,
    worklist_page,
    worklist_sarif,
    worklist_vex,
)
from dti_core.studies.vuln_priority.methods.exports.page import MOST_ROWS
from dti_core.studies.vuln_priority.methods.exports.table import escaped
from dti_core.studies.vuln_priority.methods.worklist import COLUMNS, each_flaw, expected_loss, rank
from tests.browser import open_chromium, visiting
from tests.hostile import LOADS, RUNS, TEXTS, WAITS

EXAMPLE = project_root() / "experiments" / "data" / "vuln_priority" / "example"
RUN = date(2026, 12, 7)
SERVICES = services_of({"services": [
    {"name": "web", "exposure": "internet", "calls": ["api"], "impact_usd": 1000, "owner": "w"},
    {"name": "api", "impact_usd": 10_000, "owner": "a"},
]})  # fmt: skip


def code(service: str, line: int, **more) -> Finding:
    return Finding("bandit", "sast", "R", "m", 89, service, "a.py", line, **more)


def same(n: int, value: float = 0.5) -> np.ndarray:
    return np.tile([value, value / 2, value], (n, 1))


def ranked(findings, p_real=None, p_exploit=None, hours=None, services=SERVICES):
    groups = group(table_of(findings))
    n = len(groups.table)
    worklist = rank(
        groups.table, same(n) if p_real is None else p_real, services,
        np.full(n, 0.1) if p_exploit is None else p_exploit, np.ones(n) if hours is None else hours,
    )  # fmt: skip
    return worklist, groups


def flaws_of(worklist, groups, p_real=None, p_exploit=None):
    n = len(groups)
    names, real = ("p_real", "p_real_low", "p_real_high"), same(n) if p_real is None else p_real
    told = dict(zip(names, real.T, strict=True))
    chances = groups[["group"]].assign(**told, p_exploit=np.full(n, 0.1) if p_exploit is None else p_exploit)
    return each_flaw(worklist, groups, chances)


@pytest.fixture(scope="module")
def example():
    own = read(EXAMPLE)[0]
    n = len(own.groups.table)
    rng = np.random.default_rng(3)
    p_real = np.sort(rng.random((n, 3)), axis=1)[:, [1, 0, 2]]
    p_exploit = rng.random(n) / 5
    worklist = rank(own.groups.table, p_real, own.services, p_exploit, 1 + rng.random(n), own.truth)
    return own, worklist, flaws_of(worklist, own.groups.table, p_real, p_exploit)


# The order -------------------------------------------------------------------------------------------


def test_the_order_is_the_one_worked_out_by_hand():
    """Api is one call from the internet: .6. Risks: .5 * .1 * 1000 = 50 and .5 * .1 * .6 * 10000 = 300 USD.

    An hour's work removes 50 / 1, 300 / 12 and 50 / 2 USD; of the equal ones the larger risk goes first.
    """
    _, groups = ranked([code("web", 1), code("api", 1), code("web", 50)])
    service = groups.table["service"]
    hours = np.where(service == "api", 12.0, np.where(groups.table["line"] == 1, 2.0, 1.0))
    worklist, _ = ranked([code("web", 1), code("api", 1), code("web", 50)], hours=hours)
    assert worklist["place"].tolist() == ["a.py:50", "a.py:1", "a.py:1"]
    assert worklist["service"].tolist() == ["web", "api", "web"]
    np.testing.assert_allclose(worklist["risk_usd"], [50, 300, 50])
    np.testing.assert_allclose(worklist["risk_low_usd"], [25, 150, 25])
    np.testing.assert_allclose(worklist["reach"], [1, 0.6, 1])
    assert worklist["owner"].tolist() == ["w", "a", "w"]
    assert tuple(worklist) == COLUMNS


def test_reasons_name_what_sets_a_row_apart():
    findings = [code("web", 20 * n) for n in range(1, 6)] + [code("api", 1)]
    groups = group(table_of(findings)).table
    at = (groups["service"] == "api").to_numpy()
    worklist, _ = ranked(findings, p_real=np.where(at[:, None], same(6, 0.9), same(6, 0.3)))
    assert worklist["why"][0] == (
        "Stands high for a loss of 10,000 USD if it is exploited "
        "and a chance of 90% that it is real (bandit)."
    )
    assert worklist["why"][1] == "Stands in the middle: nothing about it is far from the others."
    slow, _ = ranked(findings, hours=np.where(groups["line"] == 40, 30.0, 1.0))
    assert slow["why"].iloc[-1] == "Stands low for much work (30.0 hours)."


def test_what_is_suppressed_is_not_ranked_and_no_work_is_free():
    worklist, _ = ranked([code("web", 1, suppressed=True), code("web", 50)], hours=np.zeros(2))
    assert worklist["place"].tolist() == ["a.py:50"]
    assert worklist["effort_hours"][0] > 0
    assert ranked([])[0].empty


def test_wrong_arrays_and_services_are_refused():
    table = group(table_of([code("web", 1)])).table
    with pytest.raises(ValueError, match="1 groups, but"):
        rank(table, same(2), SERVICES, np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match="within"):
        rank(table, same(1, 1.5), SERVICES, np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match="unknown service 'mars'"):
        ranked([code("mars", 1)])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.1, 0.5]), min_size=2, max_size=12), st.randoms(use_true_random=False))
def test_ties_and_the_order_of_groups_change_nothing(chances, shuffle):
    table = group(table_of([code("web", 20 * n) for n in range(1, len(chances) + 1)])).table
    p_real = np.array(chances)[:, None] * np.ones(3)
    mixed = list(range(len(table)))
    shuffle.shuffle(mixed)
    ones = np.full(len(table), 0.5)
    first = rank(table, p_real, SERVICES, ones, ones)
    second = rank(table.iloc[mixed].reset_index(drop=True), p_real[mixed], SERVICES, ones, ones)
    pd.testing.assert_frame_equal(first, second)
    assert (first["risk_usd"].diff().dropna() <= 0).all()


def advised(package: str, cve: str, fixed_in: str, **more) -> Finding:
    return Finding("pip-audit", "sca", cve, "m", None, "web", package=package, version="1", fixed_in=fixed_in,
                   cve=cve, **more)  # fmt: skip


def test_an_upgrade_is_one_row_whose_hours_count_once_and_whose_flaws_add_up_as_chances():
    """Real together with chance .5, exploited each with .1: .5 * (1 - .9 ** 3) of 1000 USD, for one hour."""
    told = [advised("django", f"CVE-2020-{n}", f"2.{n}") for n in (9, 10, 2)]
    worklist, groups = ranked([*told, advised("flask", "CVE-2020-7", ""), code("web", 1)])
    assert worklist["place"].tolist()[:1] == ["upgrade django 1 to 2.10: 3 flaws"]
    assert set(worklist["place"][1:]) == {"upgrade flask 1 (no fix is told): CVE-2020-7", "a.py:1"}
    assert worklist["effort_hours"].tolist() == [1, 1, 1]
    np.testing.assert_allclose(worklist["risk_usd"], [500 * (1 - 0.9**3), 50, 50])
    assert worklist["cves"][0] == "CVE-2020-10 CVE-2020-2 CVE-2020-9"
    members = " ".join(worklist["members"]).split()
    assert sorted(members) == groups.table["group"].tolist()
    flaws = flaws_of(worklist, groups.table)
    np.testing.assert_allclose(flaws["risk_usd"], 50)
    assert flaws["work"].tolist() == worklist["group"].repeat(worklist["n_flaws"]).tolist()
    content = json.loads(worklist_vex(flaws, groups.table, np.full(5, np.nan)))
    assert {one["id"] for one in content["vulnerabilities"]} >= {one.cve for one in told}


def test_labels_leave_no_triage_and_no_row_of_what_is_not_real():
    findings = [code("web", 1), code("web", 50), *[advised("p", f"CVE-2020-{n}", "2") for n in (1, 2)]]
    groups = group(table_of(findings)).table
    truth = np.where(groups["line"] == 1, 1.0, np.where(groups["line"] == 50, 0.0, np.nan))
    truth[groups["cve"] == "CVE-2020-1"] = 0.0
    worklist = rank(groups, same(4), SERVICES, np.full(4, 0.1), np.ones(4), truth)
    assert set(worklist["place"]) == {"a.py:1", "upgrade p 1 to 2: CVE-2020-2"}
    (mine,) = worklist.loc[worklist["place"] == "a.py:1", "why"]
    assert mine.startswith("You labelled it real. ")
    vex = json.loads(worklist_vex(flaws_of(worklist, groups), groups, truth))["vulnerabilities"]
    assert [one["analysis"]["state"] for one in vex if one["id"] == "CVE-2020-1"] == ["not_affected"]
    assert sum(one["analysis"]["state"] == "false_positive" for one in vex) == 1


def test_a_service_is_lost_once_a_year_at_most_and_equal_rows_share_a_rank():
    findings = [code("web", 50 * n) for n in range(1, 101)]
    worklist, _ = ranked(findings, p_exploit=np.full(100, 0.5))
    assert worklist["risk_usd"].sum() == pytest.approx(25_000)
    assert expected_loss(worklist) == pytest.approx(1000)
    assert set(worklist["rank"]) == {1}
    assert worklist["in_week"].sum() == 40
    assert "25,000 USD" in worklist_page(worklist, "List", RUN).decode()


def test_little_work_is_no_praise_for_what_is_likely_false():
    chance = np.where(np.arange(6) == 0, 0.01, 0.9)[:, None] * np.ones(3)
    worklist, _ = ranked([code("web", 50 * n) for n in range(6)], p_real=chance, hours=0.7 + 4 * chance[:, 0])
    assert not worklist["why"].str.contains("little work|much work").any()


# CSV -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "\n=1"])
def test_no_cell_begins_as_a_formula(text):
    assert escaped(text) == f"'{text}"
    assert escaped(f"a{text}") == f"a{text}"
    assert escaped(-1.5) == -1.5


def test_a_hostile_rule_owner_and_file_come_out_as_text():
    owner = '=HYPERLINK("http://x","y")'
    services = services_of({"services": [{"name": "web", "owner": owner}]})
    worklist, _ = ranked(
        [Finding("@tool", "sast", "-R", "+m", 89, "web", '=cmd|"/c calc"!A1', 3)], services=services
    )
    (row,) = csv.DictReader(io.StringIO(worklist_csv(worklist).decode()))
    assert row["owner"] == f"'{owner}"
    assert row["tools"] == "'@tool"
    assert row["place"].startswith("'=cmd|")
    assert not [one for one in row.values() if one.startswith(("=", "+", "-", "@"))]
    assert float(row["p_real"]) == 0.5


def test_csv_holds_the_worklist(example):
    _, worklist, _ = example
    table = pd.read_csv(io.BytesIO(worklist_csv(worklist)), keep_default_na=False)
    assert table["group"].tolist() == worklist["group"].tolist()
    np.testing.assert_allclose(table["risk_usd"], worklist["risk_usd"], atol=0.01)


def test_a_worklist_with_one_more_column_is_a_labels_file(example, tmp_path):
    _, worklist, _ = example
    labelled = worklist.assign(real=["yes" if n % 2 else "no" for n in range(len(worklist))])
    for file in EXAMPLE.glob("*.[jsy]*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "worklist.csv").write_bytes(worklist_csv(labelled))
    own = read(tmp_path)[0]
    found = dict(zip(own.groups.table["group"], own.truth, strict=True))
    assert (labelled["n_flaws"] > 1).any()
    for members, real in zip(labelled["members"].str.split(), labelled["real"], strict=True):
        assert {found[one] for one in members} == {float(real == "yes")}
    assert not [one for one in check(own) if one.blocks]


# SARIF -----------------------------------------------------------------------------------------------


def test_scan_to_worklist_to_sarif_and_back_gives_the_same_flaws(example):
    own, _, flaws = example
    content = worklist_sarif(flaws, own.groups, own.findings)
    again = read_scan(content, "ranked.sarif")
    back = group(table_of(again.findings)).table
    kept = own.groups.table[~own.groups.table["suppressed"] & (own.truth != 0)]
    columns = [
        "service",
        "file",
        "line",
        "route",
        "method",
        "parameter",
        "package",
        "version",
        "fixed_in",
        "cve",
    ]
    columns += ["cwe", "level", "severity"]
    first, second = (one.sort_values(columns, ignore_index=True)[columns] for one in (kept, back))
    pd.testing.assert_frame_equal(first, second)
    assert [one.service for one in again.findings] == flaws["service"].tolist()


def test_ranks_fall_and_members_undo_the_grouping(example):
    own, _, flaws = example
    results = json.loads(worklist_sarif(flaws, own.groups, own.findings))["runs"][0]["results"]
    ranks = [one["rank"] for one in results]
    assert ranks[0] == 100
    assert all(100 >= high >= low >= 0 for high, low in pairwise(ranks))
    listed = [one["origin"] for result in results for one in result["properties"]["members"]]
    left = own.truth[own.groups.of] == 0
    assert sorted(listed) == sorted(own.findings.loc[~own.findings["suppressed"] & ~left, "origin"])
    assert [one["properties"]["group"] for one in results] == flaws["group"].tolist()
    assert all(one["message"]["text"] for one in results)


# VEX -------------------------------------------------------------------------------------------------


def test_vex_is_valid_and_says_what_labels_say(example):
    """The schema of CycloneDX 1.6 judges."""
    validation = pytest.importorskip("cyclonedx.validation.json")
    from cyclonedx.schema import SchemaVersion

    own, _, flaws = example
    content = worklist_vex(flaws, own.groups.table, own.truth).decode()
    assert validation.JsonStrictValidator(SchemaVersion.V1_6).validate_str(content) is None
    found = json.loads(content)["vulnerabilities"]
    states = {one["id"]: one["analysis"]["state"] for one in found}
    table = own.groups.table
    for file, state in [("billing/export.py", "exploitable"), ("jobs/archive/pack.py", "false_positive")]:
        assert {states[one] for one in table.loc[table["file"] == file, "group"]} == {state}
    assert set(states.values()) == {"exploitable", "false_positive", "in_triage"}
    again = read_scan(content.encode(), "vex.json")
    assert len(again.findings) == len(flaws) + 1
    assert {"CVE-2023-25577", "CVE-2019-10906"} <= {one.cve for one in again.findings}


# HTML ------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(content.decode())

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, text):
        self.texts.append(text)


@pytest.mark.parametrize("text", [*RUNS, *LOADS, *WAITS, *TEXTS])
def test_foreign_text_stays_text_in_the_page(text):
    services = services_of({"services": [{"name": "web", "owner": " ".join(text.split())[:400]}]})
    finding = Finding(f"tool {text}", "sast", "R", "m", 89, "web", f"a{text}", 3, text, "GET", text)
    plain, hostile = (ranked([one], services=services)[0] for one in (code("web", 3), finding))
    harmless, page = (
        Page(worklist_page(one, name, RUN)) for one, name in ((plain, "List"), (hostile, f"List {text}"))
    )
    assert [tag for tag, _ in page.tags if tag != "wbr"] == [tag for tag, _ in harmless.tags if tag != "wbr"]
    for tag, attributes in page.tags:
        assert not {"src", "href", "srcset", "action", "style", "srcdoc"} & set(attributes), tag
        assert not [name for name in attributes if name.startswith("on")]
    assert hostile["place"][0] in "".join(page.texts)


def test_the_page_has_every_row_without_script_and_runs_no_other_script(example):
    _, worklist, _ = example
    content = worklist_page(worklist, "Worklist", RUN)
    page = Page(content)
    rows = [attributes for tag, attributes in page.tags if tag == "tr" and attributes]
    assert [one["data-service"] for one in rows] == [f"={one}" for one in worklist["service"]]
    assert not [one for one in rows if "hidden" in one]
    assert [attributes for tag, attributes in page.tags if tag == "form"] == [{"hidden": None}]
    policy = next(one["content"] for tag, one in page.tags if "http-equiv" in one)
    assert "default-src 'none'" in policy
    for tag in ("script", "style"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", content.decode(), re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "http" not in re.sub(r"http-equiv", "", content.decode())


def test_filters_hide_rows_in_a_browser_and_nothing_is_refused(example, tmp_path):
    _, worklist, _ = example
    (tmp_path / "page.html").write_bytes(worklist_page(worklist, "Worklist", RUN))
    with open_chromium() as browser, visiting(browser, tmp_path) as visit:
        page = visit("page.html", {"width": 1200, "height": 800})
        page.locator("select[name=service]").select_option("=billing")
        shown = page.locator("tbody tr[data-service]:visible td:nth-child(2)").all_inner_texts()
        assert shown == ["billing"] * (worklist["service"] == "billing").sum()
        page.locator("select[name=cwe]").select_option(label="78")
        assert page.locator("output").inner_text() == f"1 of {len(worklist)} rows"
        page.locator("select[name=service]").select_option("")
        page.locator("select[name=cwe]").select_option("")
        assert page.locator("tbody tr:visible").count() == len(worklist) + 1


def test_a_phone_scrolls_the_table_and_not_the_page(example, tmp_path):
    _, worklist, _ = example
    long = worklist.assign(place="a/very/long/path" * 20, message="x" * 200, family="k" * 60)
    (tmp_path / "page.html").write_bytes(worklist_page(long, "Worklist " + "t" * 80, RUN))
    with open_chromium() as browser, visiting(browser, tmp_path) as visit:
        page = visit("page.html", {"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("document.querySelector('div').scrollWidth") > 390


def test_a_long_list_is_cut_and_said_so():
    worklist, _ = ranked([code("web", 20 * n) for n in range(1, MOST_ROWS + 12)])
    content = worklist_page(worklist, "Worklist", RUN).decode()
    assert content.count("<tr data-") == MOST_ROWS
    assert f"The first {MOST_ROWS:,} of {MOST_ROWS + 11:,} flaws" in content


# Patch planning --------------------------------------------------------------------------------------


def planned(tmp_path, flaws, groups, services):
    for name, content in patch_files(flaws, groups, services, start=date(2026, 12, 7)).items():
        (tmp_path / name).write_bytes(content)
    described, _ = patch_planning.read(tmp_path)
    assert [one.text for one in patch_planning.check(described) if one.blocks] == []
    return estate_of(described)


def test_scan_to_rank_to_patch_calendar(example, tmp_path):
    """The upgrade of werkzeug mends both of its flaws, and is to the later of their versions."""
    own, worklist, flaws = example
    estate = planned(tmp_path, flaws, own.groups.table, own.services)
    upgrade = next(one for one in estate.upgrades if "werkzeug" in one.name)
    assert set(upgrade.findings) == {"CVE-2019-14806", "CVE-2023-25577"}
    assert upgrade.fix_version == "2.2.3"
    assert len(estate.upgrades) == len(worklist) < len(flaws)
    calendar = calendar_rows(estate, run_rule(estate.estates, Rule("risk", only_worthwhile=False)))
    assert len(calendar) > 0
    assert set(calendar["service"]) <= {"shop", "billing", "archive"}


def test_hostile_names_become_names_that_patch_planning_takes(tmp_path):
    findings = [
        Finding("t", "sca", "R", "m", 89, "web", package=package, version="1", fixed_in=fixed_in, cve=cve)
        for package, fixed_in, cve in [
            ("=cmd\n|" + "x" * 200, "=1", "=CVE"),
            ("=cmd-|" + "x" * 200, "2", "-CVE"),
            ("p", "later", "CVE-1"),
            ("p", "1.10", "CVE-1: x"),
            ("p", "1.9", "CVE-1; x"),
        ]
    ]
    worklist, groups = ranked(findings)
    estate = planned(tmp_path, flaws_of(worklist, groups.table), groups.table, SERVICES)
    assert len(estate.upgrades) == 3
    assert {one.fix_version for one in estate.upgrades} == {"", "2", "1.10"}


def test_without_the_internet_each_service_with_a_flaw_is_an_entry(tmp_path):
    services = services_of({"services": [{"name": "a", "calls": ["b"]}, {"name": "b"}]})
    worklist, groups = ranked([code("a", 1)], services=services)
    assert planned(tmp_path, flaws_of(worklist, groups.table), groups.table, services).services == ("a", "b")

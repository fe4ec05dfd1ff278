"""vuln_priority: the scorecards of the OWASP Benchmark, by hand on a small table, and as published."""

import json
from dataclasses import replace
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from dti_core.lab.errors import DataError
from dti_core.studies.vuln_priority.model.evidence import Evidence, flow_folds, row_folds
from dti_core.studies.vuln_priority.model.learners import held_out

SCRIPT = Path(__file__).resolve().parents[1] / "experiments/data/vuln_priority/owasp/owasp_scorecard.py"
SPEC = spec_from_file_location("owasp_scorecard", SCRIPT)
script = module_from_spec(SPEC)
SPEC.loader.exec_module(script)
REPORT = json.loads(SCRIPT.with_suffix(".json").read_text(encoding="utf-8"))
ROWS = (
    "c1, sqli, 89, true, true, pass",
    "c2, sqli, 89, true, false, fail",
    "c3, sqli, 89, false, true, fail",
    "c4, xss, 79, true, true, pass",
    "c5, xss, 79, false, false, pass",
    "c6, xss, 79, false, false, pass",
)


def small() -> Evidence:
    """Two kinds: of the first, 1 of 2 real and 1 of 1 safe are reported; of the second, 1 of 1 and 0 of 2."""
    family, real = np.array([0, 0, 0, 1, 1, 1]), np.array([1, 1, 0, 1, 0, 0], dtype=bool)
    flags = np.array([[1, 0, 1, 1, 0, 0]], dtype=bool).T
    return Evidence(
        ("t",), ("sqli", "xss"), ("sqli", "xss"), flags, flags * 1.0, family, family, family, real
    )


def checkout(folder: Path, rows: tuple[str, ...] = ROWS, last: tuple[str, ...] | None = None) -> Path:
    """A made-up checkout in which all tools say the same, but perhaps the last of each release."""
    (folder / "scorecard").mkdir()
    for release, tools in script.PUBLISHED.items():
        for tool in tools:
            told = last if last and tool == list(tools)[-1] else rows
            name = f"Benchmark_v{release}_Scorecard_for_{tool}.csv"
            (folder / "scorecard" / name).write_text("\n".join(("# test name", *told, "")), encoding="utf-8")
    split = [row.split(", ") for row in rows]
    expected = [f"{case},{kind},{real},{cwe}" for case, kind, cwe, real, *_ in split]
    (folder / "expectedresults-1.2.csv").write_text("\n".join(("# test name", *expected)), encoding="utf-8")
    return folder


def test_rates_and_score_by_hand():
    cases = small()
    assert script.rates(cases.flags[:, 0], cases.real, cases.family).tolist() == [[50, 100], [100, 0]]
    made = script.card(cases.flags[:, 0], cases)
    assert made == {"overall": [75.0, 50.0, 25.0], "tpr": [50.0, 100.0], "fpr": [100.0, 0.0]}


def test_the_score_counts_kinds_alike_whatever_their_number_of_cases():
    cases = small()
    more = cases.at(np.r_[np.arange(6), np.repeat([4, 5], 50)])
    assert script.card(more.flags[:, 0], more) == script.card(cases.flags[:, 0], cases)


def test_a_release_is_read_as_it_was_written(tmp_path):
    read, cases = script.read_release(checkout(tmp_path), "1.2"), small()
    assert (read.families, read.tools) == (cases.families, tuple(script.PUBLISHED["1.2"]))
    assert read.flags.tolist() == np.repeat(cases.flags, 5, axis=1).tolist()
    assert (read.real.tolist(), read.family.tolist()) == (cases.real.tolist(), cases.family.tolist())


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("c7, xss, 79, true, maybe, pass", "true or false twice"),
        ("c6, xss, 79, true, true, pass", "each case once"),
        ("c7, xss, 79, true", "six fields"),
        ("c7, xss, 79, true, false, pass", "c7 is said to pass"),
    ],
)
def test_a_bad_row_is_named(tmp_path, row, said):
    with pytest.raises(DataError, match=said):
        script.read_release(checkout(tmp_path, (*ROWS, row)), "1.1")


def test_tools_that_tell_of_different_cases_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"SonarQube.* tell of different cases"):
        script.read_release(checkout(tmp_path, last=ROWS[:-1]), "1.2")


def test_expected_results_that_disagree_are_refused(tmp_path):
    path = checkout(tmp_path) / "expectedresults-1.2.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("true", "false", 1), encoding="utf-8")
    with pytest.raises(DataError, match="disagrees"):
        script.read_release(tmp_path, "1.2")


def test_a_folder_that_is_no_checkout_is_refused(tmp_path):
    with pytest.raises(DataError, match="no file"):
        script.read_release(tmp_path, "1.2")


def test_other_results_are_not_as_published_and_nothing_is_written(tmp_path):
    before = SCRIPT.with_suffix(".json").read_bytes()
    with pytest.raises(RuntimeError, match=r"not as published: .*PMD"):
        script.main(checkout(tmp_path))
    assert SCRIPT.with_suffix(".json").read_bytes() == before


def two_tools() -> Evidence:
    """Three kinds of 50 real and 50 safe cases: the loud tool reports 45 and 25 of each.

    The other one reports the 45 of kind a, and nothing else.
    """
    family, place = np.repeat([0, 1, 2], 100), np.tile(np.arange(100), 3)
    real = place < 50
    loud = (place < 45) | (place >= 75)
    names = ("a", "b", "c")
    flags = np.column_stack([loud, loud & real & (family == 0)])
    return Evidence((script.LOUDEST, "exact"), names, names, flags, flags * 1.0, family, family, family, real)


@pytest.mark.parametrize("learner", ["bayes", "logistic"])
def test_a_fusion_dismisses_what_the_tool_that_knows_a_kind_is_silent_about(learner):
    """Of 150 safe cases the loud tool reports 75; of these the fusion keeps the 50 of the other kinds."""
    cases = two_tools()
    made = script.contest(cases, partial(held_out, learner), row_folds(cases, 10, np.random.default_rng(0)))
    assert made["best_single"] == script.LOUDEST
    assert made[script.LOUDEST]["false_share"] == pytest.approx(75 / 150, abs=1e-4)
    assert made["fusion"]["false_share"] == pytest.approx(50 / 150, abs=1e-4)
    assert made["gaps"]["false_share"][0] == pytest.approx(-25 / 150, abs=1e-4)
    assert made["dismissed"] == {"a": 25}


def test_a_kind_that_was_held_out_cannot_be_dismissed():
    cases = two_tools()
    made = script.contest(cases, partial(held_out, "bayes"), flow_folds(cases))
    assert made["dismissed"] == {}
    assert made["gaps"]["false_share"][0] >= 0


def test_the_additive_fit_trusts_a_tool_alike_in_all_kinds():
    cases = two_tools()
    chances = script.additive(cases, np.arange(cases.n) % 2)
    odds, loud = np.log(chances / (1 - chances)), cases.flags[:, 0]
    held, plain = np.arange(cases.n) % 2 == 0, ~cases.flags[:, 1]
    worth = [
        odds[held & plain & loud & (cases.family == kind)][0] - odds[held & ~loud & (cases.family == kind)][0]
        for kind in range(3)
    ]
    assert worth == pytest.approx([worth[0]] * 3)


def test_nothing_is_dismissed_where_the_second_tool_says_nothing_new():
    cases = two_tools()
    silent = replace(cases, flags=cases.flags & [True, False], strength=cases.strength * [1.0, 0.0])
    for folds in (flow_folds(silent), row_folds(silent, 10, np.random.default_rng(0))):
        made = script.contest(silent, partial(held_out, "bayes"), folds)
        assert made["gaps"]["false_share"] == [0.0, 0.0, 0.0]
        assert made["fusion"]["false_share"] == made[script.LOUDEST]["false_share"]


@pytest.mark.parametrize(
    ("tool", "row"), [pair for release in script.PUBLISHED.values() for pair in release.items()]
)
def test_every_card_is_as_published(tool, row):
    """Source: pages of the scorecard in the benchmark's repository."""
    assert tuple(np.round(REPORT["cards"][tool]["overall"], 2)) == row == tuple(REPORT["published"][tool])


def test_overall_figures_of_the_report_are_means_of_its_kinds():
    cards = REPORT["cards"] | REPORT["votes"]
    assert len(cards) == 13
    for one in cards.values():
        assert len(one["tpr"]) == len(one["fpr"]) == len(REPORT["kinds"]) == 11
        true, false = np.mean(one["tpr"]), np.mean(one["fpr"])
        assert one["overall"] == pytest.approx([true, false, true - false], abs=1e-3)


def test_the_report_says_what_votes_and_fusion_make_of_it():
    votes = [round(REPORT["votes"][name]["overall"][2], 2) for name in ("any", "two")]
    assert votes == [36.88, 39.99]
    known, new = (REPORT["contests"][split]["logistic"] for split in ("rows", "kinds"))
    assert known["best_single"] == new["best_single"] == script.LOUDEST
    assert known["fusion"]["false_share"] < known[script.LOUDEST]["false_share"]
    assert known["dismissed"].keys() == {"crypto"}
    assert new["fusion"]["false_share"] >= new[script.LOUDEST]["false_share"]
    assert new["dismissed"] == {}


def test_the_report_names_its_source_and_is_of_this_script():
    assert (REPORT["title"], REPORT["command"]) == (script.TITLE, script.COMMAND)
    assert REPORT["source"] == script.SOURCE
    assert REPORT["source"]["license"] == "GPL-2.0"
    assert REPORT["n_cases"] == {"1.2": 2740, "1.1": 21041}

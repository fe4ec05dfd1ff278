"""vuln_priority: scores and learners against sklearn and by hand, held-out flows, orders of work, worlds."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from dti_core.studies.vuln_priority.data.findings import Finding
from dti_core.studies.vuln_priority.data.lab import load_lab, reports_on
from dti_core.studies.vuln_priority.data.scans import Scans, recorded_scans
from dti_core.studies.vuln_priority.measures import checks, orders, subsets
from dti_core.studies.vuln_priority.measures.contest import Contest, table_of_kinds
from dti_core.studies.vuln_priority.measures.worklist import study_worklist
from dti_core.studies.vuln_priority.methods import METHODS, ORDERS
from dti_core.studies.vuln_priority.methods.carried import chances, worth_of_kinds
from dti_core.studies.vuln_priority.methods.fusion import FAVOURITE, KINDS, TOOLS
from dti_core.studies.vuln_priority.model import learners, scores
from dti_core.studies.vuln_priority.model.evidence import Evidence, flow_folds, row_folds, splits
from dti_core.studies.vuln_priority.model.work import Items, avoided, turned
from dti_core.studies.vuln_priority.worlds import WORLDS
from dti_core.studies.vuln_priority.worlds.assumptions import SPANS, Assumptions, draw_assumptions, fill


def drawn(n: int = 240, seed: int = 0, worth: tuple[float, float] = (0.7, 0.2)) -> Evidence:
    """Cases of ten flows and three kinds, four tools that report real and safe cases by `worth`."""
    rng = np.random.default_rng(seed)
    real = rng.random(n) < 0.5
    flags = rng.random((n, len(TOOLS))) < np.where(real, *worth)[:, None]
    return Evidence(
        TOOLS, ("a", "b", "c"), tuple(map(str, range(10))), flags, flags * 0.5, rng.integers(3, size=n),
        rng.integers(10, size=n), rng.integers(6, size=n), real,
    )  # fmt: skip


ONE = np.ones((1, 240))


# Scores


@given(st.integers(0, 10_000), st.integers(1, 8))
def test_scores_are_those_of_sklearn_whatever_the_ties(seed, levels):
    rng = np.random.default_rng(seed)
    real = np.r_[True, False, rng.random(60) < 0.4]
    chance = rng.integers(levels + 1, size=62) / levels
    one = np.ones((1, 62))
    assert scores.average_precision(chance, real, one)[0] == pytest.approx(
        average_precision_score(real, chance)
    )
    assert scores.area(chance, real, one)[0] == pytest.approx(roc_auc_score(real, chance))
    assert scores.brier(chance, real, one)[0] == pytest.approx(brier_score_loss(real, chance))


def test_weights_are_repeated_cases():
    rng = np.random.default_rng(3)
    chance, real, times = rng.random(40), rng.random(40) < 0.5, rng.integers(4, size=40)
    again, same = np.repeat(chance, times), np.repeat(real, times)
    for score in (scores.average_precision, scores.area, scores.brier):
        weighted = score(chance, real, times[None].astype(float))
        assert weighted[0] == pytest.approx(score(again, same, np.ones((1, len(again))))[0])


def test_false_reports_at_a_recall_by_hand():
    """Sorted: real, safe, real, safe, safe. Half of the real are found before any safe one, all after one."""
    chance, real = np.array([0.9, 0.8, 0.7, 0.6, 0.1]), np.array([True, False, True, False, False])
    at = [
        scores.false_share_at(chance, real, np.ones((1, 5)), np.array([one]))[0] for one in (0.5, 0.75, 1.0)
    ]
    assert at == pytest.approx([0.0, 1 / 3, 1 / 3])


def test_calibration_error_of_the_truth_is_nothing_and_of_a_shift_is_the_shift():
    rng = np.random.default_rng(1)
    chance = rng.uniform(0.2, 0.8, 50_000)
    real, one = rng.random(50_000) < chance, np.ones((1, 50_000))
    assert scores.calibration_error(chance, real, one)[0] < 0.01
    assert scores.calibration_error(chance - 0.15, real, one)[0] == pytest.approx(0.15, abs=0.01)


def test_flows_are_drawn_whole():
    flow = np.repeat(np.arange(5), 3)
    weights = scores.cluster_weights([flow], 50, np.random.default_rng(0))
    assert (weights[0] == 1).all()
    assert (weights.reshape(51, 5, 3) == weights.reshape(51, 5, 3)[:, :, :1]).all()
    assert (weights.sum(axis=1) == 15).all()


# Learners


def test_naive_bayes_by_hand():
    """One tool: 3 of 4 real and 1 of 4 safe cases reported, shrunk to the rate of all."""
    real = np.array([1, 1, 1, 1, 0, 0, 0, 0], dtype=bool)
    flags = np.array([1, 1, 1, 0, 1, 0, 0, 0], dtype=bool)[:, None]
    cases = Evidence(("tool",), ("k",), ("f",), flags, flags * 1.0, *np.zeros((3, 8), int), real)
    yes = (3 + 4 * 3.5 / 5) / 8
    no = (1 + 4 * 1.5 / 5) / 8
    odds = learners.naive_bayes(cases, cases)
    assert odds[0] == pytest.approx(np.log(yes / no))
    assert odds[3] == pytest.approx(np.log((1 - yes) / (1 - no)))


@pytest.mark.parametrize("name", learners.LEARNERS)
def test_what_is_held_out_teaches_nothing(name):
    """Labels of a flow that is held out can be turned over without moving its chances."""
    cases = drawn()
    folds = flow_folds(cases)
    mine = folds == 3
    turned = replace(cases, real=np.where(mine, ~cases.real, cases.real))
    before, after = (learners.held_out(name, one, folds) for one in (cases, turned))
    assert before[mine] == pytest.approx(after[mine], abs=1e-12)
    assert not np.allclose(before[~mine], after[~mine])


@pytest.mark.parametrize("name", learners.LEARNERS)
def test_a_learner_finds_tools_that_tell_and_none_in_tools_that_do_not(name):
    good, useless = drawn(), drawn(worth=(0.5, 0.5))
    told, dealt = (learners.held_out(name, one, flow_folds(one)) for one in (good, useless))
    assert roc_auc_score(good.real, told) > 0.85
    assert 0.35 < roc_auc_score(useless.real, dealt) < 0.65
    assert learners.EDGE <= told.min() <= told.max() <= 1 - learners.EDGE


def test_a_tool_that_always_reports_is_worth_nothing_and_one_given_twice_not_double():
    found = checks.check_once(checks.Draw(drawn(), np.random.SeedSequence(4)))
    assert abs(found["always_changes"]) < 0.1
    assert abs(found["twice_brier"]) < 0.01
    assert abs(found["dealt_labels_ap"]) < 0.15
    assert found["planted_gain"] > 0
    strong = drawn(5000, worth=(0.8, 0.1))
    assert checks.weight_of("agent", strong) == pytest.approx(np.subtract(*logit([0.8, 0.1])), abs=0.2)


def test_folds_hold_whole_flows_or_deal_rows():
    cases = drawn()
    for learn, held in splits(flow_folds(cases)):
        assert not set(cases.flow[learn]) & set(cases.flow[held])
    rows = row_folds(cases, 10, np.random.default_rng(0))
    assert np.bincount(rows).tolist() == [24] * 10
    assert set(cases.flow[rows == 0]) & set(cases.flow[rows != 0])


def test_evidence_of_unequal_shapes_is_refused():
    cases = drawn()
    with pytest.raises(ValueError, match="must be"):
        replace(cases, flags=cases.flags[:, :2])


# The lab


@pytest.fixture(scope="module")
def lab():
    return load_lab()[0]


def report(**told) -> Finding:
    return Finding("t", "sast", "r", "m", **{"cwe": 89, **told})


CASES = pd.DataFrame(
    [("shop", "/a/<path:rest>", 89, "shop/app.py", 10, 20), ("shop", "/b", 79, "shop/app.py", 22, 30),
     ("desk", "/b", 89, "desk/app.py", 10, 20)],
    columns=["service", "route", "cwe", "file", "first_line", "last_line"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("told", "rows"),
    [
        (report(file="shop/app.py", line=10), [0]),
        (report(file="shop/app.py", line=21), []),
        (report(file="shop/app.py", line=25), []),
        (report(file="shop/app.py", line=25, cwe=80), [1]),
        (report(file="shop/app.py", line=12, cwe=564), [0]),
        (report(service="shop", route="/a/<rest>"), [0]),
        (report(service="desk", route="/b", file="shop/app.py", line=12), [2]),
        (report(service="none", route="/b"), []),
        (report(file="shop/app.py", line=12, cwe=None), []),
    ],
)
def test_a_finding_counts_for_the_case_at_its_place_and_of_its_kind(told, rows):
    assert [row for row, _ in reports_on(CASES, [told])] == rows


def test_the_recorded_lab_has_what_the_study_needs(lab):
    cases, real = lab.evidence, lab.evidence.real
    assert cases.n >= 500
    assert len(cases.flows) >= 20
    assert lab.cases["cwe"].nunique() >= 10
    assert 0.4 <= real.mean() <= 0.6
    assert not cases.flags[~real][:, TOOLS.index("prober")].any()
    assert {"found", "false"} == set(table_of_kinds(cases)["what"])
    assert 0 < lab.packages["real"].sum() < len(lab.packages)


def test_the_worklist_of_the_lab_has_real_flaws_at_its_head(lab):
    found = study_worklist(Scans(lab, recorded_scans()), 40.0, np.random.default_rng(0))
    listed = found.series["worklist"]
    code = listed[listed["cwe"] > 0]
    cases, right = lab.cases.assign(real=lab.evidence.real), []
    for place in code["place"].head(50):
        file, _, line = place.partition(",")[0].partition(":")
        mine = cases[(cases["file"] == file) & cases["first_line"].le(int(line or 0))]
        right += mine[mine["last_line"].ge(int(line or 0))]["real"].tolist()
    assert np.mean(right) > 0.9
    assert (listed["p_real_low"] <= listed["p_real"]).all()
    assert (listed["p_real"] <= listed["p_real_high"]).all()


def test_labels_move_a_tools_worth_and_without_them_its_range_is_wider(lab):
    rng, n = np.random.default_rng(0), 400
    real = rng.random(n) < 0.5
    flags = {"sast": rng.random(n) < np.where(real, 0.99, 0.02)}
    unknown, packages, families = np.full(n, np.nan), np.zeros(n, bool), ["SQL injection"] * n
    told = np.where(np.arange(n) < 200, real, np.nan).astype(float)
    spread, value = {}, {}
    for name, truth in (("none", unknown), ("labels", told)):
        worth = worth_of_kinds(lab.evidence, flags, families, truth, np.random.default_rng(1))
        real_packages, rng = np.array([True, False]), np.random.default_rng(2)
        found = chances(worth, flags, families, packages, real_packages, truth, rng)
        after = found[200:][flags["sast"][200:]]
        value[name], spread[name] = after[:, 0].mean(), (after[:, 2] - after[:, 1]).mean()
    assert value["labels"] > 0.9 > value["none"]
    assert spread["labels"] < spread["none"]
    assert found[:200, 0] == pytest.approx(real[:200].astype(float))


def test_a_kind_without_a_scan_and_an_unknown_tool_say_nothing(lab):
    packages, truth, families = np.zeros(3, bool), np.full(3, np.nan), ["SQL injection"] * 3
    worth = worth_of_kinds(lab.evidence, {}, families, truth, np.random.default_rng(1))
    found = chances(worth, {}, families, packages, np.array([True, False]), truth, np.random.default_rng(2))
    assert np.ptp(found[:, 0]) == pytest.approx(0)
    assert SPANS["prevalence"].low < found[0, 0] < SPANS["prevalence"].high


def test_silence_counts_only_for_flaws_that_a_kind_of_test_reports_in_the_lab(lab):
    """The static tools find no missing access control in our lab, and the lab has no race condition."""
    families = ["missing access control", "CWE-362", "deserialisation"]
    none, seen = np.zeros(3, bool), np.ones(3, bool)
    truth, used = np.full(3, np.nan), np.array([True, False])
    found = {}
    for name, flags in (("alone", {"dast": seen}), ("silent", {"dast": seen, "sast": none})):
        worth = worth_of_kinds(lab.evidence, flags, families, truth, np.random.default_rng(1))
        found[name] = chances(worth, flags, families, none, used, truth, np.random.default_rng(2))[:, 0]
    assert found["silent"][:2] == pytest.approx(found["alone"][:2])
    assert found["silent"][2] < found["alone"][2] - 0.1


def test_a_tool_that_the_lab_has_not_tried_is_believed_less_surely_until_labels_tell(lab):
    n, rng = 200, np.random.default_rng(0)
    real = (rng.random(n) < 0.3).astype(float)
    flags, families = rng.random(n) < np.where(real, 0.9, 0.02), ["SQL injection"] * n
    packages = np.zeros(n, bool)
    told = np.where(np.arange(n) < 150, real, np.nan)
    found = {}
    for name, source, truth in (
        ("lab", "dast", told * np.nan), ("other", "other dast", told * np.nan), ("told", "other dast", told)
    ):  # fmt: skip
        worth = worth_of_kinds(lab.evidence, {source: flags}, families, truth, np.random.default_rng(1))
        drawn = np.random.default_rng(2)
        ranges = chances(worth, {source: flags}, families, packages, np.array([True]), truth, drawn)
        found[name] = ranges[150:][flags[150:]][0]
    assert found["other"][0] < found["lab"][0] - 0.2
    assert found["told"][0] > 0.85 > found["other"][0]
    assert np.ptp(found["told"]) < np.ptp(found["other"])


# Orders of work


def items(**told) -> Items:
    n = 4
    plain = {name: np.ones(n) for name in Items.__dataclass_fields__} | {
        "real": np.array([True, True, False, True]), "service": np.array([0, 0, 1, 1]),
        "exploit": np.array([0.1, 0.2, 0.5, 0.1]), "impact_usd": np.full(n, 100.0),
    }  # fmt: skip
    return Items(**(plain | told))


def test_what_is_avoided_by_hand():
    """Losses 10, 20, 0, 10 of 40; a real one takes two hours, one that is not takes one."""
    one, order = items(), np.array([1.0, 2.0, 3.0, 0.0])
    assert one.loss_usd.tolist() == [10, 20, 0, 10]
    assert one.hours.tolist() == [2, 2, 1, 2]
    assert [avoided(one, order, hours) for hours in (0, 1, 3, 4, 7, 99)] == pytest.approx(
        [0, 0, 0.5, 0.625, 1, 1]
    )
    unseen = np.array([-np.inf, 2.0, -np.inf, 0.0])
    assert avoided(one, unseen, 99) == pytest.approx(0.75)


@given(st.integers(0, 1000), st.sampled_from(sorted(set(ORDERS) - {"truth"})))
def test_no_order_beats_the_clairvoyant(seed, order):
    rng = np.random.default_rng(seed)
    real = rng.random(60) < 0.4
    some = fill(real, rng.random(60) * 10, draw_assumptions(rng, {}), rng)
    chance = np.clip(rng.random(60), 0.01, 0.99)
    hours = 0.3 * some.hours.sum()
    best, this = (avoided(some, ORDERS[name].run(some, chance, rng), hours) for name in ("truth", order))
    assert this <= best + 1e-9


@given(st.integers(0, 1000), st.integers(2, 9))
def test_dealt_impacts_go_as_a_whole_to_another_service(seed, n_services):
    levels = np.random.default_rng(seed).normal(size=(5, n_services))
    dealt = turned(levels, np.random.default_rng(seed + 1))
    assert np.sort(dealt) == pytest.approx(np.sort(levels))
    assert (dealt != levels).all()


def test_estates_side_by_side_are_worked_off_as_each_by_itself():
    rng = np.random.default_rng(1)
    some = fill(rng.random((5, 60)) < 0.4, rng.random((5, 60)) * 10, Assumptions(), rng)
    score, hours = rng.random((5, 60)), 0.3 * some.hours.sum(axis=1)
    score[:, 50:] = -np.inf
    alone = [
        avoided(
            Items(**{name: getattr(some, name)[k] for name in Items.__dataclass_fields__}), score[k], hours[k]
        )
        for k in range(5)
    ]
    assert avoided(some, score, hours) == pytest.approx(np.array(alone))


def test_estates_have_the_share_of_flaws_that_is_asked():
    cases = drawn(600)
    rng = np.random.default_rng(2)
    pool = orders.draw_flows(cases.flow, rng)
    shares = cases.real[orders.draw_cases(pool, cases.real, 0.1, rng, (40, 240))].mean(axis=1)
    assert np.mean(shares) == pytest.approx(0.1, abs=0.01)


def test_assumptions_shape_what_is_drawn():
    rng = np.random.default_rng(0)
    alike = Assumptions(impact_spread=0.0, within_spread=0.0, hours_spread=0.0, told_hours=0.0)
    some = fill(np.ones(500, bool), np.zeros(500), alike, rng)
    assert np.ptp(some.impact_usd) == pytest.approx(0)
    assert some.told_fix_hours == pytest.approx(some.fix_hours)
    follows = replace(Assumptions(), hours_follow_risk=0.9, severity_tells=0.9)
    some = fill(np.ones(5000, bool), rng.random(5000) * 10, follows, rng)
    risk = np.log(some.exploit * some.impact_usd)
    assert np.corrcoef(risk, np.log(some.fix_hours))[0, 1] == pytest.approx(0.9, abs=0.02)
    assert np.corrcoef(some.severity, np.log(some.exploit))[0, 1] > 0.8


@pytest.fixture(scope="module")
def known(lab):
    folds = flow_folds(lab.evidence)
    told = {name: METHODS[name].run(lab.evidence, folds) for name in (*TOOLS, FAVOURITE)}
    return orders.Reported(lab.evidence.real, lab.severity, lab.evidence.flow, told)


@pytest.mark.parametrize("bar", orders.RIVALS)
def test_a_bar_is_not_cleared_without_its_effect_and_is_with_it(lab, known, bar):
    lows = {}
    for world in ("null", "planted"):
        setting = WORLDS[world].settings[bar]
        task = orders.Task(bar, known, lab.evidence, setting, 30, np.random.SeedSequence(5))
        lows[world] = np.quantile(orders.gains_of(orders.work_off(task), bar), (0.025, 0.5))
    assert lows["null"][0] <= 0
    assert lows["planted"][1] > 0.02


def test_tools_that_were_dealt_add_nothing_and_a_strong_one_adds(lab, known):
    found = {}
    for world in ("null", "planted"):
        task = orders.Task(orders.FUSION, known, lab.evidence, WORLDS[world].settings[orders.FUSION], 25,
                           np.random.SeedSequence(7))  # fmt: skip
        found[world] = np.median(orders.gains_of(orders.work_off(task), orders.FUSION))
    assert found["null"] < 0.005 < found["planted"]


def test_a_pick_is_judged_on_other_sets_than_those_that_made_it():
    """Luck that belongs to one half of the sets gains nothing on the other."""
    told = np.full((40, len(subsets.CELLS), len(subsets.SUBSETS)), 0.5)
    told[::2, :, 3] += 0.2
    told[1::2, :, 5] += 0.2
    assert subsets.gains_of(told)["pick_over_one"].mean() == pytest.approx(0)
    told = np.full((40, len(subsets.CELLS), len(subsets.SUBSETS)), 0.5)
    told[:, 0, 3] = told[:, 1, 5] = 0.9
    assert (subsets.gains_of(told)["pick_over_one"] > 0).all()


def test_intervals_of_the_contest_rest_on_flows():
    cases = drawn()
    weights = scores.cluster_weights([cases.flow, cases.sink], 400, np.random.default_rng(0))
    contest = Contest(cases, {}, weights)
    one = contest.interval(scores.area(cases.flags.sum(axis=1).astype(float), cases.real, weights))
    assert one.low < one.value < one.high
    assert one.how.startswith("bootstrap of 10 flows and 6 calls")
    assert {kind for tools in KINDS.values() for kind in tools} == set(TOOLS)


def test_no_estimate_rests_on_running_the_lab_or_a_scanner():
    """Their code may open files by itself: numbers come from what they recorded."""
    names = "import sys, dti_core.studies.vuln_priority.estimate; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True, check=True).stdout
    assert "vuln_priority.estimate" in loaded
    assert "vuln_priority.targets" not in loaded
    assert "scanners" not in loaded

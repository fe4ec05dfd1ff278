"""Every verdict can be reached, every control can bite, and every claim of the review has a row."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dti_core.lab.bars import judge_bar, smallest_found
from dti_core.lab.claims import _GRADES, all_verdicts, judge, judge_test
from dti_core.lab.config import PROFILES, Experiment
from dti_core.lab.data import DataCard
from dti_core.lab.fingerprint import Fingerprint, Numbers, Telling
from dti_core.lab.frozen import frozen_record, frozen_slugs
from dti_core.lab.record import OBSERVED, Estimate, Provenance, Record, Result
from dti_core.lab.register import (
    Bar,
    Claim,
    ExperimentTest,
    Gate,
    NegativeControl,
    PositiveControl,
    load_register,
)

REGISTER = load_register()
BOUND = {key: claim for key, claim in REGISTER.claims.items() if claim.test is not None}
#: Tests whose register names both worlds; without a positive one a verdict stays inconclusive.
CONTROLLED = [key for key, claim in BOUND.items() if claim.test and claim.test.positive_control]
IN_ORDER = [
    "C1", "C2", "C3", "C4", "C5", "C6a", "C6b", "C6c", "C6d", "C6e", "C7", "C8", "C9", "C10", "C11", "C12a",
    "C12b", "C13a", "C13b", "C13c", "C14", "C15", "C16a", "C16b", "C17a", "C17b", "C18a", "C18b", "C19",
    "C20", "C21a", "C21b", "C22", "C23", "C24", "C25a", "C25b", "C25c", "C26", "C27", "C28a", "C28b",
    "C28c", "C29", "C30", "C31", "C32", "C33", "C34", "C35", "C36a", "C36b", "C37a", "C37b", "C38", "C39a",
    "C39b", "C40", "C41", "C42", "C43a", "C43b", "C44", "C45", "C46", "C47a", "C47b", "C48a", "C48b", "C49",
    "C50", "C51", "C52", "C53", "C55", "C56a", "C56b", "C57", "C58a", "C58b", "C59", "C60", "C61", "C62",
    "C63", "C64", "C65",
]  # fmt: skip
CARD = DataCard("made", "Made up", "simulated", "Made up", "This test.", "none", 1, 1, "0" * 64, "None.")

#: Ends of an interval in units of the smallest effect, for each outcome.
ENDS = {"supported": (0.2, 2.0), "refuted": (-1.0, 0.5), "inconclusive": (-1.0, 2.0)}


def made(bar: Bar, outcome: str, world: str = OBSERVED) -> Estimate:
    """An estimate that a bar must judge as `outcome`."""
    sign = 1 if bar.direction == "greater" else -1
    low, high = sorted(bar.than + sign * end * bar.smallest_effect for end in ENDS[outcome])
    return Estimate(bar.estimate, (low + high) / 2, low, high, "unit", 100, world=world)


def world_of(claim: Claim, outcome: str, control: str | None, planted: str | None) -> list[Estimate]:
    """Estimates of all bars in the observed world and, where wanted, in the two control worlds."""
    test = claim.test
    assert test is not None
    worlds = {OBSERVED: outcome, test.control.world: control}
    if test.positive_control is not None:
        worlds[test.positive_control.world] = planted
        worlds |= dict.fromkeys(test.weakened, "inconclusive")
    bars = [made(bar, word, world) for world, word in worlds.items() if word for bar in test.estimates]
    shares = [Estimate(test.share, 0.5, 0.5, 0.5, "share", 6)] if test.share else []
    return [*bars, *shares, *(passed(gate) for gate in test.gates)]


def passed(gate: Gate) -> Estimate:
    """An estimate that lets the bars of a test decide."""
    value = gate.than + (1 if gate.direction == "greater" else -1)
    return Estimate(gate.estimate, value, value, value, "unit", 100)


def record(estimates: list[Estimate], slug: str, profile: str = "full", day: int = 1) -> Record:
    numbers = Numbers(slug=slug, parameters={}, data={}, code={}, cells="", packages={})
    told = Fingerprint(numbers=numbers, telling=Telling(code={}, notebook="", claims=""))
    provenance = Provenance(fingerprint=told, git_commit=None, git_dirty=None, python="3.11", machine="any")
    return Record(
        slug=slug, run=f"{profile}-{day}", profile=profile, started=datetime(2026, 1, day, tzinfo=UTC),
        seconds=1, parameters={}, data=CARD, estimates=tuple(estimates), series={}, claims=(),
        provenance=provenance,
    )  # fmt: skip


def verdict(key: str, estimates: list[Estimate]) -> Any:
    claim = REGISTER.claims[key]
    assert claim.test is not None
    unique = {estimate.key: estimate for estimate in estimates}
    by_claim = {v.claim: v for v in judge(record(list(unique.values()), claim.test.study))}
    return by_claim[key]


BAR = Bar(estimate="gain", label="Gain", direction="greater", than=0.0, smallest_effect=0.1)


@pytest.mark.parametrize(
    ("low", "high", "word", "reason", "size"),
    [
        (0.05, 0.30, "supported", "whole interval lies above 0.00 and reaches 0.10", "size open"),
        (0.20, 0.30, "supported", "whole interval lies above 0.10", "at least"),
        (0.10, 0.30, "supported", "whole interval lies above 0.10", "at least"),
        (-0.31, 0.22, "inconclusive", "interval contains both 0.00 and 0.10", None),
        (0.00, 0.22, "inconclusive", "interval contains both 0.00 and 0.10", None),
        (0.01, 0.09, "refuted", "whole interval lies below 0.10", None),
        (-0.30, -0.20, "refuted", "whole interval lies below 0.10", None),
        (-0.30, 0.10, "inconclusive", "interval contains both 0.00 and 0.10", None),
    ],
)
def test_a_bar_judges_the_interval(low: float, high: float, word: str, reason: str, size: str | None) -> None:
    """The rule by hand, edges included; a real but tiny gain (0.01 to 0.09) refutes."""
    found = judge_bar(BAR, Estimate("gain", (low + high) / 2, low, high, "unit", 9))
    assert (found.verdict, found.size) == (word, size)
    assert found.because.endswith(reason)


def test_power_is_that_of_a_normal_error() -> None:
    """An error of 1 finds 1.959964 + 0.841621 in 80 % of draws (Cohen 1988, table 2.4.1: 2.80)."""
    assert smallest_found(Estimate("x", 0, -5, 5, "unit", 9, std_error=1.0)) == pytest.approx(2.801585)
    assert smallest_found(Estimate("x", 0, -1.959964, 1.959964, "unit", 9)) == pytest.approx(2.801585)


def test_the_point_never_decides() -> None:
    """Same interval, points at opposite ends: same verdict."""
    points = (-0.3, 0.2)
    words = {judge_bar(BAR, Estimate("gain", point, -0.31, 0.22, "unit", 9)).verdict for point in points}
    assert words == {"inconclusive"}


def test_less_is_the_mirror_of_greater() -> None:
    less = BAR.model_copy(update={"direction": "less", "than": 1.0})
    assert judge_bar(less, Estimate("gain", 0.8, 0.7, 0.95, "unit", 9)).verdict == "supported"
    refuted = judge_bar(less, Estimate("gain", 1.0, 0.95, 1.2, "unit", 9))
    assert refuted.verdict == "refuted"
    assert refuted.because == (
        "Gain 1.00 [0.95, 1.20] against a smallest interesting 0.90 (80 % power from 0.82): "
        "the whole interval lies above 0.90"
    )
    assert judge_bar(less, Estimate("gain", 0.9, 0.8, 1.1, "unit", 9)).verdict == "inconclusive"


SECOND = Bar(estimate="saving", label="Saving", direction="less", than=0.0, smallest_effect=0.5)
TEST = ExperimentTest(
    study="toy", grade="observed", reading="It gains and saves.", why="Less would not matter.",
    estimates=(BAR, SECOND), control=NegativeControl(world="none", must_not_be="supported"),
    positive_control=PositiveControl(world="planted", must_be="supported"),
)  # fmt: skip


def judged(test: ExperimentTest = TEST, drop: str = "", **words: str) -> Any:
    """Verdict where a bar comes out in a world as told (`gain_none="supported"`), and soundly if not told."""
    sound = {OBSERVED: "supported", "none": "refuted", "planted": "supported"}
    estimates = [
        made(bar, words.get(f"{bar.estimate}_{world}", word), world)
        for bar in test.estimates
        for world, word in sound.items()
        if f"{bar.estimate}_{world}" != drop
    ]
    return judge_test("C0", test, estimates)


def test_sound_controls_let_a_verdict_stand() -> None:
    assert judged().verdict == "supported"
    assert judged(gain_observed="refuted").verdict == "refuted"
    assert judged(saving_observed="inconclusive").verdict == "inconclusive"
    assert judged().control == "none: refuted, refuted; planted: supported, supported"


@pytest.mark.parametrize("bar", ["gain", "saving"])
@pytest.mark.parametrize(
    ("world", "word", "reason"),
    [
        ("none", "supported", "the control world none also shows the effect"),
        ("planted", "inconclusive", "misses the effect that is planted in the world planted"),
        ("planted", "refuted", "misses the effect that is planted in the world planted"),
    ],
)
def test_each_bar_is_judged_in_each_control_world_by_itself(bar: str, world: str, word: str, reason: str):
    """One bar of two is enough, though together the two would not be `supported` in that world."""
    found = judged(**{f"{bar}_{world}": word})
    assert found.verdict == "inconclusive"
    assert reason in found.because
    assert {"gain": "Gain", "saving": "Saving"}[bar] in found.because.split("But ")[1]


@pytest.mark.parametrize("bar", ["gain", "saving"])
@pytest.mark.parametrize("world", ["none", "planted"])
def test_no_verdict_without_its_control(bar: str, world: str) -> None:
    found = judged(drop=f"{bar}_{world}")
    assert found.verdict == "inconclusive"
    assert f"the control was not run: {bar} is missing in the world {world}" in found.because
    assert "not run" in found.control


def test_a_refutation_needs_the_controls_of_the_bars_that_refute() -> None:
    assert judged(gain_observed="refuted", saving_none="supported").verdict == "refuted"
    assert judged(gain_observed="refuted", gain_none="supported").verdict == "inconclusive"
    assert judged(gain_observed="refuted", gain_planted="inconclusive").verdict == "inconclusive"


@pytest.mark.parametrize("word", ["supported", "refuted"])
def test_without_a_planted_world_nothing_is_decided(word: str) -> None:
    found = judged(TEST.model_copy(update={"positive_control": None}), gain_observed=word)
    assert found.verdict == "inconclusive"
    assert "no world with a planted effect" in found.because


@pytest.mark.parametrize(
    ("word", "weak", "said"),
    [
        ("supported", "refuted", "supported"),  # a weakened effect says nothing against support
        ("refuted", "inconclusive", "refuted"),
        ("refuted", "refuted", "refutes the effect that is planted in the world weak"),
        ("refuted", "", "gain is missing in the world weak"),
    ],
)
def test_a_refutation_must_not_come_from_a_weakened_effect(word: str, weak: str, said: str) -> None:
    test = TEST.model_copy(update={"weakened": ("weak",), "estimates": (BAR,)})
    sound = {OBSERVED: word, "none": "inconclusive", "planted": "supported", "weak": weak}
    found = judge_test("C0", test, [made(BAR, one, world) for world, one in sound.items() if one])
    assert said in (found.verdict, found.because) or said in found.because
    assert (found.verdict == word) == (said == word)
    assert "weak: " in found.control


def drawn(bar: Bar, world: str, n_clearing: int, n: int = 100) -> Estimate:
    """A control world drawn `n` times, of which so many clear the bar."""
    ends = [made(bar, "supported" if k < n_clearing else "inconclusive") for k in range(n)]
    intervals = tuple((one.low, one.high) for one in ends)
    low, high = min(i[0] for i in intervals), max(i[1] for i in intervals)
    return Estimate(bar.estimate, (low + high) / 2, low, high, "unit", n, world=world, draws=intervals)


@pytest.mark.parametrize(
    ("false", "found", "word"),
    [(5, 80, "supported"), (6, 80, "inconclusive"), (5, 79, "inconclusive"), (0, 100, "supported")],
)
def test_many_draws_count_how_often_a_bar_is_cleared(false: int, found: int, word: str) -> None:
    """As how_to_read says: more than 5 in 100 where nothing is, fewer than 80 where something was planted."""
    one_bar = TEST.model_copy(update={"estimates": (BAR,)})
    estimates = [made(BAR, "supported"), drawn(BAR, "none", false), drawn(BAR, "planted", found)]
    result = judge_test("C0", one_bar, estimates)
    assert result.verdict == word
    assert f"none: cleared in {false}% [" in result.control
    assert "of 100 draws" in result.control


def test_a_few_draws_are_no_control() -> None:
    one_bar = TEST.model_copy(update={"estimates": (BAR,)})
    estimates = [made(BAR, "supported"), drawn(BAR, "none", 0, n=19), made(BAR, "supported", "planted")]
    assert "the control was not run" in judge_test("C0", one_bar, estimates).because
    estimates[1] = drawn(BAR, "none", 0, n=20)
    assert judge_test("C0", one_bar, estimates).verdict == "supported"


def test_a_draw_without_number_clears_nothing() -> None:
    nothing = Estimate("gain", 0.2, 0.1, 0.3, "u", 50, world="planted", draws=(None,) * 50)
    one_bar = TEST.model_copy(update={"estimates": (BAR,)})
    found = judge_test("C0", one_bar, [made(BAR, "refuted"), made(BAR, "refuted", "none"), nothing])
    assert found.verdict == "inconclusive"
    assert "planted: cleared in 0% [" in found.control


@pytest.mark.parametrize(("refuting", "word"), [(5, "refuted"), (6, "inconclusive")])
def test_a_refutation_falls_where_planted_effects_are_refuted_too(refuting: int, word: str) -> None:
    one_bar = TEST.model_copy(update={"estimates": (BAR,)})
    planted = drawn(BAR, "planted", 94)
    refuted = made(BAR, "refuted")
    draws = planted.draws[:94] + ((refuted.low, refuted.high),) * refuting + (None,) * (6 - refuting)
    estimates = [refuted, drawn(BAR, "none", 0), replace(planted, draws=draws)]
    found = judge_test("C0", one_bar, estimates)
    assert found.verdict == word
    assert f"refuted in {refuting}% of 100 draws" in found.control
    assert ("refutes the effect that is planted" in found.because) == (word == "inconclusive")


@pytest.mark.parametrize("ends", [(math.nan, math.nan), (0.3, 0.1), (0.0, math.inf)])
def test_a_draw_is_an_interval_or_nothing(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="a draw is no interval"):
        Estimate("gain", 0.2, 0.1, 0.3, "u", 50, world="planted", draws=(None, ends))


@pytest.mark.parametrize(
    ("p", "word"), [(0.051, "supported"), (0.05, "inconclusive"), (None, "inconclusive")]
)
def test_a_gate_lets_bars_decide_or_not(p: float | None, word: str) -> None:
    gate = Gate(estimate="hansen_p", label="Hansen, p", direction="greater", than=0.05)
    test = TEST.model_copy(update={"estimates": (BAR,), "gates": (gate,)})
    estimates = [made(BAR, "supported"), made(BAR, "refuted", "none"), made(BAR, "supported", "planted")]
    if p is not None:
        estimates.append(Estimate("hansen_p", p, p, p, "p", 50))
    found = judge_test("C0", test, estimates)
    assert found.verdict == word
    assert ("Hansen, p" in found.because) == (word == "inconclusive")


SAMPLES = tuple(
    BAR.model_copy(update={"estimate": f"gain_{sample}", "sample": sample}) for sample in ("days", "months")
)


@pytest.mark.parametrize(
    ("days", "months", "control", "word"),
    [
        ("supported", "supported", "refuted", "supported"),
        ("refuted", "refuted", "refuted", "refuted"),
        ("supported", "refuted", "refuted", "inconclusive"),
        ("supported", "inconclusive", "refuted", "inconclusive"),
        ("supported", "supported", "supported", "inconclusive"),
    ],
)
def test_samples_are_judged_apart_and_must_agree(days: str, months: str, control: str, word: str) -> None:
    test = TEST.model_copy(update={"estimates": SAMPLES})
    estimates = [made(bar, was) for bar, was in zip(SAMPLES, (days, months), strict=True)]
    estimates += [made(SAMPLES[0], "refuted", "none"), made(SAMPLES[1], control, "none")]
    estimates += [made(bar, "supported", "planted") for bar in SAMPLES]
    found = judge_test("C0", test, estimates)
    assert found.verdict == word
    assert ("The samples disagree" in found.because) == (word == "inconclusive")
    assert found.because.lower().index("days: ") < found.because.index("months: ")


def test_an_end_meets_a_mark_but_for_rounding() -> None:
    """0.1 + 0.2 and 0.3 differ in the last bit; the text never shows two equal numbers as different."""
    bar = BAR.model_copy(update={"than": 0.1, "smallest_effect": 0.2})
    assert judge_bar(bar, Estimate("gain", 0.2, 0.15, 0.3, "unit", 9)).verdict == "supported"
    close = judge_bar(BAR, Estimate("gain", -0.1, -0.3, 0.0996, "unit", 9))
    assert close.verdict == "refuted"
    assert "[-0.3000, 0.0996]" in close.because


@pytest.mark.parametrize("level", [0.5, 1.0, 5.95])
def test_a_low_or_impossible_level_decides_nothing(level: float) -> None:
    found = judge_bar(BAR, Estimate("gain", 0.2, 0.15, 0.25, "unit", 9, level=level))
    assert found.verdict == "inconclusive"
    assert f"an interval of {level:.0%} decides nothing" in found.because


def test_controls_stand_in_the_order_of_the_reasons() -> None:
    """The bar that decides comes first in both."""
    found = judged(saving_observed="refuted", gain_none="inconclusive")
    assert found.because.startswith("Saving")
    assert found.control == "none: refuted, inconclusive; planted: supported, supported"


def test_grade_size_and_share_qualify_a_verdict() -> None:
    found = judged()
    assert (found.grade, found.size, found.qualified) == ("observed", "size open", "observed, size open")
    estimates = [made(bar, "supported") for bar in TEST.estimates]
    assert judge_test("C0", TEST, estimates, simulated=True).grade == "conditional"
    derived = TEST.model_copy(update={"grade": "derived"})
    assert judge_test("C0", derived, estimates, simulated=True).grade == "derived"  # algebra holds there too
    assert judge_test("C0", TEST, []).grade is None


def test_a_conditional_verdict_needs_the_share_of_its_assumptions() -> None:
    test = TEST.model_copy(update={"grade": "conditional", "share": "share_of_worlds"})
    sound = {OBSERVED: "supported", "none": "refuted", "planted": "supported"}
    estimates = [made(bar, word, world) for bar in test.estimates for world, word in sound.items()]

    def with_share(value: float) -> Any:
        return judge_test(
            "C0", test, [*estimates, Estimate("share_of_worlds", value, value, value, "share", 9)]
        )

    assert with_share(0.75).qualified == "conditional, in 75% of the assumption set, size open"
    for found in (judge_test("C0", test, estimates), with_share(3.0)):
        assert found.verdict == "inconclusive"
        assert "share_of_worlds, the share of the assumption set behind the sign" in found.because


def test_a_refuted_claim_has_no_size() -> None:
    assert judged(gain_observed="refuted").size is None


def test_some_claims_are_bound() -> None:
    assert {"C16a", "C17a", "C18a", "C50"} <= set(BOUND)


@pytest.mark.parametrize("key", CONTROLLED)
@pytest.mark.parametrize("word", ["supported", "refuted", "inconclusive"])
def test_each_bound_claim_can_come_out_each_way(key: str, word: str) -> None:
    found = verdict(key, world_of(BOUND[key], word, control="inconclusive", planted="supported"))
    assert found.verdict == word
    assert found.because.endswith(".")


@pytest.mark.parametrize("key", BOUND)
def test_an_effect_in_the_control_world_takes_the_support_away(key: str) -> None:
    found = verdict(key, world_of(BOUND[key], "supported", control="supported", planted="supported"))
    assert found.verdict == "inconclusive"
    assert "also shows the effect" in found.because


@pytest.mark.parametrize("key", [k for k in CONTROLLED if len(BOUND[k].test.estimates) > 1])
def test_one_failing_bar_is_enough(key: str) -> None:
    """All bars must be cleared: the first refuted refutes where there is one sample, else they disagree."""
    first, *_ = BOUND[key].test.estimates
    for word in ("refuted", "inconclusive"):
        estimates = world_of(BOUND[key], "supported", control="inconclusive", planted="supported")
        found = verdict(key, [*estimates, made(first, word)])
        alone = len(BOUND[key].test.samples) == 1
        assert found.verdict == (word if alone else "inconclusive")
        assert found.because.startswith(first.label if alone else "The samples disagree")
        assert first.label[1:] in found.because


def test_parts_in_several_studies_must_all_hold() -> None:
    """The row is decided only when each study has run, and by the weakest part."""
    owner, other = BOUND["C16a"], BOUND["C16b"].test
    joined = owner.model_copy(update={"parts": (other,)})
    register = REGISTER.model_copy(update={"claims": {"C16a": joined}})

    def both(second: str) -> Any:
        first = record(world_of(owner, "supported", "refuted", "supported"), "lstm_portfolio")
        then = record(world_of(BOUND["C16b"], second, "refuted", "supported"), "esg_constraint")
        assert [v.claim for v in judge(then, register)] == ["C16a"]
        return all_verdicts([first, then], register)[0]

    assert both("supported").verdict == "supported"
    assert both("refuted").verdict == "refuted"
    assert ".." not in both("refuted").because
    refuting = record(world_of(owner, "refuted", "refuted", "supported"), "lstm_portfolio")
    assert all_verdicts([refuting], register)[0].verdict == "refuted"
    assert judge(refuting, register)[0].because.startswith("This study's part of the claim. ")
    alone = record(world_of(owner, "supported", "refuted", "supported"), "lstm_portfolio")
    assert all_verdicts([alone], register)[0].verdict == "not yet tested"


def test_an_estimate_that_the_run_lacks_is_named() -> None:
    assert "did not estimate rank_ic_lstm" in verdict("C18a", []).because
    assert verdict("C18a", []).verdict == "inconclusive"


def test_a_result_is_judged_like_its_record() -> None:
    estimates = world_of(BOUND["C16a"], "refuted", control="inconclusive", planted="supported")
    experiment = Experiment.model_validate(
        {
            "slug": "lstm_portfolio", "title": "t", "source": "[6]", "question": "q", "data": "d",
            "kind": "test of a claim", "parameters": {},
            "profiles": {profile: {"budget_seconds": 1} for profile in PROFILES},
        }
    )  # fmt: skip
    result = Result(experiment.resolve(), CARD, tuple(estimates))
    assert list(judge(result)) == list(judge(record(estimates, "lstm_portfolio")))
    assert {v.claim: v.verdict for v in judge(result)}["C16a"] == "refuted"


def test_only_the_claims_of_the_study_are_judged() -> None:
    assert len(judge(record([], "no_such_study"))) == 0
    assert [v.claim for v in judge(record([], "lstm_portfolio"))] == list(REGISTER.bound_to("lstm_portfolio"))


def test_a_table_shows_words_and_grades_and_escapes_signs() -> None:
    shown = judge(record(world_of(BOUND["C16a"], "refuted", "inconclusive", "supported"), "lstm_portfolio"))
    page = shown.table.html
    assert BOUND["C16a"].says in page
    assert '<span class="dti-badge dti-refuted">refuted</span><br>' in page
    assert "<small>conditional, in 50% of the assumption set</small>" in page
    odd = type(shown)([shown[0].model_copy(update={"because": "a | b < c"})], REGISTER)
    assert "a | b &lt; c" in odd.table.html


def test_every_claim_of_the_review_has_a_row_in_order() -> None:
    assert list(REGISTER.claims) == IN_ORDER
    assert [v.claim for v in all_verdicts([])] == IN_ORDER


def test_without_any_run_only_rules_decide() -> None:
    words = {v.claim: v.verdict for v in all_verdicts([])}
    assert {words[key] for key in BOUND} == {"not yet tested"}
    decided = {key for key, claim in REGISTER.claims.items() if claim.decided_by_rules}
    assert {key for key, word in words.items() if word in {"supported", "refuted", "inconclusive"}} == decided
    assert {key for key, word in words.items() if word == "refuted"} >= {"C6b", "C6d", "C25c"}
    assert words["C12a"] == words["C17b"] == "not testable"
    assert words["C16b"] == "not yet tested"
    assert {words[key] for key in ("C23", "C49", "C51")} == {"not testable"}


def test_the_newest_full_run_decides_and_smoke_never() -> None:
    def run(word: str, profile: str, day: int) -> Record:
        estimates = world_of(BOUND["C16a"], word, "inconclusive", "supported")
        return record(estimates, "lstm_portfolio", profile, day)

    def word(*records: Record) -> str:
        return {v.claim: v.verdict for v in all_verdicts(records)}["C16a"]

    old, new = run("supported", "full", 1), run("refuted", "full", 2)
    quick, smoke = run("inconclusive", "quick", 3), run("supported", "smoke", 4)
    assert word(smoke) == "not yet tested"
    assert word(smoke, quick) == "inconclusive"
    assert word(new, smoke, old, quick) == word(old, new) == "refuted"


def test_the_seventh_study_is_never_cited() -> None:
    """Bookkeeping on the printed numbers; all claims that mean it print another."""
    cited = [number for claim in REGISTER.claims.values() for number in claim.cites]
    assert sorted(set(cited)) == [1, 2, 3, 4, 5, 6]
    meant = {key for key, claim in REGISTER.claims.items() if claim.citation.fits == 7}
    assert meant == {"C28a", "C46", "C47a", "C56a"}


def test_the_page_grades_every_claim_as_the_register_does() -> None:
    """Not as the card of the run has it; where no bar was estimated, as without its file, not at all."""
    records = {slug: frozen_record(slug) for slug in frozen_slugs()}
    graded = 0
    for verdict in all_verdicts(records.values()):
        tests = REGISTER.claims[verdict.claim].tests
        if not tests or verdict.verdict == "not yet tested":
            continue
        made = {test.grade for test in tests for bar in test.estimates
                if bar.estimate in {one.key for one in records[test.study].estimates}}  # fmt: skip
        assert verdict.grade == next((one for one in _GRADES if one in made), None), verdict.claim
        graded += verdict.grade is not None
    assert graded > 5

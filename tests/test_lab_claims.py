"""Every verdict can be reached, every control can bite, and every claim of the review has a row."""

from datetime import UTC, datetime
from typing import Any

import pytest

from dti_core.lab.claims import all_verdicts, judge, judge_bar
from dti_core.lab.config import PROFILES, Experiment
from dti_core.lab.data import DataCard
from dti_core.lab.fingerprint import Fingerprint, Numbers, Telling
from dti_core.lab.record import OBSERVED, Estimate, Provenance, Record, Result
from dti_core.lab.register import Bar, Claim, load_register

REGISTER = load_register()
BOUND = {key: claim for key, claim in REGISTER.claims.items() if claim.test is not None}
IN_ORDER = [
    "C1", "C2", "C3", "C4", "C5", "C6a", "C6b", "C6c", "C6d", "C6e", "C7", "C8", "C9",
    "C10", "C11", "C12a", "C12b", "C13a", "C13b", "C14", "C15", "C16a", "C16b", "C17a", "C17b", "C18a",
    "C18b", "C19", "C20", "C21a", "C21b", "C22", "C23", "C24", "C25a", "C25b", "C25c", "C26", "C27",
    "C28", "C29", "C30", "C31", "C32", "C33", "C34", "C35", "C36", "C37", "C38", "C39", "C40",
    "C41", "C42", "C43", "C44", "C45", "C46", "C47a", "C47b", "C48", "C49", "C50", "C51", "C52",
    "C53", "C55", "C56", "C57", "C58a", "C58b", "C59", "C60", "C61", "C62", "C63", "C64", "C65",
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
    return [made(bar, word, world) for world, word in worlds.items() if word for bar in test.estimates]


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
    ("low", "high", "word", "reason"),
    [
        (0.05, 0.30, "supported", "whole interval lies above 0.00 and reaches 0.10"),
        (0.20, 0.30, "supported", "whole interval lies above 0.00 and reaches 0.10"),
        (-0.31, 0.22, "inconclusive", "interval contains both 0.00 and 0.10"),
        (0.00, 0.22, "inconclusive", "interval contains both 0.00 and 0.10"),
        (0.01, 0.09, "refuted", "whole interval lies below 0.10"),
        (-0.30, -0.20, "refuted", "whole interval lies below 0.10"),
        (-0.30, 0.10, "inconclusive", "interval contains both 0.00 and 0.10"),
    ],
)
def test_a_bar_judges_the_interval(low: float, high: float, word: str, reason: str) -> None:
    """The rule by hand, edges included; a real but tiny gain (0.01 to 0.09) refutes."""
    found = judge_bar(BAR, Estimate("gain", (low + high) / 2, low, high, "unit", 9))
    assert found.verdict == word
    assert found.because.endswith(reason)


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
        "Gain 1.00 [0.95, 1.20] against a smallest interesting 0.90: the whole interval lies above 0.90"
    )
    assert judge_bar(less, Estimate("gain", 0.9, 0.8, 1.1, "unit", 9)).verdict == "inconclusive"


def test_some_claims_are_bound() -> None:
    assert {"C16a", "C17a", "C18a", "C39", "C50"} <= set(BOUND)


@pytest.mark.parametrize("key", BOUND)
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


@pytest.mark.parametrize("key", BOUND)
def test_no_support_without_the_control(key: str) -> None:
    found = verdict(key, world_of(BOUND[key], "supported", control=None, planted="supported"))
    assert found.verdict == "inconclusive"
    assert "the control was not run" in found.because
    assert "not run" in found.control


@pytest.mark.parametrize("key", [k for k, c in BOUND.items() if c.test and c.test.positive_control])
@pytest.mark.parametrize(
    ("planted", "reason"), [("inconclusive", "could not find a planted effect"), (None, "was not run")]
)
def test_a_blind_method_refutes_nothing(key: str, planted: str | None, reason: str) -> None:
    found = verdict(key, world_of(BOUND[key], "refuted", control="inconclusive", planted=planted))
    assert found.verdict == "inconclusive"
    assert reason in found.because


@pytest.mark.parametrize("key", [k for k, c in BOUND.items() if c.test and len(c.test.estimates) > 1])
def test_one_failing_bar_is_enough(key: str) -> None:
    """All bars must be cleared: the first refuted refutes, the first inconclusive leaves open."""
    first, *_ = BOUND[key].test.estimates
    for word in ("refuted", "inconclusive"):
        estimates = world_of(BOUND[key], "supported", control="inconclusive", planted="supported")
        found = verdict(key, [*estimates, made(first, word)])
        assert found.verdict == word
        assert found.because.startswith(first.label)


def test_an_estimate_that_the_run_lacks_is_named() -> None:
    assert "did not estimate rank_ic_lstm" in verdict("C18a", []).because
    assert verdict("C18a", []).verdict == "inconclusive"


def test_a_result_is_judged_like_its_record() -> None:
    estimates = world_of(BOUND["C50"], "refuted", control="inconclusive", planted=None)
    experiment = Experiment.model_validate(
        {
            "slug": "lstm_portfolio", "title": "t", "source": "[6]", "question": "q", "data": "d",
            "kind": "test of a claim", "parameters": {},
            "profiles": {profile: {"budget_seconds": 1} for profile in PROFILES},
        }
    )  # fmt: skip
    result = Result(experiment.resolve(), CARD, tuple(estimates))
    assert list(judge(result)) == list(judge(record(estimates, "lstm_portfolio")))
    assert {v.claim: v.verdict for v in judge(result)}["C50"] == "refuted"


def test_only_the_claims_of_the_study_are_judged() -> None:
    assert len(judge(record([], "no_such_study"))) == 0
    assert [v.claim for v in judge(record([], "lstm_portfolio"))] == list(REGISTER.bound_to("lstm_portfolio"))


def test_tables_show_words_and_escape_signs() -> None:
    shown = judge(record(world_of(BOUND["C50"], "refuted", "inconclusive", None), "lstm_portfolio"))
    markdown, page = shown._repr_markdown_(), shown._repr_html_()
    assert BOUND["C50"].says in markdown
    assert "**refuted**" in markdown
    assert len(markdown.splitlines()) == len(shown) + 2
    assert '<td class="verdict-refuted">refuted</td>' in page
    odd = type(shown)((shown[0].model_copy(update={"because": "a | b < c"}),), {shown[0].claim: "x"})
    assert r"a \| b < c" in odd._repr_markdown_()
    assert "a | b &lt; c" in odd._repr_html_()


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
    assert {words[key] for key in ("C23", "C40", "C51")} == {"not testable"}


def test_the_newest_full_run_decides_and_smoke_never() -> None:
    def run(word: str, profile: str, day: int) -> Record:
        return record(world_of(BOUND["C50"], word, "inconclusive", None), "lstm_portfolio", profile, day)

    def word(*records: Record) -> str:
        return {v.claim: v.verdict for v in all_verdicts(records)}["C50"]

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
    assert meant == {"C28", "C46", "C47a", "C56"}

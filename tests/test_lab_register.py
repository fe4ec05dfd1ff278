"""Rules that can fail either way, and a register that refuses to contradict itself."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from dti_core.lab.claims import all_verdicts
from dti_core.lab.errors import ClaimError
from dti_core.lab.paths import project_root
from dti_core.lab.register import Register, load_register, parse_register

REGISTER = load_register()


def with_dates(dates: dict[int, str]) -> Register:
    moved = {n: REGISTER.studies[n].model_copy(update={"published": date}) for n, date in dates.items()}
    return REGISTER.model_copy(update={"studies": {**REGISTER.studies, **moved}})


@pytest.mark.parametrize(
    ("first", "then", "word"),
    [
        ("2026-02-28", "2022-12", "refuted"),
        ("2022-12", "2026-02-28", "supported"),
        ("2022-11-30", "2022-12", "supported"),
        ("2023-01-01", "2022-12", "refuted"),
        ("2022", "2022-12", "inconclusive"),
        ("2022", "2022-06", "inconclusive"),
        ("2022-06", "2022", "inconclusive"),
        ("2022-12-31", "2022-12", "inconclusive"),
    ],
)
def test_chronology_follows_the_dates(first: str, then: str, word: str) -> None:
    """C6b: [1] adapted to [3]. Swapped dates support it; a vague date that overlaps decides nothing."""
    verdicts = {v.claim: v.verdict for v in all_verdicts([], with_dates({1: first, 3: then}))}
    assert verdicts["C6b"] == word


def test_contents_flip_with_the_register() -> None:
    (rule,) = [rule for rule in REGISTER.claims["C6d"].rules if rule.study == 6]
    other = REGISTER.studies[6].model_copy(update={"has": (rule.term,), "lacks": ()})
    changed = REGISTER.model_copy(update={"studies": {**REGISTER.studies, 6: other}})
    assert [r.apply(rule).verdict for r in (REGISTER, changed)] == ["refuted", "supported"]


def test_a_misprint_needs_both_studies() -> None:
    (rule,) = REGISTER.claims["C28a"].rules
    assert REGISTER.apply(rule).verdict == "refuted"
    silent = REGISTER.studies[7].model_copy(update={"has": ()})
    unsure = REGISTER.model_copy(update={"studies": {**REGISTER.studies, 7: silent}})
    assert unsure.apply(rule).verdict == "inconclusive"


def refused(change: Callable[[dict[str, Any]], object]) -> str:
    content = yaml.safe_load((project_root() / "experiments" / "claims.yaml").read_text(encoding="utf-8"))
    change(content)
    with pytest.raises(ClaimError) as caught:
        parse_register(yaml.safe_dump(content, sort_keys=False))
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["claims"]["C5"].update(cites=[9]), "C5: cites: no study [9]"),
        (lambda c: c["claims"]["C50"]["test"].update(estimates=[]), "C50: test.estimates: Tuple should"),
        (lambda c: c["claims"]["C50"]["test"].pop("estimates"), "C50: test.estimates: Field required"),
        (lambda c: c["claims"]["C50"]["test"].pop("control"), "C50: test.control: Field required"),
        (lambda c: c["claims"]["C50"]["test"].pop("why"), "C50: test.why: Field required"),
        (lambda c: c["claims"]["C50"]["test"].update(study="lstm"), "C50: test.study: no study 'lstm'"),
        (
            lambda c: c["claims"]["C50"]["test"]["estimates"][0].update(smallest_effect=0),
            "C50: test.estimates.0.smallest_effect: Input should be greater than 0",
        ),
        (
            lambda c: c["claims"]["C50"]["test"]["control"].update(world="observed"),
            "C50: test.control.world: observed, known_skill must differ",
        ),
        (lambda c: c["claims"]["C13b"].pop("planned"), "C13b: has no test, not_testable, planned"),
        (lambda c: c["claims"]["C13b"]["planned"].update(study="esg"), "C13b: planned.study: no study 'esg'"),
        (lambda c: c["claims"]["C1"].update(also=["nowhere"]), "C1: also: no study 'nowhere'"),
        (lambda c: c["claims"]["C1"].update(also=["closed_loop"]), "C1: also: closed_loop owns the claim"),
        (lambda c: c["claims"]["C13b"].update(parts=[c["claims"]["C50"]["test"]]), "C13b: parts: stand"),
        (lambda c: c["claims"]["C50"].update(planned=c["claims"]["C13b"]["planned"]), "C50: planned.study:"),
        (lambda c: c["claims"]["C50"].update(parts=[c["claims"]["C16a"]["test"]]), "C50: parts: two"),
        (lambda c: c["claims"]["C50"]["test"]["estimates"].append(c["claims"]["C50"]["test"]["estimates"][0]),
         "C50: test.estimates: an estimate stands in two bars"),
        (lambda c: c["claims"]["C17a"]["test"]["estimates"][0].update(sample="months"),
         "C17a: test.estimates: some bars name a sample"),
        (lambda c: c["claims"]["C50"]["test"]["estimates"][0].update(than=float("nan")), "than: Input"),
        (lambda c: c["claims"]["C50"]["test"].pop("grade"), "C50: test.grade: Field required"),
        (lambda c: c["claims"]["C50"]["test"].update(grade="conditional"), "C50: test.share: names an"),
        (lambda c: c["claims"]["C50"].update(not_testable="no"), "C50: not_testable: stands beside test"),
        (lambda c: c["claims"]["C1"].update(vote=1), "C1: vote: Extra inputs are not permitted"),
        (lambda c: c["claims"].update({"54": c["claims"]["C1"]}), "String should match pattern"),
        (lambda c: c["claims"]["C6b"]["rules"][0].update(then="telepathy"), "C6b: rules: precedes: names"),
        (lambda c: c["claims"]["C28a"]["citation"].pop("fits"), "C28a: citation.fits"),
        (lambda c: c["claims"]["C1"]["citation"].update(state="ok"), "C1: citation.state: 'ok' with 0"),
        (lambda c: c["studies"][1].update(published="2021-05"), "C6b: citation.state: 'impossible order'"),
        (lambda c: c["studies"][5].update(lacks=[]), "C21a: citation.state: 'contradicts its source'"),
        (lambda c: c["studies"][3].update(published="Dec 2022"), "studies: 3.published: String should match"),
    ],
)  # fmt: skip
def test_a_register_that_contradicts_itself_is_refused(change: Callable[[Any], object], message: str) -> None:
    assert message in refused(change)


def test_a_claim_given_twice_is_refused() -> None:
    text = (project_root() / "experiments" / "claims.yaml").read_text(encoding="utf-8")
    with pytest.raises(ClaimError, match="C65 stands there twice"):
        parse_register(text + text[text.rindex("  C65:") :])


def test_a_missing_register_is_named(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    with pytest.raises(ClaimError, match=r"no register of claims at .*claims\.yaml"):
        load_register()


def test_a_test_that_says_epsilon_says_in_its_reading_what_it_promises() -> None:
    promise = re.compile(
        r"Epsilon is of a [a-z ]+, (add or remove|replace) one, delta [\d.e-]+, (pure|PLD)\."
    )
    bound = {
        key: test.reading
        for key, claim in load_register().claims.items()
        for test in claim.tests
        if "epsilon" in " ".join([test.reading, test.why, *(bar.label for bar in test.estimates)]).lower()
    }
    assert sorted(bound) == ["C12b", "C13a", "C26", "C27", "C37a", "C37b", "C48b", "C56a"]
    assert [key for key, reading in bound.items() if not promise.search(reading)] == []

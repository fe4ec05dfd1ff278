"""The review's path and its advice: rows that exist, numbers of the records, flips that really flip."""

import json
import math
import re
import shutil
from dataclasses import replace

import pytest
import yaml

from dti_core.book.advice import ADVICE, AdviceFile, Counsel, counsels, flips, standing
from dti_core.book.fitting import read_as
from dti_core.book.pages import frozen_records, page_texts
from dti_core.book.review import SECTIONS, review_path
from dti_core.lab.bars import judge_bar
from dti_core.lab.claims import all_verdicts
from dti_core.lab.errors import ClaimError, ConfigError
from dti_core.lab.record import Estimate, Verdict
from dti_core.lab.register import Bar, load_register
from tests.sample_book import CHECKOUT


@pytest.fixture(autouse=True)
def _checkout(monkeypatch):
    monkeypatch.delenv("DTI_HOME", raising=False)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A copy of the experiments whose files a test may change."""
    shutil.copytree(CHECKOUT / "experiments", tmp_path / "experiments")
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    return tmp_path


def _change(home, name, old, new):
    path = home / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _told() -> list[Counsel]:
    records, register = frozen_records(), load_register()
    found = counsels(register, all_verdicts(records.values(), register), records)
    return [one for readers in found.values() for told in readers.values() for one in told]


# ---------------------------------------------------------------- the path


def test_every_claim_of_sections_two_to_four_stands_on_the_path_once_and_in_order():
    register = load_register()
    path = review_path(register)
    walked = [key for one in path.values() for paragraph in one.paragraphs for key in paragraph.claims]
    assert walked == [key for key, claim in register.claims.items() if claim.section[0] in "234"]
    assert len(walked) > 60


def test_path_page_says_each_claim_with_its_verdict():
    records = frozen_records()
    page = page_texts(records)["review.md"]
    for verdict in all_verdicts(records.values()):
        found = re.findall(rf'<li id="{verdict.claim}">.*?</li>', page, re.DOTALL)
        assert len(found) == (load_register().claims[verdict.claim].section[0] in "234"), verdict.claim
        for row in found:
            assert f'href="claims.html#{verdict.claim}"' in row
            assert f">{verdict.verdict}</span>" in row


def test_no_sentence_of_ours_is_copied_from_the_review():
    """Its headings and verbs of advice, in its own words, are in none of our two files."""
    ours = " ".join(
        (CHECKOUT / name).read_text(encoding="utf-8").lower().replace("\n", " ")
        for name in (SECTIONS, ADVICE)
    )
    for theirs in (
        "closed-loop adaptability", "embed feedback collection", "adopt a cross-domain mindset",
        "demand pull", "technical spillover", "implementation feedback", "leverage multi-tenant",
        "practical implications", "risk-business alignment", "inclusive, privacy-respecting",
        "develop flexible regulatory",
    ):  # fmt: skip
        assert theirs not in ours


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("first: C24}", "first: C240}", "section 2.2: no claim C240 in the register. Did you mean C"),
        ("first: C24}", "first: C25b}", "section 2.2: .*must begin with rows of that section"),
        ("first: C29}", "first: C9}", "section 2.2: .*must begin with rows of that section"),
        ('"4.3":', '"4.7":', "section 4.7: .*the first with none"),
        ("title: Researchers", "headline: Researchers", "sections.4.1.title: Field required"),
    ],
)
def test_a_path_that_does_not_fit_the_register_is_refused(home, old, new, says):
    _change(home, SECTIONS, old, new)
    with pytest.raises((ClaimError, ConfigError), match=f"sections.yaml: {says}"):
        review_path(load_register())


def test_a_claim_that_leaves_its_section_is_noticed(home):
    _change(home, "experiments/claims.yaml", 'section: "4.3"', 'section: "4.4"')
    with pytest.raises(ClaimError, match=r"section 4\.3"):
        review_path(load_register())


# ---------------------------------------------------------------- advice


def test_advice_gives_every_claim_of_section_four_and_reaches_every_reader():
    register, book = load_register(), read_as(AdviceFile, ADVICE)
    given = {one.row for one in book.advice}
    assert given == {key for key, claim in register.claims.items() if claim.section[0] == "4"}
    assert {reader for one in book.advice for reader in one.readers} == set(book.readers)
    assert {reader.group for reader in book.readers.values()} == {
        "Researchers", "Practitioners", "Policymakers"
    }  # fmt: skip
    for one in book.advice:
        claim = register.claims[one.row]
        named = set(re.findall(r"C\d+[a-z]?", claim.not_testable or ""))
        leans = {row for other in book.advice if other.row == one.row for row in other.leans_on}
        assert named <= leans, f"{one.row} says that {named - leans} carry it"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[C33, C34]", "[C33x, C34]", "no claim C33x in the register. Did you mean C33"),
        ("row: C60", "row: C600", "no claim C600 in the register. Did you mean C60"),
        ("readers: [bank]", "readers: [banc]", "no reader banc; there are researcher"),
        ("readers: [bank]", "readers: []", "advice.5.readers: Tuple should have at least 1 item"),
        ("group: Researchers", "group: Scholars", "Input should be 'Researchers'"),
        ("row: C60", "row: sixty", "advice.8.row: String should match pattern"),
        ("leans_on: [C33, C34]", "verdict: supported", "verdict: Extra inputs are not permitted"),
    ],
)
def test_advice_that_does_not_fit_the_register_is_refused(home, old, new, says):
    _change(home, ADVICE, old, new)
    with pytest.raises((ClaimError, ConfigError), match=f"advice.yaml: .*{re.escape(says)}"):
        _told()


def test_advice_carries_no_number_and_no_verdict():
    for one in yaml.safe_load((CHECKOUT / ADVICE).read_text(encoding="utf-8"))["advice"]:
        assert set(one) == {"says", "row", "readers", "leans_on"}
        assert not re.search(r"\d", one["says"])


def _verdict(word, grade=None) -> Verdict:
    return Verdict(claim="C1", verdict=word, because="", grade=grade)


@pytest.mark.parametrize(
    ("words", "lead"),
    [
        (["supported", "supported"], "borne out"),
        (["supported", "refuted", "not yet tested"], "not borne out"),
        (["supported", "inconclusive", "not yet tested"], "undecided"),
        (["supported", "not yet tested"], "not yet tested"),
        (["supported", "not testable"], "borne out in part"),
        (["not testable"], "not testable"),
    ],
)
def test_advice_is_as_good_as_its_weakest_row(words, lead):
    word, found, counted = standing([_verdict(one) for one in words])
    assert found == lead
    assert word in words
    assert sum(map(int, re.findall(r"\d+", counted))) == len(words)


def test_advice_that_rests_on_assumptions_says_so():
    found = standing([_verdict("supported", "observed"), _verdict("supported", "conditional")])
    assert found[1] == "borne out under stated assumptions"


BAR = {"estimate": "x", "label": "X", "than": 0.0, "smallest_effect": 0.1}
INTERVALS = [(0.2, 0.3), (0.05, 0.3), (-0.3, -0.2), (0.02, 0.05), (-0.2, 0.05), (-0.1, 0.2), (-0.5, 0.5)]


@pytest.mark.parametrize("direction", ["greater", "less"])
@pytest.mark.parametrize(("low", "high"), INTERVALS)
def test_a_bar_flips_where_the_page_says_and_not_before(direction, low, high):
    bar = Bar(direction=direction, **BAR)
    if direction == "less":
        low, high = -high, -low
    _check_flips(bar, Estimate("x", (low + high) / 2, low, high, "unit", 10))


def test_the_bars_of_the_frozen_records_flip_where_the_page_says():
    register, n = load_register(), 0
    for slug, record in frozen_records().items():
        by_key = {one.key: one for one in record.estimates}
        for claim in register.bound_to(slug).values():
            for bar in (bar for test in claim.tests if test.study == slug for bar in test.estimates):
                if bar.estimate in by_key:
                    _check_flips(bar, by_key[bar.estimate])
                    n += 1
    assert n >= 12


def _check_flips(bar: Bar, estimate: Estimate) -> None:
    word, found = judge_bar(bar, estimate).verdict, flips(bar, estimate)
    assert len(found) == (2 if word == "inconclusive" else 1)
    for flip in found:
        assert flip.now == getattr(estimate, flip.end)
        assert flip.becomes != word
        step = math.copysign(1e-6, flip.mark - flip.now)
        assert judge_bar(bar, _moved(estimate, flip.end, flip.mark - step)).verdict == word
        assert judge_bar(bar, _moved(estimate, flip.end, flip.mark + step)).verdict == flip.becomes


def _moved(estimate: Estimate, end: str, to: float) -> Estimate:
    """The interval with one end moved there; the other follows only where it would be overtaken."""
    low, high = (to, max(to, estimate.high)) if end == "low" else (min(to, estimate.low), to)
    return replace(estimate, value=(low + high) / 2, low=low, high=high)


def test_an_interval_of_too_low_a_level_flips_nowhere():
    assert flips(Bar(direction="greater", **BAR), Estimate("x", 1, 0.9, 1.1, "unit", 10, level=0.9)) == []


def test_row_shows_headline_with_interval_flip_and_commands_on_own_data(home):
    """Lean a piece of advice on rows that have verdicts: all of it comes from the records."""
    _change(home, ADVICE, "leans_on: [C43b, C42]", "leans_on: [C50, C17a, C16a]")
    shutil.copytree(CHECKOUT / "book" / "studies", home / "book" / "studies")
    records = frozen_records()
    page = page_texts(records)["what_to_do.md"]
    (card,) = re.findall(r"<h4>Guard investments.*?</section>", page, re.DOTALL)
    by_key = {one.key: one for one in records["lstm_portfolio"].estimates}
    lstm = by_key["return_at_equal_volatility_lstm_minus_equal_weight"]
    rows = re.findall(r"<li>.*?</li>", card, re.DOTALL)
    assert f"<strong>{lstm.text}</strong> {lstm.unit}" in rows[0]
    assert "foresight" not in rows[0]  # only the bars that decide
    assert re.search(r"if the (high|low) end of the interval, now \S+, (rises|falls) ", rows[0])
    assert "held back" not in rows[0]
    for row in rows:
        assert "dti run lstm_portfolio --data FILE" in row
    assert 'dti-refuted">not borne out' in card


def test_a_study_that_takes_no_data_of_the_readers_offers_none(home):
    shutil.copytree(CHECKOUT / "book" / "studies", home / "book" / "studies")
    _change(home, "experiments/esg_constraint.yaml", "own_data: {panel: yours}\n", "")
    page = page_texts(frozen_records())["what_to_do.md"]
    row = re.search(r'<li><p><a href="claims.html#C16b">.*?</li>', page, re.DOTALL).group(0)
    assert "dti run esg_constraint --profile full" in row
    assert "--data" not in row


def test_a_row_without_its_estimate_says_what_is_missing():
    rows = [row for one in _told() for row in one.rows if row.verdict.claim == "C16b"]
    assert rows
    assert all(told.estimate is None for row in rows for told in row.bars)
    page = page_texts(frozen_records())["what_to_do.md"]
    assert "not estimated" in page
    assert "open until a run estimates it" in page


def test_without_chapters_every_row_waits_and_the_page_says_for_what():
    page = page_texts({})["what_to_do.md"]
    assert "dti-refuted" not in page
    assert "dti-supported" not in page
    assert page.count("<summary>what will decide it</summary>") > 20


def test_what_is_shown_is_escaped(home):
    _change(home, ADVICE, "Begin with what small firms need.", "<script>alert(1)</script> `x` small firms")
    page = page_texts({})["what_to_do.md"]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert json.dumps(page)

"""The verdict strip and the loop: what is drawn lies where the numbers put it, and is said in words too."""

import html
import re
from typing import Any

import pytest

from dti_core.book.answer import account, short_answer
from dti_core.book.loop import draw_loop, nodes
from dti_core.book.pages import page_texts
from dti_core.book.strip import (
    LEFT,
    RIGHT,
    claim_strip,
    drawn,
    effects,
    place,
    places,
    strip_html,
    strips_html,
)
from dti_core.lab.claims import all_verdicts, judge, judge_test
from dti_core.lab.record import OBSERVED, Estimate, Verdict
from dti_core.lab.register import Bar, Claim, ExperimentTest, load_register
from tests.test_lab_claims import record
from tests.test_lab_register import refused

REGISTER = load_register()
BAR = Bar(estimate="gain", label="Gain <b>", direction="greater", than=0.0, smallest_effect=0.1)
TEST = ExperimentTest.model_validate(
    {
        "study": "lstm_portfolio", "grade": "observed", "reading": "It gains.", "why": "Less is little.",
        "estimates": [BAR.model_dump()], "control": {"world": "no_effect", "must_not_be": "supported"},
        "positive_control": {"world": "planted", "must_be": "supported"},
    }
)  # fmt: skip
CLAIM = REGISTER.claims["C16a"].model_copy(update={"test": TEST, "parts": ()})


def estimate(low: float, high: float, world: str = OBSERVED, **more: Any) -> Estimate:
    return Estimate("gain", (low + high) / 2, low, high, "points", 9, world=world, **more)


def strip(*estimates: Estimate, claim: Claim = CLAIM) -> Any:
    verdict = judge_test("C16a", claim.test, estimates)
    return claim_strip(claim, verdict, {"lstm_portfolio": record(list(estimates), "lstm_portfolio")})


SOUND = (estimate(0.2, 0.3), estimate(-0.02, 0.05, "no_effect"), estimate(0.15, 0.3, "planted"))


def test_all_bars_share_the_places_of_no_difference_and_of_the_smallest_effect() -> None:
    other = BAR.model_copy(update={"direction": "less", "than": 5.0, "smallest_effect": 2.0})
    for bar, null, goal in ((BAR, 0.0, 0.1), (other, 5.0, 3.0)):
        assert (place(effects(bar, null)), place(effects(bar, goal))) == places()
    assert 0 < places()[0] < places()[1] < 100


def test_an_interval_beyond_the_smallest_effect_is_drawn_beyond_it() -> None:
    _, goal = places()
    beyond = drawn(BAR, estimate(0.2, 0.3))
    assert goal < beyond.low < beyond.value < beyond.high < 100
    assert not beyond.cut_left
    assert not beyond.cut_right
    short = drawn(BAR, estimate(-0.2, 0.05))
    assert short.low < places()[0] < short.high < goal


def test_the_claimed_side_is_the_right_side_whichever_sign_it_has() -> None:
    less = BAR.model_copy(update={"direction": "less"})
    one, other = drawn(BAR, estimate(0.2, 0.3)), drawn(less, estimate(-0.3, -0.2))
    assert (one.low, one.high) == (other.low, other.high)


@pytest.mark.parametrize(
    ("low", "high", "left", "right", "dot"),
    [
        (-0.1 + LEFT / 10, 0.0, True, False, True),
        (0.0, 0.1 + RIGHT / 10, False, True, True),
        (10.0, 11.0, False, True, False),
        (-11.0, -10.0, True, False, False),
        (-9.0, 9.0, True, True, True),
    ],
)
def test_what_goes_on_beyond_the_picture_is_cut_with_an_arrow(low, high, left, right, dot) -> None:
    found = drawn(BAR, estimate(low, high))
    assert (found.cut_left, found.cut_right, found.value is not None) == (left, right, dot)
    assert 0 <= found.low <= found.high <= 100
    assert (found.low == found.high) is not (low < RIGHT / 10 and high > LEFT / 10)  # else an arrow alone
    page = strips_html([strip(estimate(low, high))])
    assert page.count('class="tip"') == left + right


def test_controls_are_hollow_named_and_judged() -> None:
    found = strip(*SOUND)
    assert [(lane.role, lane.world, lane.sound) for lane in found.bars[0].lanes] == [
        ("observed", "", True),
        ("negative control", "no effect", True),
        ("positive control", "planted", True),
    ]  # fmt: skip
    page = strips_html([found])
    groups = re.findall(r'<g class="(\w+) (\w*)"', page)
    assert groups == [("observed", "supported"), ("negative", ""), ("positive", "")]
    assert "no effect" in page.split("Control worlds:")[1]
    failing = strip(SOUND[0], estimate(0.2, 0.3, "no_effect"), estimate(-0.2, 0.0, "planted"))
    assert [lane.finding for lane in failing.bars[0].lanes[1:]] == ["fails: cleared", "fails: not cleared"]
    assert strips_html([failing]).count(" failed") == 2


def test_a_control_that_is_missing_is_said_and_not_drawn() -> None:
    lanes = strip(SOUND[0]).bars[0].lanes
    assert [(lane.finding, lane.drawn) for lane in lanes[1:]] == [("not run", None)] * 2
    blind = CLAIM.model_copy(update={"test": TEST.model_copy(update={"positive_control": None})})
    lanes = strip(*SOUND[:2], claim=blind).bars[0].lanes
    assert lanes[2].finding == "none, so nothing is decided"
    assert strip(*SOUND[:2], claim=blind).verdict.verdict == "inconclusive"
    assert strip().bars[0].lanes[0].finding == "not estimated in this run"


def test_draws_of_a_control_are_counted() -> None:
    many = estimate(-0.1, 0.3, "planted", draws=((0.15, 0.3),) * 90 + ((-0.1, 0.3),) * 10)
    lane = strip(*SOUND[:2], many).bars[0].lanes[2]
    assert lane.finding == "passes: cleared in 90%"
    assert lane.more.endswith(", cleared in 90% [83%, 94%] and refuted in 0% of 100 draws")


@pytest.mark.parametrize("number", [0.3, 0.0999, 0.10004])
def test_words_for_who_cannot_see_have_the_numbers_of_the_verdict(number: float) -> None:
    found = strip(estimate(-0.2, number), *SOUND[1:])
    text = " ".join(html.unescape(re.sub("<[^>]+>", " ", strips_html([found]))).split())
    numbers = re.search(r"-?[\d.]+ \[-?[\d.]+, -?[\d.]+\]", found.verdict.because).group(0)
    assert numbers in text
    for words in ("Gain <b> claimed above 0, matters from 0.1 (points)", "negative control:", "stays open"
                  if number > 0.1 else "falls short"):  # fmt: skip
        assert words in text
    assert "Gain &lt;b&gt;" in strips_html([found])


def test_strip_of_a_record_has_its_claims_with_the_verdicts_that_it_is_given() -> None:
    one = record([], "lstm_portfolio")
    bound = list(REGISTER.bound_to("lstm_portfolio"))
    page = strip_html(one, link="../claims.html#", title="First")
    assert re.findall(r'href="\.\./claims\.html#(\w+)"', page) == bound
    assert "First" in page
    told = [
        Verdict(claim="C50", verdict="refuted", because="So."),
        Verdict(claim="C1", verdict="refuted", because=""),
    ]
    page = strip_html(one, told, link="")
    assert re.findall(r"<b>(C\w+)</b>", page) == ["C50"]
    assert "dti-refuted" in page
    assert strips_html([]) == ""


def test_arrows_show_the_verdicts_of_their_claims_in_proportion() -> None:
    verdicts = all_verdicts([])
    for shown in draw_loop(REGISTER, verdicts):
        words = [v.verdict for v in verdicts if shown.key in REGISTER.claims[v.claim].arrows]
        assert shown.counts == {word: words.count(word) for word in shown.counts}
        assert shown.total == len(words) > 0
        assert [stripe.word for stripe in shown.stripes] == list(shown.counts)
        assert bool(shown.path) == (shown.arrow.start is not None)
        for stripe in shown.stripes if shown.path else ():
            striped = float(stripe.dashes.split()[2]) == 3
            assert striped != (stripe.word in ("supported", "refuted"))
    demand = draw_loop(REGISTER, verdicts)[0]
    starts = [float(stripe.dashes.split()[1]) for stripe in demand.stripes]
    length = float(demand.stripes[0].dashes.split()[-1]) / 2
    shares = [count / demand.total for count in demand.counts.values()]
    assert starts == pytest.approx([length * sum(shares[:k]) for k in range(len(starts))], abs=0.1)


def test_every_pair_of_fields_has_its_arrow_and_no_box_overlaps_another() -> None:
    ends = {(arrow.start, arrow.end) for arrow in REGISTER.arrows.values()}
    fields = ("commerce", "finance", "security")
    assert {(a, b) for a in fields for b in fields if a != b} < ends
    boxes = list(nodes().values())
    for one in boxes:
        for other in boxes:
            apart = abs(one.x - other.x) >= (one.width + other.width) / 2
            assert one is other or apart or abs(one.y - other.y) >= (one.height + other.height) / 2


def test_the_answer_follows_the_verdicts_on_the_whole_loop() -> None:
    assert short_answer({"not yet tested": 8}).startswith("Nobody knows yet: of the 8 claims")
    assert short_answer({"supported": 8}).startswith("Yes: all 8")
    assert short_answer({"supported": 1, "not yet tested": 7}).startswith(
        "Not settled: of the 8 claims about"
    )
    assert short_answer({"supported": 2, "refuted": 1}).endswith(
        "the whole loop 2 are supported and 1 is refuted."
    )
    assert short_answer({"refuted": 1, "inconclusive": 1}).startswith("Not as told")


def test_the_account_tells_what_is_decided_by_what_and_what_waits() -> None:
    told = account(
        {"refuted": 6, "inconclusive": 9, "not testable": 26, "not yet tested": 46}, {"refuted": 4}
    )
    assert told == (
        "6 are decided: none supported and 6 refuted, 4 of them by dates and citations alone; "
        "46 still wait for an experiment."
    )
    assert account({"supported": 1}, {}) == "1 is decided: 1 supported and none refuted."


def test_the_loop_as_a_picture_says_the_same_without_links_or_script() -> None:
    page = page_texts({})["_static/loop.svg"]
    assert page.startswith("<svg")
    assert 'href="claims' not in page
    assert "<script" not in page
    assert all(shown.words in html.unescape(page) for shown in draw_loop(REGISTER, all_verdicts([])))


def test_the_register_refuses_an_arrow_that_is_not_drawn_and_one_of_which_nothing_is_said() -> None:
    said = refused(lambda register: register["claims"]["C9"].update(arrows=["pull"]))
    assert "C9: arrows: no arrow 'pull'; there are demand, use, feedback" in said
    nothing = {"title": "Nothing", "says": "nothing", "start": "use", "end": "commerce"}
    assert "arrows.empty: no claim speaks of it" in refused(
        lambda register: register["arrows"].update(empty=nothing)
    )


def test_a_chapter_prints_how_it_reads_its_claims() -> None:
    told = judge(record([], "lstm_portfolio"))
    words = html.unescape(told.table.html)
    assert all(REGISTER.claims[one.claim].test.reading in words for one in told)
    assert "Read here as" not in all_verdicts([]).table.html

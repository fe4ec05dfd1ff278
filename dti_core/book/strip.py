"""The verdict strip: each bar of a claim as an interval beside 0, the smallest effect and its control worlds.

All bars share two places: 0, and the smallest effect that matters. To the right lies what the claim says,
whichever sign that has, so that an interval wholly to the left of the second place refutes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from dti_core.lab.bars import cleared, decimals, judge_bar, share_of
from dti_core.lab.claims import judge
from dti_core.lab.publishing.rendering import render
from dti_core.lab.record import Estimate, Record, Verdict, VerdictWord
from dti_core.lab.register import Bar, Claim, ExperimentTest, Register, load_register
from dti_core.lab.say import plain, spoken

#: What a strip shows, in smallest effects from the null: beyond these ends an interval is cut.
LEFT, RIGHT = -4.0, 5.0
Role = Literal["observed", "negative control", "positive control"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """An interval on the strip: places in percent of its width; `value` is None where it lies outside."""

    low: float
    high: float
    value: float | None
    cut_left: bool
    cut_right: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """One world of one bar: what is drawn, the same in words, and whether a control did what it must.

    `more` is what the picture tells those who see it, for those who listen.
    """

    role: Role
    world: str
    drawn: Drawn | None
    numbers: str
    finding: str
    word: VerdictWord | None = None
    sound: bool = True
    more: str = ""


@dataclass(frozen=True, slots=True)
class BarStrip:
    """A bar with its lanes, the observed one first."""

    label: str
    asks: str
    unit: str
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class ClaimStrip:
    """A claim with its verdict, and the bars of its test in one study."""

    claim: str
    says: str
    reading: str
    verdict: Verdict
    bars: tuple[BarStrip, ...]

    @property
    def worlds(self) -> list[tuple[Role, str]]:
        """Role and name of each control world, once."""
        lanes = (lane for bar in self.bars for lane in bar.lanes if lane.world)
        return list(dict.fromkeys((lane.role, lane.world) for lane in lanes))


def strip_html(
    record: Record,
    verdicts: Iterable[Verdict] | None = None,
    *,
    register: Register | None = None,
    link: str = "#",
    title: str = "",
) -> Markup:
    """The strip of all claims that a record's study tests, as HTML without script (style: dti-strip.css).

    Parameters
    ----------
    verdicts : on those claims; today's, judged from the record, if not given. One that is not tested in the
        record's study is left out.
    link : precedes a claim's identifier in the address that its name leads to; "" for no link.
    title : stands above, as for one of two strips side by side.
    """
    register = register or load_register()
    said = judge(record, register) if verdicts is None else verdicts
    claims = register.bound_to(record.slug)
    strips = [
        claim_strip(claims[one.claim], one, {record.slug: record}) for one in said if one.claim in claims
    ]
    return strips_html(strips, link=link, title=title)


def strips_html(strips: Sequence[ClaimStrip], *, link: str = "#", title: str = "") -> Markup:
    """Strips of claims, one below the other, under one legend; nothing for none."""
    return Markup(
        render("strip.html", room=__package__, strips=strips, link=link, title=title, places=places())
    )


def claim_strip(claim: Claim, verdict: Verdict, records: Mapping[str, Record]) -> ClaimStrip:
    """The strip of one claim: the bars of its tests in the studies of `records`."""
    found = [(test, records[test.study].estimates) for test in claim.tests if test.study in records]
    bars = tuple(bar for test, estimates in found for bar in _bars(test, estimates))
    reading = " ".join(test.reading for test, _ in found)
    return ClaimStrip(verdict.claim, claim.says, reading, verdict, bars)


def place(effects: float) -> float:
    """Where a difference, in smallest effects and in the claimed direction, lies: percent of the width."""
    inside = min(max(effects, LEFT), RIGHT)
    return round(100 * (inside - LEFT) / (RIGHT - LEFT), 2)


def places() -> tuple[float, float]:
    """Where every bar has no difference, and its smallest effect."""
    return place(0.0), place(1.0)


def drawn(bar: Bar, estimate: Estimate) -> Drawn:
    """The interval of an estimate on the scale of its bar."""
    value, *ends = (effects(bar, one) for one in (estimate.value, estimate.low, estimate.high))
    low, high = sorted(ends)
    inside = LEFT <= value <= RIGHT
    return Drawn(place(low), place(high), place(value) if inside else None, low < LEFT, high > RIGHT)


def effects(bar: Bar, number: float) -> float:
    """How many smallest effects a number lies beyond the bar's null, in the claimed direction."""
    sign = 1.0 if bar.direction == "greater" else -1.0
    return sign * (number - bar.than) / bar.smallest_effect


def _bars(test: ExperimentTest, estimates: Sequence[Estimate]) -> list[BarStrip]:
    by_key = {estimate.key: estimate for estimate in estimates}
    strips = []
    for bar in test.estimates:
        one = by_key.get(bar.estimate)
        lanes = [_observed(bar, one)]
        lanes += [
            _control(bar, by_key.get(f"{bar.estimate}@{world}"), world, planted=world != test.control.world)
            for world in test.worlds
        ]
        if test.positive_control is None:
            missing = "none, so nothing is decided"
            lanes.append(Lane("positive control", "", None, "", missing, sound=False))
        strips.append(BarStrip(bar.title, _asks(bar), one.unit if one else "", tuple(lanes)))
    return strips


def _observed(bar: Bar, estimate: Estimate | None) -> Lane:
    word = judge_bar(bar, estimate).verdict
    if estimate is None:
        return Lane("observed", "", None, "", "not estimated in this run", word)
    findings = {"supported": "clears the bar", "refuted": "falls short", "inconclusive": "stays open"}
    return Lane("observed", "", drawn(bar, estimate), _numbers(bar, estimate), findings[word], word)


def _control(bar: Bar, estimate: Estimate | None, world: str, *, planted: bool) -> Lane:
    role: Role = "positive control" if planted else "negative control"
    seen = cleared(bar, estimate, planted=planted)
    if estimate is None or seen is None:
        return Lane(role, plain(world), None, "", "not run", sound=False)
    passed, words = seen
    sound, numbers = passed == planted, _numbers(bar, estimate)
    told, more = "cleared" if passed else "not cleared", numbers
    if estimate.draws:
        told, more = f"cleared in {share_of('supported', bar, estimate).value:.0%}", f"{numbers}, {words}"
    finding = f"{'passes' if sound else 'fails'}: {told}"
    return Lane(role, plain(world), drawn(bar, estimate), "", finding, sound=sound, more=more)


def _marks(bar: Bar) -> tuple[float, float]:
    sign = 1.0 if bar.direction == "greater" else -1.0
    return bar.than, bar.than + sign * bar.smallest_effect


def _numbers(bar: Bar, estimate: Estimate) -> str:
    """Value and interval with the decimals in which the verdict states them."""
    digits = decimals(bar, (estimate.low, estimate.high), _marks(bar))
    return spoken(estimate, decimals=digits)


def _asks(bar: Bar) -> str:
    side = "above" if bar.direction == "greater" else "below"
    null, goal = _marks(bar)
    return f"claimed {side} {null:g}, matters from {goal:g}"

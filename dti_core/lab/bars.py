"""What the interval of one estimate says of one bar, in the observed world and in control worlds.

The rule stands at the head of `lab.claims`.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

from dti_core.lab.citations import Finding
from dti_core.lab.record import Estimate, Size, VerdictWord
from dti_core.lab.register import Bar
from dti_core.lab.say import decimals_of, number, spoken

if TYPE_CHECKING:
    from dti_core.lab.intervals import Interval

#: Share of draws without an effect that may clear a bar, and of draws with one that must.
FALSE_RATE, POWER = 0.05, 0.80
LEAST_DRAWS = 20
#: Lower levels than this decide nothing.
LEVEL = 0.95
_TIE = 1e-9


def cleared(bar: Bar, estimate: Estimate | None, *, planted: bool) -> tuple[bool, str] | None:
    """Whether a control world clears the bar, and that in words; None if it was not run, or too seldom."""
    if estimate is None or 0 < len(estimate.draws) < LEAST_DRAWS:
        return None
    if not estimate.draws:
        word = judge_bar(bar, estimate).verdict
        return word == "supported", word
    rate, false = (share_of(word, bar, estimate) for word in ("supported", "refuted"))
    words = f"cleared in {rate.value:.0%} [{rate.low:.0%}, {rate.high:.0%}] and refuted in {false.value:.0%}"
    return (rate.value >= POWER if planted else rate.value > FALSE_RATE), f"{words} of {rate.n} draws"


def share_of(word: VerdictWord, bar: Bar, estimate: Estimate) -> "Interval":
    """Share of a control world's draws (or its one) with that verdict; one without an answer has none."""
    from dti_core.lab.intervals import share

    draws = estimate.draws or ((estimate.low, estimate.high),)
    words = [_outcome(bar, *ends)[0] for ends in draws if ends]
    return share(words.count(word), len(draws))


def judge_bar(bar: Bar, estimate: Estimate | None) -> Finding:
    """Whether the interval of one estimate clears its bar, by the rule at the head of this module."""
    if estimate is None:
        missing = f"{bar.label}: the run did not estimate {bar.estimate}"
        return Finding(verdict="inconclusive", because=missing)
    if not LEVEL <= estimate.level < 1:
        low = f"{bar.label}: an interval of {estimate.level:.0%} decides nothing"
        return Finding(verdict="inconclusive", because=low)
    word, size = _outcome(bar, estimate.low, estimate.high)
    sign = 1.0 if bar.direction == "greater" else -1.0
    marks = (bar.than, bar.than + sign * bar.smallest_effect)
    ends = (estimate.low, estimate.high)
    digits = decimals(bar, ends, marks)
    shown = max(digits, decimals_of(estimate.value, *ends))
    found, base, goal = (number(one, digits) for one in (bar.than + sign * smallest_found(estimate), *marks))
    beyond, short = ("above", "below") if sign > 0 else ("below", "above")
    reason = {
        "refuted": f"the whole interval lies {short} {goal}",
        "inconclusive": f"the interval contains both {base} and {goal}",
        "at least": f"the whole interval lies {beyond} {goal}",
        "size open": f"the whole interval lies {beyond} {base} and reaches {goal}",
    }[size or word]
    against = f"against a smallest interesting {goal} (80 % power from {found})"
    because = f"{bar.label} {spoken(estimate, decimals=shown)} {against}: {reason}"
    return Finding(verdict=word, because=because, size=size)


def decimals(bar: Bar, ends: Sequence[float], marks: Sequence[float]) -> int:
    """Decimals that tell the smallest effect, and each end from a mark that it does not meet."""
    digits = max(2, 1 - math.floor(math.log10(bar.smallest_effect)))
    apart = [(end, mark) for end in ends for mark in marks if abs(end - mark) > _TIE]
    while digits < 9 and any(f"{end:.{digits}f}" == f"{mark:.{digits}f}" for end, mark in apart):
        digits += 1
    return digits


def _outcome(bar: Bar, low: float, high: float) -> tuple[VerdictWord, Size | None]:
    """What an interval says of a bar; an end that meets a mark but for rounding meets it."""
    sign = 1.0 if bar.direction == "greater" else -1.0
    near, far = sorted((sign * (low - bar.than), sign * (high - bar.than)))
    if far < bar.smallest_effect - _TIE:
        return "refuted", None
    if not near > _TIE:  # also where a number is none
        return "inconclusive", None
    return "supported", "at least" if near >= bar.smallest_effect - _TIE else "size open"


def smallest_found(estimate: Estimate) -> float:
    """Smallest effect that an interval this wide would tell from none in 80 % of draws (normal errors)."""
    level, power = (NormalDist().inv_cdf(p) for p in ((1 + estimate.level) / 2, POWER))
    error = estimate.std_error or (estimate.high - estimate.low) / 2 / level
    return (level + power) * error

"""Numbers and findings in words, for titles, captions, tables, alt texts: nothing here decides anything."""

import math
import re
from collections.abc import Iterable, Sequence

from dti_core.lab.record import Estimate

#: Most decimals that a number is printed with.
MOST_DECIMALS = 6


def decimals_of(value: float, low: float, high: float) -> int:
    """Decimals that leave two digits of half the interval's width, for the value and both ends alike.

    Up to two more are given where an end would print as the 0 that it does not reach. A number without a
    width has as many as show four digits of it.
    """
    half = (high - low) / 2
    if not half > 0:
        return (
            0 if value == round(value) else min(MOST_DECIMALS, max(0, 3 - math.floor(math.log10(abs(value)))))
        )
    needed = max(0, 1 - int(f"{half:.1e}".split("e")[1]))
    for _ in range(2):
        needed += any(abs(end) > half / 1000 and not round(end, needed) for end in (low, high))
    return min(MOST_DECIMALS, needed)


def number(value: float, decimals: int, sign: str = "") -> str:
    """`value` with so many decimals, thousands apart, and never "-0"; `sign` "+" shows that of gains too."""
    return f"{round(value, decimals) + 0.0:{sign},.{decimals}f}"


def spoken(estimate: Estimate, sign: str = "", decimals: int | None = None, scale: float = 1.0) -> str:
    """Value and interval with the decimals that its width deserves: "0.31 [0.11, 0.48]"."""
    value, low, high = (scale * one for one in (estimate.value, estimate.low, estimate.high))
    shown = decimals_of(value, low, high) if decimals is None else decimals
    value_, low_, high_ = (number(one, shown, sign) for one in (value, low, high))
    return f"{value_} [{low_}, {high_}]" if high > low else value_


def signed(estimate: Estimate, digits: int | None = None, scale: float = 1.0) -> str:
    """Value and interval, each with its sign: "+0.31 [+0.11, +0.48]"."""
    return spoken(estimate, "+", digits, scale)


def percent(unit: str) -> tuple[float, str]:
    """What a reader multiplies numbers of a unit by, and how the unit reads then: shares are percent."""
    return (100.0, f"%{unit.removeprefix('share')}") if unit.startswith("share ") else (1.0, unit)


def listed(words: Sequence[str], nobody: str = "none") -> str:
    """Words as a sentence lists them: "a", "a and b", "a, b and c"; `nobody` if there are none."""
    if len(words) < 2:
        return words[0] if words else nobody
    return f"{', '.join(words[:-1])} and {words[-1]}"


def sign_of(estimate: Estimate, above: str, below: str, open_: str, than: float = 0.0) -> str:
    """Which of three phrases an interval allows: wholly above `than`, wholly below, or neither."""
    if estimate.low > than:
        return above
    return below if estimate.high < than else open_


def plain(name: str) -> str:
    """A name of the code as a reader writes it: underscores are blanks."""
    return name.replace("_", " ")


def intervals_in_words(what: str, rows: Sequence[tuple[str, Estimate]], digits: int | None = None) -> str:
    """Alt text of a plot of intervals: what it shows, then every label with its number."""
    return (
        f"{what} with 95 % intervals: " + "; ".join(f"{name} {signed(e, digits)}" for name, e in rows) + "."
    )


def value(estimate: Estimate, scale: float = 1.0) -> str:
    """The value alone, with the decimals that its interval deserves: "0.31"."""
    shown = decimals_of(*(scale * one for one in (estimate.value, estimate.low, estimate.high)))
    return number(scale * estimate.value, shown)


def ways(estimates: Iterable[Estimate]) -> str:
    """How the intervals of some estimates were made, each way once; lengths of blocks, which differ, go."""
    return "; ".join(dict.fromkeys(re.sub(r", blocks of \d+", "", one.how) for one in estimates))

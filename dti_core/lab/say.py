"""Numbers and findings in words, for titles, captions and alt texts: nothing here decides anything."""

from collections.abc import Sequence

from dti_core.lab.record import Estimate


def signed(estimate: Estimate, digits: int = 2, scale: float = 1.0) -> str:
    """Value and interval, each with its sign: "+0.31 [+0.11, +0.48]"."""
    value, low, high = (f"{scale * one:+.{digits}f}" for one in (estimate.value, estimate.low, estimate.high))
    return f"{value} [{low}, {high}]"


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


def intervals_in_words(what: str, rows: Sequence[tuple[str, Estimate]], digits: int = 2) -> str:
    """Alt text of a plot of intervals: what it shows, then every label with its number."""
    return (
        f"{what} with 95 % intervals: " + "; ".join(f"{name} {signed(e, digits)}" for name, e in rows) + "."
    )

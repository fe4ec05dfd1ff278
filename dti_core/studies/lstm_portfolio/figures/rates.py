"""How often bars are wrong: verdicts on them in worlds that were drawn many times."""

from collections.abc import Sequence
from dataclasses import replace

from dti_core.lab.claims import FALSE_RATE, POWER, judge_bar
from dti_core.lab.intervals import share
from dti_core.lab.record import Estimate, Result
from dti_core.lab.register import Bar, load_register
from dti_core.lab.tables import Cell, Span, Table, show_table
from dti_core.studies.lstm_portfolio.worlds import WORLDS


def false_verdicts(result: Result) -> Table:
    """Share of draws in which each bar is cleared without its effect, found with it, and refuted with it."""
    keys, rows = {one.key: one for one in result}, dict[tuple[str, str], dict[str, Cell]]()
    for key, claim in load_register().bound_to(result.config.slug).items():
        for test in claim.tests:
            for bar in test.estimates:
                drawn = [keys.get(f"{bar.estimate}@{world}") for world in test.worlds]
                cells = _cells(bar, [one for one in drawn if one and one.draws])
                if cells:
                    rows[key, bar.label] = cells
    return show_table(
        rows, name="false_verdicts", title="How often each bar is wrong", stub="bar",
        empty="No world was drawn many times.",
        note="Shares of draws with Wilson intervals of 95 %. A verdict stands only if at most "
        f"{FALSE_RATE:.0%} are supported without the effect, at least {POWER:.0%} find it and at most "
        f"{FALSE_RATE:.0%} refute it.",
    )  # fmt: skip


def _cells(bar: Bar, drawn: Sequence[Estimate]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for one in drawn:
        words = _verdicts(bar, one)
        if WORLDS[one.world].role == "negative":
            cells["false support, %"] = _share(words, "supported")
        else:
            cells["found, %"] = _share(words, "supported")
            cells["false refutation, %"] = _share(words, "refuted")
        cells["draws"] = len(words)
    return cells


def _verdicts(bar: Bar, estimate: Estimate) -> list[str]:
    """The verdict on the bar in each draw; a draw without an answer has none."""
    return [
        judge_bar(bar, replace(estimate, low=ends[0], high=ends[1], draws=())).verdict if ends else ""
        for ends in estimate.draws
    ]


def _share(words: Sequence[str], word: str) -> Span:
    found = share(words.count(word), len(words))
    return Span(100 * found.value, 100 * found.low, 100 * found.high)

"""How often bars are wrong: verdicts on them in worlds that were drawn many times."""

from collections.abc import Sequence

from dti_core.lab.bars import FALSE_RATE, POWER, share_of
from dti_core.lab.record import Estimate, Result, VerdictWord
from dti_core.lab.register import Bar, load_register
from dti_core.lab.tables import Cell, Span, Table, show_table


def false_verdicts(result: Result) -> Table:
    """Share of draws in which each bar is cleared without its effect, found with it, and refuted with it."""
    keys, rows = {one.key: one for one in result}, dict[tuple[str, str], dict[str, Cell]]()
    for key, claim in load_register().bound_to(result.config.slug).items():
        for test in claim.tests:
            for bar in test.estimates:
                drawn = [keys.get(f"{bar.estimate}@{world}") for world in test.worlds]
                cells = _cells(bar, [one for one in drawn if one and one.draws], test.control.world)
                if cells:
                    rows[key, bar.title] = cells
    return show_table(
        rows, name="false_verdicts", title="How often each bar is wrong", stub="bar",
        empty="No world was drawn many times.",
        note="Shares of draws with Wilson intervals of 95 %. A verdict stands only if at most "
        f"{FALSE_RATE:.0%} are supported without the effect, at least {POWER:.0%} find it and at most "
        f"{FALSE_RATE:.0%} refute it.",
    )  # fmt: skip


def _cells(bar: Bar, drawn: Sequence[Estimate], without: str) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for one in drawn:
        if one.world == without:
            cells["false support"] = _share("supported", bar, one)
        else:
            cells["found"] = _share("supported", bar, one)
            cells["false refutation"] = _share("refuted", bar, one)
        cells["draws"] = len(one.draws)
    return cells


def _share(word: VerdictWord, bar: Bar, one: Estimate) -> Span:
    found = share_of(word, bar, one)
    return Span(found.value, found.low, found.high, "share of draws")

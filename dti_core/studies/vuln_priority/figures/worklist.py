"""The worklist as a reader meets it, and what each kind of test is worth elsewhere."""

import pandas as pd

from dti_core.lab.record import Result
from dti_core.lab.tables import Cell, Number, Span, Table, show_table
from dti_core.studies.vuln_priority.figures.cards import KIND_TITLES

#: Rows that a chapter shows; a run's series holds more.
SHOWN = 25


def worklist_table(result: Result) -> Table:
    """The first rows of the list."""
    listed = result.series.get("worklist", pd.DataFrame())
    cells: dict[str, dict[str, Cell]] = {}
    for one in listed.head(SHOWN).to_dict("records"):
        cells[f"{one['rank']}. {one['service']}: {one['place']}"] = {
            "flaw": one["family"], "reported by": one["tools"], "owner": one["owner"],
            "real, %": Span(*(100 * one[f"p_real{end}"] for end in ("", "_low", "_high"))),
            "expected loss, USD": Number(one["risk_usd"], 0), "hours": Number(one["effort_hours"], 1),
            "why here": one["why"],
        }  # fmt: skip
    return show_table(
        cells, name="worklist",
        title=f"What to mend first: {min(SHOWN, len(listed))} of {len(listed):,} flaws",
        stub="flaw", empty="The scans report nothing.",
        note="Ordered by expected loss of a year an hour of work. Chances of exploitation are assumed from "
        "severity; "
        "impacts come from the services file.",
    )  # fmt: skip


def worth_table(result: Result) -> Table:
    """What share of real and of safe places a kind of test reports, carried to other code."""
    frame = result.series.get("worth", pd.DataFrame())
    cells: dict[str, dict[str, Cell]] = {}
    for one in frame.to_dict("records"):
        head = "of real flaws, %" if one["of"] == "real" else "of safe places, %"
        cells.setdefault(KIND_TITLES[one["kind"]], {})[head] = Span(
            *(100 * one[key] for key in ("reported", "low", "high"))
        )
    return show_table(
        cells, name="worth", title="What a kind of test reports elsewhere", stub="kind of test",
        note="Our lab's shares with the spread between its flows, moved by your labels if there are any.",
    )  # fmt: skip


def left_out(result: Result) -> Table:
    """What could not be asked, and why."""
    return show_table(
        result.series["left_out"], name="left_out", title="Left out", empty="Nothing was left out.",
        titles={"analysis": "analysis", "why": "why"},
    )  # fmt: skip

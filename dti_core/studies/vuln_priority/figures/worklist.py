"""The worklist as a reader meets it, and what each kind of test is worth elsewhere."""

import pandas as pd
from markupsafe import Markup

from dti_core.lab.record import Result
from dti_core.lab.tables import Cell, Number, Span, Table, show_table
from dti_core.studies.vuln_priority.figures.cards import KIND_TITLES
from dti_core.studies.vuln_priority.methods.carried import OTHER

#: Rows that a chapter shows; a run's series holds more.
SHOWN = 25


def worklist_table(result: Result) -> Table:
    """The first rows of the list, in a group those that fit into a week."""
    listed = result.series.get("worklist", pd.DataFrame({"in_week": [], "p_real": []}))
    week, hours = listed[listed["in_week"] == True], result.config.weekly_hours  # noqa: E712
    within = f"Within a week of {hours:g} hours: {len(week):,} rows, {week['p_real'].sum():.0f} expected real"
    cells: dict[str | tuple[str, str], dict[str, Cell]] = {}
    for number, one in enumerate(listed.head(SHOWN).to_dict("records"), 1):
        cells[within if one["in_week"] else "After that week", str(number)] = {
            "place": Markup("{}: {}<br><small>{}</small>").format(one["service"], one["place"], one["why"]),
            "kind": one["family"], "reported by": one["tools"], "owner": one["owner"],
            "real, %": Span(*(round(100 * one[f"p_real{end}"]) for end in ("", "_low", "_high"))),
            "expected loss, USD": Number(one["risk_usd"], 0), "hours": Number(one["effort_hours"], 1),
            "rank": f"={one['rank']}" if (listed["rank"] == one["rank"]).sum() > 1 else str(one["rank"]),
        }  # fmt: skip
    return show_table(
        cells, name="worklist",
        title=f"What to mend first: {min(SHOWN, len(listed))} of {len(listed):,} flaws and upgrades",
        stub="row", empty="The scans report nothing.",
        note="Ordered by expected loss of a year an hour of work; equal ranks bear =. Exploitation: EPSS "
        "and CISA's list where they are at hand, else assumed from severity; impacts: the services "
        "file. Flaws of one service share its impact, so their losses must not be added up.",
    )  # fmt: skip


def worth_table(result: Result) -> Table:
    """What share of real and of safe places a kind of test reports, carried to other code."""
    frame = result.series.get("worth", pd.DataFrame())
    cells: dict[str, dict[str, Cell]] = {}
    for one in frame.to_dict("records"):
        head = "of real flaws, %" if one["of"] == "real" else "of safe places, %"
        kind = KIND_TITLES[one["kind"].removeprefix(OTHER)]
        label = f"{kind}, tools that our lab has not tried" if OTHER in one["kind"] else kind
        span = Span(*(round(100 * one[key]) for key in ("reported", "low", "high")))
        cells.setdefault(label, {})[head] = span
    return show_table(
        cells, name="worth", title="What a kind of test reports elsewhere", stub="kind of test",
        note="Of kinds of flaw that it ever reports in our lab; of others its silence says nothing. Our "
        "lab's shares with the spread between its flows, moved by your labels. A tool that our lab has not "
        "tried is believed less surely: as four cases half-way to telling nothing.",
    )  # fmt: skip


def left_out(result: Result) -> Table:
    """What could not be asked, and why."""
    return show_table(
        result.series["left_out"], name="left_out", title="Left out", empty="Nothing was left out.",
        titles={"analysis": "analysis", "why": "why"},
    )  # fmt: skip

"""Tables of the study in words."""

import pandas as pd

from dti_core.lab.record import Result
from dti_core.lab.say import number
from dti_core.lab.tables import Cell, Rows, Table, show_table
from dti_core.studies.closed_loop.figures.words import arrow_titles, titles
from dti_core.studies.closed_loop.measures.evidence import BESIDE, TAKEN
from dti_core.studies.closed_loop.measures.ratio import GOAL

_EVIDENCE = {
    "transfer_into_finance": "Best part carried to finance", "frontiers_alike": "Curves more alike than "
    "outside",
    "feedback_on_streams": "Feedback on four real streams", "slope_stocks": "Growth of that gain: stocks",
    "slope_shops": "Growth of that gain: shops", "slope_bookings": "Growth of that gain: bookings",
    "slope_fixes": "Growth of that gain: fixes", "audits_flag_faults": "Planted leaks that an audit flags",
    "audits_false_alarms": "False alarms of audits", "shadow_dollar": "One dollar more for patches",
    "shadow_share": "Worlds where it earns more than its price twice", "shadow_hour": "One hour more for "
    "patches",
    "return_of_equal_weights": "Portfolio of equal weights, after costs",
}  # fmt: skip


def break_even_table(result: Result, least: int = 8) -> Table:
    """Size that an arrow alone would need for a return ratio of a tenth, beside its range; the nearest first."""
    table, named = result.series["break_even"], arrow_titles(result)
    reach = table.assign(times=(table["needed"] / table[["low", "high"]].abs().max(axis=1)).abs())
    reach = reach[reach["needed"].notna() & (reach["needed"].abs() < 100)].sort_values("times")
    rows: dict[tuple[str, str], dict[str, Cell]] = {}
    for one in reach.head(least).to_dict("records"):
        rows[(one["technology"], named[one["arrow"]])] = {
            "range of the card": f"{number(one['low'], 3)} to {number(one['high'], 3)}",
            "needed": number(one["needed"], 2),
            "times its farther end": number(one["times"], 1),
        }
    return show_table(
        {f"{a}: {b}": cells for (a, b), cells in rows.items()}, name="break_even",
        stub="technology and arrow",
        title=f"How strong one arrow alone would have to be for a return ratio of {GOAL:g}",

        note="All other arrows at the middle of their ranges; the nearest first. A minus: the sign would "
             "have to turn.",
    )  # fmt: skip


def flips_table(result: Result) -> Table:
    """Which arrows decide a sign for small firms, and how well they tell it on draws not seen."""
    table, named = result.series["flips"], titles(result) | arrow_titles(result)
    table = table[table["accuracy"].notna()]
    rows: Rows = {
        f"{named[one['outcome']]}, {one['effect']}, {one['prior']}": {
            "positive": f"{one['positive']:.0%}", "told, unseen draws": f"{one['accuracy']:.0%}",
            "told, its own draws": f"{one['own_accuracy']:.0%}", "asks about": named.get(one["first"], ""),
            "and about": named.get(one["second"], ""),
        }
        for one in table.to_dict("records")
    }  # fmt: skip
    return show_table(
        rows, name="flips", title="Where the sign for small firms flips", stub="outcome, effect, prior",

        note="A tree of three questions learned on half of the draws; told: mean share of both signs that "
             "it tells, "
        "half is chance. Outcomes whose sign hardly flips are left out.",
    )  # fmt: skip


def evidence_table(result: Result) -> Table:
    """Numbers of other chapters on which claims of this one rest, or which stand beside."""
    chosen = [one for one in result if one.name in {**TAKEN, **BESIDE} and one.world == "observed"]
    rows: Rows = {
        _EVIDENCE[one.name]: {"found": one, "unit": one.unit, "chapter": str(one.at["study"])}
        for one in chosen
    }
    return show_table(rows, name="evidence", title="What other chapters found", stub="what")


def told(result: Result, series: str, **texts: str) -> Table:
    """A table of the result as it is."""
    table = result.series.get(series, pd.DataFrame())
    return show_table(
        table, name=series, title="Left out", titles={"analysis": "analysis", "why": "why"}, **texts
    )

"""Tables of the study in words."""

import math

import pandas as pd

from dti_core.lab.record import Estimate, Result
from dti_core.lab.say import number, percent, spoken
from dti_core.lab.tables import Cell, Rows, Table, show_table
from dti_core.studies.closed_loop.figures.words import arrow_titles, movers, technologies, titles
from dti_core.studies.closed_loop.measures.effects import SENTENCES
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
    """Size that an arrow alone needs for a return ratio of a tenth, beside its range; the nearest first."""
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


def example_table(result: Result) -> Table:
    """The shortest loops of the first technology, arrow by arrow, at the middle of all ranges."""
    cards, named = result.series["cards"], titles(result)
    technology = next(iter(technologies(result)))
    size = {(one["start"], one["end"]): one["middle"] for one in cards.to_dict("records")}
    rows: dict[str, dict[str, Cell]] = {}
    total = 0.0
    for (start, end), out in size.items():
        if start == technology and (back := size.get((end, technology))) is not None and end in named:
            if end in technologies(result):
                continue
            total += out * back
            rows[f"by {named[end]}"] = {
                "1 % more of it moves that by": f"{number(out, 3, '+')} %",
                "which moves it by, for each %": f"{number(back, 3, '+')} %",
                "back": f"{number(out * back, 4, '+')} %",
            }
    rows["together"] = {"back": f"{number(total, 4, '+')} %"}
    return show_table(
        rows, name="example", stub="way back", title=f"One loop by hand: {named[technology]}, shortest ways "
                                                     f"alone",
        note="At the middle of all ranges. Longer ways, through other fields, are added by the formula "
             "above.",
    )  # fmt: skip


def flips_table(result: Result) -> Table:
    """How often two halves of the worlds agree on a sign, which arrows tell it, and how often."""
    table, moved = result.series["flips"], movers(result)
    rows: Rows = {
        f"{SENTENCES[one['of']]} ({one['prior']})": {
            "above 0": f"{one['positive']:.0%}", "worlds agree": f"{one['agree']:.0%}",
            "told by a tree": "" if math.isnan(one["accuracy"]) else f"{one['accuracy']:.0%}",
            "it asks about": moved.get(one["first"], ""), "and about": moved.get(one["second"], ""),
        }
        for one in table.to_dict("records")
    }  # fmt: skip
    return show_table(
        rows, name="flips", title="Where a sign flips", stub="effect (prior)",
        note="Worlds agree: share of draws with the same sign in one half of the worlds and in the "
        "other; near a half it is luck. A tree of three questions learned on half of the draws and "
        "worlds is judged on the others; mean share of both signs, a half is chance. Empty where "
        "one sign is too rare to learn from.",
    )  # fmt: skip


def evidence_table(result: Result) -> Table:
    """Numbers of other chapters on which claims of this one rest, or which stand beside."""
    chosen = [one for one in result if one.name in {**TAKEN, **BESIDE} and one.world == "observed"]
    rows: Rows = {
        _EVIDENCE[one.name]: {"found": _in_words(one), "chapter": str(one.at["study"])} for one in chosen
    }
    return show_table(rows, name="evidence", title="What other chapters found", stub="what")


def _in_words(one: Estimate) -> str:
    """A number with its unit, shares in percent."""
    scale, unit = percent(one.unit)
    return f"{spoken(one, scale=scale)} {unit}"


def told(result: Result, series: str, **texts: str) -> Table:
    """A table of the result as it is."""
    table = result.series.get(series, pd.DataFrame())
    return show_table(
        table, name=series, title="Left out", titles={"analysis": "analysis", "why": "why"}, **texts
    )

"""The picture of the chapter: the gain of every cell over placebo and rival, and the matrix of cells."""

import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.record import Result
from dti_core.lab.say import number
from dti_core.lab.tables import Cell as Entry
from dti_core.lab.tables import Span, Table, show_table
from dti_core.lab.theme import NEUTRAL, PALETTE, SHADE, style, wrap
from dti_core.studies.spillover.measures.sentences import FIELDS
from dti_core.studies.spillover.methods import METHODS

#: Percent of the naive loss at which the axis ends; what lies beyond is told at the edge.
EDGE = 25.0
#: Why a bridge is not carried to a field.
NOT_POSSIBLE = {
    ("fields", field): "arithmetic under other bridges; it forecasts and decides nothing" for field in FIELDS
} | {("simulators", field): "steps worlds for planners; without a planner it has no loss" for field in FIELDS}
_COLOURS = {"commerce": PALETTE[0], "finance": PALETTE[1], "security": PALETTE[2]}


def plot_cells(result: Result, series: str = "cells") -> go.Figure:
    """A row a cell: gain over the placebo (full) and the best rival (hollow), smallest findable gain."""
    table = result.series[series].sort_values("carried", ignore_index=True)
    figure = go.Figure()
    for field, rows in table.groupby("target", sort=False):
        for kind, symbol, shift in (("carried", "circle", 0.16), ("worth", "diamond-open", -0.16)):
            _points(figure, rows, kind, f"{_KINDS[kind]}, in {field}", symbol, shift, _COLOURS[str(field)])
    for row, one in table.iterrows():
        reach = min(one["findable"], EDGE)
        figure.add_shape(
            type="rect", x0=-reach, x1=reach, y0=row - 0.4, y1=row + 0.4, fillcolor=SHADE, line_width=0,
            layer="below",
        )  # fmt: skip
    figure.add_vline(x=0, line_color=NEUTRAL)
    figure.update_layout(height=150 + 62 * len(table))
    figure.update_yaxes(
        tickvals=list(range(len(table))), ticktext=[wrap(_label(row), 38) for _, row in table.iterrows()],
        range=[-0.6, len(table) - 0.4],
    )  # fmt: skip
    figure.update_xaxes(range=[-EDGE, EDGE])
    figure = style(
        figure, title=_finding(table), x="gain, % of the naive loss", y="", card=result.card, series=series,
        caption="Full points: gain over the same part with its learning destroyed, at equal data and steps. "
        "Hollow: over the best rival of the target field. Shaded: gains too small to be found in 80 % of "
        f"repetitions. Intervals of 95 %, clustered by networks, units and periods, cut at {EDGE:g} %. Cells "
        "of planned budgets are simulated, and told in % of what could be earned.",
        alt=_told(table),
    )  # fmt: skip
    return figure.update_layout(height=240 + 62 * len(table))


def _label(row: pd.Series) -> str:
    """Title of a cell, and whether its data are simulated."""
    return f"{row['title']}{' (simulated)' * (row['grade'] == 'conditional')}"


_KINDS = {"carried": "over its placebo", "worth": "over the best rival"}


def _points(
    figure: go.Figure, rows: pd.DataFrame, kind: str, name: str, symbol: str, shift: float, colour: str
) -> None:  # fmt: skip
    inside = rows[kind].clip(-EDGE, EDGE)
    low, high = rows[f"{kind}_low"].clip(-EDGE, EDGE), rows[f"{kind}_high"].clip(-EDGE, EDGE)
    text = [f"{row['title']}, {_KINDS[kind]}: {_span(row, kind)} %" for _, row in rows.iterrows()]
    figure.add_scatter(
        x=inside, y=rows.index + shift, mode="markers", name=name,
        marker={"symbol": symbol, "size": 9, "color": colour},
        error_x={"array": high - inside, "arrayminus": inside - low, "color": colour, "thickness": 2},
        text=text, hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _span(row: pd.Series, kind: str) -> str:
    value, low, high = (number(row[f"{kind}{end}"], 1, "+") for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def _finding(table: pd.DataFrame) -> str:
    helps = table[(table["carried_low"] > 0) & (table["worth_low"] > 0)]
    beyond = table[table["carried_low"] > 0]
    at_home = int((helps["source"] == helps["target"]).sum())
    return (
        f"Of {len(table)} uses of a part, {len(beyond)} surely beat their own placebo, and {len(helps)} all "
        f"rivals too, of which {at_home} in the field that the part was made for"
    )


def _told(table: pd.DataFrame) -> str:
    rows = [
        f"{row['title']}: over its placebo {_span(row, 'carried')}, over the best rival {_span(row, 'worth')}"
        for _, row in table.iterrows()
    ]
    return f"Gains in % of the naive loss. {'; '.join(rows)}."


def matrix(result: Result) -> Table:
    """Bridge by target field: each cell's deciding gain, or why there is none."""
    found = {str(row["cell"]): row for _, row in result.series["cells"].iterrows()}
    rows: dict[str, dict[str, Entry]] = {}
    bridges = list(
        dict.fromkeys([cell.bridge for cell in METHODS.values()] + [key for key, _ in NOT_POSSIBLE])
    )
    for bridge in bridges:
        rows[bridge] = {field: _entry(bridge, field, found) for field in FIELDS}
    return show_table(
        rows, name="matrix", title="Bridge by field: what was carried there and gained", stub="bridge",
        note="Gain over placebo and best rival alike, in % of the naive loss, with 95 % intervals; home: the "
        "field it was made for.",
    )  # fmt: skip


def _entry(bridge: str, field: str, found: dict[str, pd.Series]) -> str:
    cells = [(name, cell) for name, cell in METHODS.items() if (cell.bridge, cell.target) == (bridge, field)]
    told = [
        f"{cell.title.split(': ')[-1]} {_span(found[name], 'gain')}{' (home)' * (not cell.crosses)}"
        for name, cell in cells
        if name in found
    ]
    if told:
        return "; ".join(told)
    return NOT_POSSIBLE.get((bridge, field), _home(bridge, field))


def _home(bridge: str, field: str) -> str:
    homes = {cell.source for cell in METHODS.values() if cell.bridge == bridge}
    if field in homes:
        return "made for it: its own chapter shows it there"
    return "not possible here: no data of this field that its method could take"


def cells_table(result: Result, series: str = "cells") -> Table:
    """Every cell with its gains, what could have been found, and how often its controls were wrong."""
    rows: dict[str, dict[str, Entry]] = {}
    some_fail = not result.series[series]["own method works"].all()
    for _, row in result.series[series].iterrows():
        useful: dict[str, Entry] = {"beats naive": "yes" if row["own method works"] else "no: says nothing"}
        rows[str(row["title"])] = {
            **{_HEADS[kind]: Span(row[kind], row[f"{kind}_low"], row[f"{kind}_high"], "%")
               for kind in ("added", "carried", "worth")},
            **(useful if some_fail else {}), "best rival": rival_name(str(row["rival"])),
            "smallest found, %": row["findable"],
            "found: none, planted": f"{row['false']:.0%}, {row['found']:.0%}",
        }  # fmt: skip
    titles = {"cells": "Every part carried to another field", "streams": "Feedback on four real streams"}
    return show_table(
        rows, name=f"{series}_table", title=titles.get(series, "Your series"), stub="cell",
        note="Gains in % of the naive loss. Smallest found: the gain over the placebo that 80 % of "
        "repetitions would tell from none. Found: share of draws of the control worlds in which the part is "
        "said to help, without transfer (where the placebo alone stands against it) and with it planted. "
        "Beats naive: whether the method, with the part or without, is of any use in the field.",
    )  # fmt: skip


def rival_name(rival: str) -> str:
    """An arm as a reader would call it."""
    return _RIVALS.get(rival, rival.replace("_", " "))


_RIVALS = {
    "without": "the method without it", "all readings": "means of readings at hand",
    "published once": "means of an open pilot", "plans": "last week and planned promotions",
    "alone": "each client alone",
}  # fmt: skip
_HEADS = {
    "added": "over no part",
    "carried": "over placebo",
    "worth": "over best rival",
}


def yours(result: Result) -> Table:
    """The user's series, if this run was given any."""
    if "yours" in result.series:
        return cells_table(result, "yours")
    return show_table({}, name="yours_table", title="Your series", empty="This run was given none.")

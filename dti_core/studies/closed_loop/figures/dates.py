"""Who is said to have helped whom among the cited studies, against the calendar."""

import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.record import Result
from dti_core.lab.register import load_register
from dti_core.lab.theme import NEUTRAL, PALETTE, style, wrap

_POSSIBLE, _BACKWARD = PALETTE[2], PALETTE[1]


def plot_dates(result: Result) -> go.Figure:
    """Each link from the study that is said to help to the one that is helped; backward ones stand out."""
    table = result.series["influences"]
    studies = _studies(table)
    height = {number: row for row, number in enumerate(sorted(studies, key=lambda one: studies[one]))}
    figure = go.Figure()
    for possible, colour, name in ((True, _POSSIBLE, "dates allow it"), (False, _BACKWARD, "back in time")):
        for shown, one in enumerate(table[table["possible"] == possible].to_dict("records")):
            figure.add_scatter(
                x=[studies[one["first"]], studies[one["then"]]], y=[height[one["first"]],
                height[one["then"]]],
                mode="lines+markers", name=name, legendgroup=name, showlegend=shown == 0,
                line={"color": colour, "width": 2, "dash": "solid" if possible else "dash"},
                marker={"symbol": "arrow", "angleref": "previous", "size": 14, "color": colour},
                hovertext=f"{one['claim']}: [{one['first']}] to [{one['then']}]",
            )  # fmt: skip
    figure.add_scatter(
        x=list(studies.values()), y=[height[number] for number in studies], mode="markers", showlegend=False,
        marker={"size": 13, "color": NEUTRAL},
    )  # fmt: skip
    backward = int((~table["possible"]).sum())
    cycles = [round(result[name].value) for name in ("cycles_claimed", "cycles_possible")]
    figure = style(
        figure, x="first public", y="", card=result.card, series="influences",

        title=f"{backward} of {len(table)} sentences lead back in time; of {cycles[0]} cycles dates leave "
              f"{cycles[1]}",
        caption="Sentences of the review by which one cited study leads to, refines or carries over to "
                "another. "
        "[6] stands for the portfolios of 2023, also where the review prints [6] and means [7], the study on "
        "verified ads that is never cited under its own number.",
        alt=_told(table),
    )  # fmt: skip
    names = load_register().studies
    return figure.update_layout(height=520).update_yaxes(
        tickvals=list(height.values()), range=[-0.6, len(height) - 0.4],
        ticktext=[wrap(f"[{number}] {names[number].title}", 26) for number in height],
    )  # fmt: skip


def _told(table: pd.DataFrame) -> str:
    words = {True: "possible", False: "back in time"}
    rows = [f"{one['claim']} [{one['first']}] to [{one['then']}], {words[bool(one['possible'])]}"
            for one in table.to_dict("records")]  # fmt: skip
    return f"{'; '.join(rows)}."


def _studies(table: pd.DataFrame) -> dict[int, pd.Timestamp]:
    """Number -> first public date, the middle of what is known of it."""
    found = {}
    for number, date in (("first", "first_published"), ("then", "then_published")):
        for one, when in zip(table[number], table[date], strict=True):
            period = pd.Period(str(when))
            found[int(one)] = period.start_time + (period.end_time - period.start_time) / 2
    return found

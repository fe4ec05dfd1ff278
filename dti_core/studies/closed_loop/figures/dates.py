"""Who is said to have helped whom among the cited studies, against the calendar."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from dti_core.lab.record import Result
from dti_core.lab.theme import NEUTRAL, PALETTE, style

#: Links that dates allow are drawn above the line of studies, those back in time below it.
_SIDES = ((True, PALETTE[2], "dates allow it"), (False, PALETTE[1], "back in time"))
_N_POINTS, _FLAT = 40, 0.62


def plot_dates(result: Result) -> go.Figure:
    """The cited studies in the order of their dates, and an arc for each link from one to another."""
    everything = result.series["influences"]
    table = everything[everything["reading"] == "named"]
    place = {number: x for x, number in enumerate(_in_order(table))}
    figure = go.Figure()
    for possible, colour, name in _SIDES:
        links = table[table["possible"] == possible].groupby(["first", "then"])["claim"].agg(", ".join)
        for shown, ((first, then), claims) in enumerate(links.items()):
            x, y = _arc(place[first], place[then], 1.0 if possible else -1.0)
            figure.add_scatter(
                x=x, y=y, mode="lines+markers", name=name, legendgroup=name, showlegend=shown == 0,
                line={"color": colour, "width": 2, "dash": "solid" if possible else "dash"},
                marker={"symbol": "arrow", "angleref": "previous", "color": colour,
                        "size": [0] * (len(x) - 1) + [13]},
                hovertext=f"[{first}] to [{then}]: {claims}", hoverinfo="text",
            )  # fmt: skip
    figure.add_scatter(
        x=list(place.values()), y=[0] * len(place), mode="markers", showlegend=False,
        marker={"size": 12, "color": NEUTRAL}, hoverinfo="skip",
    )  # fmt: skip
    backward = int((~table["possible"]).sum())
    cycles = [round(result[name].value) for name in ("cycles_claimed", "cycles_possible")]
    figure = style(
        figure, x="cited studies, in the order of their dates", y="", card=result.card, series="influences",
        title=f"{backward} of {len(table)} sentences lead back in time; of {cycles[0]} cycles dates leave "
        f"{cycles[1]}",
        caption="Sentences of the review by which one named study leads to, refines or carries over to "
        "another; above, those that dates allow, below, those in which the later comes first. [6] stands "
        "for the portfolios of 2023. Where the review prints [6] and means [7], the study on verified ads, "
        "nothing is drawn; [7] is never cited under its own number. Of two studies of February 2026 the "
        "days decide.",
        alt=_told(table),
    )  # fmt: skip
    dates = _dates(table)
    ticks = [f"[{number}]<br>{dates[number]}" for number in place]
    figure.update_xaxes(tickvals=list(place.values()), ticktext=ticks, zeroline=False, showgrid=False)
    return figure.update_yaxes(visible=False).update_layout(height=480)


def _arc(start: float, end: float, side: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of half an ellipse from one study to another."""
    turn = np.linspace(np.pi, 0, _N_POINTS) if end > start else np.linspace(0, np.pi, _N_POINTS)
    turn = turn[: -(_N_POINTS // 20)]
    middle, radius = (start + end) / 2, abs(end - start) / 2
    return middle + radius * np.cos(turn), side * _FLAT * radius * np.sin(turn)


def _told(table: pd.DataFrame) -> str:
    words = {True: "possible", False: "back in time"}
    rows = [f"{one['claim']} [{one['first']}] to [{one['then']}], {words[bool(one['possible'])]}"
            for one in table.to_dict("records")]  # fmt: skip
    return f"{'; '.join(rows)}."


def _dates(table: pd.DataFrame) -> dict[int, str]:
    """Number of each study -> its first public date, as exact as it is known."""
    ends = (("first", "first_published"), ("then", "then_published"))
    return {
        int(one): str(when)
        for number, date in ends
        for one, when in zip(table[number], table[date], strict=True)
    }


def _in_order(table: pd.DataFrame) -> list[int]:
    """Numbers of the studies by their dates, the last day of what is known of each."""
    dates = _dates(table)
    return sorted(dates, key=lambda one: pd.Period(dates[one]).end_time)

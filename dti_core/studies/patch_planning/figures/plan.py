"""The estate at hand: its calls and risk, its calendar, and the risk that remains."""

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.record import Result
from dti_core.lab.theme import NEUTRAL, PALETTE, style

_SCALE = [[0, "#DDE7F0"], [0.5, "#E8A95A"], [1, "#B3261E"]]
_LEAST_USD = 1.0


def plot_estate(result: Result) -> go.Figure:
    """Services and their calls, coloured by the weekly loss that is open, before and after the plan."""
    services, calls = result.series["services"].set_index("service"), result.series["calls"]
    place = _places(list(services.index), calls)
    figure = make_subplots(rows=2, vertical_spacing=0.1, subplot_titles=["today", "after the plan"])
    top = float(np.log10(max(services[["before_usd", "after_usd"]].to_numpy().max(), 10.0)))
    for row, column in enumerate(("before_usd", "after_usd"), start=1):
        for caller, callee in zip(calls["caller"], calls["callee"], strict=True):
            (x0, y0), (x1, y1) = place[caller], place[callee]
            figure.add_scatter(x=[x0, x1], y=[y0, y1], mode="lines", line={"color": NEUTRAL, "width": 1},
                               hoverinfo="skip", showlegend=False, row=row, col=1)  # fmt: skip
        usd = services[column]
        figure.add_scatter(
            x=[place[name][0] for name in usd.index], y=[place[name][1] for name in usd.index],
            mode="markers+text", text=list(usd.index), textposition="bottom center", showlegend=False,
            marker={"size": 26, "color": np.log10(np.maximum(usd, _LEAST_USD)), "cmin": 0, "cmax": top,
                    "colorscale": _SCALE, "line": {"color": NEUTRAL, "width": 1}, "showscale": row == 1,
                    "colorbar": {"title": {"text": "USD a week"}, "tickvals": list(range(int(top) + 1)),
                                 "ticktext": [f"{10**k:,}" for k in range(int(top) + 1)], "len": 0.9}},
            customdata=usd, hovertemplate="%{text}: %{customdata:,.0f} USD a week<extra></extra>",
            row=row, col=1,
        )  # fmt: skip
    before, after = services["before_usd"].sum(), services["after_usd"].sum()
    worst = services["after_usd"].idxmax()
    figure = style(
        figure, x="calls from the entry", y="", card=result.card, series="services",
        title=f"The plan takes the expected loss from {before:,.0f} to {after:,.0f} dollars a week; most "
        "of the "
        f"rest is at {worst}",
        caption="Colour: expected weekly loss by open flaws, on a logarithmic scale; after the plan as "
        "it will be in "
        "the week behind the last one, exploits that come out until then included. Lines: calls.",
        alt="; ".join(
            f"{name}: {one.before_usd:,.0f} to {one.after_usd:,.0f} USD a week"
            for name, one in services.iterrows()
        ),
    )  # fmt: skip
    figure.update_yaxes(visible=False)
    return figure.update_layout(height=820)


def plot_calendar(result: Result) -> go.Figure:
    """The calendar as bars: a row a service, a mark an upgrade in the week of its window."""
    rows, weeks = result.series["calendar"], result.series["remaining"]["week"].max()
    names = list(result.series["services"]["service"])
    figure = go.Figure()
    shift = _beside(rows)
    figure.add_bar(
        y=[names.index(one) for one in rows["service"]], x=[0.9 / n for _, n in shift],
        orientation="h", width=0.7,
        base=[week - 0.45 + 0.9 * k / n for week, (k, n) in zip(rows["week"], shift, strict=True)],
        marker={"color": PALETTE[0], "line": {"color": "rgba(255,255,255,.8)", "width": 1}},
        customdata=rows[["bundle", "start", "hours", "risk_removed_usd"]],
        hovertemplate="%{customdata[0]}, %{customdata[1]}: %{customdata[2]:.1f} hours, avoids "
        "%{customdata[3]:,.0f} "
        "USD<extra></extra>",
    )  # fmt: skip
    hours = rows["hours"].sum()
    figure = style(
        figure, x="week", y="", card=result.card, series="calendar",
        title=f"{len(rows)} upgrades in {rows['week'].nunique()} of {weeks} weeks, {hours:.0f} hours of work",
        caption="A mark an upgrade, in the week of its service's window; the table below and the files "
        "of the run have "
        "times, reasons and what is left out.",
        alt="; ".join(f"week {week}: {', '.join(some['bundle'])}" for week, some in rows.groupby("week")),
    )  # fmt: skip
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, autorange="reversed")
    figure.update_xaxes(range=[0.4, weeks + 0.6], dtick=1)
    return figure.update_layout(height=200 + 34 * len(names))


def plot_remaining(result: Result) -> go.Figure:
    """Expected weekly loss of what is open, by week and plan, with 95 % of drawn futures."""
    table, figure = result.series["remaining"], go.Figure()
    for colour, (name, rows) in zip(PALETTE, table.groupby("planner", sort=False), strict=False):
        figure.add_scatter(x=[*rows["week"], *rows["week"][::-1]], y=[*rows["high"], *rows["low"][::-1]],
                           fill="toself", mode="none", fillcolor=_pale(colour), hoverinfo="skip",
                           showlegend=False)  # fmt: skip
        figure.add_scatter(
            x=rows["week"], y=rows["usd"], name=str(name), line_color=colour, mode="lines+markers"
        )
    last = table[table["week"] == table["week"].max()].set_index("planner")["usd"]
    asked, rest = last.index[0], last.drop("nothing patched").iloc[1:]
    return style(
        figure, x="week", y="expected loss a week, USD", card=result.card, series="remaining",
        title=f"In the last week {last.iloc[0]:,.0f} dollars a week remain at risk by the {asked}, "
        + " and ".join(f"{usd:,.0f} by {name}" for name, usd in rest.items())
        + f", {last['nothing patched']:,.0f} without patches",
        caption="Lines: mean over drawn futures in which exploits come out at their assumed chance; "
        "bands: 95 % of them. "
        "Flaws found later are not in it.",
        alt="; ".join(f"{name}: {usd:,.0f} USD" for name, usd in last.items()) + " a week at the end.",
    )  # fmt: skip


def _places(names: list[str], calls: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Where services stand: across by calls from an entry, down in the order of the file."""
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from(zip(calls["caller"], calls["callee"], strict=True))
    entries = [name for name in names if graph.in_degree(name) == 0] or names[:1]
    depth = nx.multi_source_dijkstra_path_length(graph, set(entries), weight=None)
    last = max(depth.values()) + 1
    ranked = sorted(names, key=lambda name: (depth.get(name, last), names.index(name)))
    found = {}
    for level, members in itertools.groupby(ranked, key=lambda name: depth.get(name, last)):
        column = list(members)
        for at, name in enumerate(column):
            found[name] = (float(level), -(at - (len(column) - 1) / 2) + 0.15 * (level % 2))
    return found


def _beside(rows: pd.DataFrame) -> list[tuple[int, int]]:
    """Which of how many upgrades of its service and week each row is."""
    groups = rows.groupby(["service", "week"])
    return list(zip(groups.cumcount(), groups["bundle"].transform("size"), strict=True))


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},.15)"

"""The estate at hand: its calls and risk, its calendar, and the risk that remains."""

import itertools

import networkx as nx
import pandas as pd
import plotly.graph_objects as go

from dti_core.lab.record import Result
from dti_core.lab.theme import PALETTE, style
from dti_core.studies.patch_planning.figures.cards import pale

#: Pixels across the service with the largest loss, and from one service to the one below.
_WIDEST, _APART = 44, 76


def plot_estate(result: Result) -> go.Figure:
    """Services and their calls; the area of a disc is the weekly loss that is open, before and after."""
    services, calls = result.series["services"].set_index("service"), result.series["calls"]
    place = _places(list(services.index), calls)
    across, down = zip(*(place[name] for name in services.index), strict=True)
    figure = go.Figure()
    for end in zip(calls["caller"], calls["callee"], strict=True):
        (x0, y0), (x1, y1) = (place[name] for name in end)
        figure.add_scatter(x=[x0, (x0 + x1) / 2 + 0.25 * (x0 == x1), x1], y=[y0, (y0 + y1) / 2, y1],
                           line={"color": "rgba(128,128,128,.45)", "shape": "spline"}, mode="lines",
                           hoverinfo="skip", showlegend=False)  # fmt: skip
    before, after = services["before_usd"], services["after_usd"]
    told = [f"{name}<br>{before[name]:,.0f} → {after[name]:,.0f}" for name in services.index]
    largest = max(before.max(), after.max(), 1.0)
    for usd, title, colour in ((before, "today", PALETTE[1]), (after, "after the plan", PALETTE[0])):
        today = usd is before
        figure.add_scatter(
            x=across, y=down, name=title, mode="markers+text" if today else "markers", text=told,
            textposition="top center", textfont_size=12, cliponaxis=False,
            marker={"size": usd, "sizemode": "area", "sizeref": largest / (_WIDEST**2 / 2), "color": colour,
                    "opacity": 0.55 if today else 1.0, "line": {"width": 0}},
            hovertemplate="%{text} USD a week<extra></extra>",
        )  # fmt: skip
    total = f"{before.sum():,.0f} dollars a week today, {after.sum():,.0f} after the plan"
    figure = style(
        figure, x="calls from the entry", y="", card=result.card, series="services",
        title=f"Where is the risk, and what does the plan leave? {total}",
        caption="Area of a disc and numbers: expected weekly loss by open flaws, USD, today → after the "
        "plan (as expected in the week behind the last one, exploits that come out until then included). "
        "Lines: calls.",
        alt="Expected loss, USD a week: " + "; ".join(told).replace("<br>", " ") + ".",
    )  # fmt: skip
    steps = sorted(set(across))
    figure.update_xaxes(tickvals=steps, ticktext=["entry", *(f"{one:.0f}" for one in steps[1:])],
                        range=[-0.5, steps[-1] + 0.5], showgrid=False, zeroline=False)  # fmt: skip
    figure.update_yaxes(visible=False, range=[min(down) - 0.5, max(down) + 0.9])
    return figure.update_layout(height=round(200 + _APART * (max(down) - min(down) + 1)))


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
        "%{customdata[3]:,.0f} USD<extra></extra>",
    )  # fmt: skip
    hours = rows["hours"].sum()
    figure = style(
        figure, x="week", y="", card=result.card, series="calendar",
        title=f"When is what patched? {len(rows)} upgrades in {rows['week'].nunique()} of {weeks} weeks, "
        f"{hours:.0f} hours of work",
        caption="A mark an upgrade, in the week of its service's window; the table below and the files "
        "of the run have times, reasons and what is left out.",
        alt="; ".join(f"week {week}: {', '.join(some['bundle'])}" for week, some in rows.groupby("week")),
    )  # fmt: skip
    places = list(range(len(names)))
    figure.update_yaxes(tickvals=places, ticktext=names, zeroline=False, autorange="reversed")
    figure.update_xaxes(range=[0.4, weeks + 0.6], tick0=1, dtick=1 + weeks // 10, tickangle=0)
    return figure.update_layout(height=200 + 34 * len(names))


def plot_remaining(result: Result) -> go.Figure:
    """Expected weekly loss of what is open, by week and plan, with 95 % of drawn futures."""
    table, figure = result.series["remaining"], go.Figure()
    for colour, (name, rows) in zip(PALETTE, table.groupby("planner", sort=False), strict=False):
        usd = rows[["usd", "low", "high"]].clip(lower=1.0)
        figure.add_scatter(x=[*rows["week"], *rows["week"][::-1]], y=[*usd["high"], *usd["low"][::-1]],
                           fill="toself", mode="none", fillcolor=pale(colour), hoverinfo="skip",
                           showlegend=False)  # fmt: skip
        figure.add_scatter(x=rows["week"], y=usd["usd"], name=str(name), line_color=colour,
                           mode="lines+markers")  # fmt: skip
    last = table[table["week"] == table["week"].max()].set_index("planner")["usd"]
    figure = style(
        figure, x="week", y="expected loss a week, USD", card=result.card, series="remaining",
        title="How much loss stays open? Dollars a week at the end: "
        + ", ".join(f"{usd:,.0f} ({name})" for name, usd in last.items()),
        caption="Lines: mean over drawn futures in which exploits come out at their assumed chance; bands: "
        "95 % of them. The scale is logarithmic. Flaws found later are not in it.",
        alt="; ".join(f"{name}: {usd:,.0f} USD" for name, usd in last.items()) + " a week at the end.",
    )  # fmt: skip
    return figure.update_yaxes(type="log", dtick=1, tickformat=",")


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

"""How good, and how fast, plans are as estates grow."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.cards import nothing_drawn
from dti_core.lab.data import DataCard
from dti_core.lab.paths import project_root
from dti_core.lab.record import Result
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.patch_planning.figures.cards import FEW, WORLD_TITLES, place_badge, simulated
from dti_core.studies.patch_planning.methods.lessons import FAVOURITE, SMALL

_NAMES = {"tuned_rule": "tuned rule", FAVOURITE: f"agents, trained at {SMALL} services",
          "exact": "exact plan", "bound": "bound (linear relaxation)"}  # fmt: skip
_COLOURS = dict(zip(_NAMES, (PALETTE[1], PALETTE[0], PALETTE[2], NEUTRAL), strict=True))
_BENCHMARK = "patch_planning_sizes"


def plot_sizes(result: Result) -> go.Figure:
    """Share of the bound by size, a panel a world; exact plans of limited time are beside, as measured."""
    table = result.series["sizes"]
    worlds = list(dict.fromkeys(table["world"]))
    panels = [f"{WORLD_TITLES[world]}, all known" for world in worlds]
    figure = make_subplots(rows=len(worlds), shared_xaxes=True, vertical_spacing=0.1, subplot_titles=panels)
    for row, world in enumerate(worlds, start=1):
        for method in _NAMES:
            some = table[(table["world"] == world) & (table["method"] == method)]
            if not some.empty:
                _line(figure, some, method, row)
    sizes = sorted({*table["services"]} - {500})  # beside 1,000 there is no room
    rule = (100 * table[table["method"] == "tuned_rule"].set_index("world")["share"]).groupby(level=0)
    figure = style(
        figure, x="", y="% of the bound", card=simulated(result), series="sizes",
        title="How good do plans stay as estates grow? Of an upper bound the tuned rule earns "
        + ", ".join(f"{one.min():.0f} to {one.max():.0f} % ({WORLD_TITLES[world]})" for world, one in rule),
        caption="All bundles are known from the start. The bound (linear relaxation) lets bundles be "
        "patched in part. Bars: 95 % bootstrap intervals over estates and trainings; hollow: fewer than "
        f"{FEW} estates, {table['estates'].min():.0f} at least, whose bars say little. Exact plans are "
        "drawn where their gap was closed.",
        alt="Share of the bound by services: " + "; ".join(
            f"{WORLD_TITLES[row.world]}, {row.services:,}, {_NAMES[row.method]} {100 * row.share:.1f} %"
            for row in table.itertuples()
        ) + ".",
    )  # fmt: skip
    figure.update_xaxes(type="log", tickvals=sizes, tickangle=0, tickformat=",")
    figure.update_xaxes(title_text="services", row=len(worlds), col=1)
    figure.update_layout(height=260 + 230 * len(worlds))
    return place_badge(figure, titled=True)


def _line(figure: go.Figure, some: pd.DataFrame, method: str, row: int) -> None:
    figure.add_scatter(
        x=some["services"], y=100 * some["share"], name=_NAMES[method], legendgroup=method,
        showlegend=row == 1, mode="lines+markers", line_color=_COLOURS[method],
        marker={"size": 8, "symbol": np.where(some["estates"] < FEW, "circle-open", "circle")},
        error_y={"array": 100 * (some["high"] - some["share"]),
                 "arrayminus": 100 * (some["share"] - some["low"])},
        row=row, col=1,
    )  # fmt: skip


def plot_time(result: Result) -> go.Figure:
    """Processor time and memory of planning against size, log-log, as last measured on one machine."""
    table = _measured()
    if table.empty:
        return nothing_drawn(result, f"Not measured yet: python experiments/benchmarks/{_BENCHMARK}.py")
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.08)
    for name, title in _NAMES.items():
        some = table[(table["planner"] == name) & (table["world"] == table["world"].iloc[0])]
        for row, column in enumerate(("cpu_s", "peak_mb"), start=1):
            figure.add_scatter(
                x=some["services"], y=some[column], name=title, legendgroup=name, showlegend=row == 1,
                mode="lines+markers", line_color=_COLOURS[name], row=row, col=1,
                marker={"size": 8, "symbol": np.where(some["status"] == "rule", "x-thin-open", "circle")},
            )  # fmt: skip
    figure = style(
        figure, x="", y="", card=_timed(result), title=_faster(table),
        caption="A tight budget, all flaws known, one estate a size, a rule tuned on 32 small ones; each "
        f"planner in a process of its own on {_benchmark().get('machine', 'one machine')}; another gives "
        "other "
        "numbers, and no estimate rests on these. Memory is the most a process "
        f"held, libraries included.{_in_vain(table)}",
        alt="Processor seconds by services: " + "; ".join(
            f"{_NAMES[row.planner]}, {row.services:,}: {row.cpu_s:.3g} s, {row.peak_mb:,.0f} MB"
            for row in table.itertuples()
        ) + ".",
    )  # fmt: skip
    ticks = sorted({*table["services"]} - {500})  # beside 1,000 there is no room
    figure.update_xaxes(type="log", tickvals=ticks, tickangle=0, tickformat=",")
    figure.update_xaxes(title_text="services", row=2, col=1)
    for row, unit in enumerate(("time, s", "memory, MB"), start=1):
        figure.update_yaxes(type="log", title_text=unit, title_standoff=16, row=row, col=1)
    return figure.update_layout(height=680)


def _timed(result: Result) -> DataCard:
    return replace(simulated(result), badge="Measured on one machine; simulated estates")


def _faster(table: pd.DataFrame) -> str:
    """Time of each planner at the largest size at which all came to a plan of their own."""
    wide = table[table["status"] != "rule"].pivot_table(index="services", columns="planner", values="cpu_s")
    last = wide.dropna().iloc[-1]
    told = [f"{_NAMES[name]} {last[name]:,.{2 if last[name] < 1 else 0}f} s"
            for name in ("tuned_rule", FAVOURITE, "exact") if name in last]  # fmt: skip
    return f"How long does planning take? {int(wide.dropna().index[-1]):,} services: {', '.join(told)}"


def _in_vain(table: pd.DataFrame) -> str:
    """Where the exact plan's time was up before it had one, and what each planner's plan was worth."""
    late = "".join(
        f" Cross: at {row.services:,} services the solver found no plan in {row.seconds_allowed:.0f} s."
        for row in table.itertuples() if row.status == "rule"
    )  # fmt: skip
    shares = table[table["planner"].isin(["tuned_rule", FAVOURITE])].pivot(
        index="services", columns="planner", values="share"
    )
    told = ", ".join(f"{one.Index:,} {getattr(one, FAVOURITE):.0%} and {one.tuned_rule:.0%}"
                     for one in shares.itertuples())  # fmt: skip
    return f"{late} Of the bound agents and rule earn on these estates, by services: {told}."


def _measured() -> pd.DataFrame:
    """A row a planner and size: services, planner, cpu_s, peak_mb, share of the bound."""
    return pd.DataFrame(_benchmark().get("planning", []))


def _benchmark() -> dict[str, Any]:
    path = project_root() / "experiments" / "benchmarks" / f"{_BENCHMARK}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found

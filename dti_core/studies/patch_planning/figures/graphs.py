"""Which verdicts hold on real call graphs."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.cards import nothing_drawn
from dti_core.lab.record import Result
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.patch_planning.figures.cards import WORLD_TITLES, simulated

_CONTRASTS = {"agents": ("agents", PALETTE[0]), "risk_alone": ("largest risk first", PALETTE[3]),
              "severity_alone": ("severity order", PALETTE[4])}  # fmt: skip


def plot_graphs(result: Result) -> go.Figure:
    """What planners earn beside the tuned rule, a point a real graph, a panel a world."""
    table = result.series.get("graphs")
    if table is None:
        return nothing_drawn(result, "The real call graphs are not on this machine: dti data get topologies")
    worlds = list(dict.fromkeys(table["world"]))
    figure = make_subplots(rows=len(worlds), shared_xaxes=True, vertical_spacing=0.05,
                           subplot_titles=[WORLD_TITLES[world] for world in worlds])  # fmt: skip
    for row, world in enumerate(worlds, start=1):
        for name, (title, colour) in reversed(_CONTRASTS.items()):
            some = table[(table["world"] == world) & (table["contrast"] == name)].sort_values("gain")
            if not some.empty:
                symbols = ["circle-open" if one == "open" else "circle" for one in some["answer"]]
                figure.add_scatter(
                    x=100 * some["gain"], y=[title] * len(some), name=title, showlegend=False, mode="markers",
                    marker={"color": colour, "size": 8, "opacity": 0.7, "symbol": symbols},
                    text=some["graph"], hovertemplate="%{text}: %{x:.1f} %<extra></extra>", row=row, col=1,
                )  # fmt: skip
            _add_packages(figure, result, world, name, row)
        figure.add_vline(x=0, line_color=NEUTRAL, row=row, col=1)
    n = table["graph"].nunique()
    told = table.groupby(["world", "contrast"], sort=False)["answer"].value_counts().unstack(fill_value=0)
    told = told.reindex(columns=["win", "lose", "open"], fill_value=0)
    agents, risk = told.xs("agents", level="contrast"), told.xs("risk_alone", level="contrast")
    first = worlds[0]
    figure = style(
        figure, x="", y="", card=simulated(result, "flaws and costs drawn over real call graphs"),
        series="graphs",
        title=f"{WORLD_TITLES[first]}: agents beat the tuned rule on {agents.loc[first, 'win']} and lose on "
        f"{agents.loc[first, 'lose']} of {n} real graphs; risk alone loses on {risk.loc[first, 'lose']}",
        caption=f"A point a system, of {n}. Full: its 95 % bootstrap interval over estates (and seeds of "
        "training) does not contain 0; hollow: it does. Graphs are real; flaws, costs and windows are drawn. "
        "Diamonds: the packages that this project needs, not counted.",
        alt="Real graphs on which a planner beats the tuned rule, loses, or neither: " + "; ".join(
            f"{WORLD_TITLES[world]}, {_CONTRASTS[what][0]} {row['win']}, {row['lose']}, {row['open']}"
            for (world, what), row in told.iterrows()
        ) + ".",
    )  # fmt: skip
    figure.update_xaxes(title_text="gain on the tuned rule, %", row=len(worlds), col=1)
    return figure.update_layout(height=240 + 150 * len(worlds))


def _add_packages(figure: go.Figure, result: Result, world: str, name: str, row: int) -> None:
    """The graph of packages, where it was planned."""
    table = result.series.get("packages")
    if table is None:
        return
    some = table[(table["world"] == world) & (table["contrast"] == name)]
    title, colour = _CONTRASTS[name]
    for one in some.itertuples():
        figure.add_scatter(
            x=[100 * one.gain], y=[title], showlegend=False, mode="markers", text=[one.graph],
            marker={"color": colour, "size": 11, "symbol": f"diamond{'-open' * (one.answer == 'open')}"},
            hovertemplate="%{text}: %{x:.1f} %<extra></extra>", row=row, col=1,
        )  # fmt: skip

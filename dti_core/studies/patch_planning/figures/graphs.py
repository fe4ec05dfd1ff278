"""Which verdicts hold on real call graphs."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.cards import nothing_drawn
from dti_core.lab.record import Result
from dti_core.lab.say import signed
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.patch_planning.figures.cards import WORLD_TITLES, place_badge, simulated

_CONTRASTS = {"agents": ("agents", PALETTE[0]), "severity_alone": ("severity order", PALETTE[4]),
              "risk_alone": ("largest risk first", PALETTE[3])}  # fmt: skip


def plot_graphs(result: Result) -> go.Figure:
    """What planners earn beside the tuned rule: a panel a planner, a band a world, a line a real graph."""
    table = result.series.get("graphs")
    if table is None:
        return nothing_drawn(result, "The real call graphs are not on this machine: dti data get topologies")
    worlds, n = list(dict.fromkeys(table["world"])), table["graph"].nunique()
    figure = make_subplots(rows=len(_CONTRASTS), vertical_spacing=0.08,
                           subplot_titles=[title for title, _ in _CONTRASTS.values()])  # fmt: skip
    for row, (name, (_, colour)) in enumerate(_CONTRASTS.items(), start=1):
        for at, world in enumerate(worlds):
            _add(figure, result, world, name, colour, row, float(-at), n + 4)
        figure.add_vline(x=0, line_color=NEUTRAL, row=row, col=1)
    told = table.groupby(["world", "contrast"], sort=False)["answer"].value_counts().unstack(fill_value=0)
    told = told.reindex(columns=["win", "lose", "open"], fill_value=0)
    first = told.loc[worlds[0], "agents"]
    figure = style(
        figure, x="", y="", card=simulated(result, "assumed flaws on real graphs"), series="graphs",
        title=f"Do verdicts hold on real call graphs? Under a {WORLD_TITLES[worlds[0]]} agents beat the "
        f"tuned rule on {first['win']} and lose on {first['lose']} of {n}",
        caption=f"A line a system, of {n}: 95 % bootstrap interval over estates (and trainings). Full: it "
        "does not contain 0; hollow: it does. Graphs are real; flaws, costs and windows are drawn. "
        "Diamonds: the packages that this project needs, not counted. Axes differ."
        + "".join(
            f" Exact plans over all graphs together, {WORLD_TITLES[worlds[0]]}: {signed(one, scale=100)} %."
            for one in result.where(measure="room on real graphs")
        ),
        alt="Real graphs on which a planner beats the tuned rule, loses, or neither: " + "; ".join(
            f"{WORLD_TITLES[world]}, {_CONTRASTS[what][0]} {row['win']}, {row['lose']}, {row['open']}"
            for (world, what), row in told.iterrows() if what in _CONTRASTS
        ) + ".",
    )  # fmt: skip
    figure.update_xaxes(title_text="gain on the tuned rule, %", title_standoff=8)
    figure.update_yaxes(tickvals=[-at for at in range(len(worlds))], showgrid=False, zeroline=False,
                        ticktext=[WORLD_TITLES[world] for world in worlds])  # fmt: skip
    figure.update_layout(height=200 + 360 * len(_CONTRASTS))
    return place_badge(figure, titled=True)


def _add(
    figure: go.Figure, result: Result, world: str, name: str, colour: str, row: int, middle: float, lines: int
) -> None:
    """The graphs of one world and planner, least gain below, and above them the packages."""
    above = 0.0
    for series, symbol in (("graphs", "circle"), ("packages", "diamond")):
        if (table := result.series.get(series)) is None:
            continue
        some = table[(table["world"] == world) & (table["contrast"] == name)].sort_values("gain")
        heights = [middle + 0.9 * ((above + at) / lines - 0.5) for at in range(len(some))]
        above = len(some) + 2.0
        figure.add_scatter(
            x=100 * some["gain"], y=heights, mode="markers", showlegend=False, text=some["graph"],
            marker={"color": colour, "size": 6,
                    "symbol": [f"{symbol}{'-open' * (one == 'open')}" for one in some["answer"]]},
            error_x={"array": 100 * (some["high"] - some["gain"]), "thickness": 1, "width": 0,
                     "arrayminus": 100 * (some["gain"] - some["low"]), "color": colour},
            hovertemplate="%{text}: %{x:.1f} %<extra></extra>", row=row, col=1,
        )  # fmt: skip

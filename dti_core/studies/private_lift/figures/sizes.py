"""The picture of the chapter: what a business of each size can learn at each epsilon."""

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.record import Result
from dti_core.lab.say import listed
from dti_core.lab.theme import style, wrap
from dti_core.studies.private_lift.figures.accuracy import PROMISE
from dti_core.studies.private_lift.figures.cards import made_up
from dti_core.studies.private_lift.measures.sizes import LEARNS, POWER
from dti_core.studies.private_lift.methods.noise import METHODS
from dti_core.studies.private_lift.worlds import MARKETS

#: Learns nothing, learns whether there is any lift, finds it in 80 % of campaigns.
SCALE = [[0, "#E8975A"], [LEARNS, "#E8975A"], [LEARNS, "#EDEDED"], [POWER, "#EDEDED"], [POWER, "#7DB7DE"],
         [1, "#7DB7DE"]]  # fmt: skip


def plot_sizes(
    result: Result, market: str = "criteo", methods: tuple[str, ...] = ("central", "two_noises", "local")
) -> go.Figure:
    """A cell a size and epsilon: colour says what is learnt, the number is the smallest lift found."""
    table = result.series["sizes"]
    table = table[table["world"] == market]
    titles = [wrap(METHODS[name].title, 34) for name in methods]
    figure = make_subplots(rows=len(methods), vertical_spacing=0.15, subplot_titles=titles)
    for row, name in enumerate(methods, start=1):
        rows = table[table["method"] == name]
        power, lift = (rows.pivot(index="epsilon", columns="n_users", values=column)
                       for column in ("power", "smallest_lift"))  # fmt: skip
        figure.add_heatmap(
            z=power.to_numpy(), x=[_short(size) for size in power.columns],
            y=[_epsilon(epsilon) for epsilon in power.index],
            text=lift.map(_percent).to_numpy(), texttemplate="%{text}",
            textfont={"color": "#111111", "size": 12},
            colorscale=SCALE, zmin=0, zmax=1, showscale=False, xgap=2, ygap=2, row=row, col=1,
            hovertemplate="%{x} users, epsilon %{y}: 0 is left out in %{z:.0%}; finds %{text} %"
            "<extra></extra>",
        )  # fmt: skip
    figure = style(
        figure, x="", y="", title=_finding(result, market), card=made_up(result), series="sizes",
        caption=f"{MARKETS[market].title}. Orange: the 95 % interval of all incremental conversions leaves "
        f"out 0 in fewer than {LEARNS:.0%} of campaigns, so that a business learns nothing; grey: in "
        f"fewer than {POWER:.0%}; blue: in more. Numbers: smallest lift in %, found in "
        f"{POWER:.0%} of campaigns. Epsilon, all of it for this one histogram, is of {PROMISE}.",
        alt=_told(table, methods),
    )  # fmt: skip
    figure.update_xaxes(type="category", title_text="users in the campaign", showgrid=False)
    figure.update_yaxes(type="category", title_text="epsilon", showgrid=False)
    return figure.update_layout(height=320 * len(methods) + 120)


def _finding(result: Result, market: str) -> str:
    """The sizes below which nothing is learnt, of central noise, as far as there are any."""
    keys = {one.key: one for one in result}
    least = [
        f"{round(keys[name].value, -2):,.0f} users at epsilon {epsilon}"
        for epsilon, name in (
            (e, f"least_size_{market}_central_eps{e.replace('.', '_')}") for e in ("0.5", "1", "2")
        )
        if name in keys
    ]
    plain = keys.get(f"least_size_{market}_no_privacy")
    without = f" ({round(plain.value, -2):,.0f} with no privacy)" if plain else ""
    rate = MARKETS[market].settings.base_rate
    return (
        f"Where {100 * rate:.2g} % convert unshown, a business learns nothing from fewer than "
        f"{listed(least, 'any number of users')}{without}"
    )


def _told(table: pd.DataFrame, methods: tuple[str, ...]) -> str:
    """For each epsilon and method, the sizes at which something is learnt."""
    told = []
    for name in methods:
        for epsilon, rows in table[table["method"] == name].groupby("epsilon"):
            sizes = rows.loc[rows["power"] >= LEARNS, "n_users"]
            first = f"from {int(sizes.min()):,} users" if len(sizes) else "at no size shown"
            told.append(f"{METHODS[name].title}, epsilon {_epsilon(float(epsilon))}: {first}")
    return f"Sizes at which a business learns anything. {'; '.join(told)}."


def _short(size: int) -> str:
    return f"{size // 1_000_000}M" if size >= 1_000_000 else f"{size // 1000}k"


def _epsilon(epsilon: float) -> str:
    return "none" if math.isinf(epsilon) else f"{epsilon:g}"


def _percent(lift: float) -> str:
    return f"{100 * lift:.0f}" if np.isfinite(lift) and lift < 10 else ">1k"

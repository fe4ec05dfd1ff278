"""Firms in the loop: which signs hold under how many assumptions, and what shocks do."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.record import Result
from dti_core.lab.theme import NEUTRAL, PALETTE, SHADE, style
from dti_core.studies.closed_loop.figures.words import PRIOR_WORDS, PRIORS, of_firms, titles, word

_EFFECTS = {"information": "told right against another firm's",
            "level": "another firm's against the level at the start"}  # fmt: skip
_GROUPS = {"small": "small firms", "large": "large firms"}


def plot_signs(result: Result) -> go.Figure:
    """Share of the assumptions in which feedback helps, by outcome, size of firms and effect."""
    named = titles(result)
    those = result.where(effect="level", group="small", prior="uniform")
    outcomes = list(dict.fromkeys(str(one.at["outcome"]) for one in those))
    panels = [(group, effect) for group in _GROUPS for effect in _EFFECTS]
    figure = make_subplots(
        rows=len(panels), shared_xaxes=True, vertical_spacing=0.07,
        subplot_titles=[f"{_GROUPS[group].capitalize()}: {_EFFECTS[effect]}" for group, effect in panels],
    )  # fmt: skip
    told = []
    for row, (group, effect) in enumerate(panels, start=1):
        for prior, colour in zip(PRIORS, PALETTE, strict=False):
            shares = [result[f"share_{effect}_{name}_{group}_{word(prior)}"] for name in outcomes]
            figure.add_bar(
                x=[100 * one.value for one in shares], y=[named[name] for name in outcomes], orientation="h",
                name=PRIOR_WORDS[prior], legendgroup=prior, showlegend=row == 1, marker_color=colour,
                row=row, col=1,
                error_x={"array": [100 * (one.high - one.value) for one in shares],
                         "arrayminus": [100 * (one.value - one.low) for one in shares], "color": NEUTRAL},
            )  # fmt: skip
            told += [f"{_GROUPS[group]}, {effect}, {named[name]}, {prior}: {one.value:.0%}"
                     for name, one in zip(outcomes, shares, strict=True)]  # fmt: skip
        figure.add_vrect(x0=5, x1=95, fillcolor=SHADE, line_width=0, row=row, col=1)
        figure.add_vline(x=50, line_color=NEUTRAL, row=row, col=1)
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(range=[0, 100])
    figure.update_xaxes(title_text="assumptions in which feedback helps, %", row=len(panels), col=1)
    figure = style(
        figure, x="", y="", title=_finding(result), card=of_firms(result),
        caption="Simulated firms. Share of the draws of sizes in which the effect is above 0, whatever "
        "its size; in the grey band the sign depends on the assumptions. All outcomes are "
        "counted better upwards.",
        alt="; ".join(told) + ".",
    )  # fmt: skip
    return figure.update_layout(height=250 * len(panels) + 160)


def _finding(result: Result) -> str:
    sales = [result[f"share_information_sales_small_{word(prior)}"] for prior in PRIORS] if any(
        one.name == "share_information_sales_small_uniform" for one in result
    ) else []  # fmt: skip
    if not sales:
        return "In how many assumptions feedback helps"
    low, high = sorted(one.value for one in sales)
    return f"Feedback told right raises small firms' sales in {low:.0%} to {high:.0%} of the draws"


def plot_shocks(result: Result) -> go.Figure:
    """Closed less open response of all firms to each shock, quarter by quarter."""
    table = result.series["shocks"]
    names = list(dict.fromkeys(table["shock"]))
    figure = make_subplots(rows=len(names), shared_xaxes=True, vertical_spacing=0.08, subplot_titles=names)
    for row, name in enumerate(names, start=1):
        for prior, colour in zip(PRIORS, PALETTE, strict=False):
            part = table[(table["shock"] == name) & (table["prior"] == prior)]
            middle = part["difference_value"]
            figure.add_scatter(
                x=part["quarter"], y=middle, name=PRIOR_WORDS[prior], legendgroup=prior, showlegend=row == 1,
                mode="lines+markers", marker_color=colour, line_color=colour, row=row, col=1,
                error_y={"array": part["difference_high"] - middle,
                "arrayminus": middle - part["difference_low"],
                         "color": colour, "thickness": 1},
            )  # fmt: skip
        figure.add_hline(y=0, line_color=NEUTRAL, row=row, col=1)
        figure.update_yaxes(title_text="closed less open, %", row=row, col=1)
    figure.update_xaxes(title_text="quarter", row=len(names), col=1)
    peaks = {name: table[table["shock"] == name]["closed_value"].abs().max() for name in names}
    most = {name: table[table["shock"] == name]["difference_value"].abs().max() for name in names}
    told = "; ".join(
        f"{name}: the shock moves it by {peaks[name]:.1f} %, the closed loop changes that by "
        f"{most[name]:.2f} points at most" for name in names
    )  # fmt: skip
    part = max(100 * most[name] / peaks[name] for name in names if peaks[name] > 0)
    figure = style(
        figure, x="", y="", card=of_firms(result), series="shocks",
        title=f"The closed loop changes what a shock moves by {part:.1f} % of that at most, at the median",
        caption="Simulated firms. Response of the total of what is hit (breach risk, sales, error about "
        "customers) in the closed loop less that with feedback at its level at the start; median "
        "and middle 95 % of draws of sizes. Shocks begin in quarter 6; the regulation stays.",
        alt=f"{told}.",
    )  # fmt: skip
    return figure.update_layout(height=240 * len(names) + 160)

"""Private sums in finance and security: what they gain at each epsilon, and what an attacker learns."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.record import Result
from dti_core.lab.say import number
from dti_core.lab.theme import NEUTRAL, PALETTE, style, wrap
from dti_core.studies.spillover.methods import METHODS

PROMISE = "a member and period, add or remove one, delta 0, pure; periods add up"
_KINDS = {"carried": "over shuffled groups", "worth": "over the best rival", "added": "over no sums"}
_DASHES = {"carried": "solid", "worth": "dash", "added": "dot"}
_SYMBOLS = {"carried": "circle", "worth": "diamond-open", "added": "square-open"}


def _cells(result: Result) -> list[str]:
    return [name for name in METHODS if f"{name}_by_epsilon" in result.series]


def plot_epsilons(result: Result) -> go.Figure:
    """Gain of the sums by epsilon, a panel a cell."""
    cells = _cells(result)
    titles = [wrap(METHODS[name].title, 44) for name in cells]
    figure = make_subplots(rows=len(cells), vertical_spacing=0.4 / len(cells), subplot_titles=titles)
    for row, name in enumerate(cells, start=1):
        table = result.series[f"{name}_by_epsilon"]
        for (kind, label), colour in zip(_KINDS.items(), PALETTE, strict=False):
            figure.add_scatter(
                x=[_epsilon(one) for one in table["epsilon"]], y=table[kind], name=label, legendgroup=label,
                showlegend=row == 1, mode="lines+markers", marker_color=colour,
                line={"color": colour, "dash": _DASHES[kind]}, marker_symbol=_SYMBOLS[kind], marker_size=8,
                error_y={"array": table[f"{kind}_high"] - table[kind],
                         "arrayminus": table[kind] - table[f"{kind}_low"], "color": colour},
                row=row, col=1,
            )  # fmt: skip
        figure.add_hline(y=0, line_color=NEUTRAL, row=row, col=1)
        figure.update_xaxes(type="category", title_text="epsilon", row=row, col=1)
        figure.update_yaxes(title_text="gain, %", row=row, col=1)
    helps = [name for name in cells if result[f"gain_{name}"].low > 0]
    figure = style(
        figure, x="", y="", card=result.card, series=f"{cells[0]}_by_epsilon",
        title=f"At epsilon 1 private sums beat placebo and rivals in {len(helps)} of {len(cells)} uses",
        caption=f"Gain in % of the naive error. Epsilon is of {PROMISE}. Intervals of 95 %, clustered by "
        "draws of noise, members or their groups, and periods. Where the best rival is the forecast without "
        "sums two lines are one.",
        alt=_told(result, cells),
    )  # fmt: skip
    return figure.update_layout(height=330 * len(cells) + 140)


def _told(result: Result, cells: list[str]) -> str:
    parts = []
    for name in cells:
        rows = [
            f"epsilon {_epsilon(row['epsilon'])} {number(row['carried'], 1, '+')} over shuffled groups and "
            f"{number(row['worth'], 1, '+')} over the best rival"
            for _, row in result.series[f"{name}_by_epsilon"].iterrows()
        ]
        parts.append(f"{METHODS[name].title}: {'; '.join(rows)}")
    return f"Gains in percent. {'. '.join(parts)}."


def plot_attacker(result: Result) -> go.Figure:
    """What an attacker tells of one member, by months of reports and epsilon, beside the bound."""
    table = result.series["sums_fixes_attacker"]
    figure = go.Figure()
    epsilons = sorted(table["epsilon"].unique())
    for epsilon, colour in zip(epsilons, PALETTE, strict=False):
        part = table[table["epsilon"] == epsilon]
        views = ("aggregator", "outsider", "bound") if epsilon == SHOWN else ("aggregator",)
        for column, dash in zip(views, ("solid", "dot", "dash"), strict=False):
            figure.add_scatter(
                x=part["months"], y=part[column], mode="lines+markers" if column != "bound" else "lines",
                name=f"epsilon {_epsilon(epsilon)}, {_VIEWS[column]}", line={"color": colour, "dash": dash},
                marker_color=colour,
            )  # fmt: skip
    figure.update_xaxes(type="log", tickvals=sorted(table["months"].unique()))
    figure.update_yaxes(range=[0, 1.05])
    one = result["attacker_advantage"]
    figure = style(
        figure, x="months in which the member reported", y="true less false positives", card=result.card,
        series="sums_fixes_attacker",
        title=f"At epsilon 1 an attacker tells one month of one source with {one.value:.2f} more true than "
        "false positives; months add up",
        caption="Of an attacker who knows all other reports: one who sees one aggregator's noise only, one "
        f"outside, and the bound that holds for every attacker. Epsilon is of {PROMISE}. Without noise it is "
        "1, a coin has 0. All of it is computed, nothing drawn. To one aggregator a release says yes or no, "
        "so that a second one can only tie and adds nothing; the third does.",
        alt=f"True less false positives at epsilon 1 and one month: {one.text}.",
    )  # fmt: skip
    return figure.update_layout(height=620, margin_b=220)


#: The epsilon whose bound and whose view from outside are drawn too.
SHOWN = 1.0
_VIEWS = {"aggregator": "seen by one aggregator", "outsider": "seen from outside", "bound": "bound"}


def _epsilon(epsilon: float) -> str:
    return "none" if epsilon == float("inf") else f"{epsilon:g}"

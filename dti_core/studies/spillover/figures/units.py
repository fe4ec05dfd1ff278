"""Who gains from pooling: small units and large ones, shops, sites and sources of software."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.record import Result
from dti_core.lab.say import number
from dti_core.lab.theme import NEUTRAL, PALETTE, style, wrap

#: Cells of units of unlike size, with what a unit is and what its size counts.
SIZED = {
    "pooling_stores": ("shops", "baskets"), "pooling_sites": ("travel sites", "searches"),
    "pooling_fixes": ("sources of software", "weeks seen"),
}  # fmt: skip
_CONTRASTS = {
    "partly pooled - alone": "partly pooled less alone", "pooled - alone": "one rate for all less alone",
    "partly pooled - pooled": "partly pooled less one rate for all",
}  # fmt: skip


def plot_sizes(result: Result) -> go.Figure:
    """Difference of losses by quarter of size, a panel a kind of unit; below 0 the first is the better."""
    shown = [name for name in SIZED if f"{name}_sizes" in result.series]
    titles = [f"{SIZED[name][0]} by {SIZED[name][1]}" for name in shown]
    figure = make_subplots(rows=len(shown), vertical_spacing=0.16, subplot_titles=titles)
    for row, name in enumerate(shown, start=1):
        table = _quarters(result, name)
        for (contrast, label), colour in zip(_CONTRASTS.items(), PALETTE, strict=False):
            part = table[table["contrast"] == contrast]
            figure.add_scatter(
                x=[_size(one) for _, one in part.iterrows()], y=part["value"], name=label, legendgroup=label,
                showlegend=row == 1, mode="markers", marker={"color": colour, "size": 9},
                error_y={"array": part["high"] - part["value"], "arrayminus": part["value"] - part["low"],
                         "color": colour},
                row=row, col=1,
            )  # fmt: skip
        figure.add_hline(y=0, line_color=NEUTRAL, row=row, col=1)
        figure.update_xaxes(
            type="category", title_text=f"{SIZED[name][1]} a unit, by quarter", row=row, col=1
        )
        figure.update_yaxes(title_text="nats a trial (below 0: better)", row=row, col=1)
    figure = style(
        figure, x="", y="", title=_finding(result), card=result.card, series=f"{shown[0]}_sizes",
        caption="Differences of log loss a trial, less is better; the best lone prior is taken in each "
        "quarter. Intervals of 95 %, clustered by unit.",
        alt=_told(result, shown),
    )  # fmt: skip
    return figure.update_layout(height=300 * len(shown) + 140)


def _quarters(result: Result, name: str) -> pd.DataFrame:
    """Quarters of units by size; the table holds other classes of size too."""
    table = result.series[f"{name}_sizes"].drop_duplicates(["units", "contrast"])
    return table[table["units"].str.endswith("quarter")]


def _size(row: object) -> str:
    least, most = row["least"], row["most"]  # type: ignore[index]
    return f"{least:,.0f}" if least == most else f"{least:,.0f}-{most:,.0f}"


def _finding(result: Result) -> str:
    small, large = (result[f"pooling_stores_{name}"] for name in ("small_gain", "large_harm"))
    who = "the smallest quarter of shops gains" if small.low > 0 else "no gain of the smallest shops is shown"
    whom = "one rate for all harms the largest" if large.low > 0 else "no harm of one rate for all is shown"
    return wrap(f"From partial pooling {who}, and {whom}")


def _told(result: Result, shown: list[str]) -> str:
    parts = []
    for name in shown:
        table = _quarters(result, name)
        rows = [
            f"{row['units']}, {row['contrast']}: {number(row['value'], 3, '+')} "
            f"[{number(row['low'], 3, '+')}, {number(row['high'], 3, '+')}]"
            for _, row in table[table["contrast"].isin(list(_CONTRASTS))].iterrows()
        ]
        parts.append(f"{SIZED[name][0]}: {'; '.join(rows)}")
    return f"Differences of log loss in nats a trial. {'. '.join(parts)}."

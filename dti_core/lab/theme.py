"""One look for all figures: titles are findings, axes carry units, colours suit colour-blind readers."""

from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

from dti_core.lab.data import DataCard

#: Blue, orange, green, pink, gold, violet: near Okabe and Ito's, with a contrast of 4:1 on white and on the
#: dark page (#121212) alike, so that a figure needs no second set.
PALETTE = ("#1F7FC4", "#CC5A00", "#0B8A63", "#C0509A", "#967200", "#7A6FD0")
NEUTRAL = "#808080"
#: Behind what is too small to matter.
SHADE = "rgba(128,128,128,.22)"
#: Characters of an axis title's line that fit a phone, and of a badge's.
_AXIS_WIDTH, _BADGE_WIDTH = 34, 48

pio.renderers.default = "plotly_mimetype"

_LAYOUT: dict[str, Any] = {
    "template": "none",
    "colorway": PALETTE,
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"family": "system-ui, sans-serif", "size": 14},
    "margin": {"l": 64, "r": 24},
    "height": 440,
    "hovermode": "closest",
    "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
}
_AXIS: dict[str, Any] = {"gridcolor": "rgba(128,128,128,.25)", "zerolinecolor": NEUTRAL, "automargin": True}


def style(
    figure: go.Figure, *, title: str, x: str, y: str, caption: str, alt: str, card: DataCard, series: str = ""
) -> go.Figure:
    """Dress `figure` in the house style and attach caption, alt text and the data badge.

    Parameters
    ----------
    title : the finding, in words made from a Result.
    x, y : axis titles with units; '' leaves those that stand.
    caption : what is shown and how the intervals were made. alt : what a reader who cannot see it must know.
    card : data card of the result; its badge (simulated, survivors only, ...) is printed on the figure.
    series : name of the Result's table behind the figure, for those who want its numbers.
    """
    title, badge = wrap(title), wrap(card.badge, _BADGE_WIDTH)
    named = {trace.name for trace in figure.data if trace.name and trace.showlegend is not False}
    legend = len(named) * (len(named) > 1 and figure.layout.showlegend is not False)
    figure.update_layout(**_LAYOUT)
    figure.update_layout(
        title={"text": title, "x": 0, "xanchor": "left", "font": {"size": 17},
               "y": 1.0, "yref": "container", "yanchor": "top", "pad": {"t": 10}},
        margin_b=88 + 16 * legend,
        margin_t=34 + 22 * (title.count("<br>") + 1) + 14 * (badge.count("<br>") + 1),
        meta={"caption": f"{caption} {card.badge}", "alt": f"{alt} {card.badge}"}
        | ({"series": series} if series else {}),
    )  # fmt: skip
    figure.update_xaxes(**_AXIS, **({"title_text": wrap(x, _AXIS_WIDTH)} if x else {}))
    figure.update_yaxes(**_AXIS, **({"title_text": wrap(y, _AXIS_WIDTH)} if y else {}))
    figure.add_annotation(
        text=badge, xref="paper", yref="paper", x=1, y=1.02, showarrow=False, align="right",
        xanchor="right", yanchor="bottom", font={"size": 11, "color": NEUTRAL},
    )  # fmt: skip
    return figure


def wrap(text: str, width: int = 62) -> str:
    """Break a text into lines that fit a phone, with plotly's line break."""
    lines: list[str] = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)

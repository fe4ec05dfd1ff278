"""One look for all figures: titles are findings, axes carry units, colours suit colour-blind readers."""

from typing import Any

import plotly.graph_objects as go
import plotly.io as pio

from dti_core.lab.data import DataCard

#: Okabe-Ito colours that keep 3:1 contrast on white and on dark grey.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9")
NEUTRAL = "#808080"

pio.renderers.default = "plotly_mimetype"

_LAYOUT: dict[str, Any] = {
    "template": "none",
    "colorway": PALETTE,
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"family": "system-ui, sans-serif", "size": 14},
    "margin": {"l": 64, "r": 24, "t": 64, "b": 88},
    "height": 440,
    "hovermode": "closest",
    "legend": {"orientation": "h", "y": -0.22, "x": 0},
}
_AXIS: dict[str, Any] = {"gridcolor": "rgba(128,128,128,.25)", "zerolinecolor": NEUTRAL, "automargin": True}


def style(
    figure: go.Figure, *, title: str, x: str, y: str, caption: str, alt: str, card: DataCard, series: str = ""
) -> go.Figure:
    """Dress `figure` in the house style and attach caption, alt text and the data badge.

    Parameters
    ----------
    title : the finding, in words made from a Result. x, y : axis titles with units.
    caption : what is shown and how the intervals were made. alt : what a reader who cannot see it must know.
    card : data card of the result; its badge (simulated, survivors only, ...) is printed on the figure.
    series : name of the Result's table behind the figure, for those who want its numbers.
    """
    figure.update_layout(**_LAYOUT)
    figure.update_layout(title={"text": wrap(title), "x": 0, "xanchor": "left", "font": {"size": 17}})
    told = {"caption": f"{caption} {card.badge}", "alt": f"{alt} {card.badge}"}
    figure.update_layout(meta=told | ({"series": series} if series else {}))
    figure.update_xaxes(**_AXIS)
    figure.update_yaxes(**_AXIS)
    figure.update_xaxes(title_text=x, row=None)
    figure.update_yaxes(title_text=y, row=None)
    figure.add_annotation(
        text=card.badge, xref="paper", yref="paper", x=1, y=1.02, showarrow=False,
        xanchor="right", yanchor="bottom", font={"size": 11, "color": NEUTRAL},
    )  # fmt: skip
    return figure


def wrap(text: str, width: int = 62) -> str:
    """Break a title into lines that fit a phone, with plotly's line break."""
    lines: list[str] = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)

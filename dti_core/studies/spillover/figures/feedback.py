"""Feedback: what each round adds on real streams, and how that grows."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.lab.record import Result
from dti_core.lab.say import listed
from dti_core.lab.theme import NEUTRAL, PALETTE, style, wrap
from dti_core.studies.spillover.methods import STREAMS

#: Percent at which the axes end.
EDGE = 15.0
#: What feedback is set against, as the table of rounds names it.
KINDS = ("over false feedback", "over old rows", "over none")


def plot_feedback(result: Result) -> go.Figure:
    """Round by round: gain over false feedback, over as many steps on old rows and over none, by stream."""
    shown = [
        (cell.about[0], cell)
        for cell in STREAMS.values()
        if f"feedback_{cell.about[0]}_rounds" in result.series
    ]
    figure = make_subplots(
        rows=len(shown), subplot_titles=[wrap(cell.title, 40) for _, cell in shown], shared_xaxes=True,
        vertical_spacing=0.08,
    )  # fmt: skip
    grows = []
    for row, (name, cell) in enumerate(shown, start=1):
        table = result.series[f"feedback_{name}_rounds"]
        for place, (kind, colour) in enumerate(zip(KINDS, PALETTE, strict=False)):
            middle = table[f"{kind} value"]
            figure.add_scatter(
                x=table["round"] + 1 + 0.08 * (place - 1), y=middle, name=kind, legendgroup=kind,
                showlegend=row == 1, mode="lines+markers", marker_color=colour, line_color=colour,
                error_y={"array": table[f"{kind} high"] - middle, "arrayminus": middle - table[f"{kind} low"],
                         "color": colour},
                row=row, col=1,
            )  # fmt: skip
        figure.add_hline(y=0, line_color=NEUTRAL, row=row, col=1)
        if result[f"feedback_slope_{name}"].low > 0:
            grows.append(cell.title.split(": ")[1])
        figure.update_yaxes(title_text="gain, %", range=[-EDGE, EDGE], row=row, col=1)
    figure.update_xaxes(dtick=1)
    figure.update_xaxes(title_text="round of retuning", row=len(shown), col=1)
    slopes = "; ".join(
        f"{cell.title}: {result[f'feedback_slope_{name}'].text} points a round" for name, cell in shown
    )
    figure = style(
        figure, x="", y="", card=result.card, series=f"feedback_{shown[0][0]}_rounds",
        title=f"The lead over false feedback grows with the rounds on {listed(grows, 'none of the streams')}",
        caption="Gain in % of the naive loss of networks retuned on what happened, over the same networks "
        "retuned on permuted outcomes, retuned for as many steps on the rows they learned first, and never "
        "retuned; in the first round all are the same. Intervals of 95 % within a round, as wide as the few "
        f"periods of a round make them, cut at {EDGE:g} %.",
        alt=f"Slopes of the gain over false feedback. {slopes}.",
    )  # fmt: skip
    return figure.update_layout(height=230 * len(shown) + 160)

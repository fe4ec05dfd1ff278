"""What weighing risk, operation and cost earns over each rival at equal hours, and over which assumptions."""

import plotly.graph_objects as go

from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.say import sign_of, spoken
from dti_core.lab.theme import NEUTRAL, PALETTE

#: Rivals in words, those that decide first.
RIVALS = {
    "risk_alone": "risk alone", "oldest_first": "oldest first", "exploited_first": "exploited first",
    "severity": "CVSS order", "random": "at random",
}  # fmt: skip
#: From which share of the rival's net dollars on a gain matters, and what of the axis is shown.
SMALLEST, SHOWN = 0.02, (-80.0, 220.0)
_SETS = "all sets of assumptions"
#: What is shown beside it: ending of the estimate's key, words, colour, whether it is a control.
_BESIDE = (
    ("_at_median", "the central set", PALETTE[2], False),
    ("_weekly", "hours handed out week by week", PALETTE[1], False),
    ("_kev", "exploits as fast as in KEV", PALETTE[3], False),
    ("@alike", "control: nothing to choose by", NEUTRAL, True),
    ("@planted", "control: work and losses differ much", PALETTE[4], True),
)


def plot_need(result: Result) -> go.Figure:
    """Gains over each rival; beside those that decide, what else was tried, and the controls."""
    keys, rows = {one.key for one in result}, []
    for rival, words in RIVALS.items():
        name = f"need_over_{rival}"
        rows.append(Row(f"Over {words}", result[name], series=_SETS, smallest=SMALLEST))
        rows += [
            Row(f"Over {words}", result[name + end], colour, control, series, SMALLEST)
            for end, series, colour, control in _BESIDE
            if name + end in keys
        ]
    risk, oldest = result["need_over_risk_alone"], result["need_over_oldest_first"]
    alone = sign_of(risk, "more", "less", "not clearly more")
    age = sign_of(oldest, "more", "less", "not clearly more")
    asked, share = result["need_asked_over_hours_median"], result["need_sets_over_both"].value
    figure = plot_forest(
        [_on(row) for row in rows], what="Net dollars of weighing above those of a rival",
        title=f"At equal hours, weighing earns {alone} than risk alone and {age} than oldest first",
        caption=f"A median team is asked for {spoken(asked)} hours for each hour that it has. Net: loss "
        "avoided less money and downtime, as a share of the rival's, in quarters of Debian's uploads. "
        f"Intervals of {_SETS}: 95 % of sets and resampled quarters together; of the central set: quarters "
        "alone; of controls: the mean of their draws. Lines may leave the figure; numbers tell how far.",
        alt=f"Weighing earns more than both rivals in {share:.0%} of the sets.",
        card=result.card, series="need_sets",
    )  # fmt: skip
    return figure.update_xaxes(range=SHOWN)


def _on(row: Row) -> Row:
    axis = Axis("net dollars above the rival's, % of the rival's", 100.0, SHOWN[1])
    return Row(row.label, row.estimate, row.colour, row.control, row.series, row.smallest, axis)

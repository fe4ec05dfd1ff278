"""What weighing risk, operation and cost earns over each rival at equal hours, and over which assumptions."""

from dataclasses import replace

import plotly.graph_objects as go

from dti_core.lab.cards import registered
from dti_core.lab.forest import Axis, Row, plot_forest
from dti_core.lab.record import Result
from dti_core.lab.say import signed, spoken
from dti_core.lab.theme import NEUTRAL, PALETTE
from dti_core.studies.patch_planning.figures.cards import cut

#: Rivals in words, those that decide first.
RIVALS = {
    "risk_alone": "risk alone", "exploited_first": "exploited first", "oldest_first": "oldest first",
    "severity": "severity order", "random": "a random order",
}  # fmt: skip
#: From which share of the rival's net dollars on a gain matters, and what of the axis is shown.
SMALLEST = 0.02
#: The rivals near to weighing, whose panel has a narrower axis, and what of both axes is shown, in percent.
_NEAR, _SHOWN = ("risk_alone", "exploited_first"), ((-10.0, 70.0), (-30.0, 220.0))
_AXES = (Axis("gain on the rival, %", 100.0, _SHOWN[0][1]),
         Axis("the same, on a wider axis, %", 100.0, _SHOWN[1][1]))  # fmt: skip
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
        name, axis = f"need_over_{rival}", _AXES[rival not in _NEAR]
        rows.append(Row(f"Over {words}", result[name], series=_SETS, smallest=SMALLEST, axis=axis))
        rows += [
            Row(f"Over {words}", result[name + end], colour, control, series, SMALLEST, axis)
            for end, series, colour, control in _BESIDE
            if name + end in keys
        ]
    risk, oldest = result["need_over_risk_alone"], result["need_over_oldest_first"]
    asked, share = result["need_asked_over_hours_median"], result["need_sets_over_both"].value
    figure = plot_forest(
        rows, what="Net dollars of weighing above those of a rival",
        title=f"Does weighing pay at equal hours? {signed(risk, scale=100)} % beside risk alone, "
        f"{signed(oldest, scale=100)} % beside oldest first",
        caption=f"A median team is asked for {spoken(asked)} hours for each hour that it has. Net: loss "
        "avoided less money and downtime, as a share of the rival's, in quarters of Debian's uploads. "
        f"Intervals of {_SETS}: 95 % of sets and resampled quarters together; of the central set: quarters "
        "alone; of controls: the mean of their draws. A line that leaves the figure has its end beside it.",
        alt=f"Weighing earns more than both rivals in {share:.0%} of the sets.",
        series="need_sets",
        card=replace(registered("vuln_dates"), badge="Real upload dates; losses and work are assumed"),
    )  # fmt: skip
    return cut(figure, *_SHOWN)

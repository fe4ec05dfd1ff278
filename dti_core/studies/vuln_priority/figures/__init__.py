"""Figures of the study. Each takes only a Result; its title states what the intervals show."""

import plotly.graph_objects as go

from dti_core.lab.forest import Row, plot_forest
from dti_core.lab.record import Estimate, Result
from dti_core.lab.say import listed
from dti_core.lab.theme import PALETTE
from dti_core.studies.vuln_priority.methods import METHODS
from dti_core.studies.vuln_priority.worlds import WORLDS

#: As in the register of claims: the smallest effect that matters.
SMALLEST_EFFECT = 0.1


def plot_locations(result: Result) -> go.Figure:
    """Every method on the sample and in the control worlds (hollow)."""
    rows = [
        Row(f"{title_of(one)}, {world.title.lower()}", one, colour, control=world.role != "observed")
        for (name, world), colour in zip(WORLDS.items(), PALETTE, strict=False)
        for one in result.where(name)
    ]
    above = [title_of(one) for one in result.where() if one.low > 0]
    return plot_forest(
        rows, what="Middle of the sample", smallest=SMALLEST_EFFECT, card=result.card,
        title=f"{listed(above, 'No method')} finds a middle above zero", x=rows[0].estimate.unit,
        caption="Points and 95 % intervals. Hollow: control worlds, 95 % range of their draws.",
    )  # fmt: skip


def title_of(estimate: Estimate) -> str:
    """The title of the method behind an estimate."""
    return METHODS[str(estimate.at["method"])].title

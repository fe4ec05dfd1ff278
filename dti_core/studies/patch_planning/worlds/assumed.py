"""The assumption set: worlds drawn from stated ranges, for what the chapter says of more than four worlds."""

from typing import Any

import numpy as np

from dti_core.studies.patch_planning.model.estates import Exploits
from dti_core.studies.patch_planning.worlds.settings import Setting
from dti_core.studies.patch_planning.worlds.spans import Span, draw_each

#: How many worlds are drawn, and what their names begin with.
N_ASSUMED, PREFIX = 30, "assumed_"
#: From where to where each dial of `Setting`, and of its `Exploits`, is drawn; no source fixes them. Policies
#: were trained in these worlds, which the order belongs to.
SPANS = {
    "late": Span(0.2, 0.9), "windows": Span(0.3, 0.9), "hours": Span(0.4, 1.2),
    "minutes_allowed": Span(0.4, 1.0), "chained": Span(0.0, 0.2), "risk_spread": Span(1.0, 2.0),
    "budget": Span(0.06, 0.6, ratio=True), "risk_usd": Span(20.0, 200.0, ratio=True),
    "traffic_usd": Span(0.2, 10.0, ratio=True),
}  # fmt: skip
EXPLOITS = {"factor": Span(5.0, 40.0, ratio=True), "weekly_chance": Span(0.005, 0.06, ratio=True)}


def assumed(number: int) -> Setting:
    """The world of a number: the same for all who ask."""
    rng = np.random.default_rng([number, N_ASSUMED])
    dials: dict[str, Any] = dict(draw_each(SPANS, rng))
    risk: dict[str, Any] = dict(draw_each(EXPLOITS, rng))
    return Setting(**dials, exploits=Exploits(**risk))

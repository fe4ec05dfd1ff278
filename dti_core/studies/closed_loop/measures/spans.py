"""Ranges over assumptions as estimates: of one prior, of both, and of the draws of a control world.

They hold what the assumptions leave open and nothing else: neither the luck of a sample nor what no card
says.
"""

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.intervals import Interval
from dti_core.lab.record import Estimate
from dti_core.studies.closed_loop.model.draws import Prior

Array = NDArray[np.float64]
LEVEL = 0.95
_ENDS = (1 - LEVEL) / 2, (1 + LEVEL) / 2


def span(values: Array, of: str = "draws of all sizes") -> Interval:
    """Median and the middle 95 percent of the draws."""
    low, middle, high = np.quantile(values, (_ENDS[0], 0.5, _ENDS[1]))
    return _interval(
        float(middle), float(low), float(high), len(values), f"middle 95 % of {len(values):,} {of}"
    )


def both(by_prior: Mapping[Prior, Array]) -> Interval:
    """Mean of the medians under each prior, and the outer ends: what holds here holds under either."""
    spans = [span(values) for values in by_prior.values()]
    value = float(np.mean([one.value for one in spans]))
    low, high = min(one.low for one in spans), max(one.high for one in spans)
    n = sum(one.n for one in spans)
    return _interval(value, low, high, n, f"outer ends of the middle 95 % under {len(spans)} priors")


def _interval(value: float, low: float, high: float, n: int, how: str) -> Interval:
    error = (high - low) / 2 / NormalDist().inv_cdf(_ENDS[1])
    return Interval(value, low, high, error, n, how, LEVEL)


def of_world(name: str, unit: str, world: str, drawn: Sequence[Interval], **at: str | float) -> Estimate:
    """What many draws of a control world gave: the middle of their values, and the interval of each."""
    values = np.array([one.value for one in drawn])
    low, middle, high = np.quantile(values, (_ENDS[0], 0.5, _ENDS[1]))
    return Estimate(
        name, float(middle), float(low), float(high), unit, len(drawn), world=world, at=at,
        how=f"quantiles of {len(drawn)} draws, each with a range of its own",
        draws=tuple((one.low, one.high) for one in drawn),
    )  # fmt: skip

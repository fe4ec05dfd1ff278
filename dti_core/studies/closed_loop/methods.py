"""Ways in which feedback reaches development: what is compared with the closed loop."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.methods import Method
from dti_core.studies.closed_loop.data.loop import Loop
from dti_core.studies.closed_loop.model.firms import LARGE, SMALL
from dti_core.studies.closed_loop.model.world import SIGNALS, told

Signals = Callable[[Loop, int], NDArray[np.int64]]
_PERMUTED = SIGNALS.index("permuted")


def closed(loop: Loop, n_draws: int) -> NDArray[np.int64]:
    """Every arrow tells of the firm that it is of."""
    return told(loop, n_draws, "closed")


def frozen(loop: Loop, n_draws: int) -> NDArray[np.int64]:
    """Every arrow tells the mean of the firm's class at the start."""
    return told(loop, n_draws, "frozen")


def permuted(loop: Loop, n_draws: int) -> NDArray[np.int64]:
    """Every arrow tells of another firm of the class, drawn anew each quarter: mean and spread are kept."""
    return told(loop, n_draws, "permuted")


def need_permuted(loop: Loop, n_draws: int) -> NDArray[np.int64]:
    """Arrows of need tell of another firm; those of money and of resources tell right."""
    signals = closed(loop, n_draws)
    signals[:, :, loop.kind("need")] = _PERMUTED
    return signals


def small_permuted(loop: Loop, n_draws: int) -> NDArray[np.int64]:
    """What small firms tell is another small firm's."""
    signals = closed(loop, n_draws)
    signals[:, SMALL] = _PERMUTED
    return signals


def large_permuted(loop: Loop, n_draws: int) -> NDArray[np.int64]:
    """What large firms tell is another large firm's."""
    signals = closed(loop, n_draws)
    signals[:, LARGE] = _PERMUTED
    return signals


METHODS: dict[str, Method[Signals]] = {
    "closed": Method("Closed loop", closed),
    "frozen": Method("Feedback at its level at the start", frozen, counts_as_trial=False),
    "permuted": Method("Feedback of another firm of the class", permuted, counts_as_trial=False),
    "need_permuted": Method("Needs of another firm of the class", need_permuted, counts_as_trial=False),
    "small_permuted": Method("Small firms' feedback mixed up", small_permuted, counts_as_trial=False),
    "large_permuted": Method("Large firms' feedback mixed up", large_permuted, counts_as_trial=False),
}

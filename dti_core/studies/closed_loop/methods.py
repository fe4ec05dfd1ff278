"""Ways in which feedback reaches development: what is compared with the closed loop."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.methods import Method
from dti_core.studies.closed_loop.data.cards import Kind
from dti_core.studies.closed_loop.data.loop import Loop
from dti_core.studies.closed_loop.model.firms import LARGE, SMALL
from dti_core.studies.closed_loop.model.world import SIGNALS, Signal, told

Signals = Callable[[Loop, int], NDArray[np.int64]]
_BOTH = (SMALL, LARGE)


def _telling(signal: Signal, kinds: tuple[Kind, ...], classes: tuple[int, ...] = _BOTH) -> Signals:
    """Arrows of these kinds and classes of firms tell so; all others tell of the firm that they are of."""

    def signals(loop: Loop, n_draws: int) -> NDArray[np.int64]:
        found = told(loop, n_draws, "closed")
        for one in classes:
            found[:, one, loop.kind(*kinds)] = SIGNALS.index(signal)
        return found

    return signals


_DESIGN: tuple[Kind, ...] = ("need", "money")
METHODS: dict[str, Method[Signals]] = {
    "closed": Method("Closed loop", _telling("closed", _DESIGN)),
    "frozen": Method("Feedback at its level at the start", _telling("frozen", _DESIGN),
    counts_as_trial=False),
    "permuted": Method("Feedback of another firm of the class", _telling("permuted", _DESIGN),
                       counts_as_trial=False),
    "deal_permuted": Method("Resources dealt by another firm's needs", _telling("permuted", ("deal",)),
                            counts_as_trial=False),
    "need_permuted": Method("Needs of another firm of the class", _telling("permuted", ("need",)),
                            counts_as_trial=False),
    "small_permuted": Method("Small firms' feedback mixed up", _telling("permuted", _DESIGN, (SMALL,)),
                             counts_as_trial=False),
    "large_permuted": Method("Large firms' feedback mixed up", _telling("permuted", _DESIGN, (LARGE,)),
                             counts_as_trial=False),
}  # fmt: skip

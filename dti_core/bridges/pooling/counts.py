"""Successes and trials, checked."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def checked(successes: ArrayLike, trials: ArrayLike) -> tuple[Array, Array]:
    """Successes (n_units, n_categories), and trials of that shape, or (n_units, 1) if categories share them.

    Raises
    ------
    ValueError unless 0 <= successes <= trials, in tables of units by categories.
    """
    hits, tries = np.asarray(successes, dtype=float), np.asarray(trials, dtype=float)
    if tries.ndim == 1:
        tries = tries[:, None]
    if hits.ndim != 2 or tries.shape not in (hits.shape, (len(hits), 1)):
        raise ValueError(
            f"successes {hits.shape} must be units by categories, trials {tries.shape} alike or one a unit"
        )
    if not (np.isfinite(tries).all() and (hits >= 0).all() and (hits <= tries).all()):
        raise ValueError("successes must lie between 0 and trials, and trials must be finite")
    return hits, tries

"""How far one unit can move a sum, and the noise that hides it."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.privacy.guarantee import ADJACENCIES, Adjacency

Floats = NDArray[np.float64]
Norm = Literal["l1", "l2"]


def sensitivity(
    norm: Norm, adjacency: Adjacency, contribution: float = 1.0, *, signed: bool = False
) -> float:
    """How far the sum can move, in `norm`, when one unit changes whose contribution has at most this norm.

    One more or one less moves it by the contribution. Replacing one takes a contribution away and adds
    another: twice as far in L1; sqrt 2 times in L2 when no entry is negative (one-hot reports, counts), for
    then the two stand at most at a right angle; twice when entries may have either sign (model updates).

    Raises
    ------
    ValueError for another norm or adjacency, or a contribution that is not positive.
    """
    if norm not in ("l1", "l2") or adjacency not in ADJACENCIES or not contribution > 0:
        raise ValueError(
            f"no sensitivity for norm {norm}, adjacency {adjacency}, contribution {contribution}"
        )
    if adjacency == "add or remove one":
        return contribution
    return contribution * (math.sqrt(2) if norm == "l2" and not signed else 2.0)


def clip_rows(vectors: Floats, norm: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Shorten each row whose L2 norm exceeds `norm` to that norm.

    Rows with an entry that is not finite become zero: what is not a number must not reach a sum.

    Source: Abadi et al. (2016), algorithm 1.

    Parameters
    ----------
    vectors : (n, d). norm : in the unit of the entries, positive.

    Returns
    -------
    (n, d) clipped rows and (n,) whether a row was changed.
    """
    if not norm > 0:
        raise ValueError(f"clipping norm {norm} must be positive")
    rows = np.asarray(vectors, dtype=float)
    finite = np.isfinite(rows).all(axis=1)
    rows = np.where(finite[:, None], rows, 0.0)
    largest = np.abs(rows).max(axis=1, initial=0.0)
    unit = rows / np.where(largest > 0, largest, 1.0)[:, None]
    lengths = largest * np.sqrt(np.einsum("nd,nd->n", unit, unit))
    long = lengths > norm
    factor = np.where(long, norm / np.where(long, lengths, 1.0), 1.0)
    return rows * factor[:, None], long | ~finite


def gaussian_sigma(epsilon: float, delta: float, sensitivity: float = 1.0) -> float:
    """Least standard deviation of Gaussian noise that gives (epsilon, delta), for one release.

    Source: Balle, Wang (2018), theorem 8, as dp-accounting computes it.

    Parameters
    ----------
    sensitivity : L2 distance of the outputs of two adjacent data sets, in the unit of the output.

    Raises
    ------
    ValueError unless 0 < epsilon < inf, 0 < delta < 1 and sensitivity > 0.
    """
    from dp_accounting import get_sigma_gaussian

    if not (0 < epsilon < math.inf and 0 < delta < 1 and sensitivity > 0):
        raise ValueError(f"no Gaussian noise for epsilon {epsilon}, delta {delta}, sensitivity {sensitivity}")
    return sensitivity * float(get_sigma_gaussian(epsilon, delta))


def gaussian_epsilon(sigma: float, delta: float, sensitivity: float = 1.0) -> float:
    """Epsilon of one release with Gaussian noise of sd `sigma`; the inverse of `gaussian_sigma`."""
    from dp_accounting import get_epsilon_gaussian

    if not (sigma > 0 and 0 < delta < 1 and sensitivity > 0):
        raise ValueError(f"no epsilon for sigma {sigma}, delta {delta}, sensitivity {sensitivity}")
    return float(get_epsilon_gaussian(sigma / sensitivity, delta))

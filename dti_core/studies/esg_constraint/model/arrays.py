"""Types of the study's arrays, and inverses of cross products that say what they identify."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]

#: Eigenvalues below this share of the largest count as zero.
RANK_TOLERANCE = 1e-10


def inverse_of_rank(matrix: Array) -> tuple[Array, Integers]:
    """Moore-Penrose inverse of symmetric positive semidefinite matrices and their ranks.

    Parameters
    ----------
    matrix : (..., n, n).
    """
    roots, vectors = np.linalg.eigh(matrix)
    kept = roots > RANK_TOLERANCE * np.maximum(roots[..., -1:], 0)
    kept &= roots > 0
    inverse_roots = np.where(kept, 1 / np.where(kept, roots, 1.0), 0.0)
    return (vectors * inverse_roots[..., None, :]) @ vectors.swapaxes(-1, -2), kept.sum(axis=-1)


def inverse_of_gram(gram: Array) -> tuple[Array, Integers, Mask]:
    """Moore-Penrose inverse of cross products, made free of units first, with ranks and identified columns.

    A coefficient is identified if its unit vector lies in the row space of the regressors.

    Parameters
    ----------
    gram : (n_draws, k, k).

    Returns
    -------
    (n_draws, k, k) inverses, (n_draws,) ranks and (n_draws, k) flags.
    """
    squares = np.einsum("dkk->dk", gram)
    scale = np.where(squares > 0, 1 / np.sqrt(np.where(squares > 0, squares, 1.0)), 0.0)
    scaled = gram * scale[:, :, None] * scale[:, None]
    inverse, rank = inverse_of_rank(scaled)
    identified = np.einsum("dkl,dlk->dk", inverse, scaled) > 1 - 1e-6
    return inverse * scale[:, :, None] * scale[:, None], rank, identified

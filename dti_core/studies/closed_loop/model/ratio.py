"""The return ratio: what comes back to a technology through everything that it changes.

With M[i, j] = d ln(i) / d ln(j), a technology t, b the arrows out of it, c those into it and A the rest, the
return ratio is L = c (I - A)^-1 b. Closing the loop multiplies every effect of t by 1 / (1 - L): it amplifies
for 0 < L < 1, damps for L < 0, and runs away for L >= 1.

Source: Bode (1945), ch. 4; Mason (1953).
"""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.closed_loop.data.cards import FIELDS, Kind
from dti_core.studies.closed_loop.data.loop import Loop

Array = NDArray[np.float64]
#: Ways back into a technology, and the kind of the last arrow of each.
ROUTES: dict[str, Kind] = {"need": "need", "money": "money", "knowledge": "technology"}


def matrices(loop: Loop, sizes: Array) -> Array:
    """(n_draws, n_nodes, n_nodes) elasticities, ends in rows, starts in columns.

    Resources are left out: their totals are fixed, so that on average nobody is dealt more.

    Parameters
    ----------
    sizes : (n_draws, n_arrows).
    """
    n = len(loop.nodes)
    kept = ~np.isin(loop.starts, loop.role("resource")) & ~np.isin(loop.ends, loop.role("resource"))
    found = np.zeros((len(sizes), n, n))
    found[:, loop.ends[kept], loop.starts[kept]] = sizes[:, kept]
    return found


def return_ratio(elasticities: Array, technology: int, among: Sequence[int] | None = None) -> Array:
    """(n_draws,) return ratio of a technology, through the nodes `among` alone if given.

    Raises
    ------
    numpy.linalg.LinAlgError where the rest by itself has no balance.
    """
    others = [one for one in (among or range(elasticities.shape[1])) if one != technology]
    rest = elasticities[:, others][:, :, others]
    out = elasticities[:, others, technology]
    back = elasticities[:, technology, others]
    moved = np.linalg.solve(np.eye(len(others)) - rest, out[..., None])[..., 0]
    return np.asarray(np.einsum("dn,dn->d", back, moved))


def gain_percent(ratio: Array) -> Array:
    """By how many percent closing the loop changes what a technology does, for ratios below one."""
    return np.asarray(100 * ratio / (1 - ratio))


def runs_away(loop: Loop, elasticities: Array) -> NDArray[np.bool_]:
    """(n_draws,) whether a disturbance does not die out, in the whole or where one technology is held still.

    Only where it dies out does the algebra tell where things come to rest.
    """
    away = np.abs(np.linalg.eigvals(elasticities)).max(axis=1) >= 1
    for technology in loop.role("technology"):
        others = [one for one in range(len(loop.nodes)) if one != technology]
        rest = elasticities[:, others][:, :, others]
        away |= np.abs(np.linalg.eigvals(rest)).max(axis=1) >= 1
    return np.asarray(away)


def by_fields(loop: Loop, elasticities: Array, technology: int) -> dict[str, Array]:
    """The return ratio in parts that add up: within the technology's field, through two, through all three.

    The first is what is left where both other fields are cut off; the second, what either of them adds to
    that; the third, the rest.
    """
    home = loop.fields[technology]
    others = [field for field in FIELDS if field != home]
    one = return_ratio(elasticities, technology, _inside(loop, [home]))
    pairs = [return_ratio(elasticities, technology, _inside(loop, [home, other])) for other in others]
    whole = return_ratio(elasticities, technology)
    two = np.sum([pair - one for pair in pairs], axis=0)
    return {"one": one, "two": two, "three": whole - one - two}


def by_routes(loop: Loop, sizes: Array, technology: int) -> dict[str, Array]:
    """The return ratio in parts that add up, by the last arrow: unmet need, money, or another technology."""
    found = {}
    for route, kind in ROUTES.items():
        silent = ~loop.kind(kind) & (loop.ends == technology)
        found[route] = return_ratio(matrices(loop, np.where(silent, 0.0, sizes)), technology)
    return found


def break_even(loop: Loop, sizes: Array, arrow: int, technology: int, goal: float) -> float:
    """Size at which this arrow alone, all others as they are, brings the return ratio to `goal`; NaN if none.

    1 - L is a ratio of two determinants, each affine in a single arrow.

    Parameters
    ----------
    sizes : (n_arrows,).
    """
    tried = np.tile(sizes, (2, 1))
    tried[:, arrow] = 0.0, 1.0
    whole = np.eye(len(loop.nodes)) - matrices(loop, tried)
    others = [one for one in range(len(loop.nodes)) if one != technology]
    above, below = np.linalg.det(whole), np.linalg.det(whole[:, others][:, :, others])
    if abs(above[0] * below[1] - above[1] * below[0]) <= 1e-12 * np.abs(above).max() * np.abs(below).max():
        return float("nan")  # the arrow does not move the ratio
    slope = (above[1] - above[0]) - (1 - goal) * (below[1] - below[0])
    start = above[0] - (1 - goal) * below[0]
    return float(-start / slope) if abs(slope) > 1e-15 else float("nan")


def _inside(loop: Loop, fields: Collection[str]) -> list[int]:
    return [place for place, field in enumerate(loop.fields) if field in fields]

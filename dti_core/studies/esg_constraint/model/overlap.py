"""Does a measure of constraint say anything that fixed effects, size and the controls do not already say?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.model.arrays import Array, Mask
from dti_core.studies.esg_constraint.model.effects import within_sd
from dti_core.studies.esg_constraint.model.indices import (
    SA_AGE_CAP_YEARS,
    SA_SIZE_CAP,
    compute_index,
    index_spec,
    sa_index,
)
from dti_core.studies.esg_constraint.model.regression import least_squares

#: Above it less than 1 % of the index is left to identify a coefficient (a variance inflation of 100).
COLLINEAR_ABOVE = 0.99
#: A within-firm sd below it is none.
NOTHING = 1e-10
#: Shares of firm-years below the bends of `size_curve`: a cap of size in any currency lies between two.
BENDS = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much of an index the controls reproduce after firm and year effects.

    r_squared : of the index on `controls`, all within firm and year. collinear : no coefficient should be
    printed. text : the diagnosis in words.
    """

    index: str
    controls: tuple[str, ...]
    r_squared: float
    collinear: bool
    text: str

    @property
    def variance_inflation(self) -> float:
        """How many times the variance of the index' coefficient grows through the overlap."""
        return float("inf") if self.r_squared >= 1.0 else 1.0 / (1.0 - self.r_squared)


def sa_is_collinear(log_assets: Array, age: Array, observed: Mask) -> Overlap:
    """Diagnose SA against size, its square and two-way effects; it is an exact function of them by algebra.

    With a firm effect and a year effect age is absorbed (it moves by one a year), and what is left of SA is
    -0.737 size + 0.043 size^2. Two caps leave traces: the one of age only beyond 37 years, the one of size
    only if the control is not capped as well.

    Parameters
    ----------
    log_assets, age : (1, n_firms, n_years), ln of millions and years. observed : cells to use.
    """
    capped = np.minimum(log_assets, SA_SIZE_CAP)
    index = sa_index(log_assets, age)
    exact = _share(index, [capped, capped**2], observed)
    plain = _share(index, [log_assets, log_assets**2], observed)
    collinear = exact > COLLINEAR_ABOVE
    text = (
        f"Within firms and years, size (as capped in SA) and its square reproduce {exact:.2%} of SA, "
        f"uncapped size and its square {plain:.2%}. "
    )
    text += (
        "SA is collinear with them: a coefficient would be a size effect or the cap's kink; none is printed."
        if collinear
        else "Age does not move by one a year in these data, or is often above 37; that alone identifies SA."
    )
    return Overlap("SA", ("log_assets", "log_assets^2"), exact, collinear, text)


def size_curve(log_assets: Array, observed: Mask) -> list[Array]:
    """Size, its square, both capped as in SA, and bends of its slope: what a function of size is made of.

    Parameters
    ----------
    log_assets : (1, n_firms, n_years). observed : cells to use.

    Returns
    -------
    Columns like `log_assets`, centred.
    """
    middle = np.nanmean(np.where(observed, log_assets, np.nan))
    size, capped = log_assets - middle, np.minimum(log_assets, SA_SIZE_CAP) - middle
    knots = np.nanquantile(size[observed], BENDS)
    return [size, size**2, capped, capped**2, *(np.maximum(size - knot, 0.0) for knot in knots)]


def diagnose_measure(
    name: str, values: Array, columns: Mapping[str, Array], observed: Mask, controls: tuple[str, ...]
) -> Overlap:
    """How far functions of size and age, the controls and two-way effects reproduce a measure of constraint.

    Age counts because its cap in SA is a kink that two-way effects do not absorb, and no constraint. The
    share counts what so many columns would reproduce by chance (adjusted R2), so that few firms are no
    reason to refuse a measure, and it is exactly 1 where nothing is left.

    Parameters
    ----------
    values : (1, n_firms, n_years). columns : of the same shape, by name; controls that lack are left out.
    """
    known = observed & np.isfinite(values)
    if known.any() and within_sd(values, known)[0] < NOTHING:
        text = f"{name} does not change inside firms but for what all share in a year: firm and year effects"
        return Overlap(name, (), 1.0, True, f"{text} leave nothing of it, so no effect of {name} is printed.")
    curves = size_curve(columns["log_assets"], observed) if "log_assets" in columns else []
    size = ["size and its square"] if curves else []
    others = [control for control in controls if control in columns and control != "log_assets"]
    beside = (*size, *others, *(["age"] if "age" in columns else []))
    if not beside:
        text = f"The panel holds no size and no control, so that {name} may be a function of them unseen."
        return Overlap(name, (), 0.0, False, text)
    curves += [columns[control] for control in others]
    if "age" in columns:
        curves += [columns["age"], np.minimum(columns["age"], SA_AGE_CAP_YEARS)]
    share = _share(values, curves, observed, adjusted=True)
    collinear = share > COLLINEAR_ABOVE
    text = f"Within firms and years, {', '.join(beside)} reproduce {share:.1%} of {name}"
    text += f": it is collinear with them, so no effect of {name} is printed." if collinear else "."
    return Overlap(name, beside, share, collinear, text)


def diagnose_overlap(
    name: str, columns: Mapping[str, Array], observed: Mask, controls: tuple[str, ...] | None = None
) -> Overlap:
    """How far `controls` (by default those that the index contains) and two-way effects reproduce an index.

    Parameters
    ----------
    columns : (1, n_firms, n_years) arrays by name. observed : same shape.

    Raises
    ------
    DataError if a column is missing or no cell has all of them.
    """
    chosen = controls if controls is not None else index_spec(name).controls
    if name == "SA" and "log_assets" in chosen:
        compute_index("SA", columns)
        return sa_is_collinear(columns["log_assets"], columns["age"], observed)
    if absent := [control for control in chosen if control not in columns]:
        raise DataError(f"overlap of {name}: no column {', '.join(absent)} to compare with.")
    share = _share(compute_index(name, columns), [columns[control] for control in chosen], observed)
    collinear = share > COLLINEAR_ABOVE
    text = f"Within firms and years, {', '.join(chosen)} reproduce {share:.1%} of {name}"
    text += (
        "; its coefficient is not identified and not printed."
        if collinear
        else f", so as controls they inflate its variance {1 / (1 - share):.1f} times and change its meaning."
    )
    return Overlap(name, chosen, share, collinear, text)


def _share(index: Array, controls: Sequence[Array], observed: Mask, *, adjusted: bool = False) -> float:
    design = np.stack(controls, axis=3)
    seen = observed & np.isfinite(index) & np.isfinite(design).all(axis=3)
    if seen.sum() < 3:
        raise DataError("fewer than three firm-years have both the index and the controls.")
    if within_sd(index, seen)[0] < NOTHING:
        return 1.0
    fit = least_squares(index, design, seen)
    unexplained = 1.0 - float(fit.diagnostics["r_squared"][0])
    if adjusted:
        free = float(fit.n_obs[0] - fit.diagnostics["absorbed"][0])
        spare = free - float(fit.diagnostics["identified"][0].sum())
        unexplained *= free / spare if spare > 0 else 0.0
    return min(1.0, max(0.0, 1.0 - unexplained)) if adjusted else 1.0 - unexplained

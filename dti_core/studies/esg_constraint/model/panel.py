"""A firm-year panel as the estimators take it."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask
from dti_core.studies.esg_constraint.model.regression import shifted

#: Controls of the rating equation, all of the year before.
CONTROLS = ("log_assets", "leverage", "roa")
#: Small firms are the lowest third by size.
SMALL_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Panel:
    """What every registered estimator takes; firm-year arrays (n_draws, n_firms, n_years), consecutive years.

    outcome : rating, NaN where unrated. treatment : constraint of the same year. controls :
    (..., n_controls). exists : the firm is listed. industry : (n_draws, n_firms) codes from 0. cohort :
    (n_draws, n_firms) index of the policy's year, -1 for never. second_rating : another rater's view of the
    same. excluded : moves being rated but not the rating. small : (n_draws, n_firms) see `small_firms`.
    country : (n_draws, n_firms) codes from 0. weight : positive, of each firm-year. size : log assets, if
    they are a control. Optional ones are None where the data lack them.
    """

    outcome: Array
    treatment: Array
    controls: Array
    exists: Mask
    industry: Integers | None = None
    cohort: Integers | None = None
    second_rating: Array | None = None
    excluded: Array | None = None
    small: Mask | None = None
    country: Integers | None = None
    weight: Array | None = None
    size: Array | None = None

    @property
    def rated(self) -> Mask:
        """Firm-years with a rating."""
        return self.exists & np.isfinite(self.outcome)

    def regressors(self) -> Array:
        """(n_draws, n_firms, n_years, 1 + n_controls): last year's constraint, then last year's controls."""
        return shifted(np.concatenate([self.treatment[..., None], self.controls], axis=3), 1)

    def draws(self, part: slice) -> "Panel":
        """The panel of some draws."""
        chosen: dict[str, Any] = {}
        for field in fields(self):
            array = getattr(self, field.name)
            chosen[field.name] = None if array is None else array[part]
        return Panel(**chosen)

    def missing(self) -> tuple[str, ...]:
        """Optional arrays that this panel lacks."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is None)


def size_rank(size: Array, exists: Mask, since: int, rated: Mask | None = None) -> Array:
    """(n_draws, n_firms) share of the firms seen in the same year that are smaller; NaN where unknown.

    The year is the first from index `since` on in which the firm is seen with a size: with the year before
    the first rating, no rating can have moved the rank, and firms that enter later stand beside their peers.
    Firms of equal size have equal ranks. Unknown: without size, or with none until after the first rating.

    Parameters
    ----------
    size, exists, rated : (n_draws, n_firms, n_years).
    """
    from scipy import stats

    seen = exists & np.isfinite(size)
    smaller = stats.rankdata(np.where(seen, size, np.inf), method="min", axis=1) - 1
    share = smaller / np.maximum(seen.sum(axis=1), 1)[:, None]
    seen = seen & (np.arange(size.shape[2]) >= since)
    first = np.argmax(seen, axis=2)
    known = seen.any(axis=2)
    if rated is not None:
        known &= ~rated.any(axis=2) | (first <= np.argmax(rated, axis=2))
    return np.where(known, np.take_along_axis(share, first[..., None], axis=2)[..., 0], np.nan)

"""The walk through time: which days are decided, and which fold serves each of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dti_core.bridges.forecaster import Fold, walk_forward_folds
from dti_core.studies.lstm_portfolio.data import Parameters
from dti_core.studies.lstm_portfolio.model import Days

#: Trading days a month where rows carry no dates.
MONTH_DAYS = 21


@dataclass(frozen=True, slots=True)
class Walk:
    """Decisions that are judged, the folds that serve them, and the last row that is held."""

    days: Days
    folds: tuple[Fold, ...]
    end: int

    @property
    def held(self) -> slice:
        """Rows whose returns are earned: the day after the first decision to the last."""
        return slice(int(self.days[0]) + 1, self.end + 1)

    def decisions_of(self, fold: Fold) -> slice:
        """Where the decisions of a fold stand among all `days`."""
        first = int(np.searchsorted(self.days, fold.decisions[0]))
        return slice(first, first + len(fold.decisions))


def decision_days(index: pd.Index) -> Days:
    """(n_decisions,) rows at whose close weights are set: month ends, or every 21st row without dates.

    The last row is never one, because nothing could be held after it.
    """
    if isinstance(index, pd.DatetimeIndex):
        month = index.year * 12 + index.month
        return np.flatnonzero(month[1:] != month[:-1]).astype(np.int64)
    return np.arange(MONTH_DAYS - 1, len(index) - 1, MONTH_DAYS, dtype=np.int64)


def plan_walk(index: pd.Index, n_folds: int, sizes: Parameters) -> Walk:
    """The last `n_folds` times `refit_months` decisions of the table.

    Raises
    ------
    ValueError if the first of them has too little history.
    """
    n_decisions = n_folds * sizes.refit_months
    days = decision_days(index)[-n_decisions:]
    if days[0] < sizes.lookback_days - 1 or len(days) < n_decisions:
        raise ValueError(f"{n_folds} folds of {sizes.refit_months} months do not fit into {len(index)} days")
    folds = walk_forward_folds(
        days.tolist(), refit_every=sizes.refit_months, horizon_days=sizes.horizon_days,
        window_days=sizes.window_days, validation_days=sizes.validation_days,
    )  # fmt: skip
    return Walk(days, folds, len(index) - 1)


def with_outcome(folds: Sequence[Fold], n_rows: int, horizon_days: int) -> list[Fold]:
    """The folds without decision days whose horizon is not over in a table of `n_rows`."""
    known = [
        replace(fold, decisions=tuple(day for day in fold.decisions if day + horizon_days < n_rows))
        for fold in folds
    ]
    return [fold for fold in known if fold.decisions]

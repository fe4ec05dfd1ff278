"""Who will be active in the next four weeks, from its own past and from a noisy sum over all."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.studies.spillover.model.losses import NAIVE, PLACEBO, WITH, WITHOUT, Losses
from dti_core.studies.spillover.model.sums import least_squares

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
#: Days of a month here; months that the overall rate counts as beside a member's own past.
DAYS, PRIOR_MONTHS = 28, 4.0
#: Share of the months in which weights are learnt.
LEARNING = 0.6
RATE, HISTORY = "overall rate", "own history"


@dataclass(frozen=True, slots=True)
class Months:
    """Members (n_members, n_months) who were active, 1 or 0, and the day of the month when first, 0 to 27.

    The day is NaN where a member was not active.
    """

    active: Array
    first: Array

    @property
    def n_origins(self) -> int:
        """Months after which a forecast is made."""
        return self.active.shape[1] - 1

    @property
    def learning(self) -> NDArray[np.bool_]:
        """(n_origins,) whether weights are learnt from it."""
        return np.arange(self.n_origins) < int(LEARNING * self.n_origins)

    @property
    def target(self) -> Array:
        """(n_members, n_origins) whether active in the month that follows."""
        return self.active[:, 1:]

    @property
    def totals(self) -> Array:
        """(n_origins,) active members of the month that has just ended."""
        return np.asarray(self.active[:, :-1].sum(axis=0))


def months_of(member: Codes, day: Codes, n_members: int, n_days: int) -> Months:
    """Months of events (n,), each of a member and a day from 0 on; a last part of a month is left out."""
    n_months = n_days // DAYS
    first = np.full((n_members, n_months), np.inf)
    kept = day < n_months * DAYS
    np.minimum.at(first, (member[kept], day[kept] // DAYS), (day[kept] % DAYS).astype(np.float64))
    return Months(np.isfinite(first).astype(np.float64), np.where(np.isfinite(first), first, np.nan))


def known_before_test(months: Months) -> Months:
    """Members who were active in a month of learning, so that nobody is in because of what came later."""
    seen = months.active[:, : int(months.learning.sum()) + 1].any(axis=1)
    return Months(months.active[seen], months.first[seen])


def own_rate(months: Months) -> tuple[float, Array]:
    """Overall rate of the months of learning, and each member's own rate up to each origin, drawn to it."""
    base = float(months.target[:, months.learning].mean())
    past = np.cumsum(months.active[:, :-1], axis=1)
    n_past = np.arange(1, months.n_origins + 1)
    return base, (past + PRIOR_MONTHS * base) / (n_past + PRIOR_MONTHS)


def with_totals(months: Months, totals: Array) -> Array:
    """Forecasts (n_seeds, n_members, n_origins) from own past and released totals (n_seeds, n_origins)."""
    _, rate = own_rate(months)
    common = totals[:, None, :] / len(months.active)
    columns = [np.ones(1)[None, None], rate[None], months.active[None, :, :-1], common, common * rate[None]]
    return np.clip(least_squares(columns, months.target, months.learning), 0.0, 1.0)


def without_totals(months: Months) -> Array:
    """Forecasts (1, n_members, n_origins) from a member's past alone."""
    _, rate = own_rate(months)
    columns = [np.ones(1)[None, None], rate[None], months.active[None, :, :-1]]
    return np.clip(least_squares(columns, months.target, months.learning), 0.0, 1.0)


def forecasts_of(months: Months, totals: Array, rng: np.random.Generator) -> Mapping[str, Array]:
    """Chance of being active next month by every arm; the placebo has the totals of other months."""
    n_seeds, n_origins = totals.shape
    base, rate = own_rate(months)
    shuffled = np.take_along_axis(
        totals, rng.permuted(np.tile(np.arange(n_origins), (n_seeds, 1)), axis=1), 1
    )
    mean = np.cumsum(totals, axis=1) / np.arange(1, n_origins + 1) / len(months.active)
    shape = (n_seeds, *months.target.shape)
    return {
        WITH: with_totals(months, totals), PLACEBO: with_totals(months, shuffled),
        WITHOUT: np.broadcast_to(without_totals(months), shape), NAIVE: np.full(shape, base),
        RATE: np.broadcast_to(np.clip(mean, 0.0, 1.0)[:, None], shape),
        HISTORY: np.broadcast_to(rate, shape),
    }  # fmt: skip


def losses_of(months: Months, forecasts: Mapping[str, Array]) -> Losses:
    """Brier scores in the months after learning; an arm that no release moves has one seed."""
    testing = ~months.learning
    target = months.target[:, testing]
    arms = {arm: (one[:, :, testing] - target) ** 2 for arm, one in forecasts.items()}
    return Losses(arms, np.ones_like(target))


def warned(months: Months, forecast: Array, effort: float, members: Codes) -> tuple[float, float]:
    """Share of active member-months among the `effort` with the highest forecasts, and days of warning.

    A warning holds from the start of the month to the first day of activity; whoever is active without one
    had none, so that days are a mean over all who were active.

    Parameters
    ----------
    forecast : (n_members, n_origins). effort : share of member-months that may be watched. members : rows.
    """
    testing = ~months.learning
    chance = forecast[members][:, testing].ravel()
    active = months.target[members][:, testing].ravel() > 0
    days = np.nan_to_num(months.first[members][:, 1:][:, testing].ravel())
    watched = np.zeros(len(chance), dtype=bool)
    watched[np.argsort(-chance, kind="stable")[: round(effort * len(chance))]] = True
    n_active = max(1, int(active.sum()))
    return float((watched & active).sum() / n_active), float(days[watched & active].sum() / n_active)

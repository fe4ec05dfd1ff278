"""Searches cut for training and test, by user and by time, and scaled by what a few users told the public."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.errors import DataError
from dti_core.studies.private_lift.data.expedia import SearchLog

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]
#: Users who tell the public their searches, for scales and the prior; share of days for the test, the last
#: ones; share of the other users on whom the setting of each learner is chosen.
PUBLIC_USERS, TEST_SHARE, CHECK_SHARE = 2000, 0.25, 0.15
#: Scaled features are cut off here, so that one odd search cannot fill a bound.
LARGEST = 3.0


@dataclass(frozen=True, slots=True)
class Searches:
    """Searches of users on sites, n of them.

    rows : (n, d), scaled by what a few users told the public. booked : (n,) 0 or 1. user, site,
    channel : (n,) codes from 0. prior : share of bookings among those who told the public.
    n_sites, n_channels : public.
    """

    rows: Array
    booked: Array
    user: Codes
    site: Codes
    channel: Codes
    prior: float
    n_sites: int
    n_channels: int


@dataclass(frozen=True, slots=True)
class Split:
    """Searches by use. Test users are others, and search later, than those of `fit` and `check`."""

    fit: Searches
    check: Searches
    test: Searches


def refuse_leak(log: SearchLog, earlier: Flags, later: Flags) -> None:
    """Refuse a test that shares users with the training, or begins before the training ends.

    Raises
    ------
    DataError, with the number of users shared or of searches out of time.
    """
    if shared := np.intersect1d(log.user[earlier], log.user[later]).size:
        raise DataError(f"{shared} users are both in training and in the test; cut by users.")
    if early := int((log.day[later] < log.day[earlier].max()).sum()):
        raise DataError(f"{early} searches of the test are older than the last of the training.")


def some_users(log: SearchLog, n_users: int, rng: np.random.Generator) -> SearchLog:
    """The searches of `n_users` users at random, or of all if there are fewer."""
    users = np.unique(log.user)
    kept = np.isin(log.user, rng.permutation(users)[:n_users])
    return replace(
        log, site=log.site[kept], channel=log.channel[kept], user=log.user[kept], day=log.day[kept],
        features=log.features[kept], booked=log.booked[kept],
    )  # fmt: skip


def split_log(log: SearchLog, rng: np.random.Generator) -> Split:
    """Cut by time and by user; users who search on both sides of the cut are left out.

    Which users are public and which choose the settings is drawn by `rng`; the test is the same for all.
    """
    cut = np.quantile(log.day, 1 - TEST_SHARE)
    users, code = np.unique(log.user, return_inverse=True)
    first, last = np.full(len(users), np.inf), np.full(len(users), -np.inf)
    np.minimum.at(first, code, log.day)
    np.maximum.at(last, code, log.day)
    lot = np.full(len(users), 2.0)
    before = np.flatnonzero(last < cut)
    lot[before] = rng.permutation(len(before)) / len(before)
    told = min(PUBLIC_USERS, len(before) // 5) / len(before)
    parts = (lot < told, (lot >= told) & (lot < told + CHECK_SHARE),
             (lot >= told + CHECK_SHARE) & (lot < 1), first >= cut)  # fmt: skip
    public, check, fit, test = (part[code] for part in parts)
    refuse_leak(log, public | check | fit, test)
    make = _scaled(log, public)
    return Split(make(fit), make(check), make(test))


def _scaled(log: SearchLog, public: Flags) -> "_Maker":
    told = log.features[public]
    channels, channel = np.unique(log.channel, return_inverse=True)
    sites, site = np.unique(log.site, return_inverse=True)
    scaled = np.clip((log.features - told.mean(axis=0)) / (told.std(axis=0) + 0.05), -LARGEST, LARGEST)
    rows = np.hstack([scaled, 3 * np.eye(len(channels))[channel]])
    every = Searches(
        rows / np.sqrt(rows.shape[1]), log.booked.astype(float), log.user, site, channel,
        float(log.booked[public].mean()), len(sites), len(channels),
    )  # fmt: skip
    return _Maker(every)


@dataclass(frozen=True, slots=True)
class _Maker:
    """Takes some of the searches, whose users are then numbered anew from 0."""

    every: Searches

    def __call__(self, some: Flags) -> Searches:
        one = self.every
        user = np.unique(one.user[some], return_inverse=True)[1]
        return replace(
            one, rows=one.rows[some], booked=one.booked[some], user=user, site=one.site[some],
            channel=one.channel[some],
        )  # fmt: skip

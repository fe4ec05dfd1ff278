"""Hotel searches of 42 Expedia sites: which site, by which channel, what was known, booked or not."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.data import DataCard, packaged

NAME = "expedia"
#: Longer stays and lead times, and negative ones, are slips of the calendar: drawn in to these days.
MAX_LEAD_DAYS, MAX_STAY_DAYS = 500, 30
_CONTINENTS = ("posa_continent", "hotel_continent")


@dataclass(frozen=True, slots=True)
class SearchLog:
    """Searches in the order of time; n of them.

    site, channel, user : (n,) int64 codes as in the file; the names of sites and channels are not public.
    day : (n,) float64 days since the first search. features : (n, d) float64, not standardised, all known
    before the outcome; site and channel are not among them. names : (d,) of the features.
    booked : (n,) int64, 1 = the event is a booking, 0 = a click only.
    """

    site: NDArray[np.int64]
    channel: NDArray[np.int64]
    user: NDArray[np.int64]
    day: NDArray[np.float64]
    features: NDArray[np.float64]
    names: tuple[str, ...]
    booked: NDArray[np.int64]


def load_expedia() -> tuple[SearchLog, DataCard]:
    """The searches and their card.

    `cnt` (events of the session, which counts the outcome: 1.01 for bookings, 1.53 for clicks) and the group
    of the hotel clicked are left out of the features, since neither is known before the outcome.

    Raises
    ------
    DataError if the carrier is absent, with the command that brings it, or its file has changed.
    """
    source = packaged(NAME)
    raw = source.table().sort_values(["date_time", "user_id"], kind="stable", ignore_index=True)
    when = pd.to_datetime(raw["date_time"])
    features = pd.concat([_trip(raw, when), _place(raw), _moment(when)], axis=1)
    log = SearchLog(
        site=raw["site_name"].to_numpy(np.int64),
        channel=raw["channel"].to_numpy(np.int64),
        user=raw["user_id"].to_numpy(np.int64),
        day=((when - when.min()) / pd.Timedelta(days=1)).to_numpy(np.float64),
        features=np.ascontiguousarray(features.to_numpy(np.float64)),
        names=tuple(map(str, features.columns)),
        booked=raw["is_booking"].to_numpy(np.int64),
    )
    return log, source.card()


def _trip(raw: pd.DataFrame, when: pd.Series) -> pd.DataFrame:
    """Who travels, when and for how long; logs of counts of days, with a mark where the dates are missing."""
    arrival, leaving = (pd.to_datetime(raw[name], errors="coerce") for name in ("srch_ci", "srch_co"))
    lead = (arrival - when.dt.normalize()).dt.days.clip(0, MAX_LEAD_DAYS)
    stay = (leaving - arrival).dt.days.clip(0, MAX_STAY_DAYS)
    return pd.DataFrame({
        "log_lead_days": np.log1p(lead.fillna(0)), "log_stay_days": np.log1p(stay.fillna(0)),
        "no_dates": lead.isna() | stay.isna(), "arrives_at_weekend": arrival.dt.dayofweek.isin([4, 5]),
        "adults": raw["srch_adults_cnt"], "children": raw["srch_children_cnt"], "rooms": raw["srch_rm_cnt"],
        "is_mobile": raw["is_mobile"], "is_package": raw["is_package"],
    })  # fmt: skip


def _place(raw: pd.DataFrame) -> pd.DataFrame:
    """How far it is, and kinds of place as 0/1 columns, the most frequent kind left out."""
    far = raw["orig_destination_distance"]
    found = {
        "log_distance_miles": np.log1p(far.fillna(0)),
        "no_distance": far.isna(),
        "same_country": raw["user_location_country"] == raw["hotel_country"],
    }
    for name in (*_CONTINENTS, "srch_destination_type_id"):
        for kind in sorted(raw[name].value_counts().index[1:]):
            found[f"{name.removeprefix('srch_').removesuffix('_id')}_{kind}"] = raw[name] == kind
    return pd.DataFrame(found)


def _moment(when: pd.Series) -> pd.DataFrame:
    """Hour of the day as a wave, and whether the search is made at a weekend."""
    turn = 2 * np.pi * (when.dt.hour + when.dt.minute / 60) / 24
    weekend = when.dt.dayofweek >= 5
    return pd.DataFrame({"hour_sine": np.sin(turn), "hour_cosine": np.cos(turn), "at_weekend": weekend})

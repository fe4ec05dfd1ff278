"""What a table of users must hold: how they were assigned, what they did, and what else is known of them."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.errors import DataError

#: Columns of a user's table and what stands in them. One arm, or a column a channel, is needed.
SCHEMA: Mapping[str, str] = MappingProxyType(
    {
        "user": "identifier of the user, a row each; hashed, never an address or a number to call",
        "arm": "name of the arm to which the user was assigned at random",
        "exposed": "1 = saw what the arm sent, 0 = not",
        "visit": "1 = came, 0 = not",
        "conversion": "1 = bought, 0 = not",
        "spend": "money spent in the period, 0 where nothing was bought",
        "region": "region, text or code",
        "size": "size of the business from which the user buys, text or code",
    }
)
#: A column a channel, or a covariate, behind its beginning: assigned_tv, exposed_tv, covariate_age.
PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "assigned_": "1 = assigned to the channel at random, 0 = held out of it",
        "exposed_": "1 = saw the channel, 0 = not",
        "covariate_": "a number known before the assignment",
    }
)
#: Spend is summed in steps of this size, as whole numbers, which doubles hold up to 2^53.
SPEND_STEP, MOST_STEPS = 0.01, 2.0**53
OUTCOMES = ("visit", "conversion", "spend")
#: In a map, what an arm without advertising is called.
CONTROL = "control"
#: Names by which an arm without advertising is recognised when no control is named.
CONTROLS = (
    CONTROL, "holdout", "hold-out", "none", "no e-mail", "no email", "no ad", "no ads", "placebo", "0",
)  # fmt: skip


def parse_map(text: str) -> tuple[dict[str, str], str]:
    """Column names as typed, 'theirs=ours, theirs=ours', and the arm that is said to be the control.

    Returns
    -------
    columns theirs -> ours; the control arm, named as 'their arm=control', "" if none is.

    Raises
    ------
    DataError for a pair that cannot be read, an unknown name of ours, or two columns for one.
    """
    mapping: dict[str, str] = {}
    control = ""
    for pair in filter(None, (part.strip() for part in text.split(","))):
        theirs, equals, ours = (piece.strip() for piece in pair.rpartition("="))
        if not (theirs and equals and ours):
            raise DataError(f"map: '{pair}' is not of the form theirs=ours, such as segment=arm.")
        if not is_ours(ours) and ours != CONTROL:
            endless = ", ".join(f"{prefix}NAME" for prefix in PREFIXES)
            raise DataError(
                f"map: no column '{ours}'. Ours are {', '.join(SCHEMA)}, {endless}; ARM={CONTROL} names the "
                "arm without advertising."
            )
        if ours in mapping.values() or (ours == CONTROL and control):
            raise DataError(f"map: two columns are given for {ours}. Keep one.")
        if ours == CONTROL:
            control = theirs
        else:
            mapping[theirs] = ours
    return mapping, control


def parse_shares(text: str) -> dict[str, float]:
    """Planned shares as typed, 'arm=0.9, other arm=0.1', or 'channel=0.5' of those assigned to it.

    Raises
    ------
    DataError for what cannot be read, or is no share.
    """
    shares: dict[str, float] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = (piece.strip() for piece in pair.rpartition("="))
        try:
            shares[name] = float(number)
        except ValueError:
            shares[name] = np.nan
        if not name or not 0 < shares[name] < 1:
            raise DataError(f"shares: '{pair}' is not of the form arm=share, such as control=0.1.")
    return shares


def is_ours(name: str) -> bool:
    """Whether a table may have a column of that name."""
    return name in SCHEMA or any(name.startswith(prefix) and name != prefix for prefix in PREFIXES)


def plain_name(column: object) -> str:
    """A column's name without case and blanks."""
    return str(column).strip().lower().replace(" ", "_")


def our_names(columns: Iterable[object], mapping: Mapping[str, str]) -> dict[object, str]:
    """Names in a file -> ours: by `mapping` first, then by equal names, whatever their case."""
    columns = list(columns)
    named: dict[object, str] = {column: mapping[str(column)] for column in columns if str(column) in mapping}
    for column in columns:
        plain = plain_name(column)
        if column not in named and is_ours(plain) and plain not in named.values():
            named[column] = plain
    return named


def channels_of(names: Iterable[str], prefix: str) -> list[str]:
    """Channels that have a column with that beginning, in their order."""
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def is_flag(name: str) -> bool:
    """Whether a column of ours holds 0 and 1 only."""
    return name in ("exposed", "visit", "conversion") or name.startswith(("assigned_", "exposed_"))


def is_number(name: str) -> bool:
    """Whether a column of ours holds numbers of any size."""
    return name == "spend" or name.startswith("covariate_")


def numbers(column: pd.Series) -> NDArray[np.float64]:
    """(n,) numbers of a column, NaN where empty or unreadable; true and false are 1 and 0."""
    words = column.map({True: 1.0, False: 0.0}) if column.dtype == bool else column
    return pd.to_numeric(words, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def labels(column: pd.Series) -> pd.Series:
    """Names of arms or regions as text: without blanks at the ends, and 1.0 written as 1; NA where empty."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    text = column.astype("string").str.strip()
    return text.mask(text == "")


def find_control(arms: Iterable[str], control: str = "") -> str | None:
    """The arm without advertising: the one named, else the first whose name says so, else None."""
    known = list(arms)
    if control:
        return control.strip() if control.strip() in known else None
    return next((arm for arm in known if arm.lower() in CONTROLS), None)

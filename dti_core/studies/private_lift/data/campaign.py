"""One campaign with its randomised assignment, a row a user: the shape that every analysis takes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.studies.private_lift.data.schema import (
    OUTCOMES,
    channels_of,
    find_control,
    labels,
    numbers,
)
from dti_core.studies.private_lift.worlds.users import REGIONS, SIZES, Users, coalition

UNKNOWN = "unknown"
#: The one channel of a table with arms and a single column `exposed`.
ONE_CHANNEL = "campaign"


@dataclass(frozen=True, slots=True)
class Campaign:
    """A randomised campaign; n users, C channels.

    arms : labels, the control first. arm : (n,) int64 codes into `arms`; with a column a channel an arm is
    the coalition to which a user was assigned. channels : names. assigned : (n, C) bool, None where arms were
    assigned instead of channels. exposed : (n, C) bool, None where nobody recorded it. outcomes : by name,
    (n,) float64, of visit, conversion (0 or 1) and spend (money). region, size : (n,) text, None without.
    covariates : by name, (n,) float64, known before the assignment.
    """

    arms: tuple[str, ...]
    arm: NDArray[np.int64]
    channels: tuple[str, ...]
    assigned: NDArray[np.bool_] | None
    exposed: NDArray[np.bool_] | None
    outcomes: Mapping[str, NDArray[np.float64]]
    region: NDArray[np.str_] | None
    size: NDArray[np.str_] | None
    covariates: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.arm)

    def cells(self, outcome: str) -> NDArray[np.int64]:
        """(n_arms, 2) users of each arm without and with the outcome, a report to which a user adds one."""
        has = (self.outcomes[outcome] > 0).astype(np.int64)
        return np.bincount(self.arm * 2 + has, minlength=2 * len(self.arms)).reshape(-1, 2)


def campaign_of_table(ours: pd.DataFrame, control: str = "") -> Campaign:
    """A campaign from a table with our names that `check` does not block; see there for what it assumes."""
    names = [str(name) for name in ours]
    channels, seen = channels_of(names, "assigned_"), channels_of(names, "exposed_")
    assigned = flags(ours, "assigned_", channels)
    if assigned is None:
        text = labels(ours["arm"])
        known = sorted(text.unique())
        arms = [
            str(find_control(known, control)),
            *(one for one in known if one != find_control(known, control)),
        ]
        arm = pd.Categorical(text, categories=arms).codes.astype(np.int64)
        channels = seen or ([ONE_CHANNEL] if "exposed" in names else [])
        exposed = (
            flags(ours, "exposed_", seen) if seen else flags(ours, "exposed", [""] * ("exposed" in names))
        )
    else:
        arms, arm = coalition_names(channels), coalition(assigned)
        exposed = flags(ours, "exposed_", channels) if set(channels) <= set(seen) else None
    return Campaign(
        tuple(arms), arm, tuple(channels), assigned, exposed,
        {name: numbers(ours[name]) for name in OUTCOMES if name in names},
        _text(ours, "region"), _text(ours, "size"), _covariates(ours),
    )  # fmt: skip


def campaign_of_users(users: Users) -> Campaign:
    """A simulated campaign as an analyst would see it; what nobody can see is left out."""
    outcomes = {"conversion": users.converted.astype(np.float64), "spend": users.spend_usd}
    covariates = {f"reading_{i + 1}": column for i, column in enumerate(users.covariates.T)}
    return Campaign(
        tuple(coalition_names(users.channels)), coalition(users.assigned), users.channels, users.assigned,
        users.exposed, outcomes, np.array(REGIONS)[users.region],
        np.array(SIZES)[users.size], covariates,
    )  # fmt: skip


def coalition_names(channels: tuple[str, ...] | list[str]) -> list[str]:
    """Name of each coalition by its code; channel c is bit c."""
    inside = [
        [name for bit, name in enumerate(channels) if code >> bit & 1] for code in range(2 ** len(channels))
    ]
    return ["+".join(members) or "none" for members in inside]


def flags(ours: pd.DataFrame, prefix: str, channels: list[str]) -> NDArray[np.bool_] | None:
    """(n, C) of the columns with that beginning, None without any."""
    if not channels:
        return None
    return np.column_stack([numbers(ours[f"{prefix}{name}"]) == 1 for name in channels])


def _text(ours: pd.DataFrame, name: str) -> NDArray[np.str_] | None:
    return labels(ours[name]).fillna(UNKNOWN).to_numpy(dtype=np.str_) if name in ours else None


def _covariates(ours: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Covariates with empty cells at the mean of the others."""
    found = {name: numbers(ours[f"covariate_{name}"]) for name in channels_of(ours.columns, "covariate_")}
    return {name: np.where(np.isnan(one), np.nanmean(one), one) for name, one in found.items()}

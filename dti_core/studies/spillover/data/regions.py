"""What the regional profiles of commerce ask of a private sum."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.lab.data import frozen_table
from dti_core.lab.errors import DataError

SLUG, FILE = "private_lift", "regions.csv"
COLUMNS = ("region", "parameter", "value")
#: Share of members who take part, by the default of consent; None: all.
SHARES = {"opt_in": "opt_in_share", "opt_out": "opt_out_share", "none": None}
#: By how much a rule may differ from what the table says, where that is tried.
FACTOR = 4.0


@dataclass(frozen=True, slots=True)
class Profile:
    """Rules of a region for sums of its members' reports.

    epsilon : most a member and period, delta 0; infinite for no noise. taking_part : share of its members.
    least_batch : reports, in users of commerce, that must be together before a sum is released. Rules on
    minors, retention, place of the sum and untargeted advertising have no counterpart among firms.
    """

    name: str
    epsilon: float
    taking_part: float
    least_batch: float

    def with_rules_of(self, *others: "Profile") -> "Profile":
        """The strictest of these rules and those of the others, under this name."""
        every = (self, *others)
        return Profile(
            self.name, min(one.epsilon for one in every), min(one.taking_part for one in every),
            max(one.least_batch for one in every),
        )  # fmt: skip

    def varied(self, rng: np.random.Generator) -> "Profile":
        """Rules of the same kind: epsilon, odds of taking part and batch up to `FACTOR` times as much."""
        epsilon, odds, batch = FACTOR ** rng.uniform(-1, 1, 3)
        share = self.taking_part
        taking = share if share == 1 else share * odds / (1 - share + share * odds)
        return Profile(self.name, self.epsilon * epsilon, taking, max(1.0, self.least_batch * batch))


def load_profiles() -> tuple[Profile, ...]:
    """Profiles of the frozen table of study private_lift, in its order."""
    return profiles_of(frozen_table(SLUG, FILE))


def profiles_of(table: pd.DataFrame) -> tuple[Profile, ...]:
    """Profiles from a table such as the frozen one.

    Raises
    ------
    DataError for a missing column, and for a rule that is absent, no number or out of its range.
    """
    if lacking := [name for name in COLUMNS if name not in table]:
        raise DataError(f"{FILE}: lacks the columns {', '.join(lacking)}; it has {', '.join(table)}.")
    rows = table.astype({"value": str}).groupby("region", sort=False)
    return tuple(
        _profile(str(name), dict(zip(one["parameter"], one["value"], strict=True))) for name, one in rows
    )


def _profile(name: str, values: dict[str, str]) -> Profile:
    try:
        share = SHARES[values["consent_default"]]
        found = Profile(
            name, float(values["epsilon_epoch"]), float(values[share]) if share else 1.0,
            float(values["least_batch"]),
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        raise DataError(f"{FILE}, {name}: {error} is absent or no number. See the data card.") from error
    if not (found.epsilon > 0 and 0 < found.taking_part <= 1 and 1 <= found.least_batch < math.inf):
        raise DataError(f"{FILE}, {name}: a rule is out of its range: {found}. See the data card.")
    return found

"""Real trials with what was known of each user before: whom a treatment moves, and whom which offer."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.data import packaged
from dti_core.studies.private_lift.data.campaign import Campaign
from dti_core.studies.private_lift.methods.uplift import Trial
from dti_core.studies.private_lift.worlds.offers import OfferTrial

#: Customers who bought within this many months count as recent; chosen before any outcome was seen.
RECENT_MONTHS = 6
#: Columns of the trial of legislators that are no features.
_NOT_FEATURES = ["rownames", "treat_out", "responded"]


def load_politicians() -> Trial:
    """E-mails to legislators from inside or outside their district, by what is known of them and of it.

    Groups: Black legislators; of the others each party and chamber.

    Raises
    ------
    DataError if the carrier is absent or its file has changed.
    """
    table: pd.DataFrame = pd.read_pickle(packaged("black_politicians").stream(), compression="xz")
    table = table.sample(frac=1.0, random_state=0)
    features = table.drop(columns=_NOT_FEATURES, errors="ignore").to_numpy(np.float64)
    treated, outcome = (table[name].to_numpy(np.float64) for name in ("treat_out", "responded"))
    party, chamber = (table[name].to_numpy(np.int64) for name in ("leg_democrat", "leg_senator"))
    group = np.where(table["leg_black"] > 0, 0, 1 + 2 * party + chamber)
    return Trial(features, treated, outcome, 0.5, group=group)


def trial_of_arm(campaign: Campaign, arm: str, outcome: str) -> Trial:
    """One arm of the e-mail trial against its control, in the groups of `segments`.

    Assumes: both arms were dealt with equal chances.
    """
    code = campaign.arms.index(arm)
    some = (campaign.arm == 0) | (campaign.arm == code)
    features = np.column_stack([column[some] for column in campaign.covariates.values()])
    reached = (campaign.outcomes[outcome][some] > 0).astype(np.float64)
    treated = (campaign.arm[some] == code).astype(np.float64)
    return Trial(features, treated, reached, 0.5, group=segments(campaign)[some])


def segments(campaign: Campaign) -> NDArray[np.int64]:
    """(n,) one of twelve segments: what was bought before, by new or old, by recent or not."""
    mens, womens, new, recency = (
        campaign.covariates[name] for name in ("mens", "womens", "newbie", "recency")
    )
    kind = np.where(mens * womens > 0, 2, np.where(mens > 0, 0, 1))
    return ((kind * 2 + new) * 2 + (recency > RECENT_MONTHS)).astype(np.int64)


def hillstrom_offers(campaign: Campaign, outcome: str = "visit") -> OfferTrial:
    """The two e-mails as offers to `segments`.

    Assumes: both e-mails were dealt with equal chances.
    """
    some = campaign.arm > 0
    reached = (campaign.outcomes[outcome][some] > 0).astype(np.float64)
    return OfferTrial(segments(campaign)[some], campaign.arm[some] - 1, reached, 12, len(campaign.arms) - 1)

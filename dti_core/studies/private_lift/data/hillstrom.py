"""The e-mail trial of MineThatData, 64,000 customers in three arms, as a campaign."""

from dti_core.lab.data import DataCard, published
from dti_core.studies.private_lift.data.campaign import Campaign, campaign_of_table

NAME = "hillstrom"
CONTROL = "No E-Mail"


def load_hillstrom() -> tuple[Campaign, DataCard]:
    """The trial and its card; place of living as region, what was bought last year as covariates.

    Raises
    ------
    DataError if the file is not on this machine, with the command that brings it, or has changed.
    """
    source = published(NAME)
    table = source.table().rename(columns={"segment": "arm", "zip_code": "region"})
    before = ("recency", "history", "mens", "womens", "newbie")
    table = table.rename(columns={name: f"covariate_{name}" for name in before})
    for kind in ("Multichannel", "Web"):
        table[f"covariate_{kind.lower()}"] = (table["channel"] == kind).astype(int)
    return campaign_of_table(table.drop(columns=["history_segment", "channel"]), CONTROL), source.card()

"""Extreme accounts pulled in, if the user asks for it."""

from dataclasses import replace

from dti_core.studies.esg_constraint.data import FirmPanel
from dti_core.studies.esg_constraint.data.schema import MADE_FROM

#: A count of years has no outliers by error of unit.
KEPT = ("age",)
#: Log assets as they were, by which firms count as small: a clip would make the smallest ones equal.
AS_READ = "log_assets_as_read"


def winsorised(data: FirmPanel, share: float) -> FirmPanel:
    """Every accounting column, the constraint among them, held within its quantiles `share` and 1 - `share`.

    Quantiles are over all firm-years. Ratings, codes and ages stay as they are, and
    so do log assets in a column AS_READ beside the held ones; 0 changes nothing.
    """
    chosen = [name for name in data.table if name in MADE_FROM and name not in KEPT]
    if not share or not chosen:
        return data
    some = data.table[chosen]
    held = some.clip(some.quantile(share), some.quantile(1 - share), axis=1)
    new = {str(name): held[name] for name in chosen}
    if "log_assets" in chosen:
        new[AS_READ] = data.table["log_assets"]
    return replace(data, table=data.table.assign(**new))

"""78 online experiments of ASOS: running aggregates of a treatment and its control."""

import numpy as np
import pandas as pd

from dti_core.lab.data import DataCard, published

NAME = "asos"
#: The metrics: 1 is a 0/1 outcome a user, 2 and 3 are counts, 4 is money; what they count is not public.
METRICS = (1, 2, 3, 4)


def load_asos() -> tuple[pd.DataFrame, DataCard]:
    """A row a look, and the card.

    Returns
    -------
    test (code of experiment and variant), metric (1 to 4), day, users_c, users_t, mean_c, mean_t, variance_c,
    variance_t (NaN where it was not published), sorted by test, metric and day.

    Raises
    ------
    DataError if the file is not on this machine, with the command that brings it, or has changed.
    """
    source = published(NAME)
    raw = source.table()
    table = raw.rename(columns={"count_c": "users_c", "count_t": "users_t", "time_since_start": "day"})
    table = table.assign(
        test=raw.groupby(["experiment_id", "variant_id"]).ngroup().astype(np.int64), metric=raw["metric_id"]
    )
    columns = ["test", "metric", "day", "users_c", "users_t", "mean_c", "mean_t", "variance_c", "variance_t"]
    return table[columns].sort_values(["test", "metric", "day"], ignore_index=True), source.card()

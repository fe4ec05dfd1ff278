"""Tables of the study in words."""

from typing import Any

import pandas as pd

from dti_core.lab.record import Result
from dti_core.lab.tables import Table, show_table


def shown(result: Result, series: str, **texts: Any) -> Table:
    """A table of the result in words, as `show_table`; a sentence where its data are not here."""
    return show_table(result.series.get(series, pd.DataFrame()), name=series, **texts)

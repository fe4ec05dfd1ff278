"""The regression table of a Result: on the page, and as text for a paper."""

from typing import Literal

import pandas as pd

from dti_core.lab.record import Result
from dti_core.lab.tables import Table, show_table
from dti_core.studies.esg_constraint.figures.dress import NO_RATING

NOTE = (
    "Coefficient (standard error), each package's own convention; no stars. Rows are firm-years with a "
    "rating and all regressors of the year before."
)


def regression_table(result: Result) -> Table:
    """The models of linearmodels and statsmodels side by side."""
    return show_table(
        _table(result), name="regression_table", title="The regression table of a paper, by packages",
        note=NOTE, empty=NO_RATING + ".", stub="regressor",
    )  # fmt: skip


def regression_table_as(result: Result, form: Literal["latex", "html", "csv"]) -> str:
    """The same table as text: LaTeX with booktabs rules, HTML, or CSV."""
    table, caption = _table(result), "Effect of financing constraints on the ESG rating."
    match form:
        case "csv":
            return table.to_csv()
        case "html":
            return table.to_html(border=0, escape=True)
    return table.to_latex(escape=True, caption=f"{caption} {NOTE}", label="tab:regressions", position="htbp")


def _table(result: Result) -> pd.DataFrame:
    return result.series.get("regression_table", pd.DataFrame())

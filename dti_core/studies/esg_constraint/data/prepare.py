"""From a user's checked table to the columns of the analysis, and the last look at any panel."""

import numpy as np
import pandas as pd

from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.data.check import numbers_of, owned_by_state
from dti_core.studies.esg_constraint.data.schema import AS_GIVEN, MADE_FROM, TEXT_COLUMNS, our_names
from dti_core.studies.esg_constraint.model.arrays import Array

#: Columns that exist in years without limits of sign; the others are judged by their schema.
_POSITIVE = ("age", "leverage", "tobin_q", "cash", "dividends", "fixed_assets", "long_term_debt")


def prepare_panel(raw: pd.DataFrame, mapping: dict[str, str]) -> pd.DataFrame:
    """Columns of the analysis from a checked file: logs, ratios to assets, growth and codes, sorted.

    Growth needs last year's row; it is missing after a gap.
    """
    named = our_names(raw.columns, mapping)
    ours = raw[list(named)].set_axis(list(named.values()), axis=1)
    amounts = {name: numbers_of(ours[name], name) for name in ours if name not in TEXT_COLUMNS}
    firm = ours["firm"] if pd.api.types.is_numeric_dtype(ours["firm"]) else ours["firm"].astype(str)
    table = pd.DataFrame({"firm": firm.to_numpy(), "year": amounts["year"].astype(np.int64)})
    for name, sources in MADE_FROM.items():
        if set(sources) <= set(amounts) and not name.endswith("growth"):
            table[name] = _made(name, amounts, sources)
    for name in AS_GIVEN:
        if name in amounts:
            table[name] = amounts[name]
    if "ownership" in ours:
        table["state"] = owned_by_state(ours["ownership"])
    for name in ("industry", "country"):
        if name in ours:
            codes = pd.factorize(ours[name], sort=True)[0]
            table[name] = np.where(codes < 0, np.nan, codes)
    if "sales" in amounts:
        table["sales_growth"] = _growth(table, amounts["sales"])
        if "industry" in table:
            table["industry_growth"] = table.groupby(["industry", "year"])["sales_growth"].transform("mean")
    return table.sort_values(["firm", "year"], ignore_index=True)


def validate_panel(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` if firm-years are unique, years whole, and numbers missing or finite and possible.

    Raises
    ------
    DataError that names the column at fault.
    """
    import pandera.errors
    import pandera.pandas as pa

    finite = pa.Check(lambda values: ~np.isinf(values), error="infinite")
    columns = {
        name: pa.Column(float, [finite, *([pa.Check.ge(0.0)] if name in _POSITIVE else [])], nullable=True)
        for name in table
        if name not in ("firm", "year")
    }
    keys = {"firm": pa.Column(nullable=False), "year": pa.Column(int, coerce=True)}
    try:
        return pa.DataFrameSchema({**keys, **columns}, unique=["firm", "year"]).validate(table)
    except pandera.errors.SchemaError as error:
        advice = "Run `dti data check esg_constraint` on the file."
        raise DataError(f"the panel is unfit: {error}. {advice}") from error


def _made(name: str, amounts: dict[str, Array], sources: tuple[str, ...]) -> Array:
    if name == "log_assets":
        return np.log(amounts["assets"])
    if len(sources) == 2:
        return np.asarray(amounts[sources[0]] / amounts["assets"])
    return amounts[sources[0]]


def _growth(table: pd.DataFrame, amount: Array) -> Array:
    """(n,) change over last year as a ratio; NaN in a first year, after a gap, or from nothing."""
    ordered = pd.DataFrame({"firm": pd.factorize(table["firm"])[0], "year": table["year"], "amount": amount})
    ordered = ordered.sort_values(["firm", "year"])
    before = ordered.shift(1)
    follows = (ordered["firm"] == before["firm"]) & (ordered["year"] == before["year"] + 1)
    growth = (ordered["amount"] / before["amount"] - 1.0).where(follows & (before["amount"] > 0))
    return growth.sort_index().to_numpy()

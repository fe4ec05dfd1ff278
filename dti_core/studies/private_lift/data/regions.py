"""Profiles of regions: rules of ours for the EU, California, China and a place without any."""

from dataclasses import fields

import pandas as pd
from pydantic import ValidationError

from dti_core.lab.data import frozen_table
from dti_core.lab.errors import DataError
from dti_core.studies.private_lift.model.rules import Region, Rules

SLUG, FILE = "private_lift", "regions.csv"
COLUMNS = ("region", "parameter", "value", "unit", "basis", "motive")
_RULES = {one.name for one in fields(Rules)}


def profile_table() -> pd.DataFrame:
    """The frozen table: a row a region and parameter, with what moves us to its value."""
    return frozen_table(SLUG, FILE)


def load_regions() -> tuple[Region, ...]:
    """The regions of the frozen table, in its order."""
    return read_regions(profile_table())


def read_regions(table: pd.DataFrame) -> tuple[Region, ...]:
    """Regions from a table such as the frozen one.

    Raises
    ------
    DataError naming region and parameter for a column, parameter, type or range that is not as the data card
    says, and for a parameter given twice.
    """
    if lacking := [name for name in COLUMNS if name not in table]:
        raise DataError(f"{FILE}: lacks the columns {', '.join(lacking)}; it has {', '.join(table)}.")
    twice = table.loc[table.duplicated(["region", "parameter"]), ["region", "parameter"]]
    if len(twice):
        where = ", ".join(twice.agg(": ".join, axis=1))
        raise DataError(f"{FILE}: given twice: {where}. Keep one row each.")
    groups = table.astype({"value": str}).groupby("region", sort=False)
    return tuple(
        _region(name, dict(zip(rows["parameter"], rows["value"], strict=True))) for name, rows in groups
    )


def _region(name: object, values: dict[str, str]) -> Region:
    rules = {key: value for key, value in values.items() if key in _RULES}
    shares = {key: value for key, value in values.items() if key not in _RULES}
    try:
        return Region(name=name, rules=rules, **shares)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"{e['loc'][-1]}: {e['msg']}, not {e['input']!r}" for e in error.errors()]
        raise DataError(f"{FILE}, {name}: {'; '.join(lines)}. The data card lists all parameters.") from error

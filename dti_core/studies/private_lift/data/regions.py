"""Profiles of regions: rules of ours for the EU, California, China and a place without any."""

from dataclasses import fields
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dti_core.lab.data import frozen_table
from dti_core.lab.errors import DataError
from dti_core.studies.private_lift.model.rules import N_EPOCHS, Consent, Region, Rules

SLUG, FILE = "private_lift", "regions.csv"
COLUMNS = ("region", "parameter", "value", "unit", "basis", "motive")
Share = Annotated[float, Field(ge=0, le=1)]


class _Profile(BaseModel):
    """Types and ranges of a profile; `read` reports whatever does not fit."""

    model_config = ConfigDict(extra="forbid")
    consent_default: Consent
    minors_under: float = Field(ge=0, le=21)
    least_batch: float = Field(ge=1)
    epsilon_epoch: float = Field(gt=0)
    retention_epochs: float = Field(ge=1, le=N_EPOCHS)
    local_aggregator: bool
    untargeted_share: float = Field(ge=0, lt=1)
    opt_in_share: float = Field(gt=0, le=1)
    opt_out_share: Share


def load_regions() -> tuple[Region, ...]:
    """The regions of the frozen table, in its order."""
    return read_regions(profile_table())


def profile_table() -> pd.DataFrame:
    """The frozen table as it stands, with the basis and the motive of each value."""
    return frozen_table(SLUG, FILE)


def read_regions(table: pd.DataFrame) -> tuple[Region, ...]:
    """Regions from a table with a row a region and parameter.

    Raises
    ------
    DataError naming region and parameter for a column, parameter, type or range that is not as the data card
    says, and for a parameter given twice.
    """
    if lacking := [name for name in COLUMNS if name not in table]:
        raise DataError(f"{FILE}: lacks the columns {', '.join(lacking)}; it has {', '.join(table)}.")
    twice = table[table.duplicated(["region", "parameter"])]
    if len(twice):
        where = ", ".join(f"{row.region}: {row.parameter}" for row in twice.itertuples())
        raise DataError(f"{FILE}: given twice: {where}. Keep one row each.")
    groups = table.astype({"value": str}).groupby("region", sort=False)
    return tuple(_region(str(name), dict(zip(rows["parameter"], rows["value"]))) for name, rows in groups)


def _region(name: str, values: dict[str, str]) -> Region:
    try:
        read = _Profile.model_validate(values).model_dump()
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}, not {e['input']!r}" for e in error.errors()]
        allowed = ", ".join(_Profile.model_fields)
        raise DataError(f"{FILE}, {name}: {'; '.join(lines)}. Parameters are {allowed}.") from error
    rules = {one.name: read.pop(one.name) for one in fields(Rules)}
    return Region(name, Rules(**rules), **read)

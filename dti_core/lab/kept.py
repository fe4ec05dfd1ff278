"""The Result of a run, kept under what made it: figures are drawn again from it without estimating again."""

import functools
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from pydantic import TypeAdapter

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.files import write
from dti_core.lab.pieces import KEPT, PIECES, read_table, sha256, table_bytes
from dti_core.lab.record import Estimate, Result

_ESTIMATES = TypeAdapter(tuple[Estimate, ...])
_CARD = TypeAdapter(DataCard)
SERIES = "series"
_SEAL = "seal.json"


def keep(estimate: Callable[..., Result]) -> Callable[..., Result]:
    """Decorate a study's `estimate`: give the Result kept for these numbers, else compute and keep it."""

    @functools.wraps(estimate)
    def kept(config: Config, *inputs: Any) -> Result:
        place = os.environ.get(KEPT)
        if not place:
            return estimate(config, *inputs)
        store = Path(place)
        found = load_result(store, config)
        if found is None:
            save_result(store, estimate(config, *inputs))
            found = load_result(store, config)
            shutil.rmtree(store / PIECES, ignore_errors=True)
        if found is None:
            raise OSError(f"the result could not be read back from {store}")
        return found

    return kept


def save_result(store: Path, result: Result) -> None:
    """Write a Result into the folder `store`; the seal comes last, so a torn Result is none."""
    tables = series_files(result.series)
    files = {
        "estimates.json": _ESTIMATES.dump_json(result.estimates, indent=1),
        "card.json": _CARD.dump_json(result.card),
        **tables,
    }
    for name, content in files.items():
        write(store / name, content)
    order = {"series": list(result.series), "sha256": {name: sha256(file) for name, file in files.items()}}
    write(store / _SEAL, json.dumps(order, indent=1))


def series_files(series: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
    """Each table behind the figures as a Parquet file: its path below a store -> its bytes."""
    return {series_file(name): table_bytes(table) for name, table in series.items()}


def read_series(store: Path, names: Iterable[str]) -> dict[str, pd.DataFrame]:
    """The tables of those names. OSError if one is missing, ValueError if it is no table."""
    return {name: read_table((store / series_file(name)).read_bytes()) for name in names}


def series_file(name: str) -> str:
    """Path of a series below a store."""
    return f"{SERIES}/{quote(name, safe=' @')}.parquet"


def is_kept(store: Path) -> bool:
    """Whether `store` holds a Result (which `load_result` still checks)."""
    return (store / _SEAL).is_file()


def load_result(store: Path, config: Config) -> Result | None:
    """The Result in `store`, None if there is none; a damaged one is given up with a message."""
    if not is_kept(store):
        return None
    try:
        order = json.loads((store / _SEAL).read_bytes())
        files = {name: (store / name).read_bytes() for name in order["sha256"]}
        if damaged := [name for name, told in order["sha256"].items() if sha256(files[name]) != told]:
            raise ValueError(f"{', '.join(damaged)} changed")
        series = {name: read_table(files[series_file(name)]) for name in order["series"]}
        estimates = _ESTIMATES.validate_json(files["estimates.json"])
        return Result(config, _CARD.validate_json(files["card.json"]), estimates, series)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"the result kept in {store.name} is damaged ({error}); it is computed again\n")
        with suppress(OSError):
            (store / _SEAL).unlink()
        return None

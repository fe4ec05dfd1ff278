"""The Result of a run, kept under what made it: figures are drawn again from it without estimating again."""

import functools
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.pieces import KEPT, PIECES, read_piece, read_table, table_bytes, write_piece
from dti_core.lab.record import Result

SERIES = "series"
_RESULT = "result.npz"


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
    """Write a Result into the folder `store`, in one step."""
    parts = {"card": result.card, "estimates": result.estimates, "series": result.series}
    write_piece(store / _RESULT, parts)


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
    return (store / _RESULT).is_file()


def load_result(store: Path, config: Config) -> Result | None:
    """The Result in `store`, None if there is none; a damaged one is given up with a message."""
    if not is_kept(store):
        return None
    try:
        return Result(config, **read_piece(store / _RESULT))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.stderr.write(f"the result kept in {store.name} is damaged ({error}); it is computed again\n")
        with suppress(OSError):
            (store / _RESULT).unlink()
        return None

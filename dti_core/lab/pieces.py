"""Keep the finished pieces of long stages on disk, so that an interrupted run resumes with what was done.

Nothing is ever unpickled: a piece is a numpy archive of plain arrays and a JSON tree, behind its hash.
"""

import hashlib
import importlib
import io
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from dti_core.lab.files import write

#: Folder in which the current run's numbers are kept; set by the runner, absent under bare papermill.
KEPT = "DTI_KEPT"
#: Below it: what long stages have finished.
PIECES = "pieces"


def table_bytes(table: pd.DataFrame) -> bytes:
    """A table as Parquet, index and order of columns included."""
    stream = io.BytesIO()
    table.to_parquet(stream, engine="pyarrow", compression="zstd")
    return stream.getvalue()


def read_table(content: bytes) -> pd.DataFrame:
    """The table that `table_bytes` wrote."""
    return pd.read_parquet(io.BytesIO(content), engine="pyarrow")


class Stage:
    """The kept pieces of one stage, by their place; without a store nothing is kept.

    Parameters
    ----------
    label : the stage's name, unique within a study.
    """

    def __init__(self, label: str, store: str | None = None) -> None:
        place = store or os.environ.get(KEPT)
        self._folder = Path(place) / PIECES / quote(label, safe=" ,") if place else None

    @staticmethod
    def name(key: object) -> str:
        """How a piece's files are called: its key, which must always be written the same way, hashed."""
        return sha256(repr(key).encode())[:24]

    def load(self) -> dict[str, Any]:
        """Pieces that an earlier run has finished, by `name`; a damaged one is left out."""
        found: dict[str, Any] = {}
        for path in sorted(self._folder.glob("*.npz")) if self._folder else []:
            with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                found[path.stem] = read_piece(path)
        return found

    def save(self, key: object, piece: Any) -> None:
        """Keep a finished piece."""
        if self._folder is not None:
            write_piece(self._folder / f"{self.name(key)}.npz", piece, durable=False)


def write_piece(path: Path, piece: Any, *, durable: bool = True) -> None:
    """Write what `encode` takes into a file, behind its hash."""
    content = encode(piece)
    write(path, sha256(content).encode() + content, durable=durable)


def read_piece(path: Path) -> Any:
    """What `write_piece` was given. OSError or ValueError if the file is missing or damaged."""
    content = path.read_bytes()
    if sha256(content[64:]).encode() != content[:64]:
        raise ValueError(f"{path.name} changed")
    return decode(content[64:])


def encode(value: Any) -> bytes:
    """Plain values, arrays, tables and our dataclasses, nested at will, as a numpy archive without pickle.

    Raises
    ------
    TypeError for anything else, with its type.
    """
    arrays: list[np.ndarray[Any, Any]] = []
    tree = json.dumps(_pack(value, arrays))
    stream = io.BytesIO()
    np.savez(stream, np.frombuffer(tree.encode(), dtype=np.uint8), *arrays, allow_pickle=False)
    return stream.getvalue()


def decode(content: bytes) -> Any:
    """What `encode` was given. ValueError or KeyError for anything that it did not write."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = [archive[f"arr_{number}"] for number in range(len(archive.files))]
    return _unpack(json.loads(arrays[0].tobytes()), arrays)


def _pack(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    match value:
        case None | bool() | int() | float() | str() if type(value) in (type(None), bool, int, float, str):
            return value
        case np.ndarray() | np.generic():
            arrays.append(np.asarray(value))
            return {"array": len(arrays), "scalar": isinstance(value, np.generic)}
        case pd.DataFrame():
            return {"table": _pack(np.frombuffer(table_bytes(value), dtype=np.uint8), arrays)}
        case list() | tuple():
            return {type(value).__name__: [_pack(item, arrays) for item in value]}
        case Mapping():
            return {"mapping": [[_pack(key, arrays), _pack(item, arrays)] for key, item in value.items()]}
        case _ if is_dataclass(value) and type(value).__module__.startswith("dti_core."):
            name = f"{type(value).__module__}:{type(value).__qualname__}"
            return {"made": name, "of": [_pack(getattr(value, one.name), arrays) for one in fields(value)]}
    raise TypeError(f"a piece of a stage holds a {type(value).__name__}, which cannot be kept without pickle")


def _unpack(tree: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    match tree:
        case {"array": int(place), "scalar": scalar}:
            return arrays[place][()] if scalar else arrays[place]
        case {"table": table}:
            return read_table(_unpack(table, arrays).tobytes())
        case {"list": items}:
            return [_unpack(item, arrays) for item in items]
        case {"tuple": items}:
            return tuple(_unpack(item, arrays) for item in items)
        case {"mapping": pairs}:
            return {_unpack(key, arrays): _unpack(item, arrays) for key, item in pairs}
        case {"made": str(name), "of": values}:
            module, _, kind = name.partition(":")
            made = getattr(importlib.import_module(module), kind) if module.startswith("dti_core.") else ""
            if not isinstance(made, type) or not is_dataclass(made):
                raise ValueError(f"{name} is no dataclass of ours")
            parts = [_unpack(value, arrays) for value in values]
            return made(**{one.name: part for one, part in zip(fields(made), parts, strict=True)})
    return tree


def sha256(content: bytes) -> str:
    """Hash of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()

"""JSON Schemas of what the lab reads and writes, for editors and other programs."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from dti_core.lab.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel


def _experiment() -> "type[BaseModel]":
    from dti_core.lab.config import Experiment

    return Experiment


def _record() -> "type[BaseModel]":
    from dti_core.lab.record import Record

    return Record


def _claims() -> "type[BaseModel]":
    from dti_core.lab.register import Register

    return Register


_MODELS: dict[str, "Callable[[], type[BaseModel]]"] = {
    "experiment": _experiment,
    "record": _record,
    "claims": _claims,
}


def schema_text(name: str) -> str:
    """The JSON Schema of an experiment file, of a result.json or of the register of claims.

    Raises
    ------
    ConfigError for another name.
    """
    if name not in _MODELS:
        raise ConfigError(f"no schema '{name}'. Allowed: {', '.join(_MODELS)}.")
    return json.dumps(_MODELS[name]().model_json_schema(), indent=1)

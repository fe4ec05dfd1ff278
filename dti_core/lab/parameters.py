"""One knob of a study: its type, default, unit and bounds, and how a value of it is judged."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dti_core.lab.errors import ConfigError
from dti_core.lab.fingerprint import Value

Kind = Literal["int", "float", "bool", "choice", "str"]
#: Whole numbers beyond it are refused, as no float holds them.
_HUGE = 10**300
#: What a value of each kind is in Python.
PYTHON: dict[str, type] = {"int": int, "float": float, "bool": bool, "choice": str, "str": str}


class Parameter(BaseModel):
    """One knob of a study: its type, default, unit and bounds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Kind
    default: Value
    unit: str = Field(description="What the number counts, or what the choice means.")
    min: float | None = None
    max: float | None = None
    allowed: tuple[str, ...] | None = None
    keeps_sample: bool = Field(False, description="Changing it leaves the observations as they are.")

    @property
    def range_text(self) -> str:
        """Allowed values in words, as error messages and the manual print them."""
        match self.type:
            case "bool":
                return "True or False"
            case "choice":
                return " | ".join(self.allowed or ())
            case "str":
                return "text"
            case _:
                low = "-inf" if self.min is None else f"{self.min:g}"
                high = "inf" if self.max is None else f"{self.max:g}"
                return f"{'whole number' if self.type == 'int' else 'number'} from {low} to {high}"

    def accept(self, slug: str, name: str, value: object) -> Value:
        """Return `value` in this parameter's type, or raise ConfigError that names what is allowed."""
        plain = value.item() if isinstance(value, np.generic) else value
        with self._refusing(slug, name, value):
            return _judge(self).validate_python(plain, strict=True)

    def parse(self, slug: str, name: str, text: str) -> Value:
        """Read a value typed on the command line."""
        with self._refusing(slug, name, text):
            return _judge(self).validate_strings(text)

    @contextmanager
    def _refusing(self, slug: str, name: str, value: object) -> Iterator[None]:
        try:
            yield
        except ValidationError as error:
            raise ConfigError(
                f"{slug}: {name} = {shortened(value)} is not allowed. "
                f"Give {self.range_text} ({self.unit}; default {self.default})."
            ) from error


@cache
def _judge(parameter: Parameter) -> TypeAdapter[Value]:
    """What accepts a value of this parameter and nothing else."""
    match parameter.type:
        case "choice":
            kind: Any = Literal[parameter.allowed or ("",)]
            return TypeAdapter(kind)
        case "int":
            low = -_HUGE if parameter.min is None else math.ceil(parameter.min)
            high = _HUGE if parameter.max is None else math.floor(parameter.max)
            return TypeAdapter(Annotated[int, Field(ge=low, le=high)])
        case "float":
            bounds = Field(ge=parameter.min, le=parameter.max, allow_inf_nan=False)
            return TypeAdapter(Annotated[float, bounds])
        case _:
            return TypeAdapter(PYTHON[parameter.type])


def shortened(value: object) -> str:
    """A refused value as it is repeated to its author: 400 digits would bury the message."""
    try:
        text = repr(value)
    except ValueError:  # Python does not write out a number of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 80 else f"{text[:40]}... ({len(text)} characters)"


class Profile(BaseModel):
    """What a profile changes against the defaults, and how long it may take on two cores."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    budget_seconds: Annotated[int, Field(gt=0)]
    changes: Mapping[str, Value] = {}

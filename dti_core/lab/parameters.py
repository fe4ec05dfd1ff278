"""One knob of a study: its type, default, unit and bounds, and how a value of it is judged."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from dti_core.lab.errors import ConfigError
from dti_core.lab.fingerprint import Value

Kind = Literal["int", "float", "bool", "choice", "str"]
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
        match self.type:
            case "bool" if isinstance(value, bool):
                return value
            case "choice" if isinstance(value, str) and value in (self.allowed or ()):
                return value
            case "str" if isinstance(value, str):
                return value
            case "int" if isinstance(value, int | np.integer) and not isinstance(value, bool):
                if self._within(value):
                    return int(value)
            case "float" if isinstance(value, int | float | np.number) and not isinstance(value, bool):
                if self._within(value):
                    return float(value)
            case _:
                pass
        raise ConfigError(
            f"{slug}: {name} = {shortened(value)} is not allowed. "
            f"Give {self.range_text} ({self.unit}; default {self.default})."
        )

    def parse(self, slug: str, name: str, text: str) -> Value:
        """Read a value typed on the command line."""
        readers: dict[str, Any] = {"int": int, "float": float, "bool": {"true": True, "false": False}.get}
        value: object = text
        if self.type in readers:
            try:
                value = readers[self.type](text.lower() if self.type == "bool" else text)
            except ValueError:
                value = text
            value = text if value is None else value
        return self.accept(slug, name, value)

    def _within(self, value: "float | np.number[Any]") -> bool:
        try:
            number = float(value)
        except OverflowError:  # a whole number beyond all floats
            return False
        above = self.min is None or number >= self.min
        below = self.max is None or number <= self.max
        return math.isfinite(number) and above and below


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

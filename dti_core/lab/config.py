"""Typed parameters: an experiment file defines them and judges notebook and command line alike."""

import difflib
import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from dti_core.lab.errors import ConfigError
from dti_core.lab.fingerprint import Value as Value
from dti_core.lab.paths import experiment_file, project_root
from dti_core.lab.yaml_files import parse_yaml, read_text

Kind = Literal["int", "float", "bool", "choice", "str"]
ProfileName = Literal["smoke", "quick", "full"]
PROFILES: tuple[str, ...] = get_args(ProfileName)
#: A study's name, wherever it comes from: it becomes a file, a folder, a module and a link.
SLUG = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
SLUG_LENGTH = 40


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
            f"{slug}: {name} = {_shortened(value)} is not allowed. "
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


def _shortened(value: object) -> str:
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


class Experiment(BaseModel):
    """An experiment file: the question, the knobs, the profiles and the claims at stake."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slug: Annotated[str, StringConstraints(pattern=SLUG, max_length=SLUG_LENGTH)]
    title: str
    source: str = Field(description="Number of the cited study in the review, such as [6].")
    question: str
    kind: Literal["test of a claim", "calibration"]
    data: str = Field(description="One sentence on where the data come from.")
    reads: tuple[str, ...] = Field((), description="Registered data sets that every run reads.")
    parameters: Mapping[str, Parameter]
    profiles: Mapping[ProfileName, Profile]
    sweep: Mapping[str, tuple[Value, ...]] = {}
    own_data: Mapping[str, Value] = Field({}, description="What --data FILE sets besides data_path.")
    claims: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _profiles_and_sweep_name_parameters(self) -> "Experiment":
        if missing := [name for name in PROFILES if name not in self.profiles]:
            raise ValueError(f"profiles lacks {', '.join(missing)}")
        grids: dict[str, tuple[Value, ...]] = dict(self.sweep)
        for profile in self.profiles.values():
            for name, value in profile.changes.items():
                grids[name] = (*grids.get(name, ()), value)
        for name, value in self.own_data.items():
            grids[name] = (*grids.get(name, ()), value)
        for name, parameter in self.parameters.items():
            grids[name] = (*grids.get(name, ()), parameter.default)
        for name, values in grids.items():
            for value in values:
                self.judge(name, value)
        return self

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name, or ConfigError with the nearest name."""
        if name in self.parameters:
            return self.parameters[name]
        near = difflib.get_close_matches(name, self.parameters, n=1, cutoff=0.5)
        hint = f"Known: {', '.join(self.parameters)}."
        if near:
            known = self.parameters[near[0]]
            hint = (
                f"Did you mean '{near[0]}' ({known.unit}; {known.range_text}; default {known.default})? "
                f"`dti list {self.slug}` shows all {len(self.parameters)}."
            )
        raise ConfigError(f"{self.slug}: unknown parameter '{name}'. {hint}")

    def judge(self, name: str, value: object) -> Value:
        """Accept or refuse one named value."""
        return self.parameter(name).accept(self.slug, name, value)

    def resolve(self, profile: str = "quick", overrides: Mapping[str, object] | None = None) -> "Config":
        """Defaults, then the profile's changes, then `overrides`: all parameters, judged."""
        if profile not in PROFILES:
            raise ConfigError(f"{self.slug}: no profile '{profile}'. Allowed: {', '.join(PROFILES)}.")
        values = {name: parameter.default for name, parameter in self.parameters.items()}
        values |= self.profiles[profile].changes  # type: ignore[index]
        for name, value in (overrides or {}).items():
            values[name] = self.judge(name, value)
        judged = {name: self.judge(name, value) for name, value in values.items()}
        return Config(self, MappingProxyType(judged))


class Config:
    """All parameters of one run, read as attributes (`config.cost_bps`); nothing can be changed."""

    __slots__ = ("created", "experiment", "values")
    experiment: Experiment
    values: Mapping[str, Value]
    created: datetime

    def __init__(self, experiment: Experiment, values: Mapping[str, Value]) -> None:
        object.__setattr__(self, "experiment", experiment)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "created", datetime.now(UTC))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.experiment.parameter(name)
        return self.values[name]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a config is fixed; resolve a new one with {name}={value!r}")

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.experiment, dict(self.values))

    @property
    def slug(self) -> str:
        """The study's name."""
        return self.experiment.slug

    @property
    def profile(self) -> str:
        """The profile whose sizes these values have, else 'custom'."""
        sized = {name for profile in self.experiment.profiles.values() for name in profile.changes}
        for name in PROFILES:
            reference = self.experiment.resolve(name).values
            if all(self.values[knob] == reference[knob] for knob in sized):
                return name
        return "custom"

    def replace(self, **changes: object) -> "Config":
        """The same config with some values changed, judged again."""
        judged = {name: self.experiment.judge(name, value) for name, value in changes.items()}
        return Config(self.experiment, MappingProxyType({**self.values, **judged}))

    def seed_sequence(self) -> np.random.SeedSequence:
        """Root of every random number of the run; spawn children, never seed globally."""
        return np.random.SeedSequence(self.seed)


def _rebuild(experiment: Experiment, values: dict[str, Value]) -> Config:
    return Config(experiment, MappingProxyType(values))


def is_slug(name: str) -> bool:
    """Whether a study may bear this name."""
    return len(name) <= SLUG_LENGTH and re.fullmatch(SLUG, name) is not None


def list_slugs() -> list[str]:
    """Slugs of all experiment files, in alphabetical order."""
    names = (path.stem for path in (project_root() / "experiments").glob("*.yaml"))
    return sorted(name for name in names if name != "claims" and is_slug(name))


def load_experiment(slug: str) -> Experiment:
    """Read and judge experiments/<slug>.yaml."""
    path = experiment_file(slug) if is_slug(slug) else None
    if path is None or not path.is_file():
        known = list_slugs()
        near = difflib.get_close_matches(slug, known, n=1, cutoff=0.4)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known) or 'none'}."
        raise ConfigError(f"no study '{_shortened(slug)[1:-1]}'. {hint}")
    return _read_experiment(path, read_text(path))


@cache
def _read_experiment(path: Path, text: str) -> Experiment:
    try:
        experiment = Experiment.model_validate(parse_yaml(text, path.name))
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        raise ConfigError(f"{path.name}: " + "; ".join(lines)) from error
    if experiment.slug != path.stem:
        raise ConfigError(f"{path.name}: slug is '{experiment.slug}', but the file is named '{path.stem}'.")
    return experiment


_IPYTHON_NAMES = {"In", "Out", "exit", "quit"}


def load_config(slug: str, namespace: Mapping[str, object]) -> Config:
    """Judge the parameters that stand in a notebook's globals.

    Every public plain value (number, text, bool, None, list, dict) in `namespace` counts as a parameter, so a
    misspelt one that papermill injected is refused instead of ignored. From here on each numerical library
    has one thread, because the number of threads would move the numbers.
    """
    from dti_core.lab.parallel import pin_threads

    pin_threads()
    plain = (bool, int, float, str, list, tuple, dict, type(None))
    given = {
        name: value
        for name, value in namespace.items()
        if isinstance(value, plain) and not name.startswith("_") and name not in _IPYTHON_NAMES
    }
    return load_experiment(slug).resolve("quick", given)

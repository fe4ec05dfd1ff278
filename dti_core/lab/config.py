"""Typed parameters: an experiment file defines them and judges notebook and command line alike."""

import difflib
import hashlib
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from dti_core.lab.errors import ConfigError
from dti_core.lab.fingerprint import Value as Value
from dti_core.lab.parameters import PYTHON, Parameter, Profile, shortened
from dti_core.lab.paths import experiment_file, project_root
from dti_core.lab.yaml_files import parse_yaml, read_text

ProfileName = Literal["smoke", "quick", "full"]
PROFILES: tuple[str, ...] = get_args(ProfileName)
#: A study's name, wherever it comes from: it becomes a file, a folder, a module and a link.
SLUG = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
SLUG_LENGTH = 40
Typed = TypeVar("Typed")


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
        return Config(self, judged)


@dataclass(frozen=True, eq=False)
class Config:
    """All parameters of one run, read as attributes (`config.cost_bps`); nothing can be changed."""

    experiment: Experiment
    values: Mapping[str, Value]
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.experiment.parameter(name)
        return self.values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __reduce__(self) -> tuple[Any, ...]:
        return Config, (self.experiment, dict(self.values))

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
        return Config(self.experiment, {**self.values, **judged})

    def seeds(self, *names: str) -> np.random.SeedSequence:
        """Root of the random numbers that bear this name, such as ("permuted_returns", "shuffle").

        A stream depends on the run's `seed` and on its own name alone: another method, world or stage moves
        no number. What is spawned from it depends on the order of spawning, so give a name to whatever may
        come to stand beside others.
        """
        digest = hashlib.sha256("\0".join(names).encode()).digest()
        words = [int.from_bytes(digest[place : place + 4], "big") for place in range(0, 16, 4)]
        return np.random.SeedSequence(self.seed, spawn_key=words)

    def stream(self, *names: str) -> np.random.Generator:
        """Generator of the random numbers that bear this name; see `seeds`."""
        return np.random.default_rng(self.seeds(*names))

    def typed(self, kind: type[Typed]) -> Typed:
        """The values as a dataclass that declares each parameter with its type, for whoever checks types.

        Raises
        ------
        ConfigError if its fields are not those of the experiment file, name by name and type by type.
        """
        declared = typing.get_type_hints(kind)
        wanted = {name: PYTHON[parameter.type] for name, parameter in self.experiment.parameters.items()}
        plain = {name: hint if isinstance(hint, type) else str for name, hint in declared.items()}
        if odd := sorted(name for name in {*plain, *wanted} if plain.get(name) != wanted.get(name)):
            raise ConfigError(
                f"{self.slug}: {kind.__name__} and the experiment file differ in {', '.join(odd)}."
            )
        return kind(**self.values)


def is_slug(name: str) -> bool:
    """Whether a study may bear this name."""
    return len(name) <= SLUG_LENGTH and re.fullmatch(SLUG, name) is not None


#: Files among the experiments that are none: the register of claims, and the cards of the loop.
_REGISTERS = ("claims", "arrows")


def list_slugs() -> list[str]:
    """Slugs of all experiment files, in alphabetical order."""
    names = (path.stem for path in (project_root() / "experiments").glob("*.yaml"))
    return sorted(name for name in names if name not in _REGISTERS and is_slug(name))


def load_experiment(slug: str) -> Experiment:
    """Read and judge experiments/<slug>.yaml."""
    path = experiment_file(slug) if is_slug(slug) else None
    if path is None or not path.is_file():
        known = list_slugs()
        near = difflib.get_close_matches(slug, known, n=1, cutoff=0.4)
        hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known) or 'none'}."
        raise ConfigError(f"no study '{shortened(slug)[1:-1]}'. {hint}")
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

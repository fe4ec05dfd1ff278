"""What a run leaves behind: estimates with intervals, verdicts and provenance, in one result.json."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict

from dti_core.lab.config import Config, Value
from dti_core.lab.data import DataCard
from dti_core.lab.files import write
from dti_core.lab.fingerprint import Fingerprint

if TYPE_CHECKING:
    from pathlib import Path

OBSERVED = "observed"
VerdictWord = Literal["supported", "refuted", "inconclusive", "not testable", "not yet tested"]
#: What a verdict rests on: real data and real code; algebra, dates or a theorem; stated assumptions.
Grade = Literal["observed", "derived", "conditional"]
#: Whether the whole interval of a supported claim lies beyond the smallest effect, or only reaches it.
Size = Literal["at least", "size open"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number the book may print. `low`/`high` bound it at `level`; `how` names the interval's method.

    `world` is "observed" or the name of a control world. `at` says where on each dimension of the study the
    number stands, such as {"method": "gmm", "firms": 500}: nobody parses a name. `per_seed` holds the value
    of each seed, in their order, so that two runs can be compared pair by pair. `draws` holds the interval of
    each draw of a control world that was drawn many times, None where a draw gave no answer.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    n: int
    n_seeds: int = 1
    level: float = 0.95
    how: str = "stationary block bootstrap"
    std_error: float | None = None
    world: str = OBSERVED
    per_seed: tuple[float, ...] = ()
    at: Mapping[str, str | float] = field(default_factory=dict, hash=False)
    draws: tuple[tuple[float, float] | None, ...] = ()

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            object.__setattr__(self, name, float(getattr(self, name)))
        places = {key: float(at) if isinstance(at, int) else at for key, at in self.at.items()}
        object.__setattr__(self, "at", places)
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        if bad := [f"{key} {number}" for key, number in numbers.items() if not math.isfinite(number)]:
            raise ValueError(f"estimate {self.key}: {', '.join(bad)} is not a finite number")
        if self.low > self.high:
            raise ValueError(f"estimate {self.key}: low {self.low} lies above high {self.high}")
        if wrong := [ends for ends in self.draws if ends and not -math.inf < ends[0] <= ends[1] < math.inf]:
            raise ValueError(f"estimate {self.key}: a draw is no interval: {wrong[0]}; None says no answer")

    @property
    def key(self) -> str:
        """Name within a result: `name`, or `name@world` in a control world."""
        return self.name if self.world == OBSERVED else f"{self.name}@{self.world}"

    @property
    def text(self) -> str:
        """Value and interval with as many decimals as its width deserves: "0.10 [-0.86, 0.98]"."""
        width = self.high - self.low
        digits = 3 if width <= 0 else min(6, max(0, 2 - math.floor(math.log10(width))))
        return f"{self.value:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"


@dataclass(frozen=True, slots=True)
class Result:
    """All that a study estimated in one run. Figures, claims and prose take their numbers from here only.

    `series` holds the tables behind the figures (for example a wealth path a column), never raw data.
    """

    config: Config
    card: DataCard
    estimates: tuple[Estimate, ...]
    series: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keys = [estimate.key for estimate in self.estimates]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"estimates named twice: {', '.join(twice)}")

    def __iter__(self) -> Iterator[Estimate]:
        return iter(self.estimates)

    def __getitem__(self, key: str) -> Estimate:
        """The estimate of that key (`name` or `name@world`)."""
        for estimate in self.estimates:
            if estimate.key == key:
                return estimate
        raise KeyError(f"no estimate '{key}'; there are {', '.join(e.key for e in self.estimates)}")

    def where(self, world: str = OBSERVED, **at: str | float) -> list[Estimate]:
        """Estimates of a world whose dimensions are these, whatever others they have, in their order."""
        return [one for one in self.estimates if one.world == world and at.items() <= one.at.items()]

    def table(self, pattern: str = "") -> pd.DataFrame:
        """Estimates whose name matches the regular expression `pattern`, a row each, worlds side by side.

        Cells read "value [low, high]"; an estimate that a world does not have leaves its cell empty.
        """
        chosen = [estimate for estimate in self.estimates if re.search(pattern, estimate.name)]
        cells: dict[str, dict[str, str]] = {}
        for estimate in chosen:
            cells.setdefault(estimate.name, {})[estimate.world] = estimate.text
        frame = pd.DataFrame.from_dict(cells, orient="index").fillna("")
        frame["unit"] = [next(e.unit for e in chosen if e.name == name) for name in frame.index]
        frame["95 % interval by"] = [next(e.how for e in chosen if e.name == name) for name in frame.index]
        return frame


class Verdict(BaseModel):
    """What the intervals say about one claim, and why.

    `share` is that of the assumption set in which the sign holds, for a conditional verdict.
    """

    model_config = ConfigDict(frozen=True)

    claim: str
    verdict: VerdictWord
    because: str
    estimates: tuple[str, ...] = ()
    control: str | None = None
    grade: Grade | None = None
    size: Size | None = None
    share: float | None = None

    @property
    def qualified(self) -> str:
        """Grade and size behind the verdict's word: "observed, at least", '' if there is none."""
        share = None if self.share is None else f"in {self.share:.0%} of the assumption set"
        return ", ".join(part for part in (self.grade, share, self.size) if part)


class Provenance(BaseModel):
    """Where a result came from: enough to rerun it and to see what changed since."""

    model_config = ConfigDict(frozen=True)

    fingerprint: Fingerprint
    git_commit: str | None
    git_dirty: bool | None
    python: str
    machine: str

    @property
    def data_sha256(self) -> str:
        """The hash of the only file that was read, one over all if there are several, "none" without."""
        return self.fingerprint.numbers.data_sha256


class Record(BaseModel):
    """The content of result.json. `series` gives the sha256 of each table behind the figures.

    `seconds` counts what earlier runs spent on the same numbers; `cpu_seconds` is that of this run alone, all
    its processes together.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[2] = 2
    slug: str
    run: str
    profile: str
    started: datetime
    seconds: float
    cpu_seconds: float = 0.0
    parameters: Mapping[str, Value]
    data: DataCard
    estimates: tuple[Estimate, ...]
    series: Mapping[str, str]
    claims: tuple[Verdict, ...]
    provenance: Provenance

    def save(self, path: "Path") -> None:
        """Write atomically: a reader sees the whole record or none."""
        write(path, self.text)

    @property
    def text(self) -> str:
        """The record as it is written."""
        return self.model_dump_json(indent=1) + "\n"

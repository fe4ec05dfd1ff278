"""What the benchmarks measured: ratios against peers, computed from the figures in experiments/benchmarks."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from dti_core.book.fitting import read_as
from dti_core.lab.citations import Strict, Text
from dti_core.lab.paths import project_root

FOLDER = "experiments/benchmarks"
#: Reports that lie there too and compare nothing: of the long tests, of the largest panel that is read.
_NO_COMPARISON = ("million_findings.json", "deep_tests.json", "million_firm_years.json")


class Side(Strict):
    """One of two that are compared, and where its figure stands in the file, key below key."""

    name: Text
    at: Annotated[tuple[str, ...], Field(min_length=1)]


class Comparison(Strict):
    """Two figures of one benchmark, what was the same for both and what was not."""

    what: Text
    ours: Side
    peer: Side
    unit: Text
    equal: Text
    differs: Text
    target: Annotated[FiniteFloat, Field(gt=0)] | None = Field(
        None, description="Least ratio of the peer's figure to ours that was asked for."
    )


class Benchmark(BaseModel):
    """A file of experiments/benchmarks: who measured what, where and when; the figures stand beside it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    title: Text
    date: date
    command: Text
    machine: Text
    versions: Mapping[str, str]
    comparisons: Annotated[tuple[Comparison, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_every_figure(self) -> "Benchmark":
        for one in self.comparisons:
            self.times(one)
        return self

    def figure(self, side: Side) -> float:
        """The measured figure of one side. ValueError if the file has no positive number there."""
        place: Any = self.model_extra
        for key in side.at:
            place = place.get(key) if isinstance(place, dict) else None
        if not isinstance(place, float | int) or not place > 0:
            raise ValueError(f"{side.name}: no positive number at {' > '.join(side.at)}")
        return float(place)

    def times(self, one: Comparison) -> float:
        """How many times the peer's figure is ours."""
        return self.figure(one.peer) / self.figure(one.ours)

    def target(self, one: Comparison) -> Literal["met", "missed", "none"]:
        """What became of the target of a comparison."""
        if one.target is None:
            return "none"
        return "met" if self.times(one) >= one.target else "missed"


def load_benchmarks() -> list[Benchmark]:
    """All comparisons with peers. ConfigError names the file and the field that it lacks."""
    files = sorted(Path(project_root(), FOLDER).glob("*.json"))
    found = [read_as(Benchmark, f"{FOLDER}/{path.name}") for path in files if path.name not in _NO_COMPARISON]
    return [one for one in found if one]

"""What is asked of the frozen records and what they answer."""

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dti_core.book.sizes.reading import Three
from dti_core.lab.errors import ConfigError
from dti_core.lab.frozen import frozen_record
from dti_core.lab.record import Estimate, Grade

#: What the epsilon of each way to add noise promises.
_PURE = "delta 0 a user (add or remove one), pure epsilon accounting"
PROMISES = {
    "central": _PURE, "two_noises": _PURE,
    "skellam": "delta 1e-06 a user (add or remove one), exact Skellam PLD accounting",
    "local": "delta 0 a user (replace one), pure epsilon accounting",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One number of an answer, whence it comes and what it rests on.

    numbers : value and ends of its interval, NaN without one; `how` then says why. keys : of the record.
    """

    says: str
    numbers: Three
    unit: str
    grade: Grade
    how: str
    study: str
    keys: tuple[str, ...]

    @property
    def run(self) -> str:
        """The run that made the record."""
        return frozen_record(self.study).run

    @property
    def text(self) -> str:
        """Value and interval as a reader meets them."""
        value, low, high = self.numbers
        if not math.isnan(low + high):
            return Estimate("shown", value, low, high, self.unit, 1).text
        return f"{value:.3g} [no interval]"

    def machine(self) -> dict[str, Any]:
        """The line for machines; ends that are not known are null."""
        value, low, high = (None if math.isnan(one) else one for one in self.numbers)
        return {
            "says": self.says, "value": value, "low": low, "high": high, "unit": self.unit,
            "grade": self.grade, "how": self.how, "keys": list(self.keys), "study": self.study,
            "run": self.run,
        }  # fmt: skip


def ways(lines: Iterable[Line]) -> dict[tuple[str, str], list[str]]:
    """How numbers were read and from which study and run, and what they say, each once."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        says = found.setdefault((line.how, f"{line.study}, run {line.run}"), [])
        says += [] if line.says in says else [line.says]
    return found


Kind = Literal["int", "float", "str"]


@dataclass(frozen=True, slots=True)
class Input:
    """One thing that is asked of whoever asks; without `default` it must be given."""

    kind: Kind
    help: str
    default: float | str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question of one's own size, everything about it in one entry.

    answer : takes the inputs by name. typical : label of a size -> its inputs, for the page. uncovered :
    what the answer does not hold for.
    """

    name: str
    title: str
    text: str
    study: str
    inputs: Mapping[str, Input]
    answer: Callable[..., list[Line]]
    typical: Mapping[str, Mapping[str, Any]]
    uncovered: str
    lever: bool = field(default=False)

    def ask(self, **given: Any) -> list[Line]:
        """The answer. ConfigError for an input that is unknown, lacking or outside what is recorded."""
        for name in given:
            if name not in self.inputs:
                raise ConfigError(f"{self.name} takes no {name}. It takes {', '.join(self.inputs)}.")
        full = {name: one.default for name, one in self.inputs.items()} | given
        for name, one in self.inputs.items():
            if full[name] is None and one.default is None:
                raise ConfigError(f"{self.name} needs {name}: {one.help}.")
            if one.choices and full[name] not in one.choices:
                near = difflib.get_close_matches(str(full[name]), one.choices, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"Allowed: {', '.join(one.choices)}."
                raise ConfigError(f"no {name} '{full[name]}'. {hint}")
        return self.answer(**full)

    def words(self, given: Mapping[str, Any]) -> str:
        """What is asked, in words; an epsilon with its promise."""
        method = str(given.get("method", "central"))
        return ", ".join(_said(name, one, method) for name, one in given.items())

    @property
    def form(self) -> str:
        """What to type, with blanks for what has no default."""
        blanks = [f"--{name} {name.upper()}" for name, one in self.inputs.items() if one.default is None]
        return " ".join(["dti size", self.name, *(blanks or [f"--{next(iter(self.inputs))} ..."])])


def _said(name: str, one: Any, method: str) -> str:
    if name == "epsilon":
        return "no noise" if math.isinf(one) else f"epsilon {one:g}, {PROMISES[method]}"
    return (
        f"{name} {one:,}"
        if isinstance(one, int)
        else f"{name} {one:g}"
        if isinstance(one, float)
        else str(one)
    )

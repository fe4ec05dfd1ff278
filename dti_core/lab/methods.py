"""What a study compares: methods, in worlds. One entry in a registry adds a method or a world everywhere."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Run = TypeVar("Run", bound=Callable[..., Any])
Settings = TypeVar("Settings")
#: What a world is there for: the real one, one without the effect, one with it planted, one that misleads.
Role = Literal["observed", "negative", "positive", "threat"]


@dataclass(frozen=True, slots=True)
class Method(Generic[Run]):
    """A way to answer: an estimator, forecaster, policy, mechanism, scanner or protocol.

    title : as tables and figures call it. run : what it does. assumes : what must hold for its answer to be
    right, in words. needs : names of inputs without which it is left out. counts_as_trial : whether it was
    tried in search of the best one, so that a best-of correction counts it; controls are not.
    """

    title: str
    run: Run
    assumes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    counts_as_trial: bool = True


@dataclass(frozen=True, slots=True)
class World(Generic[Settings]):
    """A world in which methods are compared: its title, its role, and the settings that make it."""

    title: str
    role: Role
    settings: Settings


def trials(methods: Mapping[str, Method[Any]]) -> tuple[str, ...]:
    """Names of the methods that count as trials, in their order."""
    return tuple(name for name, method in methods.items() if method.counts_as_trial)


def left_out(methods: Mapping[str, Method[Any]], present: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Methods that cannot run with the inputs that are `present`, each with what it lacks."""
    known = set(present)
    lacking = {name: tuple(need for need in one.needs if need not in known) for name, one in methods.items()}
    return {name: needs for name, needs in lacking.items() if needs}

"""What a batched simulator must keep, tried on random episodes; each fault that is found has a name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.simulators.protocol import Actions, BatchedSimulator, Make, Observation, Outcome

FaultName = Literal[
    "wrong_shape", "not_finite", "action_0_masked", "changes_later", "not_repeatable", "depends_on_its_batch",
    "masked_action_counts", "shares_do_not_sum", "wrong_end",
]  # fmt: skip
#: Relative difference that the order of a sum may make.
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Fault:
    """A promise of the protocol that a simulator breaks, and where it was seen."""

    name: FaultName
    where: str


@dataclass(frozen=True, slots=True)
class _Episode:
    """What was seen and earned: one observation more than outcomes."""

    seen: list[Observation]
    outcomes: list[Outcome]
    ended: list[bool]


def check_simulator(make: Make, n_worlds: int = 6, seed: int = 0) -> list[Fault]:
    """Faults of a simulator, one of each name; an empty list if it keeps all that the protocol says.

    Parameters
    ----------
    make : gives a new simulator each time.
    n_worlds, seed : worlds in the batch, of which the last is a replica of the first; root of their seeds and
        of the random actions.

    Errors that the simulator raises on allowed actions come through as they are.
    """
    rng = np.random.default_rng(seed)
    seeds = [int(one) for one in rng.integers(2**31, size=n_worlds - 1)]
    seeds.append(seeds[0])
    simulator = make()
    actions, episode, later = _random_episode(simulator, seeds, rng)
    found = [Fault("changes_later", f"arrays seen before step {later}")] if later is not None else []
    found += _of_each_step(simulator, episode, n_worlds)
    if not any(fault.name in ("wrong_shape", "not_finite") for fault in found):
        found += _of_episodes(make, seeds, actions, episode)
    if not any(fault.name in ("wrong_shape", "not_finite", "not_repeatable") for fault in found):
        found += _of_masked_actions(make, seeds, actions)
    return list({fault.name: fault for fault in reversed(found)}.values())[::-1]


def _random_episode(
    simulator: BatchedSimulator, seeds: list[int], rng: np.random.Generator
) -> tuple[list[Actions], _Episode, int | None]:
    """Allowed actions at random, what came of them, and the first step that changed what had been seen."""
    simulator.reset(seeds)
    actions: list[Actions] = []
    episode, later = _Episode([], [], [simulator.done]), None
    for step in range(simulator.n_steps):
        seen = simulator.observe()
        episode.seen.append(_copy(seen))
        odds = np.where(seen.mask, rng.random(seen.mask.shape), -1.0)
        actions.append(odds.argmax(axis=-1))
        actions[-1][-1] = actions[-1][0]  # replicas act alike
        episode.outcomes.append(simulator.step(actions[-1]))
        episode.ended.append(simulator.done)
        later = step if later is None and not _same(seen, episode.seen[-1], 0.0) else later
    episode.seen.append(_copy(simulator.observe()))
    return actions, episode, later


def _of_each_step(simulator: BatchedSimulator, episode: _Episode, n_worlds: int) -> Iterator[Fault]:
    worlds, agents = n_worlds, simulator.n_agents
    for step, seen in enumerate(episode.seen):
        shapes = {
            "features": (worlds, agents, simulator.n_features),
            "mask": (worlds, agents, simulator.n_actions),
            "estate": (worlds, *seen.estate.shape[1:2]),
            "neighbours": (worlds, agents, *seen.neighbours.shape[2:3]),
        }
        yield from _wrong_shapes(seen, shapes, step)
        named = seen.neighbours
        if seen.mask.dtype != np.bool_ or seen.step != step or not ((named >= -1) & (named < agents)).all():
            where = f"mask {seen.mask.dtype}, step {seen.step}, a neighbour outside -1..{agents - 1}"
            yield Fault("wrong_shape", f"step {step}: one of {where}")
        if not (np.isfinite(seen.features).all() and np.isfinite(seen.estate).all()):
            yield Fault("not_finite", f"features seen before step {step}")
        if not seen.mask[..., 0].all():
            yield Fault("action_0_masked", f"mask seen before step {step}")
    for step, outcome in enumerate(episode.outcomes):
        costs = (worlds, *outcome.costs.shape[1:2]) if outcome.costs.size else outcome.costs.shape
        shapes = {"rewards": (worlds,), "shares": (worlds, agents), "costs": costs}
        wrong = list(_wrong_shapes(outcome, shapes, step))
        yield from wrong
        if not all(np.isfinite(one).all() for one in (outcome.rewards, outcome.shares, outcome.costs)):
            yield Fault("not_finite", f"rewards or costs of step {step}")
        elif not wrong and not _close(outcome.shares.sum(axis=1), outcome.rewards, ROUNDING):
            yield Fault("shares_do_not_sum", f"step {step}")
    if episode.ended != [False] * simulator.n_steps + [True]:
        last = episode.ended.index(True) if True in episode.ended else "none"
        yield Fault("wrong_end", f"done after step {last}, n_steps is {simulator.n_steps}")


def _wrong_shapes(record: Any, shapes: dict[str, tuple[int, ...]], step: int) -> Iterator[Fault]:
    for name, shape in shapes.items():
        if (found := getattr(record, name).shape) != shape:
            yield Fault("wrong_shape", f"{name} of step {step}: {found}, not {shape}")


def _of_episodes(make: Make, seeds: list[int], actions: list[Actions], first: _Episode) -> Iterator[Fault]:
    """The same seeds again, in a new simulator and in the next episode of one; then each world alone."""
    simulator = make()
    for again in ("a new simulator", "the next episode of a simulator"):
        if (step := _parting(first, _replay(simulator, seeds, actions), slice(None), 0.0)) is not None:
            yield Fault("not_repeatable", f"{again}, step {step}")
            return
    for world, seed in enumerate(seeds):
        alone = _replay(simulator, [seed], [one[world : world + 1] for one in actions])
        if (step := _parting(first, alone, slice(world, world + 1), ROUNDING)) is not None:
            yield Fault("depends_on_its_batch", f"world {world} of {len(seeds)}, step {step}")
            return


def _replay(simulator: BatchedSimulator, seeds: list[int], actions: list[Actions]) -> _Episode:
    simulator.reset(seeds)
    episode = _Episode([], [], [])
    for one in actions:
        episode.seen.append(_copy(simulator.observe()))
        episode.outcomes.append(simulator.step(one))
    episode.seen.append(_copy(simulator.observe()))
    return episode


def _parting(batch: _Episode, other: _Episode, worlds: slice, rounding: float) -> int | None:
    """First step at which two episodes differ."""
    for step, (a, b) in enumerate(zip(batch.seen, other.seen, strict=True)):
        if not _same(_cut(a, worlds), b, rounding):
            return step
        earned = zip(batch.outcomes[step : step + 1], other.outcomes[step : step + 1], strict=True)
        if not all(_same(_cut(a, worlds), b, rounding) for a, b in earned):
            return step
    return None


def _of_masked_actions(make: Make, seeds: list[int], actions: list[Actions]) -> Iterator[Fault]:
    """Each masked action, for all agents it is masked for, against action 0 in its place."""
    for action in range(1, make().n_actions):
        simulator, honest = make(), make()
        simulator.reset(seeds)
        honest.reset(seeds)
        for step, one in enumerate(actions):
            mask = honest.observe().mask
            allowed = np.where(np.take_along_axis(mask, one[..., None], axis=-1)[..., 0], one, 0)
            masked = ~mask[..., action]
            zero = np.where(masked, 0, allowed)
            expected = honest.step(zero)
            try:
                outcome = simulator.step(np.where(masked, action, allowed))
            except ValueError:
                outcome = simulator.step(zero)
            if not _same(expected, outcome, 0.0):
                yield Fault("masked_action_counts", f"action {action}, step {step}")
                return


def _copy(seen: Observation) -> Observation:
    return _each(seen, lambda array: array.copy())


def _cut(record: Any, worlds: slice) -> Any:
    return _each(record, lambda array: array[worlds])


def _each(record: Any, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Any:
    """The same record with each of its arrays changed."""
    values = (getattr(record, one.name) for one in fields(record))
    return type(record)(*(change(value) if isinstance(value, np.ndarray) else value for value in values))


def _same(one: Any, other: Any, rounding: float) -> bool:
    pairs = ((getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return all(_close(a, b, rounding) for a, b in pairs)


def _close(a: Any, b: Any, rounding: float) -> bool:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape:
        return a.size == b.size == 0
    scale = float(np.abs(b).max(initial=1.0)) if rounding else 0.0
    return bool(np.isclose(a, b, rtol=0.0, atol=rounding * scale, equal_nan=True).all())

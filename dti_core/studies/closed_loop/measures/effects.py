"""Whom the closed loop serves: closed against frozen and against shuffled feedback, in a world of firms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.errors import DataError
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, mean_over_seeds, share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.closed_loop.data.loop import Loop
from dti_core.studies.closed_loop.measures.spans import both, of_world, span
from dti_core.studies.closed_loop.methods import METHODS, Signals
from dti_core.studies.closed_loop.model.draws import PRIORS, Prior, draw_places, sizes_at
from dti_core.studies.closed_loop.model.firms import HABITS, Habits, Shocks, deaf, draw_habits, draw_shocks
from dti_core.studies.closed_loop.model.world import GROUPS, at_once, outcome, simulate, welfare
from dti_core.studies.closed_loop.worlds.loops import responsive

Array = NDArray[np.float64]
PERCENT, SHARE = "% of the level, better upwards", "share of the assumption set"
#: What the verdicts count in: of the median of what technology adds to all firms, under the same prior.
OF_TECHNOLOGY = "% of what technology adds"
#: Draws of sizes in a task, which share a ratio of large to small firms; draws and worlds of a control world;
#: most cells at the bound.
TASK, CONTROL_DRAWS, CONTROL_WORLDS, MOST_CLIPPED = 10, 40, 4, 0.01
#: Percent of what technology adds from which an effect is of interest.
MATTERS = 10.0
#: Technology is taken to add a hundred times this percent at least, so that no share of nothing is told.
LEAST_ADDED = 1e-5
#: The closed loop where no technology does anything.
WITHOUT = "without"
#: effect: what is compared with the closed loop, or with frozen feedback.
EFFECTS = {
    "technology": ("closed", WITHOUT),
    "total": ("closed", "frozen"),
    "information": ("closed", "permuted"),
    "dealing": ("closed", "deal_permuted"),
    "needs": ("closed", "need_permuted"),
    "small": ("closed", "small_permuted"),
    "large": ("closed", "large_permuted"),
    "level": ("permuted", "frozen"),
}
#: What the verdicts rest on: effects in what groups of firms achieve or sell.
SENTENCES = {
    "sales_of_the_lesser": "feedback told right, for sales of small or of large firms, whichever gain less",
    "sales_of_all": "closed loop over an even deal, for sales of all firms",
    "sales_of_small": "closed loop over an even deal, for sales of small firms",
    "needs_told": "needs told right over needs of another firm, in what all firms achieve",
    "needs_over_push": "closed loop over an even deal, in what all firms achieve",
    "feedback_told": "feedback told right over that of another firm, in what all firms achieve",
    "resources_dealt": "resources dealt to who needs them over another firm's needs, in what all firms "
    "achieve",
    "small_over_large": "feedback of small firms over that of large ones, in what all firms achieve",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """Draws of sizes to be followed through worlds of firms; a seed a world."""

    loop: Loop
    sizes: Array
    n_firms: int
    n_quarters: int
    worlds: tuple[int, ...]
    habits: Habits = HABITS
    deaf: bool = False


Outcomes = dict[str, Array]


def follow(trial: Trial) -> Outcomes:
    """Method -> (n_draws, n_groups, n_nodes + 1) outcomes in percent, mean over worlds; welfare comes last.

    Beside them, by the names of sentences, (n_worlds, n_draws) what was gained in each world alone.

    Raises
    ------
    DataError if the sizes drive more than a hundredth of all cells beyond what is followed.
    """
    found: dict[str, list[Array]] = {name: [] for name in (*METHODS, WITHOUT)}
    idle = np.where(trial.loop.kind("technology"), 0.0, trial.sizes)
    for world in trial.worlds:
        rng = np.random.default_rng(world)
        shocks = draw_shocks(trial.loop.roles, trial.n_firms, trial.n_quarters, rng, trial.habits)
        shocks = deaf(shocks, rng) if trial.deaf else shocks
        for name, parts in found.items():
            sizes = idle if name == WITHOUT else trial.sizes
            method = METHODS["closed" if name == WITHOUT else name]
            parts.append(_levels(trial, sizes, shocks, method.run))
    alone: dict[str, list[Array]] = {name: [] for name in SENTENCES}
    for world in range(len(trial.worlds)):
        outcomes = {name: parts[world] for name, parts in found.items()}
        for name in SENTENCES:
            if (told := gained(trial.loop, outcomes, name)) is not None:
                alone[name].append(told)
    told_apart = {name: np.array(parts) for name, parts in alone.items() if parts}
    return {name: np.mean(parts, axis=0) for name, parts in found.items()} | told_apart


def _levels(trial: Trial, sizes: Array, shocks: Shocks, signals: Signals) -> Array:
    """(n_draws, n_groups, n_nodes + 1) outcomes of one world, as many draws at once as are followed best."""
    parts, together = [], at_once(trial.n_firms)
    for first in range(0, len(sizes), together):
        some = sizes[first : first + together]
        course = simulate(trial.loop, some, shocks, signals(trial.loop, len(some)), trial.habits)
        _refuse_clipped(course.clipped)
        levels = outcome(trial.loop, course)
        parts.append(np.concatenate([levels, welfare(trial.loop, levels)[..., None]], axis=2))
    return np.concatenate(parts)


def _refuse_clipped(clipped: Array) -> None:
    if (worst := float(clipped.max())) > MOST_CLIPPED:
        raise DataError(
            f"cards: these sizes drive {worst:.1%} of cells beyond what the world follows (at most "
            f"{MOST_CLIPPED:.0%}). Give smaller elasticities, or ask for the return ratio alone."
        )


def gained(loop: Loop, found: Outcomes, name: str) -> Array | None:
    """(n_draws,) what is gained, in percent of the level; None where the loop has no node `sales`."""
    small, large, everybody = (GROUPS.index(word) for word in ("small", "large", "all"))
    closed = found["closed"]
    others = {"needs_told": "need_permuted", "needs_over_push": "frozen", "feedback_told": "permuted",
              "resources_dealt": "deal_permuted"}  # fmt: skip
    if name in others:
        return np.asarray((closed - found[others[name]])[:, everybody, -1])
    if name == "small_over_large":
        return np.asarray((found["large_permuted"] - found["small_permuted"])[:, everybody, -1])
    if "sales" not in loop.nodes:
        return None
    sales = loop.nodes.index("sales")
    if name == "sales_of_the_lesser":
        informed = (closed - found["permuted"])[..., sales]
        return np.asarray(np.minimum(informed[:, small], informed[:, large]))
    return np.asarray((closed - found["frozen"])[:, everybody if name == "sales_of_all" else small, sales])


def added(loop: Loop, found: Outcomes, name: str) -> float:
    """A hundredth of what technology adds to sales, or to what all firms achieve, at the median draw."""
    column = loop.nodes.index("sales") if name.startswith("sales") else -1
    values = (found["closed"] - found[WITHOUT])[:, GROUPS.index("all"), column]
    return max(abs(float(np.median(values))) / 100, LEAST_ADDED)


def sentence(loop: Loop, found: Outcomes, name: str) -> Array | None:
    """(n_draws,) what a verdict rests on, in percent of what technology adds; None without a node `sales`."""
    gain = gained(loop, found, name)
    return None if gain is None else np.asarray(gain / added(loop, found, name))


def follow_all(loop: Loop, places: Array, trial: Trial) -> dict[Prior, Outcomes]:
    """Outcomes of all draws under both priors, spread over cores."""
    tasks = {}
    for prior in PRIORS:
        sizes = sizes_at(loop, places, prior)
        for first in range(0, len(places), TASK):
            habits = draw_habits(np.random.default_rng([trial.worlds[0], first]))
            some = sizes[first : first + TASK]
            tasks[f"{prior} {first}"] = Trial(
                loop, some, trial.n_firms, trial.n_quarters, trial.worlds, habits, trial.deaf
            )
    done = run_keyed(follow, tasks, "worlds of firms")
    found: dict[Prior, Outcomes] = {}
    for prior in PRIORS:
        parts: list[Outcomes] = [done[key] for key in tasks if key.startswith(prior)]
        found[prior] = _joined(parts)
    return found


def study_effects(loop: Loop, found: Mapping[Prior, Outcomes]) -> Findings:
    """Total, level and information effects of feedback by outcome and group, with shares of signs."""
    findings = Findings(list(_each(loop, found)))
    for name in SENTENCES:
        values = {prior: sentence(loop, one, name) for prior, one in found.items()}
        told = {prior: one for prior, one in values.items() if one is not None}
        if told:
            pooled = np.concatenate(list(told.values()))
            findings.estimates += [
                both(told).estimate(name, OF_TECHNOLOGY),
                share(int((pooled > MATTERS).sum()), len(pooled)).estimate(f"{name}_share", SHARE, of=name),
            ]
            if min(len(one[name]) for one in found.values()) > 1:
                luck = [one[name].mean(axis=1) / added(loop, one, name) for one in found.values()]
                findings.estimates.append(
                    mean_over_seeds(np.mean(luck, axis=0)).estimate(f"worlds_{name}", OF_TECHNOLOGY, of=name)
                )
    return findings


def _each(loop: Loop, found: Mapping[Prior, Outcomes]) -> Iterator[Estimate]:
    columns = [(n, name) for n, name in enumerate(loop.nodes) if loop.better[n]] + [(-1, "welfare")]
    for effect, (one, other) in EFFECTS.items():
        for group, word in enumerate(GROUPS):
            for column, name in columns:
                for prior, outcomes in found.items():
                    values = (outcomes[one] - outcomes[other])[:, group, column]
                    at = {
                        "method": one if other == WITHOUT else other,
                        "effect": effect,
                        "outcome": name,
                        "group": word,
                        "prior": prior,
                    }
                    end = f"{effect}_{name}_{word}_{prior.replace('-', '_')}"
                    yield span(values).estimate(end, PERCENT, **at)
                    positive = share(int((values > 0).sum()), len(values))
                    yield positive.estimate(f"share_{end}", SHARE, sign="above 0", **at)


@dataclass(frozen=True, slots=True)
class Control:
    """A control world of firms to be drawn: by name, with the loop of the cards and a seed."""

    world: str
    loop: Loop
    n_firms: int
    n_quarters: int
    seed: int


def study_controls(
    loop: Loop, n_firms: int, n_quarters: int, n_controls: int, seeds: np.random.SeedSequence
) -> list[Estimate]:
    """What the verdicts rest on where signals say nothing, and where they help for certain."""
    words = seeds.generate_state(2 * n_controls).reshape(2, -1)
    tasks = {
        f"{world} {k}": Control(world, loop, n_firms, n_quarters, int(word))
        for world, row in zip(("null", "planted"), words, strict=True)
        for k, word in enumerate(row)
    }
    done = run_keyed(of_control, tasks, "control worlds of firms")
    estimates = []
    for name in SENTENCES:
        for world in ("null", "planted"):
            drawn = [done[key][name] for key in tasks if key.startswith(world) and name in done[key]]
            if drawn:
                estimates.append(of_world(name, OF_TECHNOLOGY, world, drawn))
    return estimates


def of_control(asked: Control) -> dict[str, Interval]:
    """What the verdicts rest on, in one draw of a control world."""
    rng = np.random.default_rng(asked.seed)
    null = asked.world == "null"
    loop = asked.loop if null else responsive(rng)
    places = draw_places(loop, CONTROL_DRAWS, rng)
    size = asked.n_firms, asked.n_quarters
    worlds = tuple(int(word) for word in rng.integers(2**31, size=CONTROL_WORLDS))
    found: dict[Prior, Outcomes] = {}
    for prior in PRIORS:
        sizes = sizes_at(loop, places, prior)
        parts = [
            follow(Trial(loop, sizes[first : first + TASK], *size, worlds, draw_habits(rng), null))
            for first in range(0, len(sizes), TASK)
        ]
        found[prior] = _joined(parts)
    told: dict[str, Interval] = {}
    for name in SENTENCES:
        values = {prior: sentence(loop, one, name) for prior, one in found.items()}
        if all(one is not None for one in values.values()):
            told[name] = both({prior: one for prior, one in values.items() if one is not None})
    return told


def _joined(parts: Sequence[Outcomes]) -> Outcomes:
    """Outcomes of several tasks as those of one; of sentences draws stand in columns, of methods in rows."""
    return {
        name: np.concatenate([one[name] for one in parts], axis=1 if name in SENTENCES else 0)
        for name in parts[0]
    }

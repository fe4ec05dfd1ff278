"""Whom the closed loop serves: closed against frozen and against shuffled feedback, in a world of firms."""

from collections.abc import Iterator, Mapping
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
from dti_core.studies.closed_loop.model.firms import HABITS, Habits, Shocks, deaf, draw_shocks
from dti_core.studies.closed_loop.model.world import GROUPS, at_once, outcome, simulate, welfare
from dti_core.studies.closed_loop.worlds.loops import responsive

Array = NDArray[np.float64]
PERCENT, SHARE = "% of the level, better upwards", "share of the assumption set"
#: Draws of sizes in one task, and of a control world; the most cells at the bound.
TASK, CONTROL_DRAWS, MOST_CLIPPED = 48, 40, 0.01
#: The closed loop where no technology does anything.
WITHOUT = "without"
#: effect: what is compared with the closed loop, or with frozen feedback.
EFFECTS = {
    "total": ("closed", "frozen"),
    "information": ("closed", "permuted"),
    "level": ("permuted", "frozen"),
}
#: What the verdicts rest on: effects in the welfare or the sales of groups of firms.
SENTENCES = {
    "sales_of_the_lesser": "information for sales, of small or of large firms, whichever is less",
    "sales_of_all": "total effect on the sales of all firms",
    "sales_of_small": "total effect on the sales of small firms",
    "needs_told": "needs told right over needs of another firm, in what all firms achieve",
    "needs_over_push": "closed loop over an even deal at the level of the start, in what all firms achieve",
    "feedback_told": "feedback told right over that of another firm, in what all firms achieve",
    "small_over_large": "feedback of small firms over that of large ones, in what all firms achieve",
}


#: What is planted for which sentences: firms as they are, or firms of which small ones are most.
_PLANTED = (
    (tuple(name for name in SENTENCES if name != "small_over_large"), HABITS),
    (("small_over_large",), Habits(large_over_small=1.0)),
)


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

    Beside them, by the names of sentences, (n_worlds, n_draws) what each world alone would say.

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
            if (told := sentence(trial.loop, outcomes, name)) is not None:
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


def sentence(loop: Loop, found: Outcomes, name: str) -> Array | None:
    """(n_draws,) what a verdict rests on; None where the loop has no node `sales`."""
    small, large, everybody = (GROUPS.index(word) for word in ("small", "large", "all"))
    sales = loop.nodes.index("sales") if "sales" in loop.nodes else None
    informed, total = (found["closed"] - found[word] for word in ("permuted", "frozen"))
    match name:
        case "needs_told":
            return np.asarray((found["closed"] - found["need_permuted"])[:, everybody, -1])
        case "needs_over_push":
            return np.asarray(total[:, everybody, -1])
        case "feedback_told":
            return np.asarray(informed[:, everybody, -1])
        case "small_over_large":
            return np.asarray((found["large_permuted"] - found["small_permuted"])[:, everybody, -1])
    if sales is None:
        return None
    match name:
        case "sales_of_the_lesser":
            return np.asarray(np.minimum(informed[:, small, sales], informed[:, large, sales]))
        case "sales_of_all":
            return np.asarray(total[:, everybody, sales])
        case _:
            return np.asarray(total[:, small, sales])


def follow_all(loop: Loop, places: Array, trial: Trial) -> dict[Prior, Outcomes]:
    """Outcomes of all draws under both priors, spread over cores."""
    tasks = {}
    for prior in PRIORS:
        sizes = sizes_at(loop, places, prior)
        for first in range(0, len(places), TASK):
            some = sizes[first : first + TASK]
            tasks[f"{prior} {first}"] = Trial(
                loop, some, trial.n_firms, trial.n_quarters, trial.worlds, trial.habits, trial.deaf
            )
    done = run_keyed(follow, tasks, "worlds of firms")
    found: dict[Prior, Outcomes] = {}
    for prior in PRIORS:
        parts: list[Outcomes] = [done[key] for key in tasks if key.startswith(prior)]
        found[prior] = {
            name: np.concatenate([one[name] for one in parts], axis=1 if name in SENTENCES else 0)
            for name in parts[0]
        }
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
                both(told).estimate(name, PERCENT),
                share(int((pooled > 0).sum()), len(pooled)).estimate(f"{name}_share", SHARE, of=name),
            ]
            if min(len(one[name]) for one in found.values()) > 1:
                luck = [one[name].mean(axis=1) for one in found.values()]
                findings.estimates.append(
                    mean_over_seeds(np.mean(luck, axis=0)).estimate(f"worlds_{name}", PERCENT, of=name)
                )
    return findings


def _each(loop: Loop, found: Mapping[Prior, Outcomes]) -> Iterator[Estimate]:
    columns = [(n, name) for n, name in enumerate(loop.nodes) if loop.better[n]] + [(-1, "welfare")]
    for effect, (one, other) in EFFECTS.items():
        for group, word in enumerate(GROUPS):
            for column, name in columns:
                for prior, outcomes in found.items():
                    values = (outcomes[one] - outcomes[other])[:, group, column]
                    at = {"effect": effect, "outcome": name, "group": word, "prior": prior}
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
                estimates.append(of_world(name, PERCENT, world, drawn))
    return estimates


def of_control(asked: Control) -> dict[str, Interval]:
    """What the verdicts rest on, in one draw of a control world.

    Where an effect is planted, small firms are planted to be most of all sales for what is said of them.
    """
    rng = np.random.default_rng(asked.seed)
    null = asked.world == "null"
    told: dict[str, Interval] = {}
    for names, habits in _PLANTED:
        loop = asked.loop if null else responsive(rng)
        places = draw_places(loop, CONTROL_DRAWS if null else 2, rng)
        size, world = (asked.n_firms, asked.n_quarters), (int(rng.integers(2**31)),)
        found = {
            prior: follow(
                Trial(loop, sizes_at(loop, places, prior), *size, world, HABITS if null else habits, null)
            )
            for prior in PRIORS
        }
        for name in SENTENCES if null else names:
            values = {prior: sentence(loop, one, name) for prior, one in found.items()}
            if all(one is not None for one in values.values()):
                told[name] = both({prior: one for prior, one in values.items() if one is not None})
        if null:
            break
    return told

"""The forecaster of study [6], trained on one panel and carried to another.

Networks are trained in groups. A placebo draws its windows from many shuffles of the targets, so that no two
networks of a group share the luck of one. In the target field every arm stops where the last third of the
learning rows is forecast best, within a common number of steps.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.forecaster import LstmSettings, fit_lstm
from dti_core.lab.parallel import run_keyed
from dti_core.studies.spillover.data.panels import PANELS, Panel
from dti_core.studies.spillover.methods.task import Task
from dti_core.studies.spillover.model.gains import Outcome, all_gains, all_null_gains, gains
from dti_core.studies.spillover.model.losses import NAIVE, PLACEBO, WITH, WITHOUT, Array, Losses
from dti_core.studies.spillover.model.sequences import (
    RIVALS,
    Rows,
    Sample,
    judged_ends,
    learning_ends,
    naive,
    promoted,
    sample,
)
from dti_core.studies.spillover.worlds.series import (
    SOURCE_SIZE,
    TARGET_ENDS,
    TARGET_SERIES,
    TARGET_TESTED,
    Tent,
)

Weights = NDArray[np.float32]
#: Most planted worlds of a cell; its draws are dealt to them, and its networks shared out among them.
MOST_WORLDS, LEAST_NETWORKS = 5, 8
#: Networks that are trained at once, and shuffles of the targets that a placebo's windows are drawn from.
GROUP, SHUFFLES = 20, 16
HIDDEN, BATCH = 8, 32
#: Steps between looks at the rows held back, and looks without a better one before a network stops.
CHECK_EVERY, PATIENCE = 20, 5
#: Windows that the source is learned from; of more, evenly many are left out.
MOST_WINDOWS = 40_000
#: The part carried without a step of training in the target field: told beside the arms, decides nothing.
AS_IT_CAME = "as it came"
#: Windows that stand for those held back where all steps are trained, whatever their loss.
_UNHELD = 64


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a group of networks learns: levels, rows where its windows end, sizes, seeds, and from where.

    shuffled : whether each window gets other windows' targets. start : weights (n_networks, n_weights). held
    : rows where windows end by whose loss each network stops; without any, all steps are trained.
    """

    levels: Array
    ends: Rows
    window: int
    horizon: int
    n_steps: int
    seeds: tuple[int, ...]
    shuffled: bool = False
    start: Weights | None = None
    held: Rows | None = None


def learn(lesson: Lesson) -> Weights:
    """Weights (n_networks, n_weights) after all steps, or where the rows held back are forecast best."""
    windows, targets = _windows(lesson, lesson.ends)
    held = (windows[:_UNHELD], targets[:_UNHELD]) if lesson.held is None else _windows(lesson, lesson.held)
    if lesson.shuffled:
        rng = np.random.default_rng([*lesson.seeds])
        targets = np.concatenate([rng.permutation(targets) for _ in range(SHUFFLES)])
        windows = np.tile(windows.astype(np.float32), (SHUFFLES, 1))
    patience = 0 if lesson.held is None else PATIENCE
    settings = _settings(lesson.window, lesson.horizon, lesson.n_steps, patience)
    return fit_lstm(windows, targets, *held, settings, lesson.seeds, lesson.start).weights


def _windows(lesson: Lesson, ends: Rows) -> tuple[Array, Array]:
    """Windows (n, window) that end at these rows, in their own units, and their targets (n,)."""
    found = sample(lesson.levels, ends, lesson.window, lesson.horizon)
    return found.values.reshape(-1, lesson.window), found.scaled.ravel()


def read(weights: Weights, asked: Sample, horizon: int) -> Array:
    """Levels (n_networks, n_ends, n_series) that networks forecast."""
    from dti_core.bridges.forecaster import LstmEnsemble

    n_ends, n_series, window = asked.values.shape
    none = np.zeros(len(weights))
    settings = _settings(window, horizon, 1, 0)
    networks = LstmEnsemble(settings, 1, weights, none, none.astype(np.int64))
    found = networks.predict(asked.values.reshape(-1, window))
    return asked.unscale(found.reshape(-1, n_ends, n_series))


def _settings(window: int, horizon: int, n_steps: int, patience: int) -> LstmSettings:
    return LstmSettings(
        hidden=HIDDEN, window_days=window, horizon_days=horizon, n_steps=n_steps, batch=BATCH,
        check_every=CHECK_EVERY, patience=patience, shared_windows=1, device="cpu",
    )  # fmt: skip


def spaced(ends: Rows, n_series: int) -> Rows:
    """Every so many of the rows that at most MOST_WINDOWS windows are left."""
    return ends[:: -(-len(ends) * n_series // MOST_WINDOWS)]


@dataclass(frozen=True, slots=True)
class Crossing:
    """One source and one target, and how long a group of networks learns on each."""

    source: Array
    target: Panel
    n_steps: int
    seeds: tuple[int, ...]


def cross(crossing: Crossing) -> dict[str, Array]:
    """Squared errors (n_networks, n_ends, n_series) of a group with the part, without it, with its placebo.

    Each arm may take as many steps, and each as many on the target at the end of them; without the part all
    are. On the target each network stops where it is best on the last third of the rows to learn from.
    """
    target, half = crossing.target, crossing.n_steps // 2
    before = spaced(
        np.arange(target.window - 1, len(crossing.source) - target.horizon), crossing.source.shape[1]
    )
    here = learning_ends(target.n_learning, target.window, target.horizon)
    asked = sample(
        target.levels, judged_ends(len(target.levels), target.n_learning, target.horizon), target.window,
        target.horizon,
    )  # fmt: skip
    there = partial(Lesson, crossing.source, before, target.window, target.horizon, crossing.n_steps)
    early, held = split(here, target.horizon)
    at_home = partial(Lesson, target.levels, early, target.window, target.horizon, held=held)
    starts = {
        WITH: learn(there(crossing.seeds)),
        PLACEBO: learn(there(tuple(seed + 1 for seed in crossing.seeds), shuffled=True)),
        WITHOUT: learn(at_home(crossing.n_steps, tuple(seed + 2 for seed in crossing.seeds))),
    }
    tuned = {
        arm: learn(at_home(half, tuple(seed + 3 for seed in crossing.seeds), start=start))
        for arm, start in starts.items()
    }
    tuned[AS_IT_CAME] = starts[WITH]
    return {arm: (read(weights, asked, target.horizon) - asked.target) ** 2 for arm, weights in tuned.items()}


def split(learning: Rows, horizon: int) -> tuple[Rows, Rows]:
    """Rows to learn from, and the last third, by which to stop; no target of the first lies in the second."""
    cut = 2 * len(learning) // 3
    return learning[: max(1, cut - horizon)], learning[cut:]


def crossed(source: Array, target: Panel, task: Task, n_networks: int, label: str) -> tuple[Losses, Array]:
    """Losses of all arms on the test rows of a target, and those of the part as it came."""
    words = task.seeds("networks").generate_state(-(-n_networks // GROUP), np.uint32)
    groups = {
        k: Crossing(source, target, task.effort.n_steps, tuple(int(word) * 1000 + 4 * j for j in range(size)))
        for k, (word, size) in enumerate(zip(words, _sizes(n_networks), strict=True))
    }
    found = run_keyed(cross, groups, label)
    arms = {arm: np.concatenate([one[arm] for one in found.values()]) for arm in found[0]}
    untuned = by_period(arms.pop(AS_IT_CAME), target.block)
    ends = judged_ends(len(target.levels), target.n_learning, target.horizon)
    learning = learning_ends(target.n_learning, target.window, target.horizon)
    truth = target.levels[ends + target.horizon]
    for name, rival in {NAIVE: naive, **RIVALS}.items():
        arms[name] = ((rival(target.levels, learning, ends, target.window, target.horizon) - truth) ** 2)[
            None
        ]
    if target.planned is not None:
        moved = promoted(target.levels, target.planned, learning, ends, target.horizon)
        arms["plans"] = ((moved - truth) ** 2)[None]
    losses = {arm: by_period(loss, target.block) for arm, loss in arms.items()}
    n_periods = losses[NAIVE].shape[2]
    rows = np.bincount(np.arange(len(ends)) // target.block, minlength=n_periods)[:n_periods]
    return Losses(losses, np.tile(rows.astype(float), (truth.shape[1], 1))), untuned


def _sizes(n_networks: int) -> list[int]:
    whole, rest = divmod(n_networks, GROUP)
    return [GROUP] * whole + [rest] * (rest > 0)


def by_period(loss: Array, block: int) -> Array:
    """Mean losses (n_seeds, n_series, n_periods) of (n_seeds, n_ends, n_series), the last period as it is."""
    cuts = range(0, loss.shape[1], block)
    return np.stack([loss[:, cut : cut + block].mean(axis=1) for cut in cuts], axis=2)


def carry(task: Task) -> Outcome:
    """The forecaster of one panel on another, as `task.about` names them, and both control worlds."""
    source, target = task.about
    return onto(PANELS[target].load_target(), source, f"{source} to {target}", task)


def onto(panel: Panel, source: str, label: str, task: Task) -> Outcome:
    """The forecaster of a source on any panel.

    Without transfer the part's gain over its placebo is given back, and nothing else stands against it;
    planted, both panels are drawn from one bent autoregression of which the target has few rows.
    """
    effort, rng = task.effort, task.stream("draws")
    levels = PANELS[source].load().levels
    observed, untuned = crossed(levels, panel, task, effort.n_networks, f"networks, {label}")
    n_seeds = max(2, effort.n_networks // 2)
    null = [observed.without_effect(n_seeds, rng) for _ in range(effort.n_draws)]
    planted = planted_losses(task, panel, f"networks, {label}")
    pool = [planted[k % len(planted)].drawn(n_seeds, rng) for k in range(effort.n_draws)]
    found = gains(observed)
    untouched = replace(observed, arms={**observed.arms, AS_IT_CAME: untuned})
    told = {**found.losses, AS_IT_CAME: 100.0 * untouched.mean(AS_IT_CAME) / untouched.mean(NAIVE)}
    return Outcome(replace(found, losses=told), all_null_gains(null), all_gains(pool))


def planted_losses(task: Task, like: Panel, label: str) -> list[Losses]:
    """Losses in worlds of bent series, of windows and horizon as in `like`, each with networks of its own."""
    n_networks = task.effort.n_networks
    n_worlds = max(1, min(MOST_WORLDS, n_networks // LEAST_NETWORKS))
    found = []
    for number in range(n_worlds):
        source, target = planted_panels(like, task.stream("planted", str(number)))
        one = replace(task, seed=int(task.seeds("planted", str(number)).generate_state(1)[0]))
        losses, _ = crossed(source, target, one, n_networks // n_worlds, f"{label}, planted {number + 1}")
        found.append(losses)
    return found


def planted_panels(like: Panel, rng: np.random.Generator) -> tuple[Array, Panel]:
    """Levels of a source, and a target of the same process that has few rows to learn from."""
    n_learning = like.window + TARGET_ENDS
    n_rows, names = n_learning + TARGET_TESTED, tuple(map(str, range(TARGET_SERIES)))
    source, target = (Tent().draw(*size, rng) for size in (SOURCE_SIZE, (n_rows, TARGET_SERIES)))
    return source, Panel(target, names, 1, like.window, like.block, None, (n_learning + 0.5) / n_rows)

"""Feedback on real streams: a forecaster retuned by rounds on what happened, and what it is set against.

Never retuned, retuned for as many steps on the rows it learned first (no feedback: the better of the two),
and retuned for as many steps on permuted outcomes (false feedback).
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from dti_core.lab.intervals import Interval
from dti_core.lab.parallel import run_keyed
from dti_core.studies.spillover.data.panels import PANELS, Panel
from dti_core.studies.spillover.methods.forecaster import (
    GROUP,
    Lesson,
    Weights,
    by_period,
    learn,
    read,
    spaced,
)
from dti_core.studies.spillover.methods.task import Task
from dti_core.studies.spillover.model.gains import Outcome, all_gains, all_null_gains, gains
from dti_core.studies.spillover.model.losses import NAIVE, PLACEBO, WITH, WITHOUT, Array, Losses
from dti_core.studies.spillover.model.sequences import RIVALS, Rows, judged_ends, learning_ends, naive, sample
from dti_core.studies.spillover.worlds.series import Tent

#: Rounds into which the test rows are cut; before each the networks are tuned on all that has happened.
N_ROUNDS = 6
#: Share of the first training's steps that each retuning takes.
RETUNING = 0.25
#: The two ways to have no feedback; in the contest the better one stands as the method without it.
FROZEN, OLD = "never retuned", "retuned on old rows"
#: The planted stream: rows before its process changes, which alone are learned from, rows after, and series.
CHANGED_SIZE = (40, 150, 40)


@dataclass(frozen=True, slots=True)
class Stream:
    """One group of networks on one stream: the panel, steps of the first training, seeds."""

    panel: Panel
    n_steps: int
    seeds: tuple[int, ...]


def rounds(panel: Panel) -> list[Rows]:
    """Rows at which the windows of each round's forecasts end; whole periods, in order of time."""
    ends = judged_ends(len(panel.levels), panel.n_learning, panel.horizon)
    periods = [ends[cut : cut + panel.block] for cut in range(0, len(ends), panel.block)]
    n_rounds = min(N_ROUNDS, len(periods))
    chunks = np.array_split(np.arange(len(periods)), n_rounds)
    return [np.concatenate([periods[k] for k in chunk]) for chunk in chunks]


def follow(stream: Stream) -> dict[str, Array]:
    """Squared errors (n_networks, n_ends, n_series): retuned on outcomes, falsehoods, old rows; never."""
    panel = stream.panel
    lesson = partial(Lesson, panel.levels, window=panel.window, horizon=panel.horizon)
    n_series = panel.levels.shape[1]
    first = spaced(learning_ends(panel.n_learning, panel.window, panel.horizon), n_series)
    weights = learn(lesson(ends=first, n_steps=stream.n_steps, seeds=stream.seeds))
    now: dict[str, Weights] = dict.fromkeys((FROZEN, OLD, WITH, PLACEBO), weights)
    errors: dict[str, list[Array]] = {arm: [] for arm in now}
    n_steps = max(1, int(RETUNING * stream.n_steps))
    for k, ends in enumerate(rounds(panel)):
        if k:
            known = spaced(np.arange(panel.window - 1, int(ends[0]) + 1 - panel.horizon), n_series)
            seeds = tuple(seed + k for seed in stream.seeds)
            for arm, rows in ((WITH, known), (PLACEBO, known), (OLD, first)):
                now[arm] = learn(lesson(
                    ends=rows, n_steps=n_steps, seeds=seeds, shuffled=arm == PLACEBO, start=now[arm],
                ))  # fmt: skip
        asked = sample(panel.levels, ends, panel.window, panel.horizon)
        for arm, current in now.items():
            errors[arm].append((read(current, asked, panel.horizon) - asked.target) ** 2)
    return {arm: np.concatenate(parts, axis=1) for arm, parts in errors.items()}


def followed(panel: Panel, task: Task, label: str) -> Losses:
    """Losses of all arms on a stream, the first round included, in which they are equal."""
    n = task.effort.n_networks
    words = task.seeds(label).generate_state(-(-n // GROUP), np.uint32)
    sizes = [min(GROUP, n - GROUP * k) for k in range(len(words))]
    streams = {
        k: Stream(panel, task.effort.n_steps, tuple(int(word) * 1000 + 10 * j for j in range(size)))
        for k, (word, size) in enumerate(zip(words, sizes, strict=True))
    }
    found = run_keyed(follow, streams, label)
    arms = {arm: np.concatenate([one[arm] for one in found.values()]) for arm in found[0]}
    ends = np.concatenate(rounds(panel))
    learning = learning_ends(panel.n_learning, panel.window, panel.horizon)
    truth = panel.levels[ends + panel.horizon]
    for name, rival in {NAIVE: naive, **RIVALS}.items():
        arms[name] = ((rival(panel.levels, learning, ends, panel.window, panel.horizon) - truth) ** 2)[None]
    losses = {arm: by_period(loss, panel.block) for arm, loss in arms.items()}
    losses[WITHOUT] = min((losses[FROZEN], losses[OLD]), key=lambda one: float(np.mean(one)))
    rows = np.bincount(np.arange(len(ends)) // panel.block).astype(float)
    return Losses(losses, np.tile(rows, (truth.shape[1], 1)))


def contest(losses: Losses) -> Losses:
    """The arms of which the better way to have no feedback stands for both."""
    return replace(losses, arms={arm: one for arm, one in losses.arms.items() if arm not in (FROZEN, OLD)})


def slope(losses: Losses, panel: Panel) -> tuple[Interval, pd.DataFrame]:
    """By how many points of the naive loss the gain over false feedback grows a round, and each round's gain.

    The interval is Student's t of a straight line through the rounds.
    """
    import statsmodels.api as sm

    n_rows = np.cumsum([len(ends) for ends in rounds(panel)])
    of_period = np.searchsorted(n_rows, panel.block * np.arange(losses.rows.shape[1]), side="right")
    found = []
    for k in range(len(n_rows)):
        part = of_period == k
        arms = {arm: loss[..., part] for arm, loss in losses.arms.items()}
        gain = replace(losses, arms=arms, rows=losses.rows[:, part])
        found.append((k, gain.gain(PLACEBO), gain.gain(OLD), gain.gain(FROZEN)))
    against = ("over false feedback", "over old rows", "over none")
    table = pd.DataFrame({
        "round": [k for k, *_ in found],
        **{f"{name} {end}": [getattr(one[place], end) for one in found]
           for place, name in enumerate(against, start=1) for end in ("value", "low", "high")},
    })  # fmt: skip
    values = np.array([one.value for _, one, *_ in found])
    if len(values) < 3:
        return Interval(0.0, -100.0, 100.0, 0.0, len(values), "too few rounds for a line"), table
    fit = sm.OLS(values, sm.add_constant(np.arange(len(values), dtype=float))).fit()
    low, high = fit.conf_int()[1]
    how = f"straight line through {len(values)} rounds, Student t"
    return Interval(float(fit.params[1]), float(low), float(high), float(fit.bse[1]), len(values), how), table


def feed_back(task: Task) -> Outcome:
    """Feedback on the panel that `task.about` names, and both control worlds.

    Without effect its gain over false feedback is given back, with nothing else against it; planted, the
    process changes after what is learned from.
    """
    (name,) = task.about
    panel, rng = PANELS[name].load(), task.stream("draws")
    arms = followed(panel, task, f"feedback, {name}")
    observed = contest(arms)
    n_seeds = max(2, task.effort.n_networks // 2)
    null = [observed.without_effect(n_seeds, rng) for _ in range(task.effort.n_draws)]
    planted = contest(followed(changed_stream(panel, task), task, f"feedback, planted, {name}"))
    pool = [planted.drawn(n_seeds, rng) for _ in range(task.effort.n_draws)]
    grows, table = slope(arms, panel)
    estimates = [grows.estimate(f"feedback_slope_{name}", "points of the naive loss a round", panel=name)]
    for over, told in ((OLD, "old_rows"), (FROZEN, "none")):
        gain = arms.gain(over)
        estimates.append(gain.estimate(f"feedback_{name}_over_{told}", "% of the naive loss", panel=name))
    series = {f"feedback_{name}_rounds": table}
    return Outcome(gains(observed), all_null_gains(null), all_gains(pool), tuple(estimates), series)


def changed_stream(like: Panel, task: Task) -> Panel:
    """A stream that is noise where networks first learn, and bent after, so that only feedback teaches it."""
    before, after, n_series = CHANGED_SIZE
    rng = task.stream("changed")
    bent = Tent().draw(after, n_series, rng)
    silent = rng.normal(bent.mean(), bent.std(), size=(before, n_series))
    levels = np.concatenate([silent, bent])
    names = tuple(str(k) for k in range(n_series))
    return Panel(levels, names, 1, like.window, like.block, None, (before + 0.5) / len(levels))

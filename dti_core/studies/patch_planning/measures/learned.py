"""Claim C6c: do agents that learned earn more than a tuned rule, at equal hours and money?

The rule is the one the agents start from, so that what they gain is what learning brings. Each world of the
assumption set has a tuning of its own and several trainings, which tell a world that gains from a training
that was lucky.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, block_bootstrap, mean_over_seeds, share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.patch_planning.measures.ratios import resampled_gains
from dti_core.studies.patch_planning.methods.agents import Planning, keep_bids, play
from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.methods.lessons import (
    FAVOURITE,
    N_CONTROLS,
    N_TRAININGS,
    SMALL,
    Lesson,
    Variant,
    classroom,
)
from dti_core.studies.patch_planning.methods.plan import run_rolling, run_rule
from dti_core.studies.patch_planning.methods.reports import mediated
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.model.estates import Array, Ints
from dti_core.studies.patch_planning.model.plans import expected_net_usd
from dti_core.studies.patch_planning.worlds.assumed import N_ASSUMED, PREFIX
from dti_core.studies.patch_planning.worlds.draws import draw_estates

#: World in which controls are trained.
_HOME = "tight_budget"
CONTROLS: dict[str, Variant] = {"placebo": "placebo", "faulty_rule": "planted"}
OF_RULE = "share of what the tuned rule earns"
#: A gain, and (n_resamples,) what it is in resampled estates.
Judged = tuple[float, Array]


@dataclass(frozen=True, slots=True)
class Task:
    """Trainings of one world, by their seeds, that are judged on the same estates of one size."""

    world: str
    variant: Variant
    trainings: tuple[int, ...]
    n_services: int
    n_estates: int
    seeds: np.random.SeedSequence
    n_resamples: int


def study_learned(
    seeds: np.random.SeedSequence, n_small: int, n_large: int, n_draws: int, n_policies: int, n_exact: int,
    n_resamples: int, effort: Effort | None = None, large: int = 50,
) -> Findings:  # fmt: skip
    """What the favourite gains on the rule over the assumption set, and in both control worlds.

    Parameters
    ----------
    n_small, n_large : estates on which each training is judged, at 11 services and, untaught, at `large`.
    n_draws : trainings of each control world, and worlds of the assumption set, that are judged. n_policies :
    most trainings of one of these worlds. n_exact : estates of each that are planned exactly, for the room.
    """
    worlds = [f"{PREFIX}{number}" for number in range(min(n_draws, N_ASSUMED))]
    trainings = tuple(range(min(n_policies, N_TRAININGS)))
    places: dict[tuple[str, str], tuple[str, Variant, tuple[int, ...]]] = {
        (OBSERVED, world): (world, "plain", trainings) for world in worlds
    }
    places |= {
        (name, str(one)): (_HOME, variant, (one,))
        for name, variant in CONTROLS.items() for one in range(min(n_draws, N_CONTROLS))
    }  # fmt: skip
    work, rooms, fault, chance = seeds.spawn(4)
    tasks = {
        (*key, size): Task(world, variant, some, size, n, own, n_resamples)
        for (key, (world, variant, some)), own in zip(places.items(), work.spawn(len(places)), strict=True)
        for size, n in ((SMALL, n_small), (large, n_large))
    }
    judged = run_keyed(judge_trainings, tasks, "trainings judged")
    found, rows = Findings(), []
    for size in (SMALL, large):
        for who in (OBSERVED, *CONTROLS):
            by_world = {at: some for (name, at, n), some in judged.items() if (name, n) == (who, size)}
            found.estimates.append(_over(by_world, who, size))
            rows += [{"world": who, "place": at, "services": size, "gain": value, "low": low, "high": high}
                     for at, some in by_world.items()
                     for value, (low, high) in ((value, _ends(many)) for value, many in some)]  # fmt: skip
            if who == OBSERVED:
                rng = np.random.default_rng(chance.spawn(1)[0])
                found.estimates += _by_world(by_world, size, rng, n_resamples)
    _tell_rooms(found, worlds, n_exact, n_resamples, rooms, effort)
    found.estimates += _planted(4 * n_small, fault, n_resamples)
    found.series["trainings"] = pd.DataFrame(rows)
    return found


def judge_trainings(task: Task) -> list[Judged]:
    """Gain of each trained policy on the rule from which it started, and as estates are resampled."""
    drawn, chance = task.seeds.spawn(2)
    state = drawn.generate_state(task.n_estates, np.uint64).tolist()
    estates, shipped = draw_estates(task.world, task.n_services, state), load_shipped()
    lessons = [Lesson(task.world, SMALL, FAVOURITE, task.variant, one) for one in task.trainings]
    acts = [keep_bids, *(shipped.policies[one.key].act for one in lessons)]
    rule, *agents = (expected_net_usd(estates, one) for one in play(_room(task), estates, acts))
    return [
        (float(net.sum() / rule.sum() - 1),
         resampled_gains(net, rule, np.random.default_rng(own), task.n_resamples))
        for net, own in zip(agents, chance.spawn(len(agents)), strict=True)
    ]  # fmt: skip


def _room(task: Task) -> Planning:
    """In which trainings act: the room they were taught in; that of a placebo pays what is earned."""
    briefing = load_shipped().briefing(task.world, task.n_services)
    variant: Variant = "plain" if task.variant == "placebo" else task.variant
    like = draw_estates(task.world, task.n_services, [0])
    lesson = Lesson(task.world, task.n_services, FAVOURITE, variant, 0)
    room = classroom(lesson, briefing.rule, like, mediated(task.world, briefing.outage_usd))()
    assert isinstance(room, Planning)
    return room


def _tell_rooms(
    found: Findings, worlds: Sequence[str], n_estates: int, n_resamples: int, seeds: np.random.SeedSequence,
    effort: Effort | None,
) -> None:  # fmt: skip
    """What an exact plan made anew each week, at the rule's own price, earns more than the rule."""
    tasks = {world: (world, n_estates, own, n_resamples, effort)
             for world, own in zip(worlds, seeds.spawn(len(worlds)), strict=True)}  # fmt: skip
    judged = run_keyed(judge_room, tasks, "room for learning")
    at: dict[str, str | float] = {"measure": "room", "services": SMALL}
    values = [one for one, _ in judged.values()]
    low, high = _ends(np.concatenate([many for _, many in judged.values()]))
    middle, how = float(np.median(values)), f"95 % of {len(values)} worlds and resampled estates"
    found.estimates += [
        Estimate(f"room_assumed_{SMALL}", middle, min(low, middle), max(high, middle), OF_RULE, len(values),
                 how=how, at=at),
        _over_worlds(np.array(values)).estimate(f"room_assumed_mean_{SMALL}", OF_RULE, **at),  # type: ignore[arg-type]
    ]  # fmt: skip
    found.series["rooms"] = pd.DataFrame({"place": list(judged), "gain": values})


def judge_room(task: tuple[str, int, np.random.SeedSequence, int, Effort | None]) -> Judged:
    """Of one world: the gain of the exact plan on the rule, and as estates are resampled."""
    world, n_estates, seeds, n_resamples, effort = task
    drawn, chance = seeds.spawn(2)
    estates = draw_estates(world, SMALL, drawn.generate_state(n_estates, np.uint64).tolist())
    rule = load_shipped().briefing(world, SMALL).rule
    plans = run_rolling(estates, rule.price, effort).plan, run_rule(estates, rule)
    nets, rivals = (expected_net_usd(estates, plan) for plan in plans)
    gains = resampled_gains(nets, rivals, np.random.default_rng(chance), n_resamples)
    return float(nets.sum() / rivals.sum() - 1), gains


def _planted(n_estates: int, seeds: np.random.SeedSequence, n_resamples: int) -> list[Estimate]:
    """What there is to be found in the planted world: by the tuned rule, and by the best single answer."""
    drawn, chance = seeds.spawn(2)
    estates = draw_estates(_HOME, SMALL, drawn.generate_state(n_estates, np.uint64).tolist())
    room = _room(Task(_HOME, "planted", (), SMALL, n_estates, seeds, n_resamples))
    plans = play(room, estates, [_always(action) for action in range(room.n_actions)])
    faulty, *always = (expected_net_usd(estates, plan) for plan in plans)
    best = max(always, key=np.sum)
    tuned = expected_net_usd(estates, run_rule(estates, load_shipped().briefing(_HOME, SMALL).rule))
    rng = np.random.default_rng(chance)
    return [
        _single(nets, faulty, rng, n_resamples).estimate(
            f"planted_{what}_{SMALL}", "share of what the faulty rule earns", "faulty_rule", measure=what,
            services=SMALL,
        )
        for what, nets in (("room", tuned), ("single_answer", best))
    ]  # fmt: skip


def _always(action: int) -> Callable[..., Ints]:
    return lambda seen: keep_bids(seen) + action


def _single(nets: Array, rivals: Array, rng: np.random.Generator, n_resamples: int) -> Interval:
    value, many = float(nets.sum() / rivals.sum() - 1), resampled_gains(nets, rivals, rng, n_resamples)
    low, high = _ends(many)
    how = f"bootstrap of {len(nets)} estates, {n_resamples} resamples"
    return Interval(value, min(low, value), max(high, value), float(many.std()), len(nets), how)


def _ends(resampled: Array) -> tuple[float, float]:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def _over(by_world: Mapping[str, Sequence[Judged]], who: str, size: int) -> Estimate:
    """Gains of many trainings: their median, and 95 % of worlds, trainings and resampled estates together."""
    drawn = [one for some in by_world.values() for one in some]
    middle = float(np.median([value for value, _ in drawn]))
    low, high = _ends(np.concatenate([many for _, many in drawn]))
    return Estimate(
        f"agents_gain_{size}", middle, min(low, middle), max(high, middle), OF_RULE, len(drawn),
        how=f"95 % of {len(drawn)} trainings and resampled estates together", world=who,
        at={"measure": "gain of agents", "method": FAVOURITE, "services": size},
        draws=() if who == OBSERVED else tuple(_ends(many) for _, many in drawn),
    )  # fmt: skip


def _by_world(
    by_world: Mapping[str, Sequence[Judged]], size: int, rng: np.random.Generator, n_resamples: int
) -> list[Estimate]:
    """The mean over worlds, in how many it is above nothing, and how much trainings of a world differ."""
    gains = np.array([[value for value, _ in some] for some in by_world.values()])
    means, at = gains.mean(axis=1), {"services": size}
    found = [
        _over_worlds(means).estimate(f"agents_gain_mean_{size}", OF_RULE, measure="mean gain", **at),  # type: ignore[arg-type]
        share(int((means > 0).sum()), len(means)).estimate(
            f"agents_gain_share_{size}",
            "share of the assumption set",
            measure="sign",
            **at,  # type: ignore[arg-type]
        ),
    ]
    if min(gains.shape[0] - 1, gains.shape[1]) > 1:  # fewer worlds have no interval
        within = _over_worlds(gains.std(axis=1, ddof=1))
        found.append(within.estimate(f"agents_gain_luck_{size}", OF_RULE, measure="between trainings", **at))  # type: ignore[arg-type]
        part = block_bootstrap(share_of_worlds, gains, rng=rng, n_resamples=n_resamples, block=1)
        found.append(
            part.estimate(f"agents_gain_of_worlds_{size}", "share of the variance", measure="of worlds", **at)  # type: ignore[arg-type]
        )
    return found


def _over_worlds(values: Array) -> Interval:
    return replace(mean_over_seeds(values), how=f"Student t over {len(values)} worlds")


def share_of_worlds(gains: Array) -> float:
    """Of the variance of gains, (worlds, trainings), what trainings of a world share; at least 0.

    Trainings of a world are judged on the same estates, whose luck is in it beside what the world is like.

    Source: Shrout and Fleiss (1979), the intraclass correlation of one-way random effects.
    """
    k = gains.shape[1]
    between, within = k * gains.mean(axis=1).var(ddof=1), float(gains.var(axis=1, ddof=1).mean())
    return max(0.0, float((between - within) / max(between + (k - 1) * within, 1e-300)))

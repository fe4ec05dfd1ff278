"""Claim C6c: do agents that learned earn more than a tuned rule, at equal hours and money?

The rule is the one the agents start from, so that what they gain is what learning brings. Each world and
size of the assumption set has a tuning of its own and several trainings, each judged on estates of its own,
which tell a world that gains from a training, or estates, that were lucky.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, block_bootstrap, mean_over_seeds, share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.patch_planning.measures.ratios import gain, resampled_gains
from dti_core.studies.patch_planning.methods.agents import Planning, keep_bids, play
from dti_core.studies.patch_planning.methods.briefings import BEST_ORDERS
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
from dti_core.studies.patch_planning.methods.rules import Order, Price, Rule
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.methods.tuning import best_rule, tune
from dti_core.studies.patch_planning.model.estates import Array, Estates, Ints
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
    """Trainings of one world and size, by their seeds, and on how many estates each is judged."""

    world: str
    variant: Variant
    trainings: tuple[int, ...]
    n_services: int
    n_estates: int
    seeds: np.random.SeedSequence
    n_resamples: int


def study_learned(
    seeds: np.random.SeedSequence, n_small: int, n_large: int, n_draws: int, n_policies: int, n_exact: int,
    n_resamples: int, effort: Effort | None = None,
) -> Findings:  # fmt: skip
    """What the favourite gains on the rule over the assumption set, and in both control worlds.

    Parameters
    ----------
    n_small, n_large : estates on which each training is judged, of 11 and of 50 services. n_draws : trainings
    of each control world, pools of these, and worlds of the assumption set, that are judged. n_policies :
    most trainings of one of these worlds. n_exact : estates of each that are planned exactly, for the room.
    """
    worlds = [f"{PREFIX}{number}" for number in range(min(n_draws, N_ASSUMED))]
    work, rooms, fault, chance, anew = seeds.spawn(5)
    tasks: dict[tuple[str, str, int], Task] = {}
    for (size, most), n in zip(N_TRAININGS.items(), (n_small, n_large), strict=True):
        trainings = tuple(range(min(n_policies, most)))
        places: dict[tuple[str, str], tuple[str, Variant, tuple[int, ...]]] = {
            (OBSERVED, world): (world, "plain", trainings) for world in worlds
        }
        places |= {
            (name, str(one)): (_HOME, variant, (one,))
            for name, variant in CONTROLS.items() for one in range(min(n_draws, N_CONTROLS))
        }  # fmt: skip
        for (key, (world, variant, some)), own in zip(places.items(), work.spawn(len(places)), strict=True):
            tasks[*key, size] = Task(world, variant, some, size, n, own, n_resamples)
    judged = run_keyed(judge_trainings, tasks, "trainings judged")
    found, rows = Findings(), []
    for size in N_TRAININGS:
        for who in (OBSERVED, *CONTROLS):
            by_world = {at: some for (name, at, n), some in judged.items() if (name, n) == (who, size)}
            rng = np.random.default_rng(chance.spawn(1)[0])
            found.estimates.append(_over(by_world, who, size, _pools(by_world, who, n_draws, rng)))
            rows += [{"world": who, "place": at, "services": size, "gain": value, "low": low, "high": high}
                     for at, some in by_world.items()
                     for value, (low, high) in ((value, _ends(many)) for value, many in some)]  # fmt: skip
            if who == OBSERVED:
                found.estimates += _by_world(by_world, size, rng, n_resamples)
    _tell_rooms(found, worlds, n_exact, n_resamples, rooms, effort)
    _tell_retuned(found, worlds, n_small // 2, anew)
    found.estimates += _planted(4 * n_small, fault, n_resamples)
    found.series["trainings"] = pd.DataFrame(rows)
    return found


def judge_trainings(task: Task) -> list[Judged]:
    """Gain of each trained policy on the rule from which it started, and as its own estates are resampled."""
    room, shipped, found = _room(task), load_shipped(), []
    for one, seeds in zip(task.trainings, task.seeds.spawn(len(task.trainings)), strict=True):
        drawn, chance = seeds.spawn(2)
        estates = draw_estates(
            task.world, task.n_services, drawn.generate_state(task.n_estates, np.uint64).tolist()
        )
        lesson = Lesson(task.world, task.n_services, FAVOURITE, task.variant, one)
        plans = play(room, estates, [keep_bids, shipped.policies[lesson.key].act])
        rule, net = (expected_net_usd(estates, plan) for plan in plans)
        found.append(_judged(net, rule, chance, task.n_resamples))
    return found


def _judged(nets: Array, rivals: Array, chance: np.random.SeedSequence, n_resamples: int) -> Judged:
    gains = resampled_gains(nets, rivals, np.random.default_rng(chance), n_resamples)
    return float(nets.sum() / rivals.sum() - 1), gains


def _room(task: Task) -> Planning:
    """In which trainings act: the room they were taught in; that of a placebo pays what is earned."""
    briefing = load_shipped().briefing(task.world, task.n_services)
    variant: Variant = "plain" if task.variant == "placebo" else task.variant
    like = draw_estates(task.world, task.n_services, [0])
    lesson = Lesson(task.world, task.n_services, FAVOURITE, variant, 0)
    return classroom(lesson, briefing.rule, like, mediated(task.world, briefing.outage_usd))()


def _tell_rooms(
    found: Findings, worlds: Sequence[str], n_estates: int, n_resamples: int, seeds: np.random.SeedSequence,
    effort: Effort | None,
) -> None:  # fmt: skip
    """What an exact plan made anew each week, at the rule's own price, earns more than the rule."""
    tasks = {world: (world, n_estates, own, n_resamples, effort)
             for world, own in zip(worlds, seeds.spawn(len(worlds)), strict=True)}  # fmt: skip
    judged = run_keyed(judge_room, tasks, "room for learning")
    values = [one for one, _ in judged.values()]
    low, high = _ends(np.concatenate([many for _, many in judged.values()]))
    middle, how = float(np.median(values)), f"95 % of {len(values)} worlds and resampled estates"
    found.estimates += [
        Estimate(f"room_assumed_{SMALL}", middle, min(low, middle), max(high, middle), OF_RULE, len(values),
                 how=how, at={"measure": "room", "services": SMALL}),
        _over_worlds(np.array(values)).estimate(
            f"room_assumed_mean_{SMALL}", OF_RULE, measure="room", services=SMALL
        ),
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
    return _judged(nets, rivals, chance, n_resamples)


def _tell_retuned(
    found: Findings, worlds: Sequence[str], n_estates: int, seeds: np.random.SeedSequence
) -> None:
    """What the rule gains if it is tuned anew by expected dollars, which agents learn from."""
    tasks = {world: (world, n_estates, own)
             for world, own in zip(worlds, seeds.spawn(len(worlds)), strict=True)}  # fmt: skip
    gains = np.array(list(run_keyed(retune, tasks, "rules tuned anew").values()))
    found.estimates.append(
        _over_worlds(gains).estimate(
            f"retuned_gain_mean_{SMALL}", OF_RULE, measure="gain by tuning anew", services=SMALL
        )
    )
    found.series["rooms"]["retuned"] = gains


def retune(task: tuple[str, int, np.random.SeedSequence]) -> float:
    """Of one world: what a rule tuned by expected dollars on so many estates gains on the tuned rule."""
    world, n_estates, seeds = task
    taught = draw_estates(world, SMALL, range(n_estates))
    judged = draw_estates(world, SMALL, seeds.generate_state(n_estates, np.uint64).tolist())

    def earned(estates: Estates, rule: Rule) -> float:
        return float(expected_net_usd(estates, run_rule(estates, rule)).sum())

    tuned = {order: tune(partial(_of_order, order, partial(earned, taught))) for order in BEST_ORDERS}
    return earned(judged, best_rule(tuned)) / earned(judged, load_shipped().briefing(world, SMALL).rule) - 1


def _of_order(order: Order, earned: Callable[[Rule], float], price: Price) -> float:
    return earned(Rule(order, price))


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
        gain(nets, faulty, rng, n_resamples).estimate(
            f"planted_{what}_{SMALL}", "share of what the faulty rule earns", "faulty_rule", measure=what,
            services=SMALL,
        )
        for what, nets in (("room", tuned), ("single_answer", best))
    ]  # fmt: skip


def _always(action: int) -> Callable[..., Ints]:
    return lambda seen: keep_bids(seen) + action


def _ends(resampled: Array) -> tuple[float, float]:
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(low), float(high)


def _pools(
    by_world: Mapping[str, Sequence[Judged]], who: str, n_draws: int, rng: np.random.Generator
) -> tuple[tuple[float, float], ...]:  # fmt: skip
    """Of a control: 95 % of as many trainings, drawn anew from its own `n_draws` times."""
    if who == OBSERVED:
        return ()
    many = [one for some in by_world.values() for _, one in some]
    drawn = rng.integers(len(many), size=(n_draws, len(many)))
    return tuple(_ends(np.concatenate([many[one] for one in pool])) for pool in drawn)


def _over(
    by_world: Mapping[str, Sequence[Judged]], who: str, size: int, pools: tuple[tuple[float, float], ...]
) -> Estimate:  # fmt: skip
    """Gains of many trainings: their median, and 95 % of worlds, trainings and resampled estates together."""
    drawn = [one for some in by_world.values() for one in some]
    middle = float(np.median([value for value, _ in drawn]))
    low, high = _ends(np.concatenate([many for _, many in drawn]))
    return Estimate(
        f"agents_gain_{size}", middle, min(low, middle), max(high, middle), OF_RULE, len(drawn),
        how=f"95 % of {len(drawn)} trainings and resampled estates together", world=who,
        at={"measure": "gain of agents", "method": FAVOURITE, "services": size}, draws=pools,
    )  # fmt: skip


def _by_world(
    by_world: Mapping[str, Sequence[Judged]], size: int, rng: np.random.Generator, n_resamples: int
) -> list[Estimate]:
    """The mean over worlds, in how many it is above nothing, and how much trainings of a world differ."""
    gains = np.array([[value for value, _ in some] for some in by_world.values()])
    means = gains.mean(axis=1)
    above = share(int((means > 0).sum()), len(means))
    found = [
        _over_worlds(means).estimate(
            f"agents_gain_mean_{size}", OF_RULE, measure="mean gain", services=size
        ),
        above.estimate(
            f"agents_gain_share_{size}", "share of the assumption set", measure="sign", services=size
        ),
    ]  # fmt: skip
    if min(gains.shape[0] - 1, gains.shape[1]) > 1:  # fewer worlds have no interval
        within = _over_worlds(gains.std(axis=1, ddof=1))
        part = block_bootstrap(share_of_worlds, gains, rng=rng, n_resamples=n_resamples, block=1)
        found += [
            within.estimate(
                f"agents_gain_luck_{size}", OF_RULE, measure="between trainings", services=size
            ),
            part.estimate(
                f"agents_gain_of_worlds_{size}", "share of the variance", measure="of worlds", services=size
            ),
        ]  # fmt: skip
    return found


def _over_worlds(values: Array) -> Interval:
    return replace(mean_over_seeds(values), how=f"Student t over {len(values)} worlds")


def share_of_worlds(gains: Array) -> float:
    """Of the variance of gains, (worlds, trainings), what trainings of a world share; at least 0.

    Source: Shrout and Fleiss (1979), the intraclass correlation of one-way random effects.
    """
    k = gains.shape[1]
    between, within = k * gains.mean(axis=1).var(ddof=1), float(gains.var(axis=1, ddof=1).mean())
    return max(0.0, float((between - within) / max(between + (k - 1) * within, 1e-300)))

"""Cells of bridge `policies`: patching's trained policies on budgets of marketing and of ESG measures.

All arms change the bids of one rule, whose price of money was tuned in the target field: patching's policies
(`with`, as they are or trained on in the target), the same network trained there from nothing (`without`),
and patching's policies that were trained as long on rewards dealt to wrong estates (`placebo`). Rivals are
the rule itself and a greedy order by net earnings for money. A loss is what the exact plan in hindsight earns
more, so that gains are in % of what could be earned; the naive plan begins nothing. Unit: an instance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import pandas as pd

from dti_core.bridges.policies import Mappo, Policy, train
from dti_core.lab.record import Estimate
from dti_core.studies.spillover.data.policies import load_patchers
from dti_core.studies.spillover.methods.budgets import Budgeting, plans
from dti_core.studies.spillover.methods.learners import FromPolicy, permuted, reads_the_sign
from dti_core.studies.spillover.methods.optimum import optimum
from dti_core.studies.spillover.methods.task import Task
from dti_core.studies.spillover.model.gains import Outcome, all_gains, all_null_gains, gains
from dti_core.studies.spillover.model.knapsacks import ORDERS, Knapsacks, Rule, follow, worth
from dti_core.studies.spillover.model.losses import NAIVE, PLACEBO, WITH, WITHOUT, Array, Losses
from dti_core.studies.spillover.worlds.knapsacks import SETTINGS, Target, draw_all, planted

AS_THEY_ARE, TUNED = "as_they_are", "tuned"
GREEDY, RULE = "greedy_ratio", "tuned_rule"
OBSERVED, PLANTED = "observed", "planted"
#: Planted worlds of a field, each with instances, a rule and policies of its own; draws are dealt to them.
N_PLANTED = 3
#: Most instances on which a rule is tuned, worlds of a round of training, and how often each is played.
N_TUNING, N_WORLDS, N_REPLICAS = 96, 8, 8
#: What is tuned of a rule, one after the other, twice; prices go on being doubled while the last is best.
AXES = {
    "order": ORDERS, "price": (0.0, *(2.0**k for k in range(9))), "decay": (0.0, 0.25, 0.5, 1.0),
    "pace": (0.0, 1.0),
}  # fmt: skip
UNIT = "% of what could be earned"
TARGETS: dict[Target, str] = {"marketing": "commerce", "esg": "finance"}


@dataclass(frozen=True, slots=True)
class Arena:
    """A world of one field: where plans are judged, and what is learned before that.

    n_instances, n_seeds, n_rounds : instances judged, policies an arm, rounds of training in the target.
    """

    field: Target
    world: str
    root: int
    n_instances: int
    n_seeds: int
    n_rounds: int

    @property
    def draw(self) -> Callable[[Sequence[int]], Knapsacks]:
        """Instances of seeds."""
        setting = planted(self.field) if self.world == PLANTED else SETTINGS[self.field]
        return partial(draw_all, self.field, setting)

    def seeds(self, of: str, n: int) -> list[int]:
        """Seeds for one purpose."""
        words = [self.root, *f"{self.field} {self.world} {of}".encode()]
        return [int(word) for word in np.random.SeedSequence(words).generate_state(n)]


def budgets(task: Task) -> Outcome:
    """One cell; the task names the field, and whether policies are used as they are or tuned there."""
    field, way = task.about
    return budget_cell(task, "esg" if field == "esg" else "marketing", way == TUNED)


def budget_cell(task: Task, field: Target, tuned: bool) -> Outcome:
    """Patching's policies on budgets of a field."""
    name = f"planner_{field}" + ("_tuned" if tuned else "")
    n_seeds = min(10, max(2, task.effort.n_networks // 8))
    here = Arena(
        field, OBSERVED, task.root, max(4, task.effort.n_instances // 2), n_seeds,
        max(1, task.effort.n_steps // 50),
    )  # fmt: skip
    set_up = [losses(replace(here, world=PLANTED, root=task.root + k), tuned) for k in range(N_PLANTED)]
    seen, draws = losses(here, tuned), range(task.effort.n_draws)
    null = [seen.without_effect(n_seeds, task.stream(name, "null", str(k))) for k in draws]
    found = [set_up[k % N_PLANTED].drawn(n_seeds, task.stream(name, "planted", str(k))) for k in draws]
    return Outcome(
        gains(seen), all_null_gains(null), all_gains(found), tuple(_estimates(name, here, tuned, seen)),
        {f"{name}_arms": _arms(seen), f"{name}_instances": _instances(here, seen)},
    )  # fmt: skip


@cache
def losses(arena: Arena, tuned: bool) -> Losses:
    """What every arm loses."""
    learned, sham = carried(arena)
    made = {WITH: learned, PLACEBO: sham, WITHOUT: scratch(arena)}
    if tuned:
        made |= {arm: trained_on(arena, arm, made[arm]) for arm in (WITH, PLACEBO)}
    best, sacks, rule = exact(arena), judged(arena), tuned_rule(arena)
    rules = {GREEDY: Rule(), RULE: rule}
    earned = {name: worth(sacks, follow(sacks, one))[None] for name, one in rules.items()}
    earned |= {arm: _earned(sacks, policies, rule) for arm, policies in made.items()}
    earned[NAIVE] = np.zeros((1, len(sacks)))
    lost = {arm: (best - one)[..., None] for arm, one in earned.items()}
    return Losses(lost, np.ones((len(sacks), 1)))


def _earned(sacks: Knapsacks, policies: Sequence[Policy], rule: Rule) -> Array:
    return np.stack([worth(sacks, plan) for plan in plans(sacks, policies, rule)])


@cache
def judged(arena: Arena) -> Knapsacks:
    """Instances that no rule was tuned and no policy trained on."""
    return arena.draw(arena.seeds("judged", arena.n_instances))


@cache
def exact(arena: Arena) -> Array:
    """(n_instances,) what the exact plan could earn at most; of the planted world that of plans in part."""
    return optimum(judged(arena), whole=arena.world == OBSERVED).bound


@cache
def tuned_rule(arena: Arena) -> Rule:
    """The rule that earns most on instances of its own, one of its parts tuned after the other.

    Raises ArithmeticError if no price was high enough to be too high.
    """
    sacks = arena.draw(arena.seeds("tuning", min(N_TUNING, 4 * arena.n_instances)))
    best = Rule(price=8.0, decay=0.25, pace=1.0)
    for _ in range(2):
        for axis, values in AXES.items():
            tried = [replace(best, **{axis: value}) for value in values]  # type: ignore[arg-type]
            best = max(tried, key=lambda one: float(worth(sacks, follow(sacks, one)).sum()))
    if best.price == AXES["price"][-1]:
        raise ArithmeticError(f"the best price {best.price} lies at the end of what was tried")
    return best


def carried(arena: Arena) -> tuple[tuple[Policy, ...], tuple[Policy, ...]]:
    """n_seeds policies that are carried, and as many with their learning destroyed."""
    if arena.world == PLANTED:
        knowing = [reads_the_sign(seed) for seed in arena.seeds("knowing", arena.n_seeds)]
        mixed = [permuted(one, k) for k, one in zip(arena.seeds("mixed", len(knowing)), knowing, strict=True)]
        return tuple(knowing), tuple(mixed)
    patchers = load_patchers()
    return patchers.learned[: arena.n_seeds], patchers.scrambled[: arena.n_seeds]


@cache
def scratch(arena: Arena) -> tuple[Policy, ...]:
    """Policies trained in the target alone."""
    return _trained(arena, WITHOUT, [_settings(arena)] * arena.n_seeds)


def trained_on(arena: Arena, arm: str, starts: Sequence[Policy]) -> tuple[Policy, ...]:
    """Policies trained on in the target, as long as those that began there from nothing."""
    plain = _settings(arena)
    effort = {
        name: getattr(plain, name) for name in ("graph", "n_iterations", "n_estates", "n_replicas", "entropy")
    }
    return _trained(arena, arm, [FromPolicy(start=one, **effort) for one in starts])


def _settings(arena: Arena) -> Mappo:
    """As patching's policies were trained, on fewer worlds and in fewer rounds."""
    return Mappo(
        graph=True, n_iterations=arena.n_rounds, n_estates=N_WORLDS, n_replicas=N_REPLICAS, entropy=0.03
    )


def _trained(arena: Arena, arm: str, settings: Sequence[Mappo]) -> tuple[Policy, ...]:
    rule, like = tuned_rule(arena), judged(arena)

    def make() -> Budgeting:
        return Budgeting(arena.draw, rule, like)

    seeds = arena.seeds("training", 2 * arena.n_seeds)  # equal over arms: they meet the same worlds
    return tuple(train(make, one, seed) for one, seed in zip(settings, seeds, strict=False))


def _estimates(name: str, arena: Arena, tuned: bool, seen: Losses) -> list[Estimate]:
    """What policies and rule earn of the optimum, and gains over simpler planners.

    Of policies as they are also over random weights, and what they gain on the greedy order with patching's
    own rule under them, of which nothing was tuned in the target.
    """
    at = {"cell": name, "bridge": "policies", "target": TARGETS[arena.field]}
    found = [
        seen.gain(NAIVE).estimate(f"{name}_earns", UNIT, **at, method=WITH),
        seen.gain(NAIVE, RULE).estimate(f"{name}_rule_earns", UNIT, **at, method=RULE),
        seen.gain(GREEDY).estimate(f"{name}_over_greedy_ratio", UNIT, **at, against=GREEDY),
    ]
    if tuned:
        return found
    policies, mixed = carried(arena)[0], arena.seeds("mixed", arena.n_seeds)
    shuffled = [permuted(one, k) for k, one in zip(mixed, policies, strict=True)]
    rule, theirs = tuned_rule(arena), load_patchers().rule
    others = {"random_weights": (shuffled, rule), "patching": (policies, theirs)}
    lost = {
        arm: (exact(arena) - _earned(judged(arena), some, over))[..., None]
        for arm, (some, over) in others.items()
    }
    wide = replace(seen, arms={**seen.arms, **lost})
    return [
        *found,
        wide.gain("random_weights").estimate(f"{name}_over_random_weights", UNIT, **at, against="random"),
        wide.gain(GREEDY, "patching").estimate(
            f"{name}_untuned_over_greedy_ratio", UNIT, **at, against=GREEDY
        ),
    ]  # fmt: skip


def _arms(seen: Losses) -> pd.DataFrame:
    """A row an arm: mean loss in money, and what it earns in % of what could be earned, with its interval."""
    rows = []
    for arm in seen.arms:
        share = seen.gain(NAIVE, arm)
        rows.append({
            "arm": arm, "loss": seen.mean(arm), "share": share.value, "low": share.low, "high": share.high,
            "policies": len(seen.arms[arm]),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _instances(arena: Arena, seen: Losses) -> pd.DataFrame:
    """A row an instance: what could be earned, and the loss of each arm, means over policies, in money."""
    means = {arm: loss.mean(axis=0)[:, 0] for arm, loss in seen.arms.items() if arm != NAIVE}
    return pd.DataFrame({"optimum": exact(arena), **means})

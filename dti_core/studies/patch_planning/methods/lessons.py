"""What is trained: a lesson is a world, a size, an algorithm with a variant, and a seed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np

from dti_core.bridges.policies import Algorithm, Cem, Hierarchical, Ippo, Mappo, Single
from dti_core.bridges.simulators import Actions, Outcome
from dti_core.studies.patch_planning.methods.agents import Draw, Planning, View
from dti_core.studies.patch_planning.methods.rules import Rule
from dti_core.studies.patch_planning.model.estates import Estates
from dti_core.studies.patch_planning.worlds.assumed import N_ASSUMED, PREFIX
from dti_core.studies.patch_planning.worlds.draws import draw_estate

Variant = Literal["plain", "no_graph", "lagrange", "shaping", "placebo", "planted"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
ABLATIONS: tuple[Variant, ...] = ("no_graph", "lagrange", "shaping")
CONTROL_VARIANTS: tuple[Variant, ...] = ("placebo", "planted")
#: Worlds in which agents learn, services of their estates, and seeds of each training.
TAUGHT = ("tight_budget", "scarce", "arrive", "conflict")
SMALL, LARGE, N_SEEDS = 11, 50, 10
#: Of each size, trainings whose learning is destroyed, and that start from a rule with a planted fault.
N_CONTROLS = 20
#: Trainings in each world of the assumption set, by services of its estates.
N_TRAININGS = {SMALL: 3, LARGE: 2}
#: Weeks at the start in which the faulty rule's price on money is too low, and by what it is multiplied then
#: and afterwards: no single answer mends it, deferring at first and hastening later does.
FAULTY_WEEKS, FAULTS = 4, (0.25, 4.0)
#: Share of the minutes of downtime that the tuned rule takes, to which agents are held in the ablation.
ALLOWED_DOWNTIME = 0.7
#: Favourite of the claims, named before anything was trained: the one that [5] describes.
FAVOURITE = "mappo"
#: Dollars that a minute of downtime is charged in the reward where it is shaped: a guess, as such prices are.
SHAPING_USD = 20.0
#: Rounds of a training, estates of a round, how often each is played, and how long chance is kept up: with a
#: tenth of that worth of entropy half of the trainings with a planted fault stopped before they found it.
EFFORT: Mapping[str, Any] = MappingProxyType(
    {"n_iterations": 40, "n_estates": 16, "n_replicas": 16, "entropy": 0.03}
)
TEACHERS: Mapping[str, Algorithm] = MappingProxyType({
    "single": Single(**EFFORT),
    "ippo": Ippo(graph=True, **EFFORT),
    "selfish": Ippo(graph=True, own_reward=True, **EFFORT),
    "mappo": Mappo(graph=True, **EFFORT),
    "hierarchical": Hierarchical(graph=True, **EFFORT),
    "cem": Cem(n_iterations=20, n_estates=16, n_candidates=16),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lesson:
    """One training: where, who, how, and the seed of weights, estates and actions."""

    world: str
    n_services: int
    algorithm: str
    variant: Variant
    seed: int

    @property
    def key(self) -> str:
        """Under which its policy is kept."""
        return f"{self.world}.{self.n_services}.{self.algorithm}.{self.variant}.{self.seed}"


def lessons() -> Iterator[Lesson]:
    """All that is trained for the chapter."""
    for seed in range(N_SEEDS):
        for world in TAUGHT:
            for algorithm in TEACHERS:
                yield Lesson(world, SMALL, algorithm, "plain", seed)
        yield Lesson("tight_budget", LARGE, FAVOURITE, "plain", seed)
        for variant in ABLATIONS:
            yield Lesson("tight_budget", SMALL, FAVOURITE, variant, seed)
    for size, n in N_TRAININGS.items():
        for number, seed in product(range(N_ASSUMED), range(n)):
            yield Lesson(f"{PREFIX}{number}", size, FAVOURITE, "plain", seed)
        for variant, seed in product(CONTROL_VARIANTS, range(N_CONTROLS)):
            yield Lesson("tight_budget", size, FAVOURITE, variant, seed)


def teacher(lesson: Lesson, downtime_minutes: float) -> Algorithm:
    """Settings of a lesson.

    Parameters
    ----------
    downtime_minutes : that the tuned rule takes in a quarter; what agents may take follows from it.
    """
    plain = TEACHERS[lesson.algorithm]
    limits = (ALLOWED_DOWNTIME * downtime_minutes,)
    match lesson.variant:
        case "no_graph":
            return replace(plain, graph=False)
        case "lagrange":
            return replace(plain, limits=limits)
        case "shaping":
            return replace(plain, limits=limits, constraint="shaping", prices=(SHAPING_USD,))
        case _:
            return plain


def classroom(lesson: Lesson, rule: Rule, like: Estates, view: View) -> Callable[[], Planning]:
    """The simulator in which a lesson is learned, over the bids of its world's tuned rule."""

    def draw(seed: int) -> Estates:
        return draw_estate(lesson.world, lesson.n_services, seed)

    def make() -> Planning:
        match lesson.variant:
            case "placebo":
                return Scrambled(draw, like, rule, view, lesson.seed)
            case "planted":
                return Faulty(draw, like, rule, view)
            case _:
                return Planning(draw, like, rule, view)

    return make


class Faulty(Planning):
    """A simulator over the bids of a rule with the planted fault."""

    def __init__(self, draw: Draw, like: Estates, rule: Rule, view: View = lambda estates: estates) -> None:
        super().__init__(draw, like, rule, view)
        self._by_time: Sequence[Sequence[Rule]] = [
            [replace(one, price=replace(one.price, price=fault * one.price.price)) for one in self._rules]
            for fault in FAULTS
        ]

    def _look(self) -> None:
        self._rules = list(self._by_time[self._week >= FAULTY_WEEKS])
        super()._look()


class Scrambled(Planning):
    """A simulator whose rewards go to the wrong estates: everything as it is, and nothing to learn."""

    def __init__(self, draw: Draw, like: Estates, rule: Rule, view: View, seed: int) -> None:
        super().__init__(draw, like, rule, view)
        self._dealt = np.random.default_rng(seed)

    def step(self, actions: Actions) -> Outcome:
        """As the room, with the outcomes of estates dealt to each other."""
        found = super().step(actions)
        dealt = self._dealt.permutation(len(found.rewards))
        return Outcome(found.rewards[dealt], found.shares[dealt], found.costs)

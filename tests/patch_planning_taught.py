"""Tuned rules and agents that have hardly learnt, for tests: the shipped ones need hours of training."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from dti_core.bridges.policies import Mappo, Policy, train
from dti_core.studies.patch_planning.methods import shipped
from dti_core.studies.patch_planning.methods.agents import Planning
from dti_core.studies.patch_planning.methods.briefings import Briefing
from dti_core.studies.patch_planning.methods.lessons import TAUGHT, Lesson
from dti_core.studies.patch_planning.methods.rules import ORDERS, Price
from dti_core.studies.patch_planning.worlds.draws import draw_estate, draw_estates

_SIZES = {"n_iterations": 1, "n_estates": 2, "n_replicas": 2}
_PRICES = {
    "tight_budget": Price(16.0, 0.5, 1.0),
    "conflict": Price(1.0, 1.0, 0.5),
    "arrive": Price(1.0, 1.0, 0.5),
}


def briefing(world: str) -> Briefing:
    price = _PRICES.get(world, Price())
    values = {order: float(order == "net_per_hour_and_dollar") for order in ORDERS}
    return Briefing(dict.fromkeys(ORDERS, price), values, dict.fromkeys(ORDERS, True), price, 0, 1.0)


def barely_taught(n_seeds: int = 2) -> shipped.Shipped:
    """One tiny training of each kind, taken for every world, seed and algorithm."""
    rule, like = briefing("tight_budget").rule, draw_estates("tight_budget", 5, [1])

    def policy(graph: bool) -> Policy:
        make = lambda: Planning(lambda seed: draw_estate("tight_budget", 5, seed), like, rule)  # noqa: E731
        return train(make, Mappo(graph=graph, **_SIZES), 0)

    plain, without = policy(True), policy(False)
    policies, curves = {}, {}
    for world in TAUGHT:
        for seed in range(n_seeds):
            for algorithm in ("mappo", "ippo", "selfish", "single", "hierarchical"):
                key = Lesson(world, 11, algorithm, "plain", seed).key
                policies[key], curves[key] = plain, [1.0, 2.0 + seed]
            for variant, one in (("no_graph", without), ("lagrange", plain), ("shaping", plain)):
                policies[Lesson("tight_budget", 11, "mappo", variant, seed).key] = one
    briefings = {(world, size): briefing(world) for world in TAUGHT for size in (11, 50)}
    return shipped.Shipped(policies, briefings, curves, 1.0)


@contextmanager
def taught(found: shipped.Shipped, *modules: object) -> Iterator[None]:
    """Let measures find these where they look for what ships with the book."""
    patches = [patch.object(one, "load_shipped", lambda: found) for one in modules]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()

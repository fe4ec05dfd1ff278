"""Ways to deal rules to regions: which rules a measurement follows in each."""

from collections.abc import Callable, Sequence
from itertools import permutations

from dti_core.lab.methods import Method
from dti_core.studies.private_lift.model.rules import Rules, laxest, strictest

Dealing = tuple[Rules, ...]


def _elsewhere(rules: Sequence[Rules]) -> list[Dealing]:
    """Every order of the rules in which no region keeps its own."""
    places = range(len(rules))
    orders = (
        order for order in permutations(places) if all(a != b for a, b in zip(order, places, strict=True))
    )
    return [tuple(rules[place] for place in order) for order in orders]


#: From the regions' own rules to the dealings that a policy may lead to, each as likely.
POLICIES: dict[str, Method[Callable[[Sequence[Rules]], list[Dealing]]]] = {
    "fitted": Method("Own rules in each region", lambda rules: [tuple(rules)]),
    "strictest": Method("Strictest rules everywhere", lambda rules: [(strictest(rules),) * len(rules)]),
    "laxest": Method("Laxest rules everywhere", lambda rules: [(laxest(rules),) * len(rules)]),
    "wrong": Method("Rules of another region", _elsewhere),
}

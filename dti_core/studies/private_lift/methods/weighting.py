"""Ways to let users who agreed stand for all, with the most that one of them may count."""

from collections.abc import Callable

from dti_core.lab.methods import Method
from dti_core.studies.private_lift.model.cells import Array, Flags
from dti_core.studies.private_lift.model.consent import Weights, balancing_weights, equal_weights

WEIGHTINGS: dict[str, Method[Callable[[Array, Flags], Weights]]] = {
    "unweighted": Method(
        "Those who agreed, as they are", equal_weights, ("agreeing says nothing of outcomes",)
    ),
    "balanced": Method(
        "Weighted to the means of all users", balancing_weights,
        ("agreeing says nothing of outcomes, given the covariates",), ("all users' means",),
    ),
}  # fmt: skip

"""Ways to let users who agreed stand for all, with the most that one of them may count."""

from collections.abc import Callable

from dti_core.lab.methods import Method
from dti_core.studies.private_lift.model.cells import Array, Flags
from dti_core.studies.private_lift.model.consent import (
    Weights,
    balancing_weights,
    equal_weights,
    propensity_weights,
)

_GIVEN = ("agreeing says nothing of outcomes, given the covariates",)
WEIGHTINGS: dict[str, Method[Callable[[Array, Flags], Weights]]] = {
    "unweighted": Method("Those who agreed, as they are", equal_weights, ("agreeing says nothing of outcomes",)),
    "balanced": Method("Balanced on the means of all users", balancing_weights, _GIVEN),
    "propensity": Method("Inverse chance of agreeing", propensity_weights, _GIVEN, ("refusers' covariates",)),
}

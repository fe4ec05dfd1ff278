"""Privacy rules of a region, what a measurement under given rules does there, and which rules that breaks.

Rules are engineering parameters, not law: see experiments/data/private_lift/README.md.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Annotated, Any, Literal, get_args

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from dti_core.bridges.privacy import Guarantee

Consent = Literal["none", "opt_out", "opt_in"]
#: Epochs that a campaign lasts; each user belongs to one of them and reports once.
N_EPOCHS = 4
#: Ages among which users are spread evenly.
AGES = (12.0, 72.0)
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, config=_STRICT)
class Rules:
    """What may be measured, and how; meaning and unit of each stand in the data card."""

    consent_default: Consent
    minors_under: Annotated[float, Field(ge=0, le=21)]
    least_batch: Annotated[float, Field(ge=1)]
    epsilon_epoch: Annotated[float, Field(gt=0)]
    retention_epochs: Annotated[float, Field(ge=1, le=N_EPOCHS)]
    local_aggregator: bool
    untargeted_share: Annotated[float, Field(ge=0, lt=1)]

    @property
    def guarantee(self) -> Guarantee:
        """What a user is promised, who gives one report a campaign."""
        return Guarantee("user and epoch", "add or remove one", self.epsilon_epoch, 0.0, "pure")


@dataclass(frozen=True, slots=True, config=_STRICT)
class Region:
    """A region's rules, and the shares of its users who are measured under either default of consent."""

    name: str
    rules: Rules
    opt_in_share: Annotated[float, Field(gt=0, le=1)]
    opt_out_share: Annotated[float, Field(gt=0, le=1)]

    def agree(self, default: Consent) -> float:
        """Share of users who are measured under a default."""
        return {"none": 1.0, "opt_out": self.opt_out_share, "opt_in": self.opt_in_share}[default]


@dataclass(frozen=True, slots=True)
class Conduct:
    """What a measurement under `applied` rules does in a region, in expected users.

    measured : users in the report. without_consent, minors : of them, those whom the region's rules protect.
    batch : users behind each release. releases : number of them, 0 where no batch is ever large enough.
    """

    applied: Rules
    measured: float
    without_consent: float
    minors: float
    batch: float
    releases: int


def younger(age: float) -> float:
    """Share of users below an age. Assumes: ages are spread evenly over `AGES`."""
    return min(1.0, max(0.0, (age - AGES[0]) / (AGES[1] - AGES[0])))


def conduct(region: Region, applied: Rules, n_users: float) -> Conduct:
    """What happens to `n_users` of a region, minors included, who are measured under `applied` rules.

    Epochs too small for a batch are merged, as many as reports may be held for. Assumes: age, consent and the
    untargeted arm are independent, and a user who agrees when asked does not object either.
    """
    agree, lawful = (region.agree(rules.consent_default) for rules in (applied, region.rules))
    shown, age = n_users * (1 - applied.untargeted_share) * agree, younger(applied.minors_under)
    measured = shown * (1 - age)
    minors = shown * max(0.0, younger(region.rules.minors_under) - age)
    epochs = range(1, int(applied.retention_epochs) + 1)
    merged = next((k for k in epochs if measured * k / N_EPOCHS >= applied.least_batch), 0)
    releases = math.ceil(N_EPOCHS / merged) if merged else 0
    without = measured * max(0.0, 1 - lawful / agree)
    return Conduct(applied, measured, without, minors, measured * merged / N_EPOCHS, releases)


def breaches(law: Rules, done: Conduct) -> dict[str, float]:
    """Users wronged by each kind of breach of a region's rules; kinds that do not occur are left out."""
    released, applied = done.measured * (done.releases > 0), done.applied
    wronged = {
        "epsilon above the cap": released * (applied.epsilon_epoch > law.epsilon_epoch),
        "batch below the least": released * (done.batch < law.least_batch),
        "measured without consent": done.without_consent,
        "minors measured": done.minors,
        "kept too long": done.measured * (applied.retention_epochs > law.retention_epochs),
        "summed abroad": done.measured * (law.local_aggregator and not applied.local_aggregator),
        "untargeted arm too small": done.measured * (applied.untargeted_share < law.untargeted_share),
    }
    return {kind: users for kind, users in wronged.items() if users > 0}


#: Of each rule, what grows as it gets stricter.
STRICTNESS: dict[str, Callable[[Any], float]] = {one.name: float for one in fields(Rules)} | {
    "consent_default": get_args(Consent).index,
    "epsilon_epoch": lambda most: -most,
    "retention_epochs": lambda most: -most,
}


def strictest(rules: Sequence[Rules]) -> Rules:
    """The strictest of each rule."""
    return Rules(
        **{name: max((getattr(r, name) for r in rules), key=key) for name, key in STRICTNESS.items()}
    )


def laxest(rules: Sequence[Rules]) -> Rules:
    """The laxest of each rule."""
    return Rules(
        **{name: min((getattr(r, name) for r in rules), key=key) for name, key in STRICTNESS.items()}
    )

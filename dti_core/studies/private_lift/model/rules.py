"""Privacy rules of a region, what a measurement under given rules does there, and which rules that breaks.

Rules are engineering parameters, not law: see experiments/data/private_lift/README.md.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from dti_core.bridges.privacy import Guarantee

Consent = Literal["none", "opt_out", "opt_in"]
#: Epochs that a campaign lasts; each user belongs to one of them and reports once.
N_EPOCHS = 4
#: Ages among which users are spread evenly.
AGES = (12.0, 72.0)


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be measured, and how; the parameters are those of the data card, in their units."""

    consent_default: Consent
    minors_under: float
    least_batch: float
    epsilon_epoch: float
    retention_epochs: float
    local_aggregator: bool
    untargeted_share: float

    @property
    def guarantee(self) -> Guarantee:
        """What one report promises a user, who gives one report a campaign."""
        return Guarantee("user and epoch", "add or remove one", self.epsilon_epoch, 0.0, "pure")


#: For each rule, what grows with its strictness.
STRICTNESS: dict[str, Callable[[Any], float]] = {
    "consent_default": get_args(Consent).index,
    "minors_under": float,
    "least_batch": float,
    "epsilon_epoch": lambda most: -most,
    "retention_epochs": lambda most: -most,
    "local_aggregator": float,
    "untargeted_share": float,
}


@dataclass(frozen=True, slots=True)
class Region:
    """A region's rules, and the shares of its users who are measured under either default of consent."""

    name: str
    rules: Rules
    opt_in_share: float
    opt_out_share: float

    def agree(self, default: Consent) -> float:
        """Share of users who are measured under a default."""
        return {"none": 1.0, "opt_out": self.opt_out_share, "opt_in": self.opt_in_share}[default]


@dataclass(frozen=True, slots=True)
class Conduct:
    """What a measurement does in a region, in expected users.

    measured : users in the report. without_consent, minors : of them, those whom the region's rules protect.
    batch : users behind each release. releases : number of them, 0 where no batch is ever large enough.
    """

    measured: float
    without_consent: float
    minors: float
    batch: float
    releases: int
    epsilon_epoch: float
    kept_epochs: float
    abroad: bool
    untargeted_share: float


def younger(age: float) -> float:
    """Share of users below an age. Assumes: ages are spread evenly over `AGES`."""
    return min(1.0, max(0.0, (age - AGES[0]) / (AGES[1] - AGES[0])))


def conduct(region: Region, applied: Rules, n_users: float) -> Conduct:
    """What happens to `n_users` of a region, minors included, who are measured under `applied` rules.

    Epochs too small for a batch are merged, as many as reports may be held for. Assumes: age, consent and the
    untargeted arm are independent, and a user who agrees when asked does not object either.
    """
    law, shown = region.rules, n_users * (1 - applied.untargeted_share)
    agree, lawful = (region.agree(rules.consent_default) for rules in (applied, law))
    measured = shown * (1 - younger(applied.minors_under)) * agree
    held = max(1, min(N_EPOCHS, int(applied.retention_epochs)))
    fitting = [k for k in range(1, held + 1) if measured * k / N_EPOCHS >= applied.least_batch]
    merged = fitting[0] if fitting else 0
    releases = math.ceil(N_EPOCHS / merged) if merged else 0
    minors = shown * max(0.0, younger(law.minors_under) - younger(applied.minors_under)) * agree
    return Conduct(
        measured, measured * max(0.0, 1 - lawful / agree), minors, measured * merged / N_EPOCHS, releases,
        applied.epsilon_epoch, applied.retention_epochs, not applied.local_aggregator, applied.untargeted_share,
    )  # fmt: skip


def breaches(law: Rules, done: Conduct) -> dict[str, float]:
    """Users wronged by each kind of breach of a region's rules; kinds that do not occur are left out."""
    released = done.measured * (done.releases > 0)
    wronged = {
        "epsilon above the cap": released * (done.epsilon_epoch > law.epsilon_epoch),
        "batch below the least": released * (done.batch < law.least_batch),
        "measured without consent": done.without_consent,
        "minors measured": done.minors,
        "kept too long": done.measured * (done.kept_epochs > law.retention_epochs),
        "summed abroad": done.measured * (law.local_aggregator and done.abroad),
        "untargeted arm too small": done.measured * (done.untargeted_share < law.untargeted_share),
    }
    return {kind: users for kind, users in wronged.items() if users > 0}


def strictest(rules: Sequence[Rules]) -> Rules:
    """The strictest of each rule."""
    return Rules(**{one.name: _extreme(max, one.name, rules) for one in fields(Rules)})


def laxest(rules: Sequence[Rules]) -> Rules:
    """The laxest of each rule."""
    return Rules(**{one.name: _extreme(min, one.name, rules) for one in fields(Rules)})


def _extreme(pick: Callable[..., Any], name: str, rules: Sequence[Rules]) -> Any:
    return pick((getattr(one, name) for one in rules), key=STRICTNESS[name])

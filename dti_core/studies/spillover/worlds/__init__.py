"""Worlds of every cell: real data, no transfer, and transfer planted."""

from dataclasses import dataclass

from dti_core.lab.methods import World


@dataclass(frozen=True, slots=True)
class Transfer:
    """Whether something that helps the target field is in the part that is carried there."""

    planted: bool
    real_target: bool


WORLDS: dict[str, World[Transfer]] = {
    "observed": World("Real data", "observed", Transfer(planted=False, real_target=True)),
    "null": World("The placebo in the part's place", "negative", Transfer(planted=False, real_target=True)),
    "planted": World("Transfer planted", "positive", Transfer(planted=True, real_target=False)),
}

"""The worlds in which planners are compared, and those in which a test must, or must not, find something.

Worlds of `WORLDS` are settings from which estates are drawn. Those of `CONTROLS`, and of the modules
`parties` and `finance`, belong to one claim each and are made where it is measured, many times.
"""

from dataclasses import replace

from dti_core.lab.methods import World
from dti_core.lab.record import OBSERVED
from dti_core.studies.patch_planning.model.estates import Exploits
from dti_core.studies.patch_planning.worlds.settings import Setting

_QUIET = Exploits(factor=1.0, weekly_chance=0.0)
SCARCE = Setting(windows=0.35, hours=0.5, budget=1.0)
TIGHT_BUDGET = Setting(late=0.8, windows=0.6, hours=1.0, budget=0.12)

WORLDS: dict[str, World[Setting]] = {
    "tight_budget": World("Little money, most flaws come later", "observed", TIGHT_BUDGET),
    "scarce": World("All flaws known, few windows", "threat", SCARCE),
    "arrive": World("Flaws come later", "threat", Setting(late=0.6, hours=0.7, budget=0.55)),
    "conflict": World(
        "Downtime is dear and only its owner knows its price", "threat",
        Setting(late=0.5, windows=0.6, hours=0.7, budget=0.55, traffic_usd=10.0),
    ),
    "equal": World(
        "All risks and costs alike: no order may win", "negative",
        Setting(risk_spread=0.0, chained=0.0, late=0.0, hours=0.5, budget=1.0, exploits=_QUIET),
    ),
    "no_risk": World("No flaw is ever exploited", "negative", Setting(risk_usd=0.0)),
    "one_flaw": World("One flaw outweighs all others", "positive", replace(SCARCE, risk_spread=5.0)),
}  # fmt: skip

CONTROLS: dict[str, World[None]] = {
    "placebo": World("Agents whose learning was destroyed", "negative", None),
    "faulty_rule": World("Agents that start from a rule with a planted fault", "positive", None),
    "alike": World("All uploads alike, exploits come unseen", "negative", None),
    "planted": World("Work and losses differ much", "positive", None),
}


def told_as(world: str) -> str:
    """The name under which estimates of a world of `WORLDS` stand."""
    return OBSERVED if WORLDS[world].role == OBSERVED else world

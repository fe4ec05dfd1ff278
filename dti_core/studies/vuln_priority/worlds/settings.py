"""What is fixed in the two worlds of each bar, so that its effect is absent there, or planted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Setting:
    """One world of one bar.

    fixed : assumptions that are not drawn. all_real : every finding is real, and known to be. severity : as
    the tools tell it, or what a clairvoyant would go by. others : what becomes of the tools beside the best
    single one: as they are, their reports dealt to other cases of the same kind of flaw, or one strong tool
    more.
    """

    fixed: Mapping[str, float] = field(default_factory=dict)
    all_real: bool = False
    severity: Literal["told", "truth"] = "told"
    others: Literal["as they are", "dealt", "one more"] = "as they are"


HOURS_ALIKE = {"hours_spread": 0.0}
IMPACTS_ALIKE = {"impact_spread": 0.0, "within_spread": 0.0}
RISKS_ALIKE = {**IMPACTS_ALIKE, "exploit_spread": 0.0}
IMPACTS_APART = {"impact_spread": 2.0, "told_impact": 0.2, "budget": 0.15}
#: What is told keeps its errors, so that an order can be misled by what makes no difference.
NULL: dict[str, Setting] = {
    "hours_matter": Setting(HOURS_ALIKE, all_real=True),
    "risk_matters": Setting(RISKS_ALIKE, all_real=True),
    "order_matters": Setting({**RISKS_ALIKE, **HOURS_ALIKE}, all_real=True),
    "impact_matters": Setting(IMPACTS_ALIKE),
    "right_impact_matters": Setting(IMPACTS_ALIKE),
    "over_severity": Setting(severity="truth"),
    "over_exploit": Setting({**IMPACTS_ALIKE, **HOURS_ALIKE}, all_real=True),
    "fusion_finds_more": Setting(others="dealt"),
}
PLANTED: dict[str, Setting] = {
    "hours_matter": Setting(
        {"hours_spread": 1.6, "told_hours": 0.2, "hours_follow_risk": 0.0, "budget": 0.15}
    ),
    "risk_matters": Setting({"impact_spread": 2.0, "hours_spread": 0.4, "told_impact": 0.2, "budget": 0.15}),
    "order_matters": Setting({"impact_spread": 2.0, "told_impact": 0.2, "budget": 0.15}),
    "impact_matters": Setting(IMPACTS_APART),
    "right_impact_matters": Setting(IMPACTS_APART),
    "over_severity": Setting({**IMPACTS_APART, "severity_tells": 0.0}),
    "over_exploit": Setting({**IMPACTS_APART, "hours_spread": 1.2}),
    "fusion_finds_more": Setting({"budget": 0.3}, others="one more"),
}

"""Registry of cells, by bridge and field; nothing else names one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from dti_core.lab.methods import Method
from dti_core.studies.spillover.data.panels import PANELS
from dti_core.studies.spillover.methods import federated, planner, pooling, regional, sums, warnings
from dti_core.studies.spillover.methods.feedback import feed_back
from dti_core.studies.spillover.methods.forecaster import carry
from dti_core.studies.spillover.methods.planner import AS_THEY_ARE, TUNED
from dti_core.studies.spillover.methods.task import Task
from dti_core.studies.spillover.model.gains import Outcome

#: Files of other studies: calendar of fixes, trained policies, rules of regions; and the panel of the first.
CADENCE = ("patch_planning/debian_cadence.csv",)
POLICIES = ("patch_planning/policies.json", "patch_planning/policies.safetensors")
RULES = ("private_lift/regions.csv",)
FIXES = "fixes"

Field = Literal["commerce", "finance", "security"]
Run = Callable[[Task], Outcome]


@dataclass(frozen=True, slots=True)
class Cell(Method[Run]):
    """A bridge carried from the field it was made for to another.

    bridge : its folder. source, target : the fields. grade : `observed` on real data, `conditional` in
    simulated instances. needs : data sets that it reads. about : names that its function asks for. unit :
    what its losses are clustered by. loss : what is compared. frozen : files of other studies that it reads.
    """

    bridge: str = ""
    source: Field = "commerce"
    target: Field = "finance"
    grade: Literal["observed", "conditional"] = "observed"
    about: tuple[str, ...] = ()
    unit: str = "series"
    loss: str = "squared error"
    frozen: tuple[str, ...] = ()

    @property
    def crosses(self) -> bool:
        """Whether it carries something from one field to another."""
        return self.source != self.target


def _forecaster(source: str, target: str) -> Cell:
    """The forecaster trained on one panel, tuned on another."""
    first, second = PANELS[source], PANELS[target]
    needs = tuple(dict.fromkeys((*first.needs, *second.needs)))
    return Cell(
        f"Forecaster: {first.title}, to {second.title}", carry, ("series behave alike enough",), needs,
        bridge="forecaster", source=first.field, target=second.field, about=(source, target),
        unit=second.unit, frozen=CADENCE if FIXES in (source, target) else (),
    )  # fmt: skip


def _planner(field: str, way: str) -> Cell:
    """Patching's policies on budgets of a field, as they are or tuned there."""
    words = {"marketing": "budgets of marketing", "esg": "budgets of ESG measures"}[field]
    used = {AS_THEY_ARE: "as they are", TUNED: "tuned there"}[way]
    return Cell(
        f"Patching's policies: {words}, {used}", planner.budgets, ("features mean alike in both fields",),
        bridge="policies", source="security", target="commerce" if field == "marketing" else "finance",
        grade="conditional", about=(field, way), unit="instance", loss="money short of the optimum",
        frozen=POLICIES,
    )  # fmt: skip


#: What must hold for what a cell says, by kind of cell.
SUMS_ASSUME = ("reports within public bounds", "one report a member and period", "aggregators do not collude")
POOLING_ASSUMES = ("units are exchangeable before their data",)

#: Cells that carry a bridge to another field, or show what it is worth at home.
METHODS: Mapping[str, Cell] = MappingProxyType({
    "stocks_to_grocer": _forecaster("days_of_volatility", "grocer"),
    "stocks_to_departments": _forecaster("volatility", "departments"),
    "stocks_to_shops": _forecaster("volatility", "shops"),
    "prices_to_shops": _forecaster("prices", "shops"),
    "stocks_to_bookings": _forecaster("volatility", "bookings"),
    "stocks_to_fixes": _forecaster("volatility", "fixes"),
    "shops_to_stocks": _forecaster("shops", "volatility"),
    "shops_to_fixes": _forecaster("shops", "fixes"),
    "fixes_to_shops": _forecaster("fixes", "shops"),
    "fixes_to_stocks": _forecaster("fixes", "volatility"),
    "sums_firms": Cell(
        "Private sums: capital of firms by sector", sums.run_firms, SUMS_ASSUME, ("innovation",),
        bridge="secure_sum", unit="firm",
    ),
    "sums_ratings": Cell(
        "Private sums: social ratings of firms by country", sums.run_ratings, SUMS_ASSUME, ("csr_africa",),
        bridge="secure_sum", unit="firm",
    ),
    "sums_fixes": Cell(
        "Private sums: sources that mend next month", warnings.run_fixes, SUMS_ASSUME, (),
        bridge="secure_sum", target="security", unit="source", loss="Brier score",
        frozen=CADENCE,
    ),
    "sums_exploits": Cell(
        "Private sums: firms with an exploit next month", warnings.run_exploits, SUMS_ASSUME, ("vuln_dates",),
        bridge="secure_sum", target="security", unit="vendor", loss="Brier score",
    ),
    "pooling_stores": Cell(
        "Partial pooling: what is bought in shops", pooling.stores, POOLING_ASSUMES,
        ("promotion_sales", "journey_products"), bridge="pooling", target="commerce", unit="shop",
        loss="log loss",
    ),
    "pooling_sites": Cell(
        "Partial pooling: bookings by channel of travel sites", pooling.sites, POOLING_ASSUMES, ("expedia",),
        bridge="pooling", target="commerce", unit="site", loss="log loss",
    ),
    "pooling_firms": Cell(
        "Partial pooling: capital to sales of firms", pooling.firms, POOLING_ASSUMES, ("innovation",),
        bridge="pooling", unit="firm",
    ),
    "pooling_fixes": Cell(
        "Partial pooling: weeks with fixes of sources", pooling.fixes, POOLING_ASSUMES, (),
        bridge="pooling", target="security", unit="source", loss="log loss",
        frozen=CADENCE,
    ),
    "federated_firms": Cell(
        "Federated averaging: firms that outgrow the median", federated.firms, ("industries share a rule",),
        ("innovation",), bridge="federated", unit="industry", loss="log loss",
    ),
    "federated_fixes": Cell(
        "Federated averaging: sources that mend next week", federated.fixes, ("sources share a rule",), (),
        bridge="federated", target="security", unit="source", loss="log loss",
        frozen=CADENCE,
    ),
    "planner_marketing": _planner("marketing", AS_THEY_ARE),
    "planner_marketing_tuned": _planner("marketing", TUNED),
    "planner_esg": _planner("esg", AS_THEY_ARE),
    "planner_esg_tuned": _planner("esg", TUNED),
})  # fmt: skip


def _feedback(panel: str) -> Cell:
    """The forecaster of a panel, retuned on what happened in it."""
    here = PANELS[panel]
    return Cell(
        f"Feedback: {here.title}", feed_back, ("a round's outcome is known before the next",), here.needs,
        bridge="forecaster", source=here.field, target=here.field, about=(panel,), unit=here.unit,
        frozen=CADENCE if panel == FIXES else (),
    )  # fmt: skip


#: The same sums under the rules of each region: questions whose arms are rules, not parts carried.
REGIONS: Mapping[str, Cell] = MappingProxyType({
    "regional_ratings": Cell(
        "Rules by region: ratings of firms", regional.run_ratings, SUMS_ASSUME, ("csr_africa",),
        bridge="privacy", unit="firm", grade="conditional",
        frozen=RULES,
    ),
    "regional_fixes": Cell(
        "Rules by region: sources that mend next month", regional.run_fixes, SUMS_ASSUME, (),
        bridge="privacy", target="security", unit="source", loss="Brier score",
        grade="conditional",
        frozen=(*CADENCE, *RULES),
    ),
})  # fmt: skip

#: Streams on which feedback is measured; they stay in their field.
STREAMS: Mapping[str, Cell] = MappingProxyType({
    "feedback_stocks": _feedback("volatility"),
    "feedback_shops": _feedback("shops"),
    "feedback_bookings": _feedback("bookings"),
    "feedback_fixes": _feedback("fixes"),
})  # fmt: skip

"""Figures and tables that show a Result and take nothing else; a title states what the numbers show."""

from dti_core.studies.patch_planning.figures.ablations import plot_ablations, plot_learning
from dti_core.studies.patch_planning.figures.arrivals import plot_arrivals
from dti_core.studies.patch_planning.figures.conflict import plot_conflict
from dti_core.studies.patch_planning.figures.contest import plot_contest
from dti_core.studies.patch_planning.figures.finance import plot_finance, plot_finance_sets
from dti_core.studies.patch_planning.figures.graphs import plot_graphs
from dti_core.studies.patch_planning.figures.learned import plot_trainings
from dti_core.studies.patch_planning.figures.need import plot_need
from dti_core.studies.patch_planning.figures.parties import plot_front, plot_worst_off
from dti_core.studies.patch_planning.figures.plan import plot_calendar, plot_estate, plot_remaining
from dti_core.studies.patch_planning.figures.ranges import ranges_in_words
from dti_core.studies.patch_planning.figures.sizes import plot_sizes, plot_time
from dti_core.studies.patch_planning.figures.stress import plot_stress
from dti_core.studies.patch_planning.figures.tables import (
    binding_table,
    calendar_table,
    claims_of_services,
    contest_table,
    left_table,
    shadow_table,
    shown,
)
from dti_core.studies.patch_planning.figures.verdicts import plot_bars

__all__ = [
    "binding_table", "calendar_table", "claims_of_services", "contest_table", "left_table", "plot_ablations",
    "plot_arrivals", "plot_bars", "plot_calendar", "plot_conflict", "plot_contest", "plot_estate",
    "plot_finance", "plot_finance_sets", "plot_front", "plot_graphs", "plot_learning", "plot_need",
    "plot_remaining", "plot_sizes", "plot_stress", "plot_time", "plot_trainings", "plot_worst_off",
    "ranges_in_words", "shadow_table", "shown",
]  # fmt: skip

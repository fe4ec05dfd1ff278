"""Figures and tables that show a Result and take nothing else; a title states what the numbers show."""

from dti_core.studies.esg_constraint.figures.choices import plot_indices, plot_specifications
from dti_core.studies.esg_constraint.figures.exports import regression_table, regression_table_as
from dti_core.studies.esg_constraint.figures.one_panel import plot_estimators, plot_event_study, plot_timing
from dti_core.studies.esg_constraint.figures.real_panel import plot_score
from dti_core.studies.esg_constraint.figures.staggered import plot_staggered
from dti_core.studies.esg_constraint.figures.tables import TITLES, fooled, offers, shown, speed_table, table
from dti_core.studies.esg_constraint.figures.worlds import (
    plot_coverage,
    plot_decision,
    plot_firms_needed,
    plot_power,
)

__all__ = [
    "TITLES", "fooled", "offers", "plot_coverage", "plot_decision", "plot_estimators",
    "plot_event_study", "plot_firms_needed", "plot_indices", "plot_power", "plot_score",
    "plot_specifications", "plot_staggered", "plot_timing", "regression_table", "regression_table_as",
    "shown", "speed_table", "table",
]  # fmt: skip

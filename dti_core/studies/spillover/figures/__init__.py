"""Figures and tables that show a Result and take nothing else; a title states what the numbers show."""

from dti_core.studies.spillover.figures.cells import cells_table, matrix, plot_cells, yours
from dti_core.studies.spillover.figures.feedback import plot_feedback
from dti_core.studies.spillover.figures.plans import plot_frontiers, plot_plans
from dti_core.studies.spillover.figures.sums import plot_attacker, plot_epsilons
from dti_core.studies.spillover.figures.tables import told
from dti_core.studies.spillover.figures.units import plot_sizes
from dti_core.studies.spillover.figures.verdicts import plot_bars

__all__ = [
    "cells_table", "matrix", "plot_attacker", "plot_bars", "plot_cells", "plot_epsilons", "plot_feedback",
    "plot_frontiers", "plot_plans", "plot_sizes", "told", "yours",
]  # fmt: skip

"""Figures that show a Result and take nothing else; a title states what the numbers show."""

from dti_core.studies.patch_planning.figures.finance import plot_finance, plot_finance_sets
from dti_core.studies.patch_planning.figures.parties import plot_front, plot_worst_off

__all__ = ["plot_finance", "plot_finance_sets", "plot_front", "plot_worst_off"]

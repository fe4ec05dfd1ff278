"""Figures and tables that show a Result and take nothing else; a title states what the numbers show."""

from dti_core.studies.spillover.figures.cells import cells_table, matrix, plot_cells
from dti_core.studies.spillover.figures.feedback import plot_feedback

__all__ = ["cells_table", "matrix", "plot_cells", "plot_feedback"]

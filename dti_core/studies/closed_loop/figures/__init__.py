"""Figures and tables that show a Result and take nothing else; a title states what the numbers show."""

from dti_core.studies.closed_loop.figures.arrows import plot_cards, plot_decisive, plot_worth
from dti_core.studies.closed_loop.figures.dates import plot_dates
from dti_core.studies.closed_loop.figures.firms import plot_shocks, plot_signs
from dti_core.studies.closed_loop.figures.ratio import plot_parts, plot_ratios, plot_variants
from dti_core.studies.closed_loop.figures.tables import (
    break_even_table,
    evidence_table,
    example_table,
    flips_table,
    told,
)
from dti_core.studies.closed_loop.figures.verdicts import plot_bars

__all__ = [
    "break_even_table", "evidence_table", "example_table", "flips_table", "plot_bars", "plot_cards",
    "plot_dates", "plot_decisive", "plot_parts", "plot_ratios", "plot_shocks", "plot_signs", "plot_variants",
    "plot_worth", "told",
]  # fmt: skip

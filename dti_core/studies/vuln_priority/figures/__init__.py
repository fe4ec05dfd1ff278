"""Figures and tables that show a Result and take nothing else; a title states what the numbers show."""

from dti_core.studies.vuln_priority.figures.contest import (
    kinds_table,
    plot_contest,
    plot_false,
    plot_labels,
    scores_table,
)
from dti_core.studies.vuln_priority.figures.orders import edges_table, plot_bars, plot_orders, plot_subsets
from dti_core.studies.vuln_priority.figures.outside import owasp_table
from dti_core.studies.vuln_priority.figures.records import (
    plot_catalogue,
    plot_effort,
    plot_leaks,
    plot_repair,
    rules_table,
)
from dti_core.studies.vuln_priority.figures.worklist import left_out, worklist_table, worth_table

__all__ = [
    "edges_table", "kinds_table", "left_out", "owasp_table", "plot_bars", "plot_catalogue", "plot_contest",
    "plot_effort", "plot_false", "plot_labels", "plot_leaks", "plot_orders", "plot_repair", "plot_subsets",
    "rules_table", "scores_table", "worklist_table", "worth_table",
]  # fmt: skip

"""Figures and tables of the study. Each takes only a Result; a figure's title states what intervals show."""

from dti_core.studies.lstm_portfolio.figures.accuracy import plot_accuracy, plot_break_even
from dti_core.studies.lstm_portfolio.figures.costs import cost_table, plot_costs
from dti_core.studies.lstm_portfolio.figures.differences import (
    plot_leads,
    plot_regimes,
    plot_skill,
    plot_volatility,
)
from dti_core.studies.lstm_portfolio.figures.months import months_table, plot_months, samples_table
from dti_core.studies.lstm_portfolio.figures.tables import left_out, numbers, strategies
from dti_core.studies.lstm_portfolio.figures.tearsheet import plot_tearsheet, sectors, tearsheet
from dti_core.studies.lstm_portfolio.figures.wealth import plot_wealth

__all__ = [
    "cost_table", "left_out", "months_table", "numbers", "plot_accuracy", "plot_break_even",
    "plot_costs", "plot_leads", "plot_months", "plot_regimes", "plot_skill", "plot_tearsheet",
    "plot_volatility", "plot_wealth", "samples_table", "sectors", "strategies", "tearsheet",
]  # fmt: skip

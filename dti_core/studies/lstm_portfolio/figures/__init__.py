"""Figures and tables of the study. Each takes only a Result; a figure's title states what intervals show."""

from dti_core.studies.lstm_portfolio.figures.tables import numbers, strategies
from dti_core.studies.lstm_portfolio.figures.wealth import (
    plot_price_trap,
    plot_regimes,
    plot_sharpe_differences,
    plot_skill,
    plot_volatility,
    plot_wealth,
)

__all__ = [
    "numbers", "plot_price_trap", "plot_regimes", "plot_sharpe_differences", "plot_skill", "plot_volatility",
    "plot_wealth", "strategies",
]  # fmt: skip

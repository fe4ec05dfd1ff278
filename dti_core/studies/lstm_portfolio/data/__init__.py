"""What the study reads: daily returns of a universe, its card, its parameters, a check of own prices."""

from dti_core.studies.lstm_portfolio.data.market import Market, check, load, validate_returns
from dti_core.studies.lstm_portfolio.data.parameters import Parameters

__all__ = ["Market", "Parameters", "check", "load", "validate_returns"]

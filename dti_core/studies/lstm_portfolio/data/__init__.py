"""What the study reads: returns of a universe, its card, its parameters, a check of own prices."""

from dti_core.studies.lstm_portfolio.data.market import (
    MONTHLY,
    Market,
    check,
    load,
    load_months,
    validate_returns,
)
from dti_core.studies.lstm_portfolio.data.parameters import Parameters, in_months

__all__ = [
    "MONTHLY", "Market", "Parameters", "check", "in_months", "load", "load_months", "validate_returns",
]  # fmt: skip

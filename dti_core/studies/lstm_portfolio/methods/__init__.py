"""What is compared. An entry in a registry of this room is all that it takes to add a method everywhere.

`forecasters.METHODS` forecast returns and `forecasters.NULLS` are what they are measured against;
`portfolios.RULES` read no forecast, `portfolios.TRADERS` trade the favourite's and know what is held,
`portfolios.OVERLAYS` are bets upon it;
`volatility.VOLATILITY` are forecasters of volatility.
"""

from dti_core.studies.lstm_portfolio.methods.forecasters import METHODS

__all__ = ["METHODS"]

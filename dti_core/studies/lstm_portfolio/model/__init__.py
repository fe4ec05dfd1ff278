"""Equations of the study: portfolios, forecasts, volatility, skill and inference. Arrays in, arrays out."""

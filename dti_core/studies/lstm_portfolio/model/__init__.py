"""Equations of the study: walks, forecasts, holdings, performance, skill, variance. Arrays in, arrays out."""

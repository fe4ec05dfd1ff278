"""Equations of the study: constraint indices, the simulated world, its moments and estimators. Arrays in, arrays out."""

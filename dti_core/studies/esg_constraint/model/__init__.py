"""Equations of the study: indices, the simulated world, its moments, estimators. Arrays in, arrays out."""

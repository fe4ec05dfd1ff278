"""Outcome -> Estimates with intervals; one file a question."""

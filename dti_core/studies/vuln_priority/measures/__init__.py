"""Outcomes -> estimates with intervals, one file a question."""

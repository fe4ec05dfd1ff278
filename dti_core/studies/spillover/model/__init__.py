"""Equations: losses on common rows, gains between them with intervals, and what each cell computes."""

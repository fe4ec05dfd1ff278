"""Vulnerability priority: real scanners on a labelled lab, what their word is worth, and what to mend first."""

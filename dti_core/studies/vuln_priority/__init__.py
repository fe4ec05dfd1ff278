"""Vulnerability priority: real scanners on a labelled lab, what their word is worth, what to mend first."""

"""Moved to dti_core.lab.fingerprint."""

from dti_core.lab.fingerprint import DATA_PATH, Fingerprint

__all__ = ["DATA_PATH", "Fingerprint"]

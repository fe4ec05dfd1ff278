"""The `dti` command: what each subcommand takes, asks of the lab and shows; the lab does not know it."""

from dti_core.cli import listing, doctor, running, comparing, publishing, tracking, data, new  # isort: skip (as in --help)
from dti_core.cli.ending import main
from dti_core.cli.group import dti as app

__all__ = [
    "app",
    "comparing",
    "data",
    "doctor",
    "listing",
    "main",
    "new",
    "publishing",
    "running",
    "tracking",
]

"""The `dti` command: what each subcommand takes, asks of the lab and shows; the lab does not know it."""

from dti_core.cli import listing, doctor, running, comparing, publishing  # isort: skip (order in --help)
from dti_core.cli.ending import main
from dti_core.cli.group import dti as app

__all__ = ["app", "comparing", "doctor", "listing", "main", "publishing", "running"]

"""The `dti` command: each function reads its options, calls one room of the lab and shows the outcome."""

from dti_core.cli import reading, running, publishing, tracking, data, new  # isort: skip (order in --help)
from dti_core.cli.ending import main
from dti_core.cli.group import dti as app

__all__ = ["app", "data", "main", "new", "publishing", "reading", "running", "tracking"]

"""The tracking store (MLflow) behind `dti ui`."""

import typer

from dti_core.cli.display import say
from dti_core.lab.running import track

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def _track() -> None: ...  # with it, `rebuild` stays a word of its own behind `dti track`


@app.command()
def rebuild() -> None:
    """Make the tracking store anew from the records of all runs; the old one is set aside."""
    say(f"{track.rebuild()} runs are in the tracking store again.")

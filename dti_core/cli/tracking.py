"""Commands about the tracking store (MLflow)."""

import typer

from dti_core.cli.group import dti
from dti_core.cli.options import Port

track_app = typer.Typer(no_args_is_help=True, help="The tracking store behind `dti ui`.")
dti.add_typer(track_app, name="track")


@dti.command()
def ui(port: Port = 5000) -> None:
    """Open the run comparison (MLflow) on 127.0.0.1."""
    from dti_core.lab.terminal import batch

    raise typer.Exit(batch.open_ui(port))


@track_app.command("rebuild")
def track_rebuild() -> None:
    """Make the tracking store anew from the records of all runs; the old one is set aside."""
    from dti_core.lab.running.track import rebuild
    from dti_core.lab.terminal.display import say

    say(f"{rebuild()} runs are in the tracking store again.")

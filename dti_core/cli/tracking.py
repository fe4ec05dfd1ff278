"""Commands about the tracking store (MLflow)."""

import subprocess

import typer

from dti_core.cli.display import say
from dti_core.cli.group import dti
from dti_core.cli.options import Port

track_app = typer.Typer(no_args_is_help=True, help="The tracking store behind `dti ui`.")
dti.add_typer(track_app, name="track")


@dti.command()
def ui(port: Port = 5000) -> None:
    """Open the run comparison (MLflow) on 127.0.0.1; ends with the server's exit code."""
    from dti_core.lab.running.track import ui_command

    command = ui_command(port)
    say(f"MLflow on http://127.0.0.1:{port} (Ctrl-C stops it)")
    raise typer.Exit(subprocess.run(command, check=False).returncode)


@track_app.command("rebuild")
def track_rebuild() -> None:
    """Make the tracking store anew from the records of all runs; the old one is set aside."""
    from dti_core.lab.running.track import rebuild

    say(f"{rebuild()} runs are in the tracking store again.")

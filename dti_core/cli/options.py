"""Options that several commands share, and how a command ends."""

from typing import Annotated

import typer

PROFILES = "smoke | quick | full: how large the run is."
Settings = Annotated[list[str] | None, typer.Option("-p", metavar="NAME=VALUE", help="Set a parameter.")]
Grid = Annotated[list[str] | None, typer.Option("-p", metavar="NAME=V1,V2,...", help="Values to try.")]
Profile = Annotated[str, typer.Option(help=PROFILES)]
ProfileOrNone = Annotated[str | None, typer.Option(help=PROFILES, show_default="quick")]
Jobs = Annotated[int | None, typer.Option(help="Notebooks at a time (default: all cores).", min=1, max=1024)]
Cluster = Annotated[str | None, typer.Option(metavar="tcp://HOST:PORT", help="An existing Dask scheduler.")]
Timeout = Annotated[float | None, typer.Option(metavar="S", help="Seconds one notebook may take.", min=0)]
Force = Annotated[bool, typer.Option("--force", help="Run even if nothing changed.")]
Port = Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)]


def finish(ok: bool) -> None:
    """End the command with exit code 0 if all went well, 1 if not."""
    raise typer.Exit(0 if ok else 1)

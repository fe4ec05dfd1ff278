"""Options that several commands share, and how a command ends."""

import difflib
from collections.abc import Callable, Collection, Iterable
from typing import Annotated

import typer

from dti_core.lab.errors import ConfigError, one_line
from dti_core.lab.paths import project_root

PROFILES = "smoke | quick | full: how large the run is."


def completing(words: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """What a shell asks for those of the words that begin as typed."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words() if word.startswith(incomplete)]

    return complete


def _studies() -> list[str]:
    files = sorted((project_root() / "experiments").glob("*.yaml"))
    return [path.stem for path in files if path.stem != "claims"]


complete_study = completing(_studies)
_profile = completing(lambda: ("smoke", "quick", "full"))
Slug = Annotated[str, typer.Argument(autocompletion=complete_study)]
Settings = Annotated[list[str] | None, typer.Option("-p", metavar="NAME=VALUE", help="Set a parameter.")]
Grid = Annotated[list[str] | None, typer.Option("-p", metavar="NAME=V1,V2,...", help="Values to try.")]
Profile = Annotated[str, typer.Option(help=PROFILES, autocompletion=_profile)]
ProfileOrNone = Annotated[
    str | None, typer.Option(help=PROFILES, show_default="quick", autocompletion=_profile)
]
Jobs = Annotated[int | None, typer.Option(help="Notebooks at a time (default: all cores).", min=1, max=1024)]
Cluster = Annotated[str | None, typer.Option(metavar="tcp://HOST:PORT", help="An existing Dask scheduler.")]
Timeout = Annotated[float | None, typer.Option(metavar="S", help="Seconds one notebook may take.", min=0)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done, and why.")]
Force = Annotated[bool, typer.Option("--force", help="Run even if nothing changed.")]
Port = Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)]


def one_of(what: str, name: str, known: Collection[str]) -> str:
    """`name`, which must be `known`; ConfigError with the near one, or all, if it is not."""
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"Allowed: {', '.join(known)}."
    raise ConfigError(f"no {what} '{one_line(name, 60)}'. {hint}")


def finish(ok: bool) -> None:
    """End the command with exit code 0 if all went well, 1 if not."""
    raise typer.Exit(0 if ok else 1)

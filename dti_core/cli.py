"""The `dti` command: each function reads its options, calls one room of the lab and shows the outcome."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from dti_core.lab.errors import ConfigError, DataError, DtiError, RunError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False,
    help="Rerun, compare and read the experiments behind one review.",
)  # fmt: skip
data_app = typer.Typer(no_args_is_help=True, help="List the data sets, or check a file of your own.")
app.add_typer(data_app, name="data")

Settings = Annotated[list[str] | None, typer.Option("-p", metavar="NAME=VALUE", help="Set a parameter.")]
PROFILES_HELP = "smoke | quick | full: how large the run is."
ProfileOption = Annotated[str, typer.Option(help=PROFILES_HELP)]
Jobs = Annotated[int | None, typer.Option(help="Notebooks at a time (default: all cores).", min=1)]
Cluster = Annotated[str | None, typer.Option(metavar="tcp://HOST:PORT", help="An existing Dask scheduler.")]
Timeout = Annotated[float | None, typer.Option(metavar="S", help="Seconds that one notebook may take.")]
Force = Annotated[bool, typer.Option("--force", help="Run even if nothing changed.")]


@app.callback()
def _options(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False) -> None:
    if debug:
        os.environ["DTI_DEBUG"] = "1"


@app.command("list")
def list_studies(
    slug: Annotated[str | None, typer.Argument(help="Show one study's parameters and runs.")] = None,
) -> None:
    """Studies, questions, last runs and verdict counts; with SLUG its parameters and runs."""
    from dti_core.lab.terminal import listing

    if slug:
        listing.show_study(slug)
    else:
        listing.show_studies()


@app.command()
def doctor() -> None:
    """Check python, packages, cores, memory, disk, GPU, tracking and data, one line each with the fix."""
    from rich.markup import escape

    from dti_core.lab.terminal.display import console
    from dti_core.lab.terminal.doctor import examine

    broken = 0
    for finding in examine():
        broken += bool(finding.fix)
        mark = "[red]fix[/]" if finding.fix else "[green]ok [/]"
        said = escape(f"{finding.part:18} {finding.found}" + (f" -> {finding.fix}" if finding.fix else ""))
        console.print(f"{mark} {said}")
    raise typer.Exit(1 if broken else 0)


@app.command()
def run(
    slugs: Annotated[list[str] | None, typer.Argument(metavar="SLUG...|all")] = None,
    profile: Annotated[str | None, typer.Option(help=PROFILES_HELP, show_default="quick")] = None,
    p: Settings = None,
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="Your own data.")] = None,
    repeat: Annotated[
        str | None, typer.Option("--from", metavar="RESULT.JSON", help="Repeat that run.")
    ] = None,
    jobs: Jobs = None,
    cluster: Cluster = None,
    force: Force = False,
    timeout: Timeout = None,
) -> None:
    """Run studies; a finished run of the same code, data and parameters is reused."""
    from dti_core.lab.terminal import batch

    if not slugs and not repeat:
        raise ConfigError("name studies (or all), or give --from result.json.")
    if repeat and (slugs or profile or p or data):
        raise ConfigError("--from repeats a run as it was: give it no studies, -p, --profile or --data.")
    if repeat:
        plans = [batch.plan_from_record(repeat, force=force)]
    else:
        settings = batch.parse_settings(p)
        plans = batch.plan_runs(slugs or [], profile or "quick", settings, data=data, force=force)
    _finish(batch.run_plans(plans, jobs=jobs, cluster=cluster, timeout_seconds=timeout))


@app.command()
def sweep(
    slug: str,
    p: Annotated[
        list[str] | None, typer.Option("-p", metavar="NAME=V1,V2,...", help="Values to try.")
    ] = None,
    profile: ProfileOption = "quick",
    jobs: Jobs = None,
    cluster: Cluster = None,
    force: Force = False,
    timeout: Timeout = None,
) -> None:
    """Run a grid of parameter values (default: the study's own sweep); resumes where it stopped."""
    from dti_core.lab.terminal import batch

    plans = batch.plan_sweep(slug, profile, batch.parse_settings(p), force=force)
    _finish(batch.run_plans(plans, jobs=jobs, cluster=cluster, timeout_seconds=timeout))


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="RUN")],
    second: Annotated[str, typer.Argument(metavar="RUN")],
) -> None:
    """What changed between two runs: parameters, sources, estimates with intervals, verdicts."""
    from dti_core.lab.compare import compare_records
    from dti_core.lab.running.history import find_record
    from dti_core.lab.terminal.display import show_comparison

    one, two = find_record(first), find_record(second)
    show_comparison(compare_records(one, two), f"{one.slug} {one.run} -> {two.run}")


@app.command()
def claims(
    verdict: Annotated[str | None, typer.Option(help="Only claims with this verdict.")] = None,
    study: Annotated[str | None, typer.Option(help="Only claims tested by this study.")] = None,
) -> None:
    """All claims of the review with their verdicts."""
    from dti_core.lab.terminal import listing

    listing.show_claims(verdict, study)


@app.command("reproduce")
def reproduce_all(profile: ProfileOption = "quick", jobs: Jobs = None, timeout: Timeout = None) -> None:
    """Run every study, compare with the accepted numbers, build the book; exit 1 if any number is off."""
    from dti_core.lab.terminal.reproduction import reproduce

    _finish(reproduce(profile, jobs=jobs, timeout_seconds=timeout))


@app.command()
def publish(
    slug: str,
    profile: ProfileOption = "full",
    run_name: Annotated[str | None, typer.Option("--run", help="A run's name (default: the newest).")] = None,
) -> None:
    """Freeze a full run into the book and make its numbers the accepted ones (smoke, quick: numbers only)."""
    from dti_core.lab.terminal import batch

    batch.publish_run(slug, profile, run_name)


@app.command()
def book(
    profile: ProfileOption = "full",
    serve: Annotated[bool, typer.Option("--serve", help="Serve it on 127.0.0.1.")] = False,
    port: int = 8000,
) -> None:
    """Build the book: frozen chapters, or with --profile quick a separate site of the newest quick runs."""
    from dti_core.lab.publishing.book import build_book
    from dti_core.lab.publishing.book import serve as serve_book
    from dti_core.lab.terminal.display import console

    site = build_book(profile)
    console.print(f"The book lies in {site}. Open index.html, or run `dti book --serve`.")
    if serve:
        serve_book(site, port)


@app.command()
def ui(port: int = 5000) -> None:
    """Open the run comparison (MLflow) on 127.0.0.1."""
    from dti_core.lab.terminal import batch

    raise typer.Exit(batch.open_ui(port))


@app.command()
def schema(name: Annotated[str, typer.Argument(metavar="experiment|record|claims")]) -> None:
    """The JSON Schema of an experiment file, a result.json or the register of claims."""
    from dti_core.lab.terminal.schema import schema_text

    typer.echo(schema_text(name))


@data_app.command("list")
def data_list() -> None:
    """Every packaged data set: size, licence, place, state."""
    from dti_core.lab.terminal import listing

    listing.show_data()


@data_app.command("check")
def data_check(
    slug: str,
    file: Path,
    mapping: Annotated[str, typer.Option("--map", metavar="THEIRS=OURS,...", help="Rename columns.")] = "",
) -> None:
    """All problems of your file at once, each with what to do; exit 1 if any blocks the study."""
    from dti_core.lab.terminal import listing

    raise typer.Exit(0 if listing.show_check(slug, file, mapping) else 1)


def _finish(ok: bool) -> None:
    raise typer.Exit(0 if ok else 1)


def main() -> None:
    """Entry point: an error that the user can act on is one message, a traceback only with --debug."""
    try:
        app()
    except DtiError as error:
        if os.environ.get("DTI_DEBUG"):
            raise
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2 if isinstance(error, ConfigError | DataError | RunError) else 1)

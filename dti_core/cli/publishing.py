"""Commands about the book and its frozen chapters."""

from typing import Annotated

import typer

from dti_core.cli.display import say
from dti_core.cli.group import dti
from dti_core.cli.options import Port, Profile, finish
from dti_core.lab.errors import ConfigError

_MOST_REASONS = 12


@dti.command()
def publish(
    slug: str,
    profile: Profile = "full",
    run_name: Annotated[str | None, typer.Option("--run", help="A run's name (default: the newest).")] = None,
    redraw: Annotated[
        bool, typer.Option("--redraw", help="Freeze again from the chapter's own numbers, without a run.")
    ] = False,
    sweep: Annotated[
        bool,
        typer.Option("--sweep", help="Freeze the study's sweep, run in PROFILE, and draw the chapter again."),
    ] = False,
) -> None:
    """Freeze a full run into the book and make its numbers the accepted ones (smoke, quick: numbers only)."""
    from dti_core.book import publish as publishing
    from dti_core.book.reference import absent_sets

    if redraw and (run_name or sweep or profile != "full"):
        raise ConfigError(
            "--redraw uses the numbers of the frozen chapter: give it no --run, --sweep or --profile."
        )
    if sweep:
        from dti_core.book.sweeps import freeze_sweep

        say(f"sweep frozen: {freeze_sweep(slug, profile)}")
        redraw = True
    if redraw:
        say(f"chapter frozen again: {publishing.refreeze(slug)}")
    elif profile == "full":
        say(f"chapter frozen: {publishing.publish(slug, run_name)}")
    else:
        record = publishing.accept(slug, profile, run_name)
        without = f" without {', '.join(names)}" if (names := absent_sets(record)) else ""
        say(
            f"{len(record.estimates)} numbers accepted for {slug}, profile {profile}{without}, "
            f"from run {record.run}"
        )


@dti.command()
def stale(
    slugs: Annotated[list[str] | None, typer.Argument(metavar="[SLUG...]", help="All, if none.")] = None,
) -> None:
    """Frozen chapters that do not agree with today's code, data and claims, and why; exit 1 if any."""
    from dti_core.book import stale as staleness
    from dti_core.lab.frozen import frozen_slugs

    found = {slug: staleness.stale(slug) for slug in slugs or frozen_slugs()}
    found |= {} if slugs else {"generated pages": staleness.stale_pages()}
    for slug, reasons in found.items():
        say(f"{slug}: {'stale' if reasons else 'fresh'}")
        for reason in reasons[:_MOST_REASONS]:
            say(f"  {reason}")
        if len(reasons) > _MOST_REASONS:
            say(f"  and {len(reasons) - _MOST_REASONS} more")
    if any(found.values()):
        say("Numbers take a full run and `dti publish SLUG`; all else `dti publish SLUG --redraw`.")
    finish(not any(found.values()))


@dti.command()
def redraw(slugs: Annotated[list[str], typer.Argument(metavar="SLUG...|all")]) -> None:
    """Draw the figures of frozen chapters again from their kept numbers; exit 1 if any differs."""
    from dti_core.book import redraw as redrawing
    from dti_core.lab.frozen import frozen_slugs

    found = {slug: redrawing.redraw(slug) for slug in (frozen_slugs() if slugs == ["all"] else slugs)}
    for slug, cells in found.items():
        say(f"{slug}: {'differs in ' + ', '.join(cells) if cells else 'identical'}")
    finish(not any(found.values()))


@dti.command()
def book(
    profile: Profile = "full",
    serve: Annotated[bool, typer.Option("--serve", help="Serve it on 127.0.0.1.")] = False,
    port: Port = 8000,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print it to one PDF, too (needs Chromium).")] = False,
) -> None:
    """Build the book: frozen chapters, or with --profile quick a separate site of the newest quick runs."""
    from dti_core.book import build as building

    site = building.build_book(profile)
    say(f"The book lies in {site}. Open index.html, or run `dti book --serve`.")
    if pdf:
        from dti_core.book import pdf as printing

        say(f"Printed: {printing.print_book(site)}")
    if serve:
        building.serve(site, port)

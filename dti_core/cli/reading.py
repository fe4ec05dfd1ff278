"""Commands that show what is there."""

from typing import Annotated

import typer

from dti_core.cli.group import dti
from dti_core.cli.options import finish


@dti.command("list")
def list_studies(
    slug: Annotated[str | None, typer.Argument(help="Show one study's parameters and runs.")] = None,
) -> None:
    """Studies, questions, last runs and verdict counts; with SLUG its parameters and runs."""
    from dti_core.lab.terminal import listing

    if slug:
        listing.show_study(slug)
    else:
        listing.show_studies()


@dti.command()
def claims(
    verdict: Annotated[str | None, typer.Option(help="Only claims with this verdict.")] = None,
    study: Annotated[str | None, typer.Option(help="Only claims tested by this study.")] = None,
) -> None:
    """All claims of the review with their verdicts."""
    from dti_core.lab.terminal import listing

    listing.show_claims(verdict, study)


@dti.command()
def schema(name: Annotated[str, typer.Argument(metavar="experiment|record|claims")]) -> None:
    """The JSON Schema of an experiment file, a result.json or the register of claims."""
    from dti_core.lab.terminal.schema import schema_text

    typer.echo(schema_text(name))


@dti.command()
def doctor() -> None:
    """Check python, packages, cores, memory, disk, GPU, tracking and data, one line each with the fix."""
    from dti_core.lab.terminal.display import coloured, say
    from dti_core.lab.terminal.doctor import examine

    broken = 0
    for finding in examine():
        broken += bool(finding.fix)
        mark = coloured("fix", "red") if finding.fix else coloured("ok ", "green")
        say(mark, f" {finding.part:18} {finding.found}", f" -> {finding.fix}" if finding.fix else "")
    finish(not broken)

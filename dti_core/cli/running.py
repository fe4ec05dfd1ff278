"""Commands that run studies."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from dti_core.cli import options
from dti_core.cli.group import dti
from dti_core.lab.errors import ConfigError


@dti.command()
def run(
    slugs: Annotated[
        list[str] | None, typer.Argument(metavar="SLUG...|all", autocompletion=options.complete_study)
    ] = None,
    profile: options.ProfileOrNone = None,
    p: options.Settings = None,
    data: Annotated[Path | None, typer.Option(metavar="PATH", help="Your own file or folder.")] = None,
    repeat: Annotated[str | None, typer.Option("--from", metavar="RESULT.JSON", help="Repeat it.")] = None,
    jobs: options.Jobs = None,
    cluster: options.Cluster = None,
    force: options.Force = False,
    timeout: options.Timeout = None,
    dry_run: options.DryRun = False,
) -> None:
    """Run studies; a finished run of the same code, data and parameters is reused."""
    from dti_core.cli import batch

    if not slugs and not repeat:
        raise ConfigError("name studies (or all), or give --from result.json.")
    if repeat and (slugs or profile or p or data):
        raise ConfigError("--from repeats a run as it was: give it no studies, -p, --profile or --data.")
    if repeat:
        plans = [batch.plan_from_record(repeat, force=force)]
    else:
        settings = batch.parse_settings(p)
        plans = batch.plan_runs(slugs or [], profile or "quick", settings, data=data, force=force)
    batch.carry_out(plans, dry_run=dry_run, jobs=jobs, timeout=timeout, cluster=cluster)


@dti.command()
def sweep(
    slug: options.Slug,
    p: options.Grid = None,
    profile: options.Profile = "quick",
    jobs: options.Jobs = None,
    cluster: options.Cluster = None,
    force: options.Force = False,
    timeout: options.Timeout = None,
    dry_run: options.DryRun = False,
) -> None:
    """Run a grid of parameter values (default: the study's own sweep); resumes where it stopped."""
    from dti_core.cli import batch, sweeping
    from dti_core.cli.display import say

    plans, started = batch.plan_sweep(slug, profile, batch.parse_settings(p), force=force), datetime.now(UTC)
    if dry_run:
        return batch.show_plans(plans)
    outcomes = batch.run_plans(plans, jobs=jobs, timeout=timeout, cluster=cluster)
    done = batch.show_outcomes(outcomes)
    if problem := sweeping.keep_sweep(plans, outcomes, started, datetime.now(UTC)):
        say(f"the sweep was not logged: {problem}")
    options.finish(done)

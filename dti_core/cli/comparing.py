"""Commands that set numbers side by side: two runs, all runs, or all studies and their accepted numbers."""

import os
import subprocess
import time
from typing import TYPE_CHECKING, Annotated

import typer

from dti_core.cli import options
from dti_core.cli.display import clock, coloured, say, show_verdicts, table
from dti_core.cli.group import dti
from dti_core.lab.errors import BookError, DtiError, RunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dti_core.lab.compare import Comparison, Difference
    from dti_core.lab.record import Record
    from dti_core.lab.reference import Row
    from dti_core.lab.running.runs import Outcome

Run = Annotated[str, typer.Argument(metavar="RUN")]


@dti.command()
def compare(first: Run, second: Run) -> None:
    """What changed between two runs: parameters, sources, estimates with intervals, verdicts."""
    from dti_core.lab.compare import compare_records
    from dti_core.lab.config import load_experiment
    from dti_core.lab.running.history import find_record

    one, two = find_record(first), find_record(second)
    keep_sample = {n for n, p in load_experiment(one.slug).parameters.items() if p.keeps_sample}
    show_comparison(compare_records(one, two, keep_sample), f"{one.slug} {one.run} -> {two.run}")


@dti.command()
def reproduce(
    profile: options.Profile = "quick", jobs: options.Jobs = None, timeout: options.Timeout = None
) -> None:
    """Run every study, compare with the accepted numbers, build the book; exit 1 if any number is off."""
    from dti_core.cli import batch

    started = float(os.environ.get("DTI_STARTED") or time.time())
    plans = batch.plan_runs(["all"], profile, {}, data=None, force=False)
    outcomes = batch.run_plans(plans, jobs=jobs, timeout=timeout)
    batch.stop_if_interrupted(outcomes)
    records = batch.records_of(outcomes)
    for record in records:
        show_verdicts(record.claims, f"{record.slug}: verdicts of this run")
    site = _build(profile, records)
    _show_seconds(outcomes, profile)
    problems = [problem for record in records for problem in _compare(record)]
    problems += [f"{o.slug}: {o.status}: {o.reason}" for o in outcomes if not o.succeeded]
    for problem in problems:
        say(coloured("not reproduced ", "red"), problem)
    say(f"{len(problems)} problems. Took {clock(time.time() - started)}.")
    if isinstance(site, DtiError):
        raise site
    say(f"Next: open {site}/index.html, or `make ui`.")
    options.finish(not problems)


@dti.command()
def ui(port: options.Port = 5000) -> None:
    """Open the run comparison (MLflow) on 127.0.0.1; ends with the server's exit code."""
    from dti_core.cli.views import CLASSIC, save_views
    from dti_core.lab.running.track import ui_command

    command = ui_command(port)
    address = f"http://127.0.0.1:{port}/"
    say(f"MLflow on {address}#/experiments?{CLASSIC} (Ctrl-C stops it)")
    for slug, place in save_views():
        say(f"{slug}, verdicts and headline intervals: {address}{place}")
    raise typer.Exit(subprocess.run(command, check=False).returncode)


def show_comparison(comparison: "Comparison", title: str) -> None:
    """Print what changed between two runs; says so when nothing did."""
    changed = [(name, *pair) for name, pair in comparison.parameters.items()]
    changed += [(source, "source", "changed") for source in comparison.sources]
    if changed:
        table(f"{title}: what changed", ["name", "first", "second"], changed)
    moved = [d for d in comparison.differences if d.value != 0]
    cells = [
        (d.key, f"{d.first:.4g}", f"{d.second:.4g}", f"{d.value:+.3g} [{d.low:.3g}, {d.high:.3g}]",
         _clarity(d), d.how)
        for d in moved
    ]  # fmt: skip
    if cells:
        columns = ["estimate", "first", "second", "difference [95 %]", "", "interval"]
        table(f"{title}: estimates that moved", columns, cells)
    flips = [(claim, *pair) for claim, pair in comparison.verdicts.items()]
    if flips:
        table(f"{title}: verdicts that flipped", ["claim", "first", "second"], flips)
    same = len(comparison.differences) - len(moved)
    say(f"{same} of {len(comparison.differences)} estimates are identical.")


def show_reference(rows: "Sequence[Row]", title: str) -> None:
    """Print published against reproduced numbers."""
    columns = ["number", "published", "reproduced", "within tolerance", "tolerance and why"]
    cells = []
    for row in rows:
        reproduced = "missing" if row.reproduced is None else f"{row.reproduced:.4g}"
        within = coloured("yes", "green") if row.within else coloured("NO", "red")
        cells.append((row.key, f"{row.published:.4g}", reproduced, within, f"{row.tolerance:.3g}: {row.why}"))
    table(title, columns, cells)


def _clarity(difference: "Difference") -> object:
    if not difference.clear:
        return "within noise"
    return coloured("clear of seed noise" if difference.seed_noise_only else "clear", "bold")


def _build(profile: str, records: "Sequence[Record]") -> object:
    """The site of exactly these runs, or the DtiError for which there is none: the comparison comes first."""
    from dti_core.book import build as book

    say("building the book of these runs")
    try:
        return book.build_book(profile, records)
    except DtiError as error:
        return error
    except Exception as error:  # a disk, a missing file: the numbers are compared all the same
        return BookError(f"the book did not build: {type(error).__name__}: {error}")


def _compare(record: "Record") -> list[str]:
    """Print a run's numbers beside the accepted ones; what is wrong with them, one problem an item."""
    from dti_core.lab.reference import compare_with_reference

    try:
        rows = compare_with_reference(record)
    except RunError as error:
        return [str(error)]
    if not rows:
        return [f"{record.slug}: no number to compare is accepted for the profile {record.profile}"]
    show_reference(rows, f"{record.slug}, profile {record.profile}")
    off = [row.key for row in rows if not row.within]
    say(f"{record.slug}: {len(rows)} published numbers compared, {len(off)} outside their tolerance.")
    return [f"{record.slug}: {len(off)} numbers off: {', '.join(off[:5])}"] if off else []


def _show_seconds(outcomes: "Sequence[Outcome]", profile: str) -> None:
    """Print what each study took against its budget, which holds for two cores."""
    from dti_core.lab.config import load_experiment

    rows = []
    for outcome in outcomes:
        budget = load_experiment(outcome.slug).profiles[profile].budget_seconds  # type: ignore[index]
        over = coloured("over" if outcome.seconds > budget else "", "yellow")
        rows.append((outcome.slug, outcome.status, f"{outcome.seconds:.0f}", budget, over))
    table("Seconds", ["study", "state", "took (s)", "budget (s)", ""], rows)

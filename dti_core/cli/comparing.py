"""Commands that set numbers side by side: two runs, all runs, or all studies and their accepted numbers."""

import csv
import io
import os
import subprocess
import time
from collections import Counter
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dti_core.cli import options
from dti_core.cli.display import clock, coloured, say, shown_path, table, verdict_word
from dti_core.cli.group import dti
from dti_core.lab.errors import BookError, DtiError, RunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dti_core.book.reference import Compared, Row
    from dti_core.lab.compare import Comparison
    from dti_core.lab.record import Record
    from dti_core.lab.running.runs import Outcome

_MOST_ESTIMATES = 20
_COMPARED = ("study", "number", "published", "reproduced", "tolerance", "why", "within")
_APART = "not compared: rests on sets that are not at hand"
Run = Annotated[str, typer.Argument(metavar="RUN")]


@dti.command()
def compare(
    first: Run,
    second: Run,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write all as one page.")] = None,
) -> None:
    """What changed between two runs: verdicts, parameters, sources, estimates with intervals.

    A RUN is a run's name or its beginning, a path to a result.json, or a study, which is its frozen chapter.
    """
    from dti_core.lab.claims import judge
    from dti_core.lab.compare import compare_records
    from dti_core.lab.config import load_experiment
    from dti_core.lab.running.history import find_record

    one, two = (
        record.model_copy(update={"claims": tuple(judge(record))})
        for record in map(find_record, (first, second))
    )
    keep_sample = {n for n, p in load_experiment(one.slug).parameters.items() if p.keeps_sample}
    found = compare_records(one, two, keep_sample)
    show_comparison(found, f"{one.slug} {one.run} -> {two.run}")
    if html:
        from dti_core.book.compare_page import comparison_page
        from dti_core.lab.files import write

        write(html, comparison_page(one, two, found))
        say(f"All of it as a page: {shown_path(html)}")


@dti.command()
def reproduce(
    profile: options.Profile = "quick",
    jobs: options.Jobs = None,
    timeout: options.Timeout = None,
    dry_run: options.DryRun = False,
) -> None:
    """Run every study, compare with the accepted numbers, build the book; exit 1 if any number is off."""
    from dti_core.cli import batch, beside

    started = float(os.environ.get("DTI_STARTED") or time.time())
    plans = batch.plan_runs(["all"], profile, {}, data=None, force=False)
    if dry_run:
        batch.show_plans(plans)
        return
    outcomes = batch.run_plans(plans, jobs=jobs, timeout=timeout)
    batch.stop_if_interrupted(outcomes)
    records = batch.records_of(outcomes)
    site = _build(profile, records)
    _show_seconds(outcomes, profile)
    problems = compare_numbers(records, profile)
    problems += [f"{o.slug}: {o.status}: {o.reason}" for o in outcomes if not o.succeeded]
    beside.show_beside_book(records, profile)
    for problem in problems:
        say(coloured("not reproduced ", "red"), problem)
    say(f"{len(problems)} problems with runs and numbers. Took {clock(time.time() - started)}.")
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
    """Print what changed between two runs, what weighs most first; says so when nothing did."""
    say(coloured(title, "bold"))
    flips = [(claim, *map(_verdict, pair)) for claim, pair in comparison.verdicts.items()]
    if flips:
        table("Verdicts that differ", ["claim", "first", "second"], flips)
    else:
        say("No verdict differs.")
    changed = [(name, *pair) for name, pair in comparison.parameters.items()]
    changed += [(source, "source", "changed") for source in comparison.sources]
    if changed:
        table("What changed", ["name", "first", "second"], changed)
    _show_moved(comparison)


def _show_moved(comparison: "Comparison") -> None:
    """Print the estimates that moved: those behind verdicts and the clear ones first, not all if many."""
    moved = comparison.moved
    cells = [
        (d.key, f"{d.first:.4g}", f"{d.second:.4g}", d.text, coloured(d.reads, "bold" if d.clear else ""))
        for d in moved[:_MOST_ESTIMATES]
    ]
    if cells:
        columns = ["estimate", "first", "second", "difference [95 %]", ""]
        table("Estimates that moved, those behind verdicts first", columns, cells)
        for how, count in Counter(d.how for d in moved).items():
            say(f"Intervals of {count}: {how}.")
    if comparison.pairing:
        say(comparison.pairing)
    if hidden := moved[_MOST_ESTIMATES:]:
        clear = sum(one.clear for one in hidden)
        say(f"{len(hidden)} more moved, {clear} of them clearly; --html FILE shows them all.")
    same = len(comparison.differences) - len(moved)
    say(f"{same} of {len(comparison.differences)} estimates are identical.")


def _verdict(word: object) -> object:
    return verdict_word(str(word)) if word else "not judged"


def show_reference(rows: "Sequence[Row]", title: str) -> None:
    """Print published against reproduced numbers."""
    columns = ["number", "published", "reproduced", "within tolerance", "tolerance and why"]
    cells = []
    for row in rows:
        reproduced = "missing" if row.reproduced is None else f"{row.reproduced:.4g}"
        within = coloured("yes", "green") if row.within else coloured("NO", "red")
        cells.append((row.key, f"{row.published:.4g}", reproduced, within, f"{row.tolerance:.3g}: {row.why}"))
    table(title, columns, cells)


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


def compare_numbers(records: "Sequence[Record]", profile: str) -> list[str]:
    """Print how many numbers were compared with the accepted ones, and those that are off; the problems.

    All of them go into a table below the results.
    """
    from dti_core.book.reference import compare_with_reference
    from dti_core.lab.files import write
    from dti_core.lab.paths import results_root

    problems, compared = [], []
    for record in records:
        try:
            found = compare_with_reference(record)
        except RunError as error:
            problems.append(str(error))
            continue
        rows = found.rows
        compared += [(record.slug, *astuple(row), row.within) for row in rows]
        compared += [(record.slug, *astuple(row), _APART) for row in found.apart]
        off = [row for row in rows if not row.within]
        if off:
            show_reference(off, f"{record.slug}, profile {record.profile}: outside their tolerance")
            names = ", ".join(row.key for row in off[:5])
            problems.append(f"{record.slug}: {len(off)} numbers off: {names}")
        if not rows:
            problems.append(f"{record.slug}: no number to compare is accepted for the profile {profile}")
        say(f"{record.slug}: {len(rows)} published numbers compared, {len(off)} outside their tolerance.")
        if found.absent:
            say(_without(found))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_COMPARED, *compared])
    write(path := results_root() / f"reproduced-{profile}.csv", text.getvalue())
    say(f"All compared numbers: {shown_path(path)}")
    return problems


def _without(found: "Compared") -> str:
    """Which published sets a run went without, and what could not be compared for that."""
    told = "" if found.known else " Nothing is accepted for a run without just these."
    number = f"{len(found.apart)} numbers that rest on sets that are not at hand were not compared."
    return f"  without {', '.join(found.absent)} (`dti data get NAME`):{told} {number}"


def _show_seconds(outcomes: "Sequence[Outcome]", profile: str) -> None:
    """Print what each run took, reused ones when they were made, against its budget for two cores."""
    from dti_core.lab.config import load_experiment

    rows = []
    for outcome in outcomes:
        budget = load_experiment(outcome.slug).profiles[profile].budget_seconds  # type: ignore[index]
        over = coloured("over" if outcome.seconds > budget else "", "yellow")
        rows.append((outcome.slug, outcome.status, f"{outcome.seconds:.0f}", budget, over))
    table("Seconds of each run", ["study", "state", "run took (s)", "budget (s)", ""], rows)

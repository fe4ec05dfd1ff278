"""`dti reproduce`: run every study, set its numbers beside the accepted ones, print what was run."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from dti_core.lab.config import load_experiment
from dti_core.lab.errors import BookError, DtiError, RunError
from dti_core.lab.record import Record
from dti_core.lab.running.runs import Outcome
from dti_core.lab.terminal import batch, display
from dti_core.lab.terminal.display import clock, coloured, say


def reproduce(profile: str, *, jobs: int | None, timeout_seconds: float | None) -> bool:
    """Run every study, compare with the accepted numbers, build the book of these runs, name the next step.

    Returns
    -------
    Whether every study ran and has numbers to compare, all within their tolerance.

    Raises
    ------
    DtiError if the book does not build, after the comparison has been printed.
    """
    started = float(os.environ.get("DTI_STARTED") or time.time())
    plans = batch.plan_runs(["all"], profile, {}, data=None, force=False)
    outcomes = batch.run_outcomes(plans, jobs=jobs, cluster=None, timeout_seconds=timeout_seconds)
    batch.stop_if_interrupted(outcomes)
    records = [batch.record_of(outcome) for outcome in outcomes if outcome.succeeded]
    for record in records:
        display.show_verdicts(record.claims, f"{record.slug}: verdicts of this run")
    site = _build(profile, records)
    show_seconds(outcomes, profile)
    problems = [problem for record in records for problem in compare(record)]
    problems += [f"{o.slug}: {o.status}: {o.reason}" for o in outcomes if not o.succeeded]
    for problem in problems:
        say(coloured("not reproduced ", "red"), problem)
    say(f"{len(problems)} problems. Took {clock(time.time() - started)}.")
    if isinstance(site, DtiError):
        raise site
    say(f"Next: open {site}/index.html, or `make ui`.")
    return not problems


def _build(profile: str, records: Sequence[Record]) -> Path | DtiError:
    """The site of exactly these runs, or why there is none: the comparison comes first."""
    from dti_core.lab.publishing.book import build_book

    say("building the book of these runs")
    try:
        return build_book(profile, records)
    except DtiError as error:
        return error
    except Exception as error:  # a disk, a missing file: the numbers are compared all the same
        return BookError(f"the book did not build: {type(error).__name__}: {error}")


def compare(record: Record) -> list[str]:
    """Print a run's numbers beside the accepted ones; what is wrong with them, one problem an item."""
    from dti_core.lab.reference import compare_with_reference

    try:
        rows = compare_with_reference(record)
    except RunError as error:
        return [str(error)]
    if not rows:
        return [f"{record.slug}: no number to compare is accepted for the profile {record.profile}"]
    display.show_reference(rows, f"{record.slug}, profile {record.profile}")
    off = [row.key for row in rows if not row.within]
    say(f"{record.slug}: {len(rows)} published numbers compared, {len(off)} outside their tolerance.")
    return [f"{record.slug}: {len(off)} numbers off: {', '.join(off[:5])}"] if off else []


def show_seconds(outcomes: Sequence[Outcome], profile: str) -> None:
    """Print what each study took against its budget, which holds for two cores."""
    rows = []
    for outcome in outcomes:
        budget = load_experiment(outcome.slug).profiles[profile].budget_seconds  # type: ignore[index]
        over = coloured("over" if outcome.seconds > budget else "", "yellow")
        rows.append((outcome.slug, outcome.status, f"{outcome.seconds:.0f}", budget, over))
    display.table("Seconds", ["study", "state", "took (s)", "budget (s)", ""], rows)

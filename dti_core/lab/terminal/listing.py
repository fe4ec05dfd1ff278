"""What `dti list`, `dti claims` and `dti data` show."""

import importlib
import inspect
import itertools
from collections import Counter
from pathlib import Path

from dti_core.lab.config import Experiment, list_slugs, load_experiment
from dti_core.lab.data import load_all, read_user_table
from dti_core.lab.errors import ConfigError, DataError
from dti_core.lab.record import Record
from dti_core.lab.running.history import finished_runs, latest_run, newest_records
from dti_core.lab.running.runs import list_runs, read_state
from dti_core.lab.terminal import display
from dti_core.lab.terminal.display import clock, coloured, say


def show_studies() -> None:
    """All studies with their question, last run and verdict counts."""
    rows = []
    for slug in list_slugs():
        experiment, last = load_experiment(slug), latest_run(slug)
        ran = f"{last.run} ({last.profile}, {clock(last.seconds)})" if last else "never"
        rows.append((slug, experiment.source, experiment.question, ran, _counts(last)))
    display.table("Studies", ["study", "cites", "question", "last run", "verdicts"], rows)


def show_study(slug: str) -> None:
    """One study's parameters, profiles and runs, failed ones with their reason."""
    experiment = load_experiment(slug)
    say(coloured(experiment.title, "bold"), f" {experiment.source}\n{experiment.question}\n{experiment.data}")
    rows = [
        (n, p.default, p.range_text, p.unit, _sizes(experiment, n)) for n, p in experiment.parameters.items()
    ]
    display.table("Parameters", ["name", "default (quick)", "allowed", "unit", "in profiles"], rows)
    runs = [
        (r.run, "finished", r.profile, clock(r.seconds), _changes(experiment, r)) for r in finished_runs(slug)
    ]
    states = (read_state(folder) for folder in list_runs(slug))
    for state in states:
        if state is not None and state.status != "finished":
            runs.append((state.run, state.status, state.profile, clock(state.seconds), state.reason))
    if runs:
        display.table("Runs", ["run", "state", "profile", "took", "parameters or reason"], runs)


def show_claims(verdict: str | None, study: str | None) -> None:
    """The claims of the review, judged on the newest runs."""
    from dti_core.lab.claims import all_verdicts
    from dti_core.lab.publishing.claim_pages import study_of
    from dti_core.lab.register import load_register

    if verdict is not None and verdict not in display.VERDICT_COLOUR:
        raise ConfigError(f"no verdict '{verdict}'. Allowed: {', '.join(display.VERDICT_COLOUR)}.")
    claims = load_register().claims
    rows = []
    for judged in all_verdicts(newest_records()):
        claim = claims[judged.claim]
        if verdict in (None, judged.verdict) and study in (None, study_of(claim)):
            rows.append((judged.claim, display.verdict_word(judged.verdict), claim.says, judged.because))
    display.table(f"{len(rows)} claims", ["claim", "verdict", "says", "because"], rows)


def show_data() -> None:
    """Packaged and published data sets with their state on this machine."""
    rows = []
    for name, data in load_all().items():
        try:
            data.path()
            state = coloured("present, unchanged", "green")
        except DataError as error:
            state = coloured(error, "red" if data.package else "yellow")
        rights = data.licence if data.package else f"{data.licence}. {data.upstream}"
        rows.append((name, data.title, f"{data.rows} x {data.columns}", rights, data.caveat, state))
    display.table(
        "Data inside installed packages, and published files",
        ["name", "what", "size", "licence", "caveat", "state"],
        rows,
    )


def show_check(slug: str, file: Path, mapping: str = "") -> bool:
    """Print every problem of a user's file; whether the study can run on it."""
    load_experiment(slug)
    study = importlib.import_module(f"dti_core.studies.{slug}.data")
    table, card = read_user_table(file)
    if mapping and "mapping" not in inspect.signature(study.check).parameters:
        raise ConfigError(f"{slug}: takes no --map; its columns need no names of their own. Leave it out.")
    problems = study.check(table, mapping) if mapping else study.check(table)
    for problem in problems:
        word = coloured("error", "red") if problem.blocks else coloured("warning", "yellow")
        say(word, f" {file.name}: {problem.text}")
    blocked = any(problem.blocks for problem in problems)
    if not blocked:
        say(f"{file.name}: {card.rows} rows, {card.columns} columns: fit for {slug}.")
        say(f"Next: dti run {slug} --data {file}")
    return not blocked


def _counts(record: Record | None) -> tuple[object, ...]:
    counts = Counter(verdict.verdict for verdict in record.claims) if record else Counter[str]()
    parts = ((", ", f"{count} ", display.verdict_word(word)) for word, count in counts.items())
    return tuple(itertools.chain.from_iterable(parts))[1:]


def _sizes(experiment: Experiment, name: str) -> str:
    changes = {label: profile.changes.get(name) for label, profile in experiment.profiles.items()}
    return ", ".join(f"{label} {value}" for label, value in changes.items() if value is not None)


def _changes(experiment: Experiment, record: Record) -> str:
    return ", ".join(
        f"{name}={value}"
        for name, value in record.parameters.items()
        if name not in experiment.parameters or value != experiment.parameters[name].default
    )

"""Commands that show what is there: studies and their runs, claims, schemas."""

import itertools
import json
import pkgutil
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from dti_core.cli import display
from dti_core.cli.display import clock, coloured, say
from dti_core.cli.group import dti
from dti_core.cli.options import complete_study, completing, one_of

if TYPE_CHECKING:
    from dti_core.lab.config import Experiment
    from dti_core.lab.record import Record

_MODELS = {
    "experiment": "dti_core.lab.config:Experiment",
    "record": "dti_core.lab.record:Record",
    "claims": "dti_core.lab.register:Register",
}


_complete_verdict = completing(lambda: display.VERDICT_COLOUR)


@dti.command("list")
def list_studies(
    slug: Annotated[
        str | None,
        typer.Argument(help="Show one study's parameters and runs.", autocompletion=complete_study),
    ] = None,
) -> None:
    """Studies with the verdicts of the book and of the last run here; with SLUG its parameters and runs."""
    if slug:
        show_study(slug)
    else:
        show_studies()


@dti.command()
def claims(
    verdict: Annotated[
        str | None, typer.Option(help="Only claims with this verdict.", autocompletion=_complete_verdict)
    ] = None,
    study: Annotated[
        str | None, typer.Option(help="Only claims tested by this study.", autocompletion=complete_study)
    ] = None,
    runs: Annotated[bool, typer.Option("--runs", help="By the newest runs here, not by the book.")] = False,
) -> None:
    """All claims of the review with the verdicts of the book."""
    from dti_core.lab.claims import all_verdicts
    from dti_core.lab.frozen import frozen_record, frozen_slugs
    from dti_core.lab.register import load_register
    from dti_core.lab.running.history import newest_records

    register = load_register()
    owners = {claim.owner: None for claim in register.claims.values() if claim.owner}
    if verdict is not None:
        one_of("verdict", verdict, display.VERDICT_COLOUR)
    if study is not None:
        one_of("study with claims", study, owners)
    records = newest_records() if runs else map(frozen_record, frozen_slugs())
    rows = []
    for judged in all_verdicts(records, register):
        claim = register.claims[judged.claim]
        if verdict in (None, judged.verdict) and study in (None, claim.owner):
            rows.append((judged.claim, display.judged(judged), claim.says, judged.because))
    source = "by the newest runs here" if runs else "as the book says"
    title = f"{len(rows)} of {len(register.claims)} claims, {source}"
    display.table(title, ["claim", "verdict", "says", "because"], rows)


@dti.command()
def schema(name: Annotated[str, typer.Argument(metavar="|".join(_MODELS))]) -> None:
    """The JSON Schema of an experiment file, a result.json or the register of claims."""
    model = pkgutil.resolve_name(_MODELS[one_of("schema", name, _MODELS)])
    typer.echo(json.dumps(model.model_json_schema(), indent=1))


def show_studies() -> None:
    """All studies with their question, and the verdicts of the frozen chapter and of the last run here."""
    from dti_core.lab.config import list_slugs, load_experiment
    from dti_core.lab.running.history import latest_run

    rows = []
    for slug in list_slugs():
        experiment, last = load_experiment(slug), latest_run(slug)
        frozen = _frozen(slug)
        book = _told(frozen) if frozen else "no chapter yet"
        here = _told(last, last.run) if last else "none yet"
        rows.append((f"{slug} {experiment.source}", experiment.question, book, here))
    display.table("Studies", ["study", "question", "the book says", "last run here"], rows)


def show_study(slug: str) -> None:
    """One study's parameters, profiles and runs, failed ones with their reason."""
    from dti_core.lab.config import load_experiment
    from dti_core.lab.running.history import finished_runs
    from dti_core.lab.running.runs import list_runs, read_state

    experiment = load_experiment(slug)
    say(coloured(experiment.title, "bold"), f" {experiment.source}\n{experiment.question}\n{experiment.data}")
    rows = [
        (n, p.default, p.range_text, p.unit, _sizes(experiment, n)) for n, p in experiment.parameters.items()
    ]
    display.table("Parameters", ["name", "default (quick)", "allowed", "unit", "in profiles"], rows)
    if frozen := _frozen(slug):
        display.show_verdicts(frozen.claims, f"The book says, by run {frozen.run}, profile {frozen.profile}")
    runs = [
        (r.run, "finished", r.profile, clock(_seconds(r)), _changes(experiment, r))
        for r in finished_runs(slug)
    ]
    for state in map(read_state, list_runs(slug)):
        if state is not None and state.status != "finished":
            runs.append((state.run, state.status, state.profile, clock(state.seconds), state.reason))
    if runs:
        display.table("Runs", ["run", "state", "profile", "took", "changed parameters, or reason"], runs)


def _frozen(slug: str) -> "Record | None":
    from dti_core.lab.frozen import frozen_record, frozen_slugs

    return frozen_record(slug) if slug in frozen_slugs() else None


def _told(record: "Record", run: str = "") -> tuple[object, ...]:
    """How many verdicts of each kind a record holds, then which run it is."""
    counts = Counter(verdict.verdict for verdict in record.claims)
    parts = ((f"{count} ", display.verdict_word(word), "\n") for word, count in counts.items())
    size = f"{record.profile}, {clock(_seconds(record))}"
    return (*itertools.chain.from_iterable(parts), f"{run}\n{size}" if run else size)


def _seconds(record: "Record") -> float:
    """What a run here took by itself; of another one what all runs took on its numbers."""
    from dti_core.lab.paths import study_results
    from dti_core.lab.running.runs import read_state

    state = read_state(study_results(record.slug) / record.run)
    return state.seconds if state else record.seconds


def _sizes(experiment: "Experiment", name: str) -> str:
    changes = {label: profile.changes.get(name) for label, profile in experiment.profiles.items()}
    return ", ".join(f"{label} {value}" for label, value in changes.items() if value is not None)


def _changes(experiment: "Experiment", record: "Record") -> str:
    profile = "quick" if record.profile == "custom" else record.profile
    known = experiment.resolve(profile).values
    moved = (name for name, value in record.parameters.items() if name not in known or value != known[name])
    return ", ".join(f"{name}={record.parameters[name]}" for name in moved)

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
from dti_core.lab.errors import ConfigError

if TYPE_CHECKING:
    from dti_core.lab.config import Experiment
    from dti_core.lab.record import Record

_MODELS = {
    "experiment": "dti_core.lab.config:Experiment",
    "record": "dti_core.lab.record:Record",
    "claims": "dti_core.lab.register:Register",
}


@dti.command("list")
def list_studies(
    slug: Annotated[str | None, typer.Argument(help="Show one study's parameters and runs.")] = None,
) -> None:
    """Studies, questions, last runs and verdict counts; with SLUG its parameters and runs."""
    if slug:
        show_study(slug)
    else:
        show_studies()


@dti.command()
def claims(
    verdict: Annotated[str | None, typer.Option(help="Only claims with this verdict.")] = None,
    study: Annotated[str | None, typer.Option(help="Only claims tested by this study.")] = None,
) -> None:
    """All claims of the review with their verdicts."""
    from dti_core.lab.claims import all_verdicts
    from dti_core.lab.register import load_register
    from dti_core.lab.running.history import newest_records

    if verdict is not None and verdict not in display.VERDICT_COLOUR:
        raise ConfigError(f"no verdict '{verdict}'. Allowed: {', '.join(display.VERDICT_COLOUR)}.")
    register = load_register().claims
    rows = []
    for judged in all_verdicts(newest_records()):
        claim = register[judged.claim]
        if verdict in (None, judged.verdict) and study in (None, claim.owner):
            rows.append((judged.claim, display.judged(judged), claim.says, judged.because))
    display.table(f"{len(rows)} claims", ["claim", "verdict", "says", "because"], rows)


@dti.command()
def schema(name: Annotated[str, typer.Argument(metavar="|".join(_MODELS))]) -> None:
    """The JSON Schema of an experiment file, a result.json or the register of claims."""
    if name not in _MODELS:
        raise ConfigError(f"no schema '{name}'. Allowed: {', '.join(_MODELS)}.")
    typer.echo(json.dumps(pkgutil.resolve_name(_MODELS[name]).model_json_schema(), indent=1))


def show_studies() -> None:
    """All studies with their question, last run and verdict counts."""
    from dti_core.lab.config import list_slugs, load_experiment
    from dti_core.lab.running.history import latest_run

    rows = []
    for slug in list_slugs():
        experiment, last = load_experiment(slug), latest_run(slug)
        ran = f"{last.run} ({last.profile}, {clock(last.seconds)})" if last else "never"
        rows.append((slug, experiment.source, experiment.question, ran, _counts(last)))
    display.table("Studies", ["study", "cites", "question", "last run", "verdicts"], rows)


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
    runs = [
        (r.run, "finished", r.profile, clock(r.seconds), _changes(experiment, r)) for r in finished_runs(slug)
    ]
    for state in map(read_state, list_runs(slug)):
        if state is not None and state.status != "finished":
            runs.append((state.run, state.status, state.profile, clock(state.seconds), state.reason))
    if runs:
        display.table("Runs", ["run", "state", "profile", "took", "parameters or reason"], runs)


def _counts(record: "Record | None") -> tuple[object, ...]:
    counts = Counter(verdict.verdict for verdict in record.claims) if record else Counter[str]()
    parts = ((", ", f"{count} ", display.verdict_word(word)) for word, count in counts.items())
    return tuple(itertools.chain.from_iterable(parts))[1:]


def _sizes(experiment: "Experiment", name: str) -> str:
    changes = {label: profile.changes.get(name) for label, profile in experiment.profiles.items()}
    return ", ".join(f"{label} {value}" for label, value in changes.items() if value is not None)


def _changes(experiment: "Experiment", record: "Record") -> str:
    known = {name: parameter.default for name, parameter in experiment.parameters.items()}
    moved = (name for name, value in record.parameters.items() if name not in known or value != known[name])
    return ", ".join(f"{name}={record.parameters[name]}" for name in moved)

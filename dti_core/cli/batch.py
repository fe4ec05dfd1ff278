"""Batches of runs: what to run, running it with progress, and what to do with the outcomes."""

import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from dti_core.cli import display
from dti_core.cli.display import clock, coloured, say
from dti_core.cli.options import finish
from dti_core.lab.config import list_slugs, load_experiment
from dti_core.lab.errors import ConfigError, DataError, one_line
from dti_core.lab.record import Record
from dti_core.lab.running.cache import expected_seconds
from dti_core.lab.running.history import find_record, read_record
from dti_core.lab.running.runner import foresee, run_all
from dti_core.lab.running.runs import RESULT, Outcome, RunPlan

#: Colour of what is done for a plan.
_WORK = {"reused": "cyan", "redrawn": "green", "rerun": "yellow"}


def parse_settings(settings: Sequence[str] | None) -> dict[str, str]:
    """Split NAME=VALUE texts; a name may be set once."""
    parsed: dict[str, str] = {}
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        if not equals or not name:
            raise ConfigError(f"-p {setting}: write -p name=value, without spaces.")
        if name in parsed:
            raise ConfigError(f"-p {name} is given twice ({parsed[name]} and {value}). Give it once.")
        parsed[name] = value
    return parsed


def plan_runs(
    slugs: Sequence[str], profile: str, settings: Mapping[str, str], *, data: Path | None, force: bool
) -> list[RunPlan]:
    """One plan a study; `all` means every study. A wrong name or value is refused before anything runs."""
    names = list_slugs() if list(slugs) == ["all"] else list(dict.fromkeys(slugs))
    plans = []
    for slug in names:
        experiment = load_experiment(slug)
        values: dict[str, object] = {}
        if data is not None:
            if "data_path" not in experiment.parameters:
                raise ConfigError(f"{slug}: takes no data of yours.")
            if not os.path.exists(data):
                raise DataError(f"{one_line(data, 120)}: no such file or folder.")
            values |= {"data_path": str(data.resolve()), **experiment.own_data}
        values |= {n: experiment.parameter(n).parse(slug, n, text) for n, text in settings.items()}
        plans.append(RunPlan(slug, experiment.resolve(profile, values), force))
    return plans


def plan_from_record(path: str, *, force: bool) -> RunPlan:
    """The plan that repeats a recorded run."""
    record = find_record(path)
    config = load_experiment(record.slug).resolve("quick", record.parameters)
    return RunPlan(record.slug, config, force)


def plan_sweep(slug: str, profile: str, grid: Mapping[str, str], *, force: bool) -> list[RunPlan]:
    """Plans for the product of all listed values; without a grid the experiment file's sweep."""
    experiment = load_experiment(slug)
    values: dict[str, tuple[object, ...]] = {
        name: tuple(experiment.parameter(name).parse(slug, name, text) for text in texts.split(","))
        for name, texts in grid.items()
    } or dict(experiment.sweep)
    if not values:
        raise ConfigError(f"{slug}: has no sweep of its own; give -p name=v1,v2.")
    points = (dict(zip(values, point, strict=True)) for point in itertools.product(*values.values()))
    return [RunPlan(slug, experiment.resolve(profile, point), force) for point in points]


def run_plans(
    plans: Sequence[RunPlan], *, jobs: int | None, timeout: float | None, cluster: str | None = None
) -> list[Outcome]:
    """Run all plans with progress; how each ended. `timeout` is for each notebook, in seconds."""
    expected = {plan.slug: expected_seconds(plan) for plan in plans}
    with display.ProgressLines(expected) as listener:
        return run_all(plans, jobs=jobs, cluster=cluster, timeout_seconds=timeout, listener=listener)


def carry_out(
    plans: Sequence[RunPlan], *, dry_run: bool, jobs: int | None, timeout: float | None, cluster: str | None
) -> None:
    """Run the plans, show the outcomes and end the command; with `dry_run` only say what would be done."""
    if dry_run:
        show_plans(plans)
    else:
        finish(show_outcomes(run_plans(plans, jobs=jobs, timeout=timeout, cluster=cluster)))


def show_plans(plans: Sequence[RunPlan]) -> None:
    """Print what would be rerun, redrawn or reused, why, and about how long a rerun takes; nothing is run."""
    rows = []
    for plan in plans:
        word, _, why = foresee(plan).partition(": ")
        about = f"about {clock(expected_seconds(plan))}" if word == "rerun" else ""
        rows.append((plan.slug, plan.config.profile, coloured(word, _WORK[word]), why, about))
    display.table("What would be done", ["study", "profile", "it is", "because", "takes"], rows)
    say("A dry run: nothing was run or changed.")


def show_outcomes(outcomes: Sequence[Outcome]) -> bool:
    """Print where the results lie and failures last; whether every run finished or was reused."""
    if len(outcomes) == 1:
        for record in records_of(outcomes):
            display.show_verdicts(record.claims, f"{record.slug}, profile {record.profile}")
    for outcome in outcomes:
        if outcome.succeeded:
            say(f"{outcome.slug}: {display.shown_path(outcome.folder)}")
    bad = [(o.slug, o.run, o.status, o.reason) for o in outcomes if not o.succeeded]
    if bad:
        title = f"{len(bad)} of {len(outcomes)} runs did not finish"
        display.table(title, ["study", "run", "state", "why"], bad)
    stop_if_interrupted(outcomes)
    return not bad


def stop_if_interrupted(outcomes: Sequence[Outcome]) -> None:
    """After Ctrl-C, say what became of the runs and end the command."""
    if any(outcome.status == "killed" for outcome in outcomes):
        sys.stderr.write("stopped; finished runs are kept, `dti list` shows them\n")
        raise KeyboardInterrupt


def records_of(outcomes: Sequence[Outcome]) -> list[Record]:
    """The records of the runs that finished or were reused."""
    return [read_record(one.folder / RESULT) for one in outcomes if one.succeeded and one.folder]

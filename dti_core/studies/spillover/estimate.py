"""Cells x worlds -> gains -> Result: what each part is worth in a field that it was not made for."""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from dti_core.lab.config import Config
from dti_core.lab.data import DataCard
from dti_core.lab.data.frozen import frozen_bytes
from dti_core.lab.errors import DataError, one_line
from dti_core.lab.findings import Findings, gather
from dti_core.lab.kept import keep
from dti_core.lab.parallel import CORES, run_keyed
from dti_core.lab.parts import run_parts
from dti_core.lab.record import Result
from dti_core.studies.spillover.data import Panel, Parameters
from dti_core.studies.spillover.data.frontiers import CHECKS, CREDIT, DIAMONDS, record_digests
from dti_core.studies.spillover.measures.cells import UNIT, finds_planted, measure_cell, table_of
from dti_core.studies.spillover.measures.sentences import (
    EVERYWHERE,
    PRIVACY,
    SENTENCES,
    feedback_helps,
    plans_help,
    say,
    share_of_instances,
    share_of_settings,
)
from dti_core.studies.spillover.methods import METHODS, REGIONS, STREAMS, Cell
from dti_core.studies.spillover.methods.forecaster import onto
from dti_core.studies.spillover.methods.frontiers import study_frontiers
from dti_core.studies.spillover.methods.planner import AS_THEY_ARE
from dti_core.studies.spillover.methods.task import Effort, Task
from dti_core.studies.spillover.model.gains import Outcome, opened
from dti_core.studies.spillover.worlds import WORLDS

#: The question that is no cell: whether fields pay for less risk at the same balance.
FRONTIERS = "frontiers"
FRONTIER_READS = (CREDIT, CHECKS, DIAMONDS)
#: The panel whose forecaster is carried to a user's series, by the rows in a season of these.
SOURCES = {1: "volatility", 7: "days_of_volatility"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A cell to be tried, by its name, with its task."""

    name: str
    task: Task


@keep
def estimate(config: Config, yours: Panel | None, card: DataCard) -> Result:
    """All cells, what they say together, and a user's series if there are any.

    What a machine lacks for is listed in the table `left_out`, with the command that brings it.
    """
    asked = config.typed(Parameters)
    effort = Effort(asked.n_networks, asked.n_draws, asked.n_instances, asked.n_steps)
    root = word(config, "shared")
    cells = {**METHODS, **STREAMS, **REGIONS}
    attempts = {
        name: Attempt(name, Task(word(config, name), effort, root, cell.about, digests(cell.frozen)))
        for name, cell in cells.items()
    }
    attempts[FRONTIERS] = Attempt(
        FRONTIERS, Task(word(config, FRONTIERS), effort, root, (), record_digests())
    )
    tried = run_keyed(attempt, attempts, "cells")
    found = {name: one for name, one in tried.items() if isinstance(one, Outcome)}
    parts = [
        measure_cell(name, cells[name], one)
        if name not in REGIONS
        else Findings(list(one.estimates), dict(one.series))
        for name, one in found.items()
    ]
    parts += [one for one in tried.values() if isinstance(one, Findings)]
    parts += [
        Findings(left_out=[(cells[name].title if name in cells else name, one)])
        for name, one in tried.items()
        if isinstance(one, str)
    ]
    parts += [together(found)]
    if yours is not None:
        parts.append(carried_to_yours(yours, Task(word(config, "yours"), effort, root)))
    everything = gather(parts)
    return Result(config, card, tuple(everything.estimates), everything.series)


def digests(files: Iterable[str]) -> tuple[str, ...]:
    """sha256 of files of other studies, as they are now."""
    return tuple(
        hashlib.sha256(frozen_bytes(slug, file)).hexdigest()
        for slug, _, file in (name.partition("/") for name in files)
    )


def word(config: Config, name: str) -> int:
    """A root of random numbers for a cell, from the run's seed."""
    return int(config.seeds(name).generate_state(1)[0])


def attempt(asked: Attempt) -> Outcome | Findings | str:
    """What a cell or the frontiers yield, or why data are not here; tasks are worked off one by one."""
    os.environ[CORES] = "1"
    try:
        if asked.name == FRONTIERS:
            return run_parts(study_frontiers, {FRONTIERS: asked.task}, FRONTIERS, FRONTIER_READS)[FRONTIERS]
        cell = {**METHODS, **STREAMS, **REGIONS}[asked.name]
        return run_parts(cell.run, {asked.name: asked.task}, asked.name, cell.needs)[asked.name]
    except DataError as error:
        return one_line(error, 200)


def together(found: Mapping[str, Outcome]) -> Findings:
    """What all cells say together, of real data, of plans and of feedback; and the table of cells."""
    findings = Findings()
    crossing = {name: one for name, one in found.items() if name in METHODS and METHODS[name].crosses}
    observed = {name: one for name, one in crossing.items() if METHODS[name].grade == "observed"}
    able = {name: one for name, one in observed.items() if finds_planted(one, METHODS[name])}
    real = {name: one if name in able else opened(one) for name, one in observed.items()}
    planned = {name: one for name, one in crossing.items() if AS_THEY_ARE in METHODS[name].about}
    streams = {name: one for name, one in found.items() if name in STREAMS}
    for name, (unit, of) in SENTENCES.items():
        planted: Callable[[Cell], bool] = _private if name == "privacy_over_other_bridges" else _any
        asked = (able or real) if name in EVERYWHERE else real
        findings.estimates += say(name, unit, of, METHODS, asked, planted)
    if planned:
        findings.estimates += say("plans_help", UNIT, plans_help, METHODS, planned)
        for name, those in {"": planned, **{f"_{key}": {key: one} for key, one in planned.items()}}.items():
            told = share_of_instances(those)
            findings.estimates.append(told.estimate(f"plans_help_share{name}", "share of drawn budgets"))
    findings.estimates += say("feedback_helps", UNIT, feedback_helps, STREAMS, streams)
    if regional := {name: one for name, one in found.items() if name in REGIONS}:
        told = share_of_settings(regional)
        findings.estimates.append(told.estimate("regional_share_of_settings", "share of settings"))
    findings.series["cells"] = table_of(
        {name: (METHODS[name], one) for name, one in found.items() if name in METHODS}
    )
    findings.series["streams"] = table_of({name: (STREAMS[name], one) for name, one in streams.items()})
    return findings


def _private(cell: Cell) -> bool:
    return cell.bridge in PRIVACY


def _any(cell: Cell) -> bool:
    return True


def carried_to_yours(panel: Panel, task: Task) -> Findings:
    """The forecaster of stocks on a user's series."""
    source = SOURCES[panel.horizon]
    found = onto(panel, source, f"{source} to yours", task)
    cell = Cell("Forecaster: volatility of stocks, to your series", lambda _: found, bridge="forecaster",
                source="finance", target="commerce", about=(source, "yours"))  # fmt: skip
    findings = measure_cell("yours", cell, found)
    findings.series["yours"] = table_of({"yours": (cell, found)})
    return findings


def worlds_in_words() -> pd.DataFrame:
    """The worlds of every cell."""
    return pd.DataFrame([{"world": world.title, "role": world.role} for world in WORLDS.values()])

"""Which verdicts hold on real call graphs: twenty systems, each with estates drawn over its graph.

The packages that this project needs are a graph of another kind and size: planned too, and not counted.

Who calls whom is real; flaws, costs and windows on it are drawn as in the worlds of the chapter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED
from dti_core.studies.patch_planning.data.graphs import load_graphs, load_packages
from dti_core.studies.patch_planning.measures.ratios import gain
from dti_core.studies.patch_planning.methods import METHODS, Task
from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.methods.lessons import FAVOURITE, TAUGHT
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.model.estates import Array
from dti_core.studies.patch_planning.model.plans import expected_net_usd
from dti_core.studies.patch_planning.worlds import told_as
from dti_core.studies.patch_planning.worlds.draws import setting_of
from dti_core.studies.patch_planning.worlds.graphs import Graph
from dti_core.studies.patch_planning.worlds.simulate import simulate_estates

PLANNERS = ("tuned_rule", FAVOURITE, "risk_greedy", "severity")
EXACT = "priced_milp"
#: World in which estates are planned exactly, too few a graph for an answer by graph: they are told together.
ROOM_WORLD = TAUGHT[0]
#: What is asked: its name, and who is judged beside the tuned rule.
CONTRASTS = {"agents": FAVOURITE, "risk_alone": "risk_greedy", "severity_alone": "severity"}
ANSWERS = ("win", "lose")
#: Of the estates of a system, the part that is drawn over the packages, ten times as many as services of one.
PACKAGE_PART = 4


#: What its rows of the table are called.
PACKAGES = "packages of this project"


@dataclass(frozen=True, slots=True)
class Piece:
    """Estates of one world over one graph."""

    world: str
    graph: Graph
    n_estates: int
    n_exact: int
    n_seeds: int
    seed: int
    effort: Effort


def study_graphs(
    seeds: np.random.SeedSequence, n_estates: int, n_exact: int, n_seeds: int, n_resamples: int,
    effort: Effort | None = None, n_worlds: int = len(TAUGHT),
) -> Findings:  # fmt: skip
    """On what share of the graphs agents and plain orders do better, or worse, than the rule; `room_graphs`.

    Parameters
    ----------
    n_estates : of each graph and world. n_exact : of each graph, in `ROOM_WORLD`, that are planned exactly.
    n_worlds : of those of training that take part.

    Raises
    ------
    DataError if the graphs are not on this machine, with the command that brings them.
    """
    systems, worlds, few = load_graphs()[0], TAUGHT[:n_worlds], max(4, n_estates // PACKAGE_PART)
    places = [(world, name) for world in worlds for name in systems] + [(one, PACKAGES) for one in worlds]
    work, chance = seeds.spawn(2)
    pieces = {}
    for (world, name), own in zip(places, work.spawn(len(places)), strict=True):
        graph, n = (load_packages().graph, few) if name == PACKAGES else (systems[name].graph, n_estates)
        solved = n_exact if world == ROOM_WORLD and name in systems else 0
        seed = int(own.generate_state(1, np.uint64)[0])
        pieces[world, name] = Piece(world, graph, n, solved, n_seeds, seed, effort or Effort())
    done = run_keyed(plan_graph, pieces, "real graphs")
    found, rng, rows = Findings(), np.random.default_rng(chance), []
    for (world, name), nets in done.items():
        size = pieces[world, name].graph.entry.shape[1]
        rows += [{"world": world, "graph": name, "services": size} | row
                 for row in _contrasts(nets, rng, n_resamples)]  # fmt: skip
    table = pd.DataFrame(rows)
    found.series["graphs"] = table[table["graph"] != PACKAGES].reset_index(drop=True)
    found.series["packages"] = table[table["graph"] == PACKAGES].reset_index(drop=True)
    for (world, what), some in found.series["graphs"].groupby(["world", "contrast"], sort=False):
        _count(found, str(world), str(what), some)
    _room(found, [done[ROOM_WORLD, name] for name in systems], rng, n_resamples)
    return found


def plan_graph(piece: Piece) -> dict[str, Array]:
    """By planner, (R, N) net dollars; the exact one's on the first estates only."""
    n = piece.n_estates
    wide = Graph(np.repeat(piece.graph.callers, n, axis=0), np.repeat(piece.graph.entry, n, axis=0))
    size, rng = piece.graph.entry.shape[1], np.random.default_rng(piece.seed)
    estates = simulate_estates(setting_of(piece.world), n, size, rng, wide)
    briefing = load_shipped().briefing(piece.world, size)
    task = Task(piece.world, estates, briefing, piece.effort, piece.n_seeds, piece.seed)
    few = replace(task, estates=estates.take(slice(0, piece.n_exact)))
    tasks = dict.fromkeys(PLANNERS, task) | ({EXACT: few} if piece.n_exact else {})
    return {
        name: np.stack([expected_net_usd(one.estates, plan) for plan in plans])
        for name, one in tasks.items()
        if (plans := METHODS[name].run(one))
    }


def _contrasts(nets: dict[str, Array], rng: np.random.Generator, n_resamples: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for what, judged in CONTRASTS.items():
        part = gain(nets[judged], nets["tuned_rule"][0], rng, n_resamples)
        answer = "win" if part.low > 0 else "lose" if part.high < 0 else "open"
        rows.append({"contrast": what, "gain": part.value, "low": part.low, "high": part.high,
                     "answer": answer})  # fmt: skip
    return rows


def _count(found: Findings, world: str, what: str, some: pd.DataFrame) -> None:
    where = told_as(world)
    for answer in ANSWERS:
        part = share(int((some["answer"] == answer).sum()), len(some))
        found.estimates.append(
            part.estimate(
                f"graphs_{what}_{answer}", "share of real graphs", where, measure="verdict on real graphs",
                contrast=what, answer=answer,
            )
        )  # fmt: skip


def _room(
    found: Findings, by_graph: Sequence[Mapping[str, Array]], rng: np.random.Generator, n_resamples: int
) -> None:
    """What exact plans earn beyond the tuned rule, over the first estates of all graphs."""
    exact = np.concatenate([nets[EXACT][0] for nets in by_graph])
    rule = np.concatenate([nets["tuned_rule"][0, : nets[EXACT].shape[1]] for nets in by_graph])
    found.estimates.append(
        gain(exact, rule, rng, n_resamples).estimate(
            "room_graphs", "share of what the tuned rule earns", OBSERVED, measure="room on real graphs"
        )
    )

"""Could the cited studies form a cycle? Who is said to have helped whom, and what dates leave of it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dti_core.lab.data import frozen_table
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval
from dti_core.lab.record import Estimate
from dti_core.studies.closed_loop.measures.spans import of_world

CYCLES, LINKS = "directed cycles", "links"
#: Links drawn in a control world, and the month in which its studies appeared if dates shall leave them all.
N_LINKS, SAME_MONTH = 12, "2026-02"
N_STUDIES = 7


def study_dates(n_controls: int, rng: np.random.Generator) -> Findings:
    """Links and cycles as the review draws them, and those that dates do not rule out; two control worlds."""
    table = frozen_table("closed_loop", "influences.csv")
    possible = np.array(
        [not ruled_out(a, b) for a, b in zip(table.first_published, table.then_published, strict=True)]
    )
    named = (table["reading"] == "named").to_numpy()
    findings = Findings()
    for name, unit, count, those in (
        ("links_claimed", LINKS, _links, np.ones(len(table), dtype=bool)),
        ("links_possible", LINKS, _links, possible),
        ("cycles_claimed", CYCLES, cycles, np.ones(len(table), dtype=bool)),
        ("cycles_possible", CYCLES, cycles, possible),
    ):  # fmt: skip
        few, many = count(table[those & named]), count(table[those])
        told = Interval(
            few, few, many, 0.0, 2, "links between named studies; upper end: fields read as their studies"
        )
        findings.estimates.append(told.estimate(name, unit))
    findings.series["influences"] = table.assign(possible=possible)
    findings.estimates += list(_controls(max(20, n_controls), rng))
    return findings


def _links(table: pd.DataFrame) -> int:
    return len(table.drop_duplicates(["first", "then"]))


def ruled_out(first: str, then: str) -> bool:
    """Whether `first` came after `then` for certain; dates may be years, months or days."""
    return bool(pd.Period(str(first)).start_time > pd.Period(str(then)).end_time)


def cycles(table: pd.DataFrame) -> int:
    """Directed cycles without a node twice among links first -> then."""
    import networkx

    graph = networkx.DiGraph(list(zip(table["first"], table["then"], strict=True)))
    return sum(1 for _ in networkx.simple_cycles(graph))


def _controls(n_controls: int, rng: np.random.Generator) -> Iterator[Estimate]:
    """Random links among studies of different years, of which dates leave no cycle, or of one month."""
    for world in ("null", "planted"):
        drawn = []
        for _ in range(n_controls):
            order = rng.permutation(N_STUDIES)
            years = {
                int(one): f"{2015 + place}" if world == "null" else SAME_MONTH
                for place, one in enumerate(order)
            }
            pairs = [rng.choice(N_STUDIES, 2, replace=False) for _ in range(N_LINKS)]
            ring = list(zip(order[:3], np.roll(order[:3], 1), strict=True)) if world == "planted" else []
            links = pd.DataFrame([*pairs, *ring], columns=["first", "then"]).astype(int)
            kept = [
                not ruled_out(years[a], years[b]) for a, b in zip(links["first"], links["then"], strict=True)
            ]
            drawn.append(_exact(cycles(links[kept])))
        yield of_world("cycles_possible", CYCLES, world, drawn)


def _exact(value: int) -> Interval:
    return Interval(value, value, value, 0.0, 1, "count, no interval")

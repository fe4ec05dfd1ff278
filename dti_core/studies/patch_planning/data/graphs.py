"""Twenty real call graphs of microservice systems, published, and the packages that this project needs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.lab.data import DataCard, frozen_table, published
from dti_core.studies.patch_planning.data.arrays import padded
from dti_core.studies.patch_planning.worlds.graphs import Graph

NAME = "topologies"
EDGES, NODES = "edges.csv", "nodes.csv"
#: Of our own making, for one system and one lock; see experiments/data/patch_planning.
SLUG, PACKAGES = "patch_planning", "packages.csv"
#: Makes traffic for tests and serves nobody; the set's caveat asks to drop it before planning.
_NO_SERVICE = "loadgenerator"
#: People and systems of others, which an estate's owner cannot patch.
_OUTSIDE = "external_entity"


@dataclass(frozen=True, slots=True)
class RealGraph:
    """One system. services : (S,) names. graph : who calls whom and who is an entry, one estate."""

    services: tuple[str, ...]
    graph: Graph


def load_graphs() -> tuple[Mapping[str, RealGraph], DataCard]:
    """Each system by its name, and the card of all.

    An arrow of the files is a call, but one out of a database answers a call. What lies outside the estate is
    dropped: users, others' systems, the load generator. Entries are those that the files name; where they
    name none, which outside microSecEnD only means that nobody noted them, the services that no other calls.

    Raises
    ------
    DataError if the set is not on this machine, with the command that brings it, or has changed.
    """
    source = published(NAME)
    edges, nodes = source.table(EDGES), source.table(NODES)
    outside = nodes["stereotypes"].fillna("").str.split(";").map(lambda words: _OUTSIDE in words)
    inside = nodes[~outside & (nodes["service"] != _NO_SERVICE)]
    by_system = dict(list(edges.groupby("system")))
    found = {str(name): _graph(part, by_system[name]) for name, part in inside.groupby("system")}
    return found, source.card()


def load_packages() -> RealGraph:
    """The packages that this project needs: one calls those it needs, and what none needs is an entry."""
    table = frozen_table(SLUG, PACKAGES)
    needs = table.dropna().itertuples(index=False, name=None)
    names = sorted({*table["package"], *table["needs"].dropna()})
    place = {name: index for index, name in enumerate(names)}
    callers: list[set[int]] = [set() for _ in names]
    for package, needed in needs:
        callers[place[needed]].add(place[package])
    entry = np.array([[not one for one in callers]])
    return RealGraph(tuple(names), Graph(padded([sorted(one) for one in callers]), entry))


def _graph(nodes: pd.DataFrame, edges: pd.DataFrame) -> RealGraph:
    names = sorted(nodes["service"])
    place = {name: index for index, name in enumerate(names)}
    databases = set(nodes["service"][nodes["database"] == 1])
    callers: list[set[int]] = [set() for _ in names]
    for sender, receiver in zip(edges["source"], edges["target"], strict=True):
        caller, callee = (receiver, sender) if sender in databases else (sender, receiver)
        if caller in place and callee in place and caller != callee:
            callers[place[callee]].add(place[caller])
    named = np.array([name in set(nodes["service"][nodes["entrypoint"] == 1]) for name in names])
    entry = named if named.any() else np.array([not one for one in callers])
    return RealGraph(tuple(names), Graph(padded([sorted(one) for one in callers]), entry[None]))

"""Real call graphs and real arrivals: counted from the files by other means, and told when absent."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from dti_core.lab.errors import DataError
from dti_core.studies.patch_planning.data.arrivals import load_exploited_weeks
from dti_core.studies.patch_planning.data.graphs import load_graphs
from dti_core.studies.patch_planning.model.estates import NONE
from dti_core.studies.patch_planning.worlds.graphs import EXPOSURE_A_CALL
from tests.shared_data import bring


def test_twenty_graphs_without_what_lies_outside(monkeypatch, tmp_path):
    source = bring("topologies", monkeypatch, tmp_path)
    graphs, card = load_graphs()
    assert (len(graphs), card.origin) == (20, "published")
    nodes = source.table("nodes.csv")
    outside = nodes["stereotypes"].fillna("").str.contains("external_entity") | (
        nodes["service"] == "loadgenerator"
    )
    kept = {(system, name) for system, one in graphs.items() for name in one.services}
    assert kept == set(zip(nodes["system"][~outside], nodes["service"][~outside], strict=True))
    assert len(graphs["trainticket"].services) == 37
    assert all(one.graph.entry.any() for one in graphs.values())


def test_exposure_is_that_of_the_shortest_way_from_an_entry(monkeypatch, tmp_path):
    """Ways are found by networkx on the shop of Google, whose arrows are calls."""
    source = bring("topologies", monkeypatch, tmp_path)
    one = load_graphs()[0]["onlineboutique"]
    edges = source.table("edges.csv").query("system == 'onlineboutique' and source != 'loadgenerator'")
    calls = nx.DiGraph(list(zip(edges["source"], edges["target"], strict=True)))
    assert [name for name, entry in zip(one.services, one.graph.entry[0], strict=True) if entry] == [
        "frontend"
    ]
    steps = nx.single_source_shortest_path_length(calls, "frontend")
    wanted = [EXPOSURE_A_CALL ** steps[name] for name in one.services]
    np.testing.assert_allclose(one.graph.exposure()[0], wanted)
    assert int((one.graph.callers != NONE).sum()) == len(edges)


def test_a_database_is_called_by_its_readers(monkeypatch, tmp_path):
    """The arrow mysqldb -> auth_server is the flow of an answer: auth_server calls."""
    bring("topologies", monkeypatch, tmp_path)
    one = load_graphs()[0]["microsecend:anilallewar_microservices-basics-spring-boot"]
    at = one.services.index("mysqldb")
    callers = [one.services[caller] for caller in one.graph.callers[0, at] if caller != NONE]
    assert callers == ["auth_server"]


def test_weeks_of_exploited_flaws_hold_every_one(monkeypatch, tmp_path):
    source = bring("vuln_dates", monkeypatch, tmp_path)
    weeks = load_exploited_weeks()
    added = pd.to_datetime(source.table("kev.csv")["dateAdded"])
    whole = weeks["monday"].iloc[-1] + pd.Timedelta(days=7)
    assert weeks["added"].sum() == ((added >= weeks["monday"].iloc[0]) & (added < whole)).sum()
    assert (weeks["monday"].diff().dropna() == pd.Timedelta(days=7)).all()


@pytest.mark.parametrize(
    ("load", "name"), [(load_graphs, "topologies"), (load_exploited_weeks, "vuln_dates")]
)
def test_absent_data_name_the_command(monkeypatch, tmp_path, load, name):
    monkeypatch.setenv("DTI_DATA", str(tmp_path))
    with pytest.raises(DataError, match=f"dti data get {name}"):
        load()

"""Counts of flaws and breaches: numbers known from outside, processes with a known spread, and failures."""

import runpy
from datetime import date

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from dti_core.lab.cards import registered
from dti_core.lab.config import load_config
from dti_core.lab.errors import DataError
from dti_core.lab.intervals import block_bootstrap
from dti_core.lab.paths import project_root
from dti_core.lab.record import Result
from dti_core.studies.patch_planning.data import arrivals, incidents
from dti_core.studies.patch_planning.data.cadence import load_cadence
from dti_core.studies.patch_planning.data.graphs import load_packages
from dti_core.studies.patch_planning.figures.arrivals import plot_arrivals
from dti_core.studies.patch_planning.measures.arrivals import (
    around_rate,
    dispersion,
    hill,
    largest_share,
    study_arrivals,
    tail_over_middle,
)
from dti_core.studies.patch_planning.model.estates import NONE
from tests.shared_data import bring

FOLDER = project_root() / "experiments" / "data" / "patch_planning"


def found_with(n_resamples=100):
    found = study_arrivals(np.random.SeedSequence(3), n_resamples)
    return found, {one.key.removeprefix("arrivals_"): one for one in found.estimates}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What packages alone tell: Debian's uploads, breaches, checks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTI_DATA", str(tmp_path_factory.mktemp("none")))
        return found_with()


@pytest.mark.parametrize(
    ("name", "known", "within"),
    [
        ("breaches_reported", 1.72, 0.005),  # counted apart by other means, 61 months
        ("report_lag_days", 60, 3),  # the law gives 60 days from discovery
        ("breach_length_days", 50, 0.5),
        ("loss_tail", 0.71, 0.03),
        ("check_spread", 547 / 79, 0.005),
    ],
)
def test_numbers_that_are_known_from_outside(alone, name, known, within):
    assert alone[1][name].value == pytest.approx(known, abs=within)
    assert alone[1][name].low <= alone[1][name].value <= alone[1][name].high


def test_breaches_begin_one_by_one_and_are_reported_in_waves(alone):
    """By start 1.04 was counted apart, over other months."""
    started, reported = alone[1]["breaches_started"], alone[1]["breaches_reported"]
    assert started.low < 1.04 < started.high
    assert started.low < 1 < started.high
    assert reported.value > max(1, started.high)


def test_simulated_upgrades_have_the_spread_that_thinning_gives(alone):
    """66 bundles of which each comes late, in one of 11 weeks, with chance .6: a binomial count a week."""
    simulated = alone[1]["upgrades@arrive"]
    assert simulated.low < 1 - 0.6 / 11 < simulated.high


def test_without_the_lists_the_rest_is_studied_and_the_command_named(alone):
    found, keys = alone
    assert {why for _, why in found.left_out if "dti data get vuln_dates" not in why} == set()
    assert len(found.left_out) == 4
    assert "flaws_debian" in keys
    assert not [key for key in keys if "kev" in key or "fix_delay" in key]


def test_without_the_package_the_command_is_named(monkeypatch):
    def absent(name):
        raise DataError(f"{name}: not installed. Run `make install`.")

    monkeypatch.setattr(incidents, "packaged", absent)
    with pytest.raises(DataError, match="make install"):
        study_arrivals(np.random.SeedSequence(0), 19)


def test_every_list_and_what_an_upgrade_is(monkeypatch, tmp_path):
    source = bring("vuln_dates", monkeypatch, tmp_path)
    found, keys = found_with(30)
    assert found.left_out == []
    table = found.series["arrivals"].set_index("count")
    assert table.loc["upgrades_debian", "mean"] * 273 == pytest.approx(len(load_cadence()))
    assert table.loc["flaws_kev", "mean"] == pytest.approx(arrivals.load_exploited_weeks()["added"].mean())
    for name in ("debian", "kev", "php", "rust"):
        assert table.loc[f"flaws_{name}", "mean"] >= table.loc[f"upgrades_{name}", "mean"]
    php = source.table(arrivals.PHP, parse_dates=["fix_time"]).groupby("file")["fix_time"].min()
    inside = (php >= "2021-01-04") & (php < "2026-03-30")
    assert table.loc["flaws_php", "mean"] * 273 == pytest.approx(inside.sum())
    assert keys["fixed_before_php"].low > keys["fixed_before_debian"].high
    figure = plot_arrivals(_result(found))
    assert "4 of 4 lists" in figure.layout.title.text.replace("<br>", " ")


def _result(found):
    card = registered("hhs_starts")
    return Result(load_config("private_lift", {}), card, tuple(found.estimates), found.series)


def test_the_figure_shows_what_is_there(alone):
    figure = plot_arrivals(_result(alone[0]))
    assert "1 of 1 lists" in figure.layout.title.text.replace("<br>", " ")
    assert "PHP" not in figure.layout.meta["alt"]
    assert "Breaches by start" in figure.layout.meta["alt"]


def test_what_comes_one_by_one_has_1_and_what_comes_in_bunches_more():
    rng = np.random.default_rng(5)
    above, covered = 0, 0
    for _ in range(40):
        counts = rng.poisson(2.0, 270).astype(float)
        one = block_bootstrap(dispersion, counts, rng=rng, n_resamples=100)
        above += one.low > 1
        covered += one.low <= 1 <= one.high
    assert above <= 6
    assert covered >= 30
    bunches = np.array([rng.poisson(3.0, n).sum() for n in rng.poisson(0.7, 270)], dtype=float)
    one = block_bootstrap(dispersion, bunches, rng=rng, n_resamples=200)
    assert one.low < 4 < one.high  # a Poisson sum of Poisson 3: 1 + 3
    assert one.low > 1


def test_a_rate_that_drifts_from_year_to_year_is_no_bunch():
    rng = np.random.default_rng(6)
    rate = np.repeat([2.0, 6.0, 12.0, 3.0], 52)
    counts = rng.poisson(np.append(rate, np.full(10, 3.0))).astype(float)
    assert dispersion(counts) > 2.5
    assert around_rate(counts, 52).mean() == pytest.approx(1, abs=0.25)
    flat = around_rate(np.zeros(60), 52)
    assert (flat == 0).all()


def test_tails_of_known_shape():
    rng = np.random.default_rng(7)
    sizes = 500 * (1 - rng.random(40_000)) ** (-1 / 0.7)
    assert hill(sizes) == pytest.approx(0.7, abs=0.03)
    assert largest_share(np.array([1.0] * 99 + [101.0])) == pytest.approx(0.505)
    assert tail_over_middle(rng.exponential(3.0, 200_000)) == pytest.approx(np.log(100) / np.log(2), rel=0.03)


def test_counts_by_hand():
    days = pd.Series(pd.to_datetime(["2021-01-03", "2021-01-04", "2021-01-10", "2021-01-18"]))
    assert counted_weeks(days, date(2021, 1, 18)) == [2, 0]
    assert arrivals.counted(days, "M", date(2021, 1, 1), date(2021, 3, 1)).tolist() == [4, 0]


def counted_weeks(days, end):
    return arrivals.counted(days, "W", date(2021, 1, 4), end).tolist()


def test_breaches_are_matched_where_one_alone_fits():
    days = pd.to_datetime(["2012-01-01", "2012-01-02", "2012-01-03"])
    reports = pd.DataFrame(
        {"who": ["a", "a", "b"], "state": "TX", "records": [500, 500, 600], "reported": days}
    )
    starts = pd.DataFrame({"who": ["a", "b", "c"], "state": "TX", "records": [500, 600, 700],
                           "started": pd.to_datetime(["2011-01-01"] * 3)})  # fmt: skip
    assert incidents.matched(reports, starts)["who"].tolist() == ["b"]


def test_no_breach_is_smaller_than_what_must_be_reported():
    assert incidents.load_reports()["records"].min() == incidents.LEAST_RECORDS


def test_packages_are_the_frozen_table_as_another_tool_reads_it():
    table = pd.read_csv(FOLDER / "packages.csv").dropna()
    graph, one = nx.DiGraph(list(zip(table["package"], table["needs"], strict=True))), load_packages()
    card = (FOLDER / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    assert f"{len(graph)} packages, {graph.number_of_edges()} needs" in card
    assert f"longest chain of {nx.dag_longest_path_length(graph)}" in card
    assert set(one.services) == set(graph)
    assert (one.graph.callers != NONE).sum() == graph.number_of_edges()
    entries = [name for name, entry in zip(one.services, one.graph.entry[0], strict=True) if entry]
    assert entries == [name for name, n in graph.in_degree() if n == 0]


def test_needs_are_read_by_hand():
    needs = runpy.run_path(str(FOLDER / "make_packages.py"))["needs"]
    asked = {
        "A_b": ["c>=1", "d; extra == 'x'", "gone"], "c": ["C[x]", "d; python_version < '3'"], "d": [],
    }  # fmt: skip
    assert needs(asked) == [("a-b", "c"), ("d", "")]

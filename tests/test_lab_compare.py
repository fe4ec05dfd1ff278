"""Two runs side by side, and a run beside its accepted numbers."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from dti_core.book.reference import (
    Outside,
    Reference,
    Tolerance,
    compare_with_reference,
    reference_file,
    with_accepted,
)
from dti_core.cli.comparing import show_comparison
from dti_core.lab.compare import Comparison, compare_records, difference
from dti_core.lab.config import load_experiment
from dti_core.lab.data import DataCard
from dti_core.lab.errors import RunError
from dti_core.lab.fingerprint import Fingerprint, Numbers, Telling
from dti_core.lab.record import Estimate, Provenance, Record, Verdict

CARD = DataCard("toy", "Toy", "simulated", "Simulated data: toy", "made", "MIT", 3, 2, "0" * 64, "none")


def make_record(
    estimates=(), slug="toy", verdict="supported", sources=None, data="d", card=CARD, **parameters
) -> Record:
    values = {"seed": 1} | parameters
    code, packages = sources or {"a.py": "1"}, {"numpy": "2"}
    numbers = Numbers(
        slug=slug, parameters=values, data={"file": data}, code=code, cells="c", packages=packages
    )
    told = Fingerprint(numbers=numbers, telling=Telling(code={}, notebook="n", claims=""))
    provenance = Provenance(
        fingerprint=told, git_commit=None, git_dirty=None, python="3.11", machine="2 cores"
    )
    return Record(
        slug=slug, run="r", profile="quick", started=datetime.now(UTC), seconds=1.0, parameters=values,
        data=card, estimates=tuple(estimates), series={},
        claims=(Verdict(claim="C50", verdict=verdict, because="b"),), provenance=provenance,
    )  # fmt: skip


def estimate(value, half=1.0, name="sharpe", per_seed=(), n=100) -> Estimate:
    return Estimate(name, value, value - half, value + half, "per year", n, per_seed=tuple(per_seed))


def test_common_seeds_are_paired():
    """The interval equals scipy's paired t interval."""
    rng = np.random.default_rng(5)
    noise = rng.normal(size=8)
    one = noise + rng.normal(0, 0.01, 8)
    two = noise + 0.5 + rng.normal(0, 0.01, 8)
    found = difference(
        estimate(one.mean(), 3, per_seed=one), estimate(two.mean(), 3, per_seed=two), paired=True
    )
    expected = stats.ttest_rel(two, one).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.clear


def test_without_common_seeds_both_intervals_count():
    found = difference(estimate(1.0, 0.3), estimate(2.0, 0.4), paired=False)
    assert (found.low, found.high) == pytest.approx((0.5, 1.5))


def test_a_difference_that_is_clear_of_seed_noise_only_says_so(capsys):
    """Paired seeds leave the sampling noise of the common data out; two whole intervals do not."""
    one = np.arange(4.0)
    two = one + np.array([5.0, 5.1, 5.2, 5.3])
    first = estimate(one.mean(), 3, per_seed=one)
    second = estimate(two.mean(), 3, per_seed=two)
    for paired, words in {True: "clear of seed noise", False: "clear"}.items():
        found = difference(first, second, paired=paired)
        assert (found.clear, found.seed_noise_only) == (True, paired)
        show_comparison(Comparison({}, (), (found,), {}), "a -> b")
        cells = [cell.strip() for cell in re.split("[│┃|]", capsys.readouterr().out)]
        assert words in cells
    assert not difference(first, estimate(2.0, 3), paired=False).clear


def test_identical_estimates_differ_by_nothing():
    same = estimate(1.0)
    assert difference(same, same, paired=False).low == 0.0


def test_changes_are_named():
    first = make_record([estimate(1.0)], cost_bps=10.0)
    second = make_record(
        [estimate(2.0)], verdict="refuted", sources={"a.py": "2", "b.py": "1"}, cost_bps=25.0
    )
    found = compare_records(first, second)
    assert found.parameters == {"cost_bps": (10.0, 25.0)}
    assert found.sources == ("dti_core/a.py", "dti_core/b.py")
    assert found.verdicts == {"C50": ("supported", "refuted")}


SEEDS = (1.0, 2.0, 4.0)
KEEP = {"cost_bps", "hidden"}


@pytest.mark.parametrize(
    ("changes", "n", "keep", "paired"),
    [
        ({"cost_bps": 25.0}, 100, KEEP, True),
        ({"cost_bps": 25.0, "hidden": 8}, 100, KEEP, True),
        ({"cost_bps": 25.0, "data_path": "/moved.csv"}, 100, KEEP, True),
        ({}, 100, (), True),
        ({"cost_bps": 25.0}, 99, KEEP, False),
        ({"cost_bps": 25.0}, 100, (), False),
        ({"cost_bps": 25.0, "n_folds": 3}, 100, KEEP, False),
        ({"seed": 2}, 100, {*KEEP, "seed"}, False),
        ({"data": "other file"}, 100, KEEP, False),
        ({"card": replace(CARD, sha256="1" * 64)}, 100, KEEP, False),
    ],
)
def test_seeds_are_paired_only_on_the_same_sample(changes, n, keep, paired):
    """n_folds changes which days are judged even where their number stays the same."""
    first = make_record([estimate(2.0, per_seed=SEEDS)], cost_bps=10.0, hidden=16, n_folds=2)
    second = make_record(
        [estimate(2.5, per_seed=SEEDS, n=n)], **{"cost_bps": 10.0, "hidden": 16, "n_folds": 2} | changes
    )
    [found] = compare_records(first, second, keep).differences
    assert found.seed_noise_only is paired


@pytest.mark.parametrize(
    ("slug", "moves_the_sample"),
    [
        ("lstm_portfolio", {"universe", "data_path", "n_folds", "refit_months", "window_days", "horizon_days",
                            "lookback_days", "validation_days", "regime_by", "control_folds", "seed",
                            "delisting_return", "n_draws", "n_market_draws"}),
        ("esg_constraint", {"panel", "world", "data_path", "map", "measure", "n_draws", "n_power_draws",
                            "controls", "winsorise", "seed"}),
    ],
)  # fmt: skip
def test_each_parameter_of_a_study_says_whether_it_keeps_the_sample(slug, moves_the_sample):
    parameters = load_experiment(slug).parameters
    assert {name for name, knob in parameters.items() if not knob.keeps_sample} == moves_the_sample


def test_two_studies_are_not_compared():
    with pytest.raises(RunError, match="name two of one study"):
        compare_records(make_record(), make_record(slug="other"))


@pytest.fixture
def reference_home(tmp_path, monkeypatch):
    monkeypatch.setenv("DTI_HOME", str(tmp_path))
    folder = tmp_path / "experiments" / "reference"
    folder.mkdir(parents=True)
    rules = (Tolerance(match="^sharpe", absolute=0.05, why="solver"),)
    outside = (Outside(estimate="sharpe", published=0.93, tolerance=0.03, source="paper"),)
    (folder / "toy.json").write_text(
        Reference(slug="toy", tolerances=rules, outside=outside).model_dump_json()
    )
    return folder


def test_numbers_outside_the_tolerance_are_found(reference_home):
    accepted = with_accepted(make_record([estimate(0.94), estimate(0.1, name="sharpe_gap")]))
    reference_file("toy").write_text(accepted.text)
    rows = {(row.key, row.why): row for row in compare_with_reference(make_record([estimate(1.0)])).rows}
    assert not rows["sharpe", "paper"].within
    assert not rows["sharpe", "solver"].within
    assert not rows["sharpe_gap", "solver"].within, "a number that the run lacks is not within"
    near = compare_with_reference(make_record([estimate(0.93), estimate(0.12, name="sharpe_gap")]))
    assert all(row.within for row in near.rows)


@pytest.mark.parametrize(
    ("sharpe", "took", "noted"),
    [
        (0.94, 12.0, 160.0),  # drawn again from what was kept
        (0.94, 79.9, 160.0),
        (0.94, 80.1, 80.1),  # a quieter machine corrects a loaded one
        (0.94, 170.0, 170.0),
        (0.95, 12.0, 12.0),  # other numbers were estimated, however fast
    ],
)
def test_cpu_seconds_are_those_of_the_last_run_that_estimated(reference_home, sharpe, took, noted):
    first = make_record([estimate(0.94)]).model_copy(update={"cpu_seconds": 160.0})
    reference_file("toy").write_text(with_accepted(first).text)
    then = make_record([estimate(sharpe)]).model_copy(update={"cpu_seconds": took})
    assert with_accepted(then).cpu_seconds == {"quick": noted}


def test_a_number_without_a_tolerance_is_not_accepted(reference_home):
    with pytest.raises(RunError, match="no tolerance matches 'drawdown'"):
        with_accepted(make_record([estimate(0.5, name="drawdown")]))


@pytest.mark.parametrize("low_high", [(2.0, 1.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_an_estimate_needs_a_finite_ordered_interval(low_high):
    with pytest.raises(ValueError, match="estimate sharpe"):
        Estimate("sharpe", 1.0, *low_high, "per year", 10)


def test_figures_of_a_run_become_one_offline_page(tmp_path):
    import json

    from dti_core.lab.running.figure_page import PLOTLY_MIME, write_figure_page

    spec = {"data": [{"type": "scatter", "y": [1, 2]}], "layout": {"meta": {"caption": "What is shown."}}}
    cell = {"outputs": [{"data": {PLOTLY_MIME: spec}}]}
    (tmp_path / "executed.ipynb").write_text(json.dumps({"cells": [cell, {"outputs": []}]}))
    page = tmp_path / "figures" / "figures.html"
    assert write_figure_page(tmp_path / "executed.ipynb", page) == 1
    text = page.read_text()
    assert "What is shown." in text
    assert 'src="http' not in text

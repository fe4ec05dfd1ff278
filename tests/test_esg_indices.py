"""Constraint indices against rows computed by hand, and the overlap of an index with usual controls."""

import numpy as np
import pytest

from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.model import indices, overlap
from dti_core.studies.esg_constraint.model.effects import TWO_WAY, absorb, stack
from dti_core.studies.esg_constraint.model.logit_index import N_FOLDS, fc_index, label_extremes, score_panel
from dti_core.studies.esg_constraint.model.regression import least_squares
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.simulate import simulate


@pytest.fixture(scope="module")
def panel() -> dict[str, np.ndarray]:
    return simulate(WORLDS["effect"].settings, np.random.default_rng(20240601).spawn(1)).columns


@pytest.fixture(scope="module")
def observed(panel) -> np.ndarray:
    return ~np.isnan(panel["log_assets"])


def row(*values: float) -> list[np.ndarray]:
    return [np.array([[value]]) for value in values]


@pytest.mark.parametrize(
    ("size", "age", "expected"),
    [
        (6.0, 10.0, -4.422 + 1.548 - 0.40),
        (0.0, 0.0, 0.0),
        (7.11, 12.0, -5.24007 + 0.043 * 50.5521 - 0.48),
        (8.0, 60.0, -5.896 + 2.752 - 1.48),
    ],
)
def test_sa_meets_hand_computed_rows(size, age, expected):
    assert indices.sa_index(*row(size, age))[0, 0] == pytest.approx(expected, abs=1e-12)


def test_sa_caps_size_at_4500_million_and_age_at_37_years():
    """Hadlock and Pierce (2010): beyond ln(4500) and 37 years the index stays put."""
    at_cap = indices.sa_index(*row(np.log(4500), 37.0))
    assert at_cap == pytest.approx(-0.737 * 8.411833 + 0.043 * 8.411833**2 - 1.48, abs=1e-5)
    assert indices.sa_index(*row(np.log(900_000), 120.0)) == pytest.approx(at_cap)
    assert indices.sa_index(*row(np.log(4400), 37.0)) > at_cap


def test_sa_in_dollars_divides_assets_by_the_rate():
    in_dollars = indices.sa_index(*row(np.log(1000.0), 5.0))
    converted = indices.sa_index(*row(np.log(8280.0), 5.0), rmb_per_dollar=8.28)
    assert converted == pytest.approx(in_dollars)
    assert indices.sa_index(*row(np.log(8280.0), 5.0)) != pytest.approx(in_dollars)


def test_kz_meets_a_hand_computed_row():
    """-1.002(.05) + .283(2) + 3.139(.4) - 39.368(.01) - 1.315(.1) = 1.24632."""
    assert indices.kz_index(*row(0.05, 2.0, 0.4, 0.01, 0.1))[0, 0] == pytest.approx(1.24632, abs=1e-9)


@pytest.mark.parametrize(("dividends", "expected"), [(0.02, -0.37115), (0.0, -0.30915)])
def test_ww_meets_hand_computed_rows(dividends, expected):
    """-.091(.05) - .062 + .021(.1) - .044(7) + .102(.1) - .035(.1 + .16) with and without dividends."""
    found = indices.ww_index(*row(0.05, dividends, 0.10, 7.0, 0.10, 0.254285714285714))
    assert found[0, 0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "column", "sign"),
    [
        ("SA", "age", -1),
        ("KZ", "cash_flow", -1),
        ("KZ", "leverage", 1),
        ("WW", "sales_growth", -1),
        ("WW", "dividends", -1),
    ],
)
def test_higher_means_more_constrained(panel, observed, name, column, sign):
    """Young, indebted, cash-poor, shrinking firms and those without dividends score higher."""
    moved = {**panel, column: np.where(panel[column] > 0.01, panel[column] * 0.5, panel[column])}
    if column == "dividends":
        moved[column] = panel[column] * 0.0
    change = (indices.compute_index(name, moved) - indices.compute_index(name, panel))[observed]
    assert (sign * change <= 1e-12).all()
    assert np.abs(change).max() > 0


def test_labels_are_the_outer_thirds_of_each_year():
    marks = np.arange(9.0).reshape(1, 9, 1)
    assert label_extremes(marks)[:, 0] == pytest.approx(
        [1, 1, 1, np.nan, np.nan, np.nan, 0, 0, 0], nan_ok=True
    )


def test_fc_separates_small_from_large(panel):
    index = indices.compute_index("FC", panel)
    known = ~np.isnan(index)
    assert index[known].min() >= 0
    assert index[known].max() <= 1
    size = panel["log_assets"]
    large, small = size > np.nanquantile(size, 0.8), size < np.nanquantile(size, 0.2)
    assert np.nanmean(index[small]) > np.nanmean(index[large]) + 0.3


def test_fc_scores_no_firm_by_its_own_label():
    """With one firm's labels turned about, its own score stays to the last bit; other folds' scores move."""
    rng = np.random.default_rng(9)
    predictors = rng.standard_normal((3, 40, 6))
    labels = (predictors[0] + 0.5 * rng.standard_normal((40, 6)) > 0).astype(float)
    before = score_panel(predictors, labels)
    labels[0] = 1.0 - labels[0]
    moved = score_panel(predictors, labels) != before
    fold = np.arange(40) % N_FOLDS == 0
    assert not moved[fold].any()
    assert moved[~fold].all()


def test_fc_of_a_batch_is_that_of_each_panel():
    draws = simulate(WORLDS["no_effect"].settings, np.random.default_rng(5).spawn(2))
    names = indices.INDICES["FC"].columns
    both = indices.compute_index("FC", draws.columns)
    second = fc_index(*(draws.columns[name][1] for name in names))
    assert np.array_equal(both[1], second, equal_nan=True)


def test_every_registered_index_runs_and_names_its_source(panel, observed):
    for name, spec in indices.INDICES.items():
        index = indices.compute_index(name, panel)
        assert index.shape == observed.shape
        assert np.isfinite(index[observed]).all(), name
        assert any(character.isdigit() for character in spec.source)


def test_missing_columns_are_named(panel):
    short = {name: values for name, values in panel.items() if name not in ("tobin_q", "dividends")}
    with pytest.raises(DataError, match=r"KZ index needs .*missing: tobin_q, dividends"):
        indices.compute_index("KZ", short)
    with pytest.raises(DataError, match=r"no constraint index 'AS'. Known: SA, KZ, WW, FC"):
        indices.compute_index("AS", panel)


def test_missing_values_stay_missing():
    assert np.isnan(indices.sa_index(*row(np.nan, 3.0))).all()
    assert np.isnan(indices.ww_index(*row(0.1, np.nan, 0.1, 7.0, 0.1, 0.1))).all()


def test_sa_is_found_collinear_with_size_its_square_and_two_way_effects(panel, observed):
    found = overlap.sa_is_collinear(panel["log_assets"], panel["age"], observed)
    assert found.r_squared == pytest.approx(1.0, abs=1e-9)
    assert found.collinear
    assert "size effect" in found.text


def test_sa_is_not_called_collinear_where_age_is_no_clock(panel, observed):
    """The diagnosis can come out the other way: with random ages SA says more than size."""
    ages = np.random.default_rng(3).uniform(1, 30, observed.shape)
    found = overlap.sa_is_collinear(panel["log_assets"], ages, observed)
    assert found.r_squared < 0.9
    assert not found.collinear
    assert "Age does not move" in found.text


def test_kz_overlaps_with_its_own_controls_and_fully_with_all_of_its_parts(panel, observed):
    found = overlap.diagnose_overlap("KZ", panel, observed)
    assert 0.5 < found.r_squared < 0.99
    assert not found.collinear
    assert found.variance_inflation == pytest.approx(1 / (1 - found.r_squared))
    whole = overlap.diagnose_overlap("KZ", panel, observed, controls=indices.INDICES["KZ"].columns)
    assert whole.collinear
    assert "not identified" in whole.text
    unrelated = overlap.diagnose_overlap("KZ", panel, observed, controls=("fixed_assets",))
    assert unrelated.r_squared < 0.05


def test_overlap_refuses_unknown_controls_and_empty_panels(panel, observed):
    with pytest.raises(DataError, match="no column goodwill"):
        overlap.diagnose_overlap("WW", panel, observed, controls=("goodwill",))
    with pytest.raises(DataError, match="fewer than three"):
        overlap.diagnose_overlap("WW", panel, np.zeros_like(observed))


def test_within_projection_meets_dummy_variables():
    """Two-way residuals and slopes of a small unbalanced panel equal those of least squares on dummies."""
    rng = np.random.default_rng(11)
    seen = rng.random((7, 5)) < 0.75
    y, x = rng.standard_normal((2, 7, 5))
    firm, year = np.nonzero(seen)
    dummies = np.column_stack([firm[:, None] == np.arange(7), year[:, None] == np.arange(1, 5)]).astype(float)
    slope = np.linalg.lstsq(np.column_stack([x[seen], dummies]), y[seen], rcond=None)[0][0]
    assert least_squares(y[None], x[None, ..., None], seen[None]).coef[0, 0] == pytest.approx(
        slope, abs=1e-10
    )
    left = absorb(stack(x[None], np.zeros((1, 7, 5, 0)), seen[None]), TWO_WAY)
    assert left.n_absorbed[0] == np.linalg.matrix_rank(dummies)
    residuals = left.values[0, :, 0].T[seen]
    assert np.abs(dummies.T @ residuals).max() < 1e-10

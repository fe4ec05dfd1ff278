"""Difference-in-Hansen: exact where the rest is just identified, its size where sets are valid, its power."""

import dataclasses

import numpy as np
import pandas as pd
from scipy import stats

from dti_core.studies.esg_constraint.data import load_simulated
from dti_core.studies.esg_constraint.data.sample import sample_of
from dti_core.studies.esg_constraint.measures.instrument_sets import study_instrument_sets
from dti_core.studies.esg_constraint.methods import DYNAMIC, METHODS, fit_draws
from dti_core.studies.esg_constraint.model.gmm import Lags
from dti_core.studies.esg_constraint.model.instrument_sets import DynamicModel, difference_in_hansen
from dti_core.studies.esg_constraint.model.regression import shifted
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.simulate import simulate


def noisy_dynamics(n_draws: int, noise: float, n_firms: int = 150) -> DynamicModel:
    """y = .5 y(-1) + x(-1) + firm + shock, seen with white noise; x has its own dynamics.

    Lags of y from two years ago are valid without noise only; those of x always.
    """
    rng = np.random.default_rng(7)
    shape = (n_draws, n_firms, 12)
    firm, shocks, news = rng.normal(size=(*shape[:2], 1)), rng.normal(size=shape), rng.normal(size=shape)
    y, x = firm + shocks, firm + news
    for year in range(1, shape[2]):
        x[..., year] += 0.5 * x[..., year - 1]
        y[..., year] += 0.5 * y[..., year - 1] + x[..., year - 1]
    seen = (y + noise * rng.normal(size=shape))[..., 5:]
    x = x[..., 5:]
    sets = {"y": Lags(seen, 2, 3, collapse=True), "x": Lags(x, 2, 5, collapse=True)}
    regressors = np.stack([shifted(seen, 1), shifted(x, 1)], axis=3)
    return DynamicModel(seen, regressors, np.ones_like(seen, dtype=bool), sets)


def test_where_the_rest_just_identifies_there_is_no_test_of_a_set() -> None:
    """The difference would be Hansen's J of all; one instrument more in the rest, and there is a test."""
    model = noisy_dynamics(3, noise=1.0)
    y = model.y
    sets = {"one": Lags(y, 3, 3, collapse=True), "more": Lags(y, 4, 5, collapse=True)}
    alone = dataclasses.replace(model, x=shifted(y, 1)[..., None], sets=sets)
    tested = difference_in_hansen(alone)["more"]
    assert np.isnan([tested.statistic, tested.p]).all()
    assert tested.why == ("the rest just identifies",) * 3
    assert tested.columns.tolist() == [2, 2, 2]
    sets["one"] = Lags(y, 3, 4, collapse=True)
    sets["more"] = Lags(y, 5, 5, collapse=True)
    tested = difference_in_hansen(dataclasses.replace(alone, sets=sets))["more"]
    assert np.isfinite(tested.p).all()
    assert tested.why == ("",) * 3


def test_a_set_without_which_nothing_is_identified_has_no_test() -> None:
    model = noisy_dynamics(2, noise=0.0)
    only = dataclasses.replace(model, sets={"x": Lags(model.sets["x"].values, 2, 3, collapse=True)})
    tested = difference_in_hansen(only)["x"]
    assert np.isnan(tested.p).all()
    assert set(tested.why) == {"the rest does not identify"}


def test_a_valid_set_is_rejected_at_its_level() -> None:
    p = difference_in_hansen(noisy_dynamics(400, noise=0.0))["y"].p
    share = stats.binomtest(int((p < 0.05).sum()), len(p)).proportion_ci(0.999)
    assert share.low < 0.05 < share.high


def test_lags_that_noise_makes_invalid_are_rejected() -> None:
    p = difference_in_hansen(noisy_dynamics(40, noise=1.0, n_firms=1500))["y"].p
    assert np.mean(p < 0.05) > 0.8


def test_the_models_are_those_of_the_estimators() -> None:
    settings = dataclasses.replace(WORLDS["effect"].settings, n_firms=150)
    panel = simulate(settings, [np.random.default_rng(8)]).panel()
    for name, make in DYNAMIC.items():
        np.testing.assert_array_equal(make(panel).fit().coef, fit_draws(METHODS[name], panel).coef)


def test_the_instrument_table_counts_every_instrument() -> None:
    data, _ = load_simulated("effect", np.random.default_rng(2))
    found = study_instrument_sets(sample_of(data, "auto"))
    table = found.series["instruments"]
    panel = sample_of(data, "auto").panel
    for name, make in DYNAMIC.items():
        rows = table[table["method"] == METHODS[name].title]
        assert rows["instruments"].sum() == make(panel).fit().diagnostics["n_instruments"][0]
    ratings = table[table["set"].str.startswith("rating")]
    assert (ratings["lags"] == "3 to 4").all()
    assert (ratings["instruments"] == 2).all()
    assert isinstance(table, pd.DataFrame)
    assert table["p"].dropna().between(0, 1).all()
    assert not found.left_out

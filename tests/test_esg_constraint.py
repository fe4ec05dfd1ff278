"""The study esg_constraint as a whole: published numbers, worlds that must not fool, a user's panel."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dti_core.book.reference import load_reference
from dti_core.lab.bars import judge_bar
from dti_core.lab.claims import judge
from dti_core.lab.config import load_experiment
from dti_core.lab.errors import DataError
from dti_core.lab.parallel import CORES
from dti_core.lab.record import Result
from dti_core.lab.register import load_register
from dti_core.studies.esg_constraint import estimate as study
from dti_core.studies.esg_constraint import figures
from dti_core.studies.esg_constraint.data import FirmPanel, load
from dti_core.studies.esg_constraint.data.sample import sample_of
from dti_core.studies.esg_constraint.measures import coverage, power
from dti_core.studies.esg_constraint.measures.overlap import study_overlap
from dti_core.studies.esg_constraint.measures.published import published_panels
from dti_core.studies.esg_constraint.measures.specifications import study_specifications
from dti_core.studies.esg_constraint.methods import METHODS, Estimator, fit_draws
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.raters import truth
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings
from dti_core.studies.esg_constraint.worlds.simulate import PanelDraws, simulate

TINY = {"n_draws": 12, "n_power_draws": 4, "n_resamples": 39}
#: A panel small enough for single tests.
SMALL = WorldSettings(n_firms=120)


def small_config(**changes: object):
    return load_experiment("esg_constraint").resolve("quick", TINY | changes)


def simulated(n_draws: int, seed: int, settings: WorldSettings = SMALL) -> PanelDraws:
    return simulate(settings, np.random.default_rng(seed).spawn(n_draws))


def user_file(settings: WorldSettings = SMALL, seed: int = 4) -> pd.DataFrame:
    """A simulated panel as a user would hold it: amounts in millions, own measure of constraint."""
    table = simulated(1, seed, settings).table()
    assets = np.exp(table["log_assets"])
    amounts = {name: table[name] * assets for name in ("cash_flow", "cash", "dividends", "long_term_debt")}
    kept = table[
        ["firm", "year", "age", "leverage", "tobin_q", "industry", "constraint", "rating_a", "rating_b"]
    ]
    return kept.assign(assets=assets, net_income=table["roa"] * assets, ownership=table["state"], **amounts)


@pytest.fixture(scope="module")
def result() -> Result:
    config = small_config()
    return study.estimate(config, *load(config))


@pytest.fixture(scope="module")
def own_result(tmp_path_factory) -> Result:
    path = tmp_path_factory.mktemp("own") / "panel.csv"
    user_file().to_csv(path, index=False)
    config = small_config(panel="yours", data_path=str(path), n_draws=4)
    return study.estimate(config, *load(config))


# --- Answers from outside the code ---


def test_published_numbers_are_met() -> None:
    """Petersen, Grunfeld, Arellano-Bond, Snmesp and InstInnovation, each to its printed digits."""
    found = {one.name: one.value for panel in published_panels().values() for one in panel()}
    rows = load_reference("esg_constraint").outside
    assert len(rows) >= 40
    assert {row.estimate: found[row.estimate] for row in rows} == {
        row.estimate: pytest.approx(row.published, abs=row.tolerance) for row in rows
    }


def test_every_estimate_has_a_tolerance(result) -> None:
    reference = load_reference("esg_constraint")
    assert all(reference.tolerance(one.key).absolute > 0 for one in result)


def test_coverage_bias_and_false_findings_by_hand() -> None:
    """Two of four intervals hold the truth; the twin without effect gives one false finding in four."""
    true, n = truth(WORLDS["effect"].settings).grades, len(METHODS)

    def draws(middles: list[float], half: float) -> coverage.Draws:
        ends = np.array([[middle, middle - half, middle + half] for middle in middles])
        leads = np.array([[0.01, 0.2], [0.3, 0.4]] * 2)
        return coverage.Draws(dict.fromkeys(METHODS, ends), ends, leads)

    worlds = dict.fromkeys(WORLDS, draws([0.0, 0.05, -0.05, 0.3], 0.1))
    worlds["effect"] = draws([true, true + 0.05, true + 0.2, true - 0.2], 0.1)
    found = {one.key: one for one in coverage.study_coverage(worlds)}
    assert found["coverage_two_way@effect"].value == 0.5
    assert found["bias_two_way@effect"].value == pytest.approx(0.0125)
    assert found["rmse_two_way@effect"].value == pytest.approx(math.sqrt((0.05**2 + 2 * 0.2**2) / 4))
    assert found["false_positive_two_way@effect"].value == 0.25
    assert (found["leads_found@effect"].value, found["present_found@effect"].value) == (0.5, 0.0)
    table = coverage.coverage_table(found.values())
    assert len(table) == len(WORLDS) * n
    words = dict(zip(table["coverage"], table["verdict"], strict=True))
    assert words == {0.25: "wrong", 0.5: "wrong", 0.75: "open"}


def test_firms_needed_by_hand() -> None:
    """80 % power at 5 % needs a standard error of effect / 2.8016; errors fall with the root of firms."""
    rng = np.random.default_rng(0)
    effects = rng.normal(truth(WORLDS["effect"].settings).grades, 0.03, (4000, 3))
    draws = coverage.Draws(dict.fromkeys(METHODS, effects), effects, effects[:, :2])
    found = {one.name: one for one in power.firms_needed(draws)}
    expected = 496 * (2.8016 * 0.03 / truth(WORLDS["effect"].settings).grades) ** 2
    assert found["firms_needed_two_way"].value == pytest.approx(expected, rel=0.06)
    assert found["firms_needed_two_way"].low < expected < found["firms_needed_two_way"].high
    ninth = found["firms_needed_two_way_published_size"].value
    assert ninth == pytest.approx(found["firms_needed_two_way"].value / 9, abs=1)


# --- Properties ---


def test_draws_do_not_depend_on_how_they_are_shared_out(monkeypatch) -> None:
    quiet = dataclasses.replace(WORLDS["no_effect"], settings=dataclasses.replace(SMALL, effect=0.0))
    monkeypatch.setattr(coverage, "WORLDS", {"no_effect": quiet})
    found = []
    for size in (2, 5):
        monkeypatch.setattr(coverage, "DRAWS_PER_TASK", size)
        found.append(coverage.simulate_worlds(small_config(n_draws=5))["no_effect"])
    for name in METHODS:
        np.testing.assert_allclose(found[0].effects[name], found[1].effects[name], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found[0].standard, found[1].standard, rtol=1e-6, atol=1e-9)


def test_another_world_moves_no_number_of_the_others(monkeypatch) -> None:
    """Streams are named: with a world put first and one taken away, a third stays to the last bit."""
    quiet, other = (
        dataclasses.replace(WORLDS["no_effect"], settings=dataclasses.replace(SMALL, effect=effect))
        for effect in (0.0, -0.3)
    )
    found = []
    for worlds in ({"new": other, "no_effect": quiet}, {"no_effect": quiet, "rater_noise": other}):
        monkeypatch.setattr(coverage, "WORLDS", worlds)
        found.append(coverage.simulate_worlds(small_config(n_draws=4))["no_effect"])
    for name in METHODS:
        assert np.array_equal(found[0].effects[name], found[1].effects[name], equal_nan=True), name
    assert np.array_equal(found[0].lead_p, found[1].lead_p)


def test_another_question_moves_no_number_of_the_others(monkeypatch) -> None:
    """Random numbers of a question on a panel do not depend on which others are asked, or when."""
    sample = sample_of(FirmPanel(simulated(1, 6).table()), "auto")
    config = small_config()
    first = study.panel_parts(sample, 19, config, real=True)["specifications"]()
    config.stream("one panel", "a new question").normal(size=9)
    again = list(study.panel_parts(sample, 19, config, real=True).values())
    tests = [part().tests for part in reversed(again)]
    assert first.tests in tests


def test_the_standardised_effect_has_no_units() -> None:
    panel = simulated(2, 2).panel()
    other = dataclasses.replace(panel, outcome=10 * panel.outcome, treatment=panel.treatment / 3)
    first, second = (coverage.standardised(one, fit_draws(METHODS["two_way"], one)) for one in (panel, other))
    np.testing.assert_allclose(first, second, rtol=1e-8)


def test_a_draw_that_fails_leaves_the_others_alone() -> None:
    def fussy(panel):
        if not np.isfinite(panel.outcome).any(axis=(1, 2)).all():
            raise ValueError("nothing rated")
        return fit_draws(METHODS["two_way"], panel)

    panel = simulated(3, 3).panel()
    outcome = panel.outcome.copy()
    outcome[1] = np.nan
    fit = coverage.fit_or_miss(Estimator("Fussy", fussy), dataclasses.replace(panel, outcome=outcome))
    whole = fit_draws(METHODS["two_way"], panel)
    assert np.isnan(fit.coef[1, 0])
    np.testing.assert_allclose(fit.coef[[0, 2], 0], whole.coef[[0, 2], 0], rtol=1e-8)


def test_one_entry_in_the_registry_adds_an_estimator(monkeypatch) -> None:
    """In one line: in estimates, in the tables of coverage and of estimators, in the figures."""
    monkeypatch.setenv(CORES, "1")  # other processes would not see the entry
    monkeypatch.setitem(METHODS, "again", dataclasses.replace(METHODS["two_way"], title="Two-way again"))
    config = small_config(n_draws=4)
    found = study.estimate(config, *load(config))
    assert found["effect_again"].value == found["effect_two_way"].value
    assert found["coverage_again@effect"].value == found["coverage_two_way@effect"].value
    assert {"Two-way again"} <= set(found.series["estimators"]["estimator"])
    assert set(found.series["coverage"].query("estimator == 'again'")["world"]) == set(WORLDS)
    assert "again" in figures.plot_coverage(found).data[0].y
    assert "again" in figures.plot_estimators(found).layout.yaxis.ticktext


def test_every_estimate_says_where_it_stands(result, own_result) -> None:
    """Nobody needs to parse a name: no two estimates but published ones share world and dimensions."""
    for one in (*result, *own_result):
        assert "measure" in one.at, one.key
        assert {type(place) for place in one.at.values()} <= {str, float}, one.key
    for found in (result, own_result):
        places = [
            (one.world, *sorted(map(str, one.at.items())))
            for one in found
            if not str(one.at["measure"]).startswith("published")
        ]
        assert len(places) == len(set(places))
    (power_of,) = result.where(measure="power", method="two_way", firms=496, years=9)
    assert power_of is result["power_two_way_496_firms_9_years"]
    (covers,) = result.where("selection", measure="coverage", method="heckman")
    assert covers is result["coverage_heckman@selection"]


def test_sa_is_diagnosed_and_never_printed() -> None:
    data = FirmPanel(simulated(1, 5).table())
    sample = sample_of(data, "auto")
    found = study_specifications(sample, 19, np.random.default_rng(1))
    assert "SA" not in set(found.series["specifications"]["measure"])
    assert np.isnan(found.series["indices"].loc["SA", "effect"])
    assert study_overlap(sample).series["overlap"].set_index("index").loc["SA", "collinear"]
    with pytest.raises(DataError, match="collinear"):
        sample_of(data, "SA")
    with pytest.raises(DataError, match="'WW' cannot be made"):
        sample_of(FirmPanel(data.table.drop(columns="sales_growth")), "WW")
    assert sample_of(FirmPanel(data.table.drop(columns="constraint")), "auto").measure == "WW"


# --- Worlds and the claim ---


def relabelled(result: Result, world: str) -> Result:
    """The result as if `world` had been observed; the controls stay."""
    extra = [dataclasses.replace(one, world="observed") for one in result if one.world == world]
    names = {one.name for one in extra}
    kept = [one for one in result if one.world != "observed" or one.name not in names]
    return dataclasses.replace(result, estimates=(*kept, *extra))


def test_a_simulated_panel_decides_nothing_about_real_firms(result) -> None:
    """The default panel has the effect planted in it, and still the claim must not be supported by it."""
    (verdict,) = judge(result)
    assert result.config.world == "effect"
    assert (verdict.claim, verdict.verdict) == ("C16b", "inconclusive")
    assert "did not estimate rating_effect" in verdict.because


@pytest.mark.parametrize(
    ("world", "word"), [("effect", "supported"), ("no_effect", "refuted"), ("reverse_only", "refuted")]
)
def test_the_judge_of_the_claim_sees_the_effect_and_not_its_reverse(result, world, word) -> None:
    (verdict,) = judge(relabelled(result, world))
    assert verdict.verdict == word, verdict.because


def test_fooled_estimators_are_named(result) -> None:
    """Pooled least squares finds the effect nearly always where there is none; its interval excludes 50 %."""
    for world in ("no_effect", "reverse_only"):
        assert result[f"false_positive_pooled@{world}"].low > 0.5
        assert (figures.fooled(result).query(f"world == '{world}'")["title"] == "Pooled OLS").any()
    assert result["false_positive_difference_gmm@reverse_only"].low < 0.07


def test_a_reverse_effect_within_the_year_shows_in_the_present_year(result) -> None:
    """Constraints react to the rating of their own year, so next year's say little and this year's much."""
    assert result["present_found@reverse_only"].low > 0.5
    assert result["present_found@no_effect"].low < 0.06


def test_the_truth_line_is_the_simulators(result) -> None:
    assert result["true_effect"].value == pytest.approx(truth(WORLDS["effect"].settings).grades)
    assert set(result.series["estimators"]["estimator"]) == {method.title for method in METHODS.values()}
    assert result.series["left_out"].empty
    assert result["moments_met"].value == 1.0


# --- A user's panel ---


def test_a_users_panel_takes_the_same_path(own_result) -> None:
    """From amounts in a CSV file to what the stacked estimators give on the simulator's own arrays."""
    direct = fit_draws(METHODS["two_way"], simulated(1, 4).panel())
    found = own_result["effect_two_way"]
    assert found.value == pytest.approx(direct.coef[0, 0], rel=1e-6)
    assert found.std_error == pytest.approx(direct.std_error[0, 0], rel=1e-6)
    assert "panel.csv" in own_result.card.badge


def test_a_users_panel_is_judged_and_says_what_it_lacks(own_result) -> None:
    (verdict,) = judge(own_result)
    assert "did not estimate" not in verdict.because
    assert own_result["rating_effect"].low < own_result["rating_effect"].high
    left_out = own_result.series["left_out"].set_index("analysis")["why"]
    assert "cohort" in left_out["Policy shock as instrument"]
    assert "index_member" in left_out["Heckman with firm means"]
    assert "true_effect" not in {one.key for one in own_result}


def test_a_panel_with_the_bare_minimum_runs() -> None:
    table = simulated(1, 6).table()
    sample = sample_of(FirmPanel(table[["firm", "year", "constraint", "rating_a"]]), "auto")
    for part in study.panel_parts(sample, 19, small_config(), real=True).values():
        assert part() is not None
    assert sample.panel.controls.shape[3] == 0


@pytest.mark.parametrize("panel", ["grunfeld"])
def test_an_unrated_panel_still_gives_the_worlds(panel) -> None:
    config = small_config(panel=panel, n_draws=4)
    found = study.estimate(config, *load(config))
    assert "coverage_two_way@effect" in {one.key for one in found}
    assert "effect_two_way" not in {one.key for one in found}
    for plot in (figures.plot_estimators, figures.plot_specifications, figures.plot_event_study):
        assert not plot(found).data


# --- Figures ---


@pytest.mark.parametrize("plot", [name for name in figures.__all__ if name.startswith("plot_")])
def test_figures_say_what_they_show(result, plot) -> None:
    figure = getattr(figures, plot)(result)
    meta = figure.layout.meta
    assert any(digit in meta["alt"] for digit in "0123456789")
    assert "Simulated data" in meta["caption"]
    assert "nan" not in figure.layout.title.text + meta["alt"] + meta["caption"]
    assert len(figure.layout.title.text) < 140
    if plot not in ("plot_indices", "plot_coverage"):
        assert "interval" in meta["caption"].lower()


def test_the_coverage_map_shows_every_cell(result) -> None:
    (heat,) = figures.plot_coverage(result).data
    assert np.shape(heat.z) == (len(METHODS), len(WORLDS))
    assert (
        sum("<b>" in cell for row in heat.text for cell in row) == result.series["coverage"]["offered"].sum()
    )


def test_power_curves_hold_every_point(result) -> None:
    lines = figures.plot_power(result).data
    assert len(lines) == sum(map(len, power.SHOWN.values()))
    assert all(list(line.x) == list(power.FIRMS) for line in lines)


def test_the_decision_shows_controls_hollow_and_the_smallest_effect_of_the_claim(result, own_result) -> None:
    (bar,) = load_register().claims["C16b"].test.estimates
    for found, filled in ((result, 0), (own_result, 1)):
        figure = figures.plot_decision(found)
        assert sum(trace.marker.symbol == "circle" for trace in figure.data) == filled
        assert len(figure.data) == len(WORLDS) + filled
        assert {shape.x0 for shape in figure.layout.shapes} == {0, -bar.smallest_effect}
    title = figures.plot_decision(result).layout.title.text.replace("<br>", " ")
    assert "no real firms were brought" in title
    assert judge_bar(bar, result["rating_effect@effect"]).verdict == "supported"
    assert "reports an effect of interest in: effect" in title


def test_named_tables_hold_the_estimates_of_their_measures(result) -> None:
    controls = figures.table(result, "controls", "Controls")
    assert list(controls.rows) == [world.title for world in WORLDS.values()]
    found = {cell.name for row in controls.rows.values() for cell in row.values()}
    assert found == {"rating_effect", "rating_effect_found", "leads_found", "present_found"}
    variants = figures.table(result, "variants", "Variants")
    found = {cell.name for row in variants.rows.values() for cell in row.values()}
    assert {"effect_rank", "reverse_second_rater", "oster_bound"} <= found


def test_the_benchmark_is_a_table() -> None:
    assert {"route", "peak, MB"} <= set(figures.speed_table().columns)


def test_the_study_is_made_of_the_seven_words() -> None:
    """Nothing stands beside them, so that who knows one study finds the way in every other."""
    place = Path(study.__file__).parent
    words = {"data", "worlds", "model", "methods", "measures", "estimate", "figures"}
    assert {path.stem for path in place.iterdir() if path.stem not in ("__init__", "__pycache__")} == words

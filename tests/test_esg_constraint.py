"""The study esg_constraint as a whole: published numbers, worlds that must not fool, a user's panel."""

import dataclasses
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dti_core.book.reference import load_reference
from dti_core.lab import intervals
from dti_core.lab.bars import LEAST_DRAWS, judge_bar
from dti_core.lab.claims import judge, judge_test
from dti_core.lab.config import Config, load_experiment
from dti_core.lab.errors import DataError
from dti_core.lab.parallel import CORES
from dti_core.lab.record import Estimate, Result
from dti_core.lab.register import load_register
from dti_core.studies.esg_constraint import estimate as study
from dti_core.studies.esg_constraint import figures
from dti_core.studies.esg_constraint.data import FirmPanel, load
from dti_core.studies.esg_constraint.data.sample import sample_of
from dti_core.studies.esg_constraint.figures import worlds as worlds_drawn
from dti_core.studies.esg_constraint.measures import controls, coverage, needed, power
from dti_core.studies.esg_constraint.measures.estimators import study_estimators
from dti_core.studies.esg_constraint.measures.overlap import study_overlap
from dti_core.studies.esg_constraint.measures.specifications import study_specifications
from dti_core.studies.esg_constraint.measures.truth import study_truth
from dti_core.studies.esg_constraint.methods import GATES, METHODS, ON_ONE_PANEL, Estimator, fit_draws
from dti_core.studies.esg_constraint.model import packages
from dti_core.studies.esg_constraint.model.fit import Fit
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
def result(esg_result) -> Result:
    return esg_result


@pytest.fixture(scope="module")
def own_result(tmp_path_factory) -> Result:
    path = tmp_path_factory.mktemp("own") / "panel.csv"
    user_file().to_csv(path, index=False)
    return without_published(small_config(panel="yours", data_path=str(path), n_draws=4))


def without_published(config: Config) -> Result:
    """The study less the published panels, which no parameter moves: `result` has them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "published_panels", dict)
        return study.estimate(config, *load(config))


# --- Answers from outside the code ---


def test_published_numbers_are_met(result) -> None:
    """Petersen, Grunfeld, Arellano-Bond, Snmesp and InstInnovation, each to its printed digits."""
    found = {one.name: one.value for one in result.where()}
    rows = load_reference("esg_constraint").outside
    assert len(rows) >= 40
    assert {row.estimate: found[row.estimate] for row in rows} == {
        row.estimate: pytest.approx(row.published, abs=row.tolerance) for row in rows
    }


def test_every_estimate_has_a_tolerance(result) -> None:
    reference = load_reference("esg_constraint")
    assert all(reference.tolerance(one.key).absolute > 0 for one in result)


def draws_of(middles: list[float], half: float, passed: bool = True) -> coverage.Draws:
    """The same estimates for every method, each with an interval of +- `half`."""
    ends = np.array([[middle, middle - half, middle + half] for middle in middles])
    leads = np.resize([[0.01, 0.2], [0.3, 0.4]], (len(ends), 2))
    return coverage.Draws(dict.fromkeys(METHODS, ends), ends, ends, np.full(len(ends), passed), leads)


def test_coverage_bias_and_false_findings_by_hand() -> None:
    """Two of four intervals hold the truth; the twin without effect gives one false finding in four."""
    true, n = truth(WORLDS["effect"].settings).grades, len(METHODS)
    worlds = dict.fromkeys(
        [*WORLDS, "selection" + coverage.NULL_TWIN], draws_of([0.0, 0.05, -0.05, 0.3], 0.1)
    )
    worlds["effect"] = draws_of([true, true + 0.05, true + 0.2, true - 0.2], 0.1)
    found = {one.key: one for one in coverage.study_coverage(worlds)}
    assert found["coverage_two_way@effect"].value == 0.5
    assert found["bias_two_way@effect"].value == pytest.approx(0.0125)
    assert found["bias_in_sd_two_way@effect"].value == pytest.approx(
        0.0125 / np.std([0, 0.05, 0.2, -0.2], ddof=1)
    )
    assert found["rmse_two_way@effect"].value == pytest.approx(math.sqrt((0.05**2 + 2 * 0.2**2) / 4))
    assert found["false_positive_two_way@selection"].value == 0.25
    assert found["false_positive_two_way@no_effect"].value == 0.25
    assert "false_positive_two_way@effect" not in found  # where it would repeat that of no_effect
    assert (found["leads_found@effect"].value, found["present_found@effect"].value) == (0.5, 0.0)
    table = coverage.coverage_table(found.values())
    assert len(table) == len(WORLDS) * n
    assert set(table.query("coverage == 0.5")["verdict"]) == {"broken"}


def judged(share: float, bias: float, n: int, bias_error: float = 0.02) -> str:
    """The verdict on an offer of that coverage and bias in sd, over n draws."""
    cover = intervals.share(round(share * n), n).estimate("coverage", "share")
    off = Estimate("bias", bias, bias - 2 * bias_error, bias + 2 * bias_error, "sd", n)
    return coverage._verdict(cover, off)


@pytest.mark.parametrize(
    ("share", "bias", "n", "word"),
    [
        (0.95, 0.0, 1000, "kept"),
        (0.95, 0.05, 1000, "kept"),
        (0.95, 0.15, 1000, "broken"),  # right coverage, but a bias that more data would bring out
        (0.95, 0.12, 1000, "open"),
        (0.89, 0.0, 1000, "broken"),
        (
            0.99,
            0.0,
            1000,
            "conservative",
        ),  # too wide for certain, which breaks no promise of holding the truth
        (0.99, 0.15, 1000, "broken"),
        (0.975, 0.0, 800, "conservative"),  # within reach of 97 %, but above it: no promise kept
        (0.975, 0.12, 800, "open"),
        (0.95, 0.0, 100, "open"),
        (0.935, 0.0, 400, "open"),  # inside 93-97 %, its interval not inside 92-98 %
    ],
)
def test_an_offer_holds_by_coverage_and_bias(share, bias, n, word) -> None:
    assert judged(share, bias, n) == word


def test_a_draw_answers_unless_its_gates_fail() -> None:
    """None counts as not cleared; the share that shows an effect is of all draws."""
    draws = draws_of([-0.3, 0.0, -0.3, -0.3], 0.1)
    draws = dataclasses.replace(draws, passed=np.array([True, True, False, True]))
    draws.standard[3] = np.nan
    found = {one.name: one for one in coverage.controls_of(draws, "effect")}
    assert found["rating_effect"].draws == ((-0.4, -0.2), (-0.1, 0.1), None, None)
    assert found["rating_effect_found"].value == 0.25
    assert found["rating_gates_passed"].value == 0.75


def test_gates_by_hand_and_as_the_register_has_them() -> None:
    """One draw passes, and each gate stops one; without the tests nothing passes."""
    tests = {"hansen_p": [0.5, 0.04, 0.5, 0.5], "ar3_p": [0.5, 0.5, 0.04, 0.5]}
    tests |= {"instruments_per_firm": [0.1, 0.1, 0.1, 1.0], "ar2_p": [0.0] * 4}
    nothing = np.zeros((4, 1))
    fit = Fit(nothing, nothing, nothing[..., None], np.ones(4, dtype=int), np.ones(4), "none",
              {name: np.array(values) for name, values in tests.items()})  # fmt: skip
    assert coverage.passes(fit).tolist() == [True, False, False, False]
    assert not coverage.passes(dataclasses.replace(fit, diagnostics={})).any()
    gates = load_register().claims["C16b"].test.gates
    assert {one.estimate: (one.direction, one.than) for one in gates} == {
        f"rating_gate_{name}": bound for name, bound in GATES.items()
    }


def test_firms_needed_by_hand() -> None:
    """80 % power at 5 % needs a standard error of effect / 2.8016; half an effect takes 4 times the firms."""
    errors = np.array([0.029, 0.030, 0.031])
    whole, half = (needed.Cell(np.array([0.99, 1.0, 1.01]) * share, errors, 496) for share in (1.0, 0.5))
    expected = 496 * (2.8016 * 0.03 / 0.115) ** 2
    assert whole.needed(-0.115)[0] == pytest.approx(expected, rel=1e-3)
    assert half.needed(-0.115)[0] == pytest.approx(4 * expected, rel=1e-3)
    assert whole.needed(-0.345)[0] == pytest.approx(expected / 9, rel=1e-3)
    # Of 90 % past the gates 8 of 9 must find it: 1.9600 + 1.2206 standard errors.
    assert whole.needed(-0.115, 0.9)[0] == pytest.approx(expected * (3.1806 / 2.8016) ** 2, rel=1e-3)
    assert (
        whole.needed(-0.115, 0.5)[0] == whole.needed(-0.115, 0.7)[0] > 2 * expected
    )  # 80 % of all cannot be


def test_one_effect_is_told_on_every_scale() -> None:
    """Each row of the table is the row above times its factor; the last is the bar's unit."""
    sample = sample_of(FirmPanel(simulated(1, 6).table()), "auto")
    found = study_truth(truth(SMALL), sample)
    effect, factor = (found.series["truth"][name].to_numpy() for name in ("effect", "factor"))
    assert effect[0] == SMALL.effect
    np.testing.assert_allclose(effect[1:], effect[:-1] * factor[1:])
    last = next(one for one in found.estimates if one.name == "true_rating_effect")
    assert last.value == effect[-1]
    assert last.unit == coverage.STANDARD


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
    monkeypatch.setattr(packages, "MAX_ORDERED_ROWS", 0)  # slow, and no method of these
    found = without_published(small_config(n_draws=4))
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
    assert study_overlap(sample.laid, sample.made).series["overlap"].set_index("index").loc["SA", "collinear"]
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


CLEAR, NOTHING, UNSURE = (-0.2, -0.1), (-0.02, 0.02), (-0.2, 0.1)


def judged_panel(
    low: float, high: float, effect: tuple, no_effect: tuple, constraint_error: tuple, **gates: float
):
    """The verdict on a real panel whose interval is [low, high], with the draws of its control worlds."""
    values = {"hansen_p": 0.5, "ar3_p": 0.5, "instruments_per_firm": 0.1, "ar2_p": 0.001} | gates
    found = [Estimate("rating_effect", (low + high) / 2, low, high, coverage.STANDARD, 100)]
    found += [Estimate(f"rating_gate_{k}", v, v, v, "p", 100) for k, v in values.items()]
    found.append(Estimate("share_of_worlds", 0.7, 0.7, 0.7, "share of worlds", 14))
    worlds = (("effect", effect), ("no_effect", no_effect), ("constraint_error", constraint_error))
    for world, draws in worlds:
        found.append(Estimate("rating_effect", -0.05, -0.06, -0.04, "sd", 100, world=world, draws=draws))
    return judge_test("C16b", load_register().claims["C16b"].test, found)


GOOD = {"effect": (CLEAR,) * 90 + (None,) * 10, "no_effect": (UNSURE,) * 100}
GOOD["constraint_error"] = (NOTHING,) * 5 + (CLEAR,) * 95


def test_a_real_panel_may_decide_the_claim() -> None:
    assert judged_panel(*CLEAR, **GOOD).verdict == "supported"
    assert judged_panel(*NOTHING, **GOOD).verdict == "refuted"
    assert judged_panel(*UNSURE, **GOOD).verdict == "inconclusive"
    assert judged_panel(*CLEAR, **GOOD).grade == "conditional"  # on no shock that nobody measures


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"hansen_p": 0.04}, "Hansen"),
        ({"ar3_p": 0.04}, "AR(3)"),
        ({"instruments_per_firm": 1.2}, "Instruments"),
        ({"effect": (CLEAR,) * 70 + (None,) * 30}, "misses the effect"),  # gates fail too often
        ({"effect": (UNSURE,) * 100}, "misses the effect"),  # too few firms
        ({"no_effect": (CLEAR,) * 10 + (UNSURE,) * 90}, "also shows the effect"),
    ],
)
def test_gates_and_control_draws_can_hold_the_claim_back(change, why) -> None:
    verdict = judged_panel(*CLEAR, **(GOOD | change))
    assert verdict.verdict == "inconclusive"
    assert why in verdict.because


@pytest.mark.parametrize(
    ("draws", "why"),
    [((NOTHING,) * 6 + (CLEAR,) * 94, "refutes the effect that is planted"), ((NOTHING,) * 5, "was not run")],
)
def test_error_in_the_constraint_holds_a_refutation_back_and_no_support(draws, why) -> None:
    weak = GOOD | {"constraint_error": draws}
    assert judged_panel(*CLEAR, **weak).verdict == "supported"
    refuted = judged_panel(*NOTHING, **weak)
    assert refuted.verdict == "inconclusive"
    assert why in refuted.because
    assert "constraint_error" in refuted.because


def test_the_judges_of_a_panel_are_those_of_the_register() -> None:
    test = load_register().claims["C16b"].test
    assert {*test.worlds, *test.weakened} == set(controls.JUDGES)
    assert WORLDS["constraint_error"].settings.reliability == 0.8


def test_large_panels_are_judged_by_large_controls_a_few_at_a_time(monkeypatch) -> None:
    """As many draws as the judge asks for, and never more in memory than a small world's batch."""
    assert controls.FIRM_DRAWS // controls.MOST_FIRMS >= LEAST_DRAWS
    tasks = {}
    monkeypatch.setattr(controls, "size_like", lambda panel: (controls.MOST_FIRMS, 2009))
    monkeypatch.setattr(controls, "run_keyed", lambda do, some, title: tasks.update(some) or {})
    with pytest.raises(IndexError):  # nothing was estimated
        list(controls.sized_controls(small_config(n_draws=800), simulated(1, 4).panel()))
    held = [len(batch.generators) * batch.settings.n_firms for batch, _ in tasks.values()]
    assert max(held) <= max(controls.MOST_FIRMS, controls.FIRM_DRAWS_PER_TASK)
    assert sum(held) == len(controls.JUDGES) * controls.FIRM_DRAWS


def test_control_worlds_hand_over_every_draw(result) -> None:
    """Each draw of each world can be judged, in the worlds that mislead as well."""
    for world in WORLDS:
        one = result[f"rating_effect@{world}"]
        assert len(one.draws) == TINY["n_draws"]
        assert sum(ends is not None for ends in one.draws) == round(
            result[f"rating_gates_passed@{world}"].value * len(one.draws)
        )


def test_pooled_least_squares_is_fooled_and_gmm_is_not(result) -> None:
    """Pooled least squares finds the effect nearly always where there is none; its interval excludes 50 %."""
    table = result.series["coverage"].set_index(["world", "title"])
    for world in ("no_effect", "reverse_only"):
        assert result[f"false_positive_pooled@{world}"].low > 0.5
        assert table.loc[(world, "Pooled OLS"), "verdict"] == "broken"
    assert result["false_positive_difference_gmm@reverse_only"].low < 0.07
    assert (figures.fooled(result)["title"] != "Pooled OLS").all()  # it is offered nowhere


def test_a_reverse_effect_within_the_year_shows_in_the_present_year(result) -> None:
    """Constraints react to the rating of their own year, so next year's say little and this year's much."""
    assert result["present_found@reverse_only"].low > 0.5
    assert result["present_found@no_effect"].low < 0.06


def test_the_truth_line_is_the_simulators(result) -> None:
    assert result["true_effect"].value == pytest.approx(truth(WORLDS["effect"].settings).grades)
    assert set(result.series["estimators"]["estimator"]) == {method.title for method in METHODS.values()}
    lacking = {method.title for method in ON_ONE_PANEL.values() if {"country", "weight"} & {*method.needs}}
    lacking |= {"real scores on real accounts"}
    assert set(result.series["left_out"]["analysis"]) <= lacking
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
    assert 0 <= own_result["rating_gate_hansen_p"].value <= 1
    assert "rating_effect_all_firms" in {one.key for one in own_result}
    left_out = own_result.series["left_out"].set_index("analysis")["why"]
    assert "cohort" in left_out["Policy shock as instrument"]
    assert "index_member" in left_out["Heckman with firm means"]
    assert "true_effect" not in {one.key for one in own_result}


def test_the_controls_are_as_large_as_the_panel_that_is_judged(own_result) -> None:
    """Rated firm-years of the control's panels are those of the user's, in as many years."""
    panel = sample_of(FirmPanel(user_file().assign(log_assets=1.0)), "auto").panel
    n_firms, first = controls.size_like(panel)
    like = simulated(2, 1, WorldSettings(n_firms=n_firms, first_rating_year=first))
    assert like.rated.sum() / 2 == pytest.approx(panel.rated.sum(), rel=0.15)
    assert like.rated.any(axis=(0, 1)).sum() == panel.rated.any(axis=(0, 1)).sum()
    for world in controls.JUDGES:
        assert f"panels of {n_firms} firms" in own_result[f"rating_effect@{world}"].how
    assert "as large as" not in own_result["rating_effect@reverse_only"].how


@pytest.mark.parametrize(
    ("without", "asked"), [("roa", ""), ("leverage", ""), ("log_assets", ""), ("", "leverage, roa, age")]
)
def test_nothing_decides_without_size_debt_and_profit(without, asked) -> None:
    """A shock to profits, left out, passes for an effect; what is missing is named with the remedy."""
    table = simulated(1, 6).table().drop(columns=[without] if without else [])
    found = study_estimators(sample_of(FirmPanel(table), "constraint", asked), np.random.default_rng(1), True)
    assert not [one.name for one in found.estimates if one.name.startswith("rating_")]
    why = dict(found.left_out)["rating_effect, which decides the claim"]
    assert f"lacks {without or 'log_assets'}: add the column" in why


def test_firms_without_assets_before_their_rating_are_in_no_group_and_counted() -> None:
    """A firm has no assets until after its first rating: it is not small, however little it holds."""
    table = simulated(1, 6).table()
    first = table[table["rating_a"].notna()].groupby("firm")["year"].min()
    firm = first.index[0]
    table.loc[table["firm"] == firm, "log_assets"] = 1.0
    before = sample_of(FirmPanel(table), "constraint").panel
    table.loc[(table["firm"] == firm) & (table["year"] <= first.iloc[0]), "log_assets"] = np.nan
    sample = sample_of(FirmPanel(table), "constraint")
    place = list(sample.laid.firms).index(firm)
    assert before.small[0, place]
    assert not sample.panel.small[0, place]
    found = study_estimators(sample, np.random.default_rng(1), True)
    assert f"1 of {len(first)} rated firms" in dict(found.left_out)["size group"]


def test_a_panel_with_the_bare_minimum_runs() -> None:
    table = simulated(1, 6).table()
    sample = sample_of(FirmPanel(table[["firm", "year", "constraint", "rating_a"]]), "auto")
    for part in study.panel_parts(sample, 19, small_config(), real=True).values():
        assert part() is not None
    assert sample.panel.controls.shape[3] == 0


@pytest.mark.parametrize("panel", ["grunfeld"])
def test_an_unrated_panel_still_gives_the_worlds(panel) -> None:
    found = without_published(small_config(panel=panel, n_draws=4))
    assert "coverage_two_way@effect" in {one.key for one in found}
    assert "effect_two_way" not in {one.key for one in found}
    for plot in (figures.plot_estimators, figures.plot_specifications, figures.plot_event_study):
        assert not plot(found).data


# --- Figures ---


@pytest.mark.parametrize("plot", [n for n in figures.__all__ if n.startswith("plot_") and n != "plot_score"])
def test_figures_say_what_they_show(result, plot) -> None:
    figure = getattr(figures, plot)(result)
    meta = figure.layout.meta
    assert any(digit in meta["alt"] for digit in "0123456789")
    assert "Simulated data" in meta["caption"]
    assert "nan" not in figure.layout.title.text + meta["alt"] + meta["caption"]
    assert len(figure.layout.title.text) < 140
    if plot not in ("plot_indices", "plot_coverage", "plot_firms_needed"):
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


def test_the_figure_counts_draws_as_the_claim_is_judged() -> None:
    draws = (CLEAR, NOTHING, UNSURE, None, (-0.06, 0.0), (-0.04, -0.01), (-0.05, -0.01))
    one = Estimate("rating_effect", 0.0, -1.0, 1.0, "sd", 7, world="effect", draws=draws)
    (bar,) = load_register().claims["C16b"].test.estimates
    words = [
        judge_bar(bar, dataclasses.replace(one, low=ends[0], high=ends[1], draws=())).verdict if ends else ""
        for ends in draws
    ]
    assert worlds_drawn._verdicts(one) == Counter(words)


def test_firms_needed_are_a_surface(result) -> None:
    """A cell an estimator, persistence and reliability; the one number carries their range."""
    (heat,) = figures.plot_firms_needed(result).data
    shape = (len(needed.NEEDED_BY) * len(needed.RELIABILITIES), len(needed.PERSISTENCES))
    assert np.shape(heat.z) == shape
    cells = [one.value for one in result.where(measure="firms_needed_in", method="two_way")]
    assert len(cells) == len(needed.PERSISTENCES) * len(needed.RELIABILITIES)
    whole = result["firms_needed_two_way"]
    assert (whole.low, whole.high) == (math.ceil(min(cells)), math.ceil(max(cells)))
    at = {"measure": "effect_shown", "persistence": 0.5}
    shown = {one.at["reliability"]: one.value for one in result.where(method="two_way", **at)}
    assert shown[1.0] == pytest.approx(1.0, abs=0.06)
    assert shown[0.6] < shown[0.8] < 0.9
    (policy,) = result.where(method="policy_iv", reliability=0.6, **at)
    assert policy.high > 0.9  # the policy is no part of what is measured badly


def test_named_tables_hold_the_estimates_of_their_measures(result) -> None:
    controls = figures.table(result, "controls", "Controls")
    assert list(controls.rows) == [world.title for world in WORLDS.values()]
    found = {cell.name for row in controls.rows.values() for cell in row.values()}
    assert found == {
        "rating_effect", "rating_effect_all_firms", "rating_gates_passed", "rating_effect_found",
        "leads_found",
    }  # fmt: skip
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


def test_the_persistence_of_a_panel_is_found_again() -> None:
    """The controls of a judged panel last as its constraint does; where it errs, longer than it seems to."""
    for lasting in (0.3, 0.5, 0.85):
        settings = dataclasses.replace(WORLDS["effect"].settings, n_firms=1500, persistence=lasting)
        panel = simulate(settings, [np.random.default_rng(5)]).panel()
        seen = controls.persistence_within(panel)
        found = controls.as_lasting(WORLDS["effect"].settings, seen, settings.first_rating_year)
        assert found.persistence == pytest.approx(lasting, abs=0.06)
        noisy = controls.as_lasting(WORLDS["constraint_error"].settings, seen, settings.first_rating_year)
        assert (
            noisy.persistence > found.persistence or lasting > 0.5
        )  # what lasts so is never seen with errors
    plain = WORLDS["effect"].settings
    assert controls.as_lasting(plain, float("nan"), 2012).persistence == plain.persistence


def test_a_shock_that_nobody_measures_is_counted_at_the_size_that_decides(monkeypatch) -> None:
    monkeypatch.setattr(controls, "MOST_FIRMS", 300)
    shares = {}
    for strength in (0.0, 3.0):  # chance where there is no such shock, and more where it is strong
        settings = dataclasses.replace(WORLDS["no_effect"].settings, hidden_shock=strength)
        changed = dataclasses.replace(WORLDS["hidden_shock"], settings=settings)
        monkeypatch.setattr(controls, "WORLDS", {**WORLDS, "hidden_shock": changed})
        found = controls.unseen_at_size(small_config(n_draws=100))
        assert (found.key, found.at["firms"], found.n) == ("found_by_unseen_shock", 300.0, 10)
        shares[strength] = found.value
    assert shares[0.0] <= 0.2 < shares[3.0]

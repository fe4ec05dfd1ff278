"""The simulated panel: measured moments, known truths, and worlds that fool whom they should."""

import dataclasses

import numpy as np
import pytest

from dti_core.studies.esg_constraint.measures import moments
from dti_core.studies.esg_constraint.model.panel import SMALL_SHARE, size_rank
from dti_core.studies.esg_constraint.model.regression import least_squares, shifted
from dti_core.studies.esg_constraint.worlds import WORLDS, raters
from dti_core.studies.esg_constraint.worlds.firms import Shape, autoregression, entry_years
from dti_core.studies.esg_constraint.worlds.raters import truth
from dti_core.studies.esg_constraint.worlds.settings import WorldSettings
from dti_core.studies.esg_constraint.worlds.simulate import PanelDraws, batches, simulate
from tests.growth import LINEAR, growth, steps

N_DRAWS = 30


@pytest.fixture(scope="module")
def draws() -> dict[str, PanelDraws]:
    return {name: simulated(world.settings, N_DRAWS, 2017) for name, world in WORLDS.items()}


def simulated(settings: WorldSettings, n_draws: int, seed: int) -> PanelDraws:
    return simulate(settings, np.random.default_rng(seed).spawn(n_draws))


def true_grades(world: str) -> float:
    return truth(WORLDS[world].settings).grades


def two_way(batch: PanelDraws, outcome: str = "rating_a") -> np.ndarray:
    """(n_draws,) two-way fixed-effects slopes of an outcome on lagged constraint."""
    x = shifted(batch["constraint"], 1)[..., None]
    return least_squares(batch[outcome], x, batch.observed).coef[:, 0]


def pooled(batch: PanelDraws) -> np.ndarray:
    """(n_draws,) slopes of the rating on lagged constraint and size, with industry effects."""
    industry = (batch.industry[..., None] == np.arange(batch.industry.max() + 1)).astype(float)
    dummies = np.broadcast_to(industry[:, :, None], (*batch.observed.shape, industry.shape[2]))
    x = np.stack([shifted(batch["constraint"], 1), batch["log_assets"]], axis=3)
    return least_squares(batch["rating_a"], np.concatenate([x, dummies], axis=3), batch.observed, ()).coef[
        :, 0
    ]


def bias_in_errors(values: np.ndarray, target: float) -> float:
    return abs(values.mean() - target) / (values.std(ddof=1) / np.sqrt(len(values)))


def test_all_measured_moments_are_met(draws):
    table = moments.moment_table(draws["effect"])
    assert len(table) == 47
    assert table.loc[~table["within"], ["target", "simulated", "tolerance"]].to_dict("index") == {}
    assert (table["reason"].str.len() > 10).all()


def test_the_moment_table_can_fail(draws):
    """Twice the assets move the three quantiles of size out of tolerance, and leave leverage alone."""
    batch = draws["effect"]
    richer = dataclasses.replace(
        batch, columns=batch.columns | {"log_assets": batch["log_assets"] + np.log(2.0)}
    )
    table = moments.moment_table(richer)
    missed = set(table.index[~table["within"]])
    assert {f"log_assets {level} quantile" for level in ("5%", "50%", "95%")} <= missed
    assert "leverage AR(1)" not in missed


@pytest.mark.parametrize("world", ["effect", "rater_noise"])
def test_two_way_effects_find_the_stated_truth(draws, world):
    """Where only constraint moves ESG, two-way estimates centre on the truth in grades."""
    found = two_way(draws[world])
    assert bias_in_errors(found, true_grades(world)) < 3.5
    assert true_grades(world) < 0


def test_the_truth_on_latent_esg_is_the_parameter(draws):
    assert bias_in_errors(two_way(draws["effect"], "esg"), -0.10) < 3.5
    assert bias_in_errors(two_way(draws["no_effect"], "esg"), 0.0) < 3.5
    assert true_grades("no_effect") == 0


def test_pooled_estimates_are_confounded_without_any_effect(draws):
    found = pooled(draws["no_effect"])
    assert found.mean() < -0.08
    assert abs(two_way(draws["no_effect"]).mean()) < 0.02


def test_reverse_causality_fools_two_way_effects_though_the_regressor_is_lagged(draws):
    """Same noise in both worlds: the difference is the reverse effect's work."""
    difference = two_way(draws["reverse_only"]) - two_way(draws["no_effect"])
    assert difference.mean() < -0.01
    assert bias_in_errors(difference, 0.0) > 5


def test_selection_into_ratings_hides_the_effect(draws):
    found = two_way(draws["selection"])
    assert abs(found.mean()) < 0.7 * abs(true_grades("selection"))


def test_noisy_raters_agree_less_and_shrink_the_effect_on_the_rating(draws):
    agree = {name: moments.rater_correlation(draws[name]).mean() for name in ("effect", "rater_noise")}
    assert agree["effect"] == pytest.approx(0.54, abs=0.03)
    assert agree["rater_noise"] < 0.30
    assert abs(true_grades("rater_noise")) < abs(true_grades("effect"))


def test_the_shock_relaxes_treated_firms_from_its_year_on_only():
    """Same noise with and without shock: constraint differs for treated firms after it, else not."""
    shaken = WORLDS["no_effect"].settings
    calm = dataclasses.replace(shaken, shock_size=0.0)
    with_shock, without = (simulated(settings, 3, 8) for settings in (shaken, calm))
    fall = without["constraint"] - with_shock["constraint"]
    seen = with_shock.observed
    relaxed = (with_shock.cohort >= 0)[..., None] & (shaken.years >= 2012)
    assert fall[seen & relaxed] == pytest.approx(1.0)
    assert fall[seen & ~relaxed] == pytest.approx(0.0)
    share = (with_shock.cohort >= 0).mean()
    assert 0.2 < share < 0.4
    assert set(np.unique(with_shock.cohort)) == {-1, 2012 - shaken.first_year}


def test_the_effect_arrives_a_year_after_the_shock():
    """Noise cancels between worlds with and without shock, so the response of latent ESG is exact."""
    base = WorldSettings(effect=-0.2)
    shocked, calm = (simulated(dataclasses.replace(base, shock_size=size), 2, 4) for size in (1.0, 0.0))
    treated = shocked.cohort >= 0
    response = (shocked["esg"] - calm["esg"])[treated]
    years = base.years
    assert response[:, years == 2012][~np.isnan(response[:, years == 2012])] == pytest.approx(0.0)
    assert response[:, years == 2013][~np.isnan(response[:, years == 2013])] == pytest.approx(0.2)


def test_staggered_cohorts_share_the_treated_firms():
    staggered = simulated(WorldSettings(shock_years=(2011, 2014)), 4, 6)
    shares = [(staggered.cohort == year - 2000).mean() for year in (2011, 2014)]
    assert shares[0] == pytest.approx(shares[1], abs=0.04)


def test_draws_do_not_depend_on_chunks_or_on_their_number():
    """A batch of other size, or more draws behind it, leaves every panel as it was, to the last bit."""
    settings = WORLDS["reverse_only"].settings

    def together(n_draws: int, size: int) -> list[PanelDraws]:
        made = batches(settings, np.random.SeedSequence(99), n_draws, size).values()
        return [simulate(batch.settings, batch.generators) for batch in made]

    (whole,), parts, (longer,) = together(5, 5), together(5, 2), together(7, 7)
    assert [len(part.state) for part in parts] == [2, 2, 1]
    for name, values in whole.columns.items():
        joined = np.concatenate([part[name] for part in parts])
        assert np.array_equal(values, joined, equal_nan=True), name
    assert np.array_equal(longer["rating_a"][:5], whole["rating_a"], equal_nan=True)
    assert not np.array_equal(whole["rating_a"][0], whole["rating_a"][1], equal_nan=True)


def test_ratings_are_grades_of_rated_listed_firms_from_their_first_year(draws):
    batch = draws["effect"]
    grades = np.unique(batch["rating_a"][batch.rated])
    assert list(grades) == list(range(1, 10))
    assert np.isnan(batch["rating_a"][~batch.rated]).all()
    assert not (batch.rated & ~batch.observed).any()
    assert not batch.rated[..., batch.settings.years < 2009].any()
    assert np.isnan(batch["leverage"][~batch.observed]).all()
    assert (batch["age"][batch.observed] >= 0).all()
    assert (batch["leverage"][batch.observed] > 0).all()


def test_index_membership_moves_coverage_but_not_esg(draws):
    """It is a valid exclusion for a selection model: it predicts being rated, and has no link with ESG."""
    batch = draws["no_effect"]
    late = batch.settings.years >= 2009
    seen, member = batch.observed[..., late], batch.index_member[..., late]
    rated, esg = batch.rated[..., late], batch["esg"][..., late]
    assert rated[seen & member].mean() > rated[seen & ~member].mean() + 0.15
    assert esg[seen & member].mean() == pytest.approx(esg[seen & ~member].mean(), abs=0.03)


def test_grade_slope_is_the_slope_of_grades_on_scores():
    score = np.random.default_rng(1).standard_normal(400_000)
    grades = raters.grade(score, np.zeros_like(score), 0.0)
    assert np.polyfit(score, grades, 1)[0] == pytest.approx(raters.grade_slope(), abs=0.01)


def test_shape_runs_through_its_quantiles():
    shape = Shape(5.21, 7.11, 9.52)
    assert shape.of(np.array([-1.6448536, 0.0, 1.6448536])) == pytest.approx([5.21, 7.11, 9.52], abs=1e-6)
    assert Shape(-1.0, 0.0, 1.0).of(np.array([0.5])) == pytest.approx([0.5 / 1.6448536])


def test_autoregression_is_stationary():
    path = autoregression(np.random.default_rng(2).standard_normal((40_000, 12)), 0.8)
    assert path.std(axis=0) == pytest.approx(np.ones(12), abs=0.02)
    assert np.corrcoef(path[:, 3], path[:, 4])[0, 1] == pytest.approx(0.8, abs=0.01)


def test_entry_path_starts_with_80_and_ends_with_496():
    entry = entry_years(496, 18, 80, 14)
    listed = (np.arange(18)[:, None] >= entry).sum(axis=1)
    assert (listed[0], listed[14], listed[17]) == (80, 496, 496)
    assert (np.diff(listed) >= 0).all()


def test_other_sizes_work_and_impossible_ones_are_refused():
    small = simulated(WorldSettings(n_firms=40, n_years=8, first_year=2010), 2, 0)
    assert small["rating_a"].shape == (2, 40, 8)
    with pytest.raises(ValueError, match="at least 2 firms"):
        WorldSettings(n_firms=1)
    with pytest.raises(ValueError, match="rater_noise"):
        WorldSettings(rater_noise=-1.0)


def test_many_draws_take_seconds():
    """500 at full size take about 6 s on an idle core: no step of Python for each firm, and no square."""
    full = WORLDS["effect"].settings
    few, many = (dataclasses.replace(full, n_firms=n) for n in (100, 400))
    assert steps(lambda: simulated(many, 2, 1)) - steps(lambda: simulated(few, 2, 1)) < 400 - 100
    assert growth(lambda n_draws: simulated(full, n_draws, 1), 8) < LINEAR
    assert growth(lambda n: simulated(dataclasses.replace(full, n_firms=n), 8, 1), 250) < LINEAR


# --- What single worlds add ---


def change(of: str, **settings: object) -> tuple[PanelDraws, PanelDraws]:
    """A batch of a world and the same noise with some settings changed."""
    plain = WORLDS[of].settings
    return simulated(plain, 8, 12), simulated(dataclasses.replace(plain, **settings), 8, 12)


@pytest.mark.parametrize(
    ("world", "grades"),
    [
        ("effect", (29686, 29619)),
        ("no_effect", (29608, 29546)),
        ("reverse_only", (29608, 29546)),
        ("selection", (26541, 26251)),
        ("rater_noise", (29802, 29696)),
    ],
)
def test_further_worlds_moved_no_draw_of_the_first_five(world, grades):
    """Sums of both raters' grades in two panels, as they were before the settings of other worlds came."""
    batch = simulated(WORLDS[world].settings, 2, 2017)
    assert (np.nansum(batch["rating_a"]), np.nansum(batch["rating_b"])) == grades


def test_an_observed_shock_moves_both_sides_and_a_control_holds_it():
    """Same noise: constraint falls and next year's ESG rises by .3 a sd of profitability, exactly."""
    shaken, calm = change("observed_shock", observed_shock=0.0)
    profit = (shaken["roa"] - 0.053) / ((0.187 + 0.022) / (2 * 1.6448536269514722))
    seen = shaken.observed
    assert (shaken["constraint"] - calm["constraint"])[seen] == pytest.approx(-0.3 * profit[seen])
    both = seen[..., 1:] & seen[..., :-1]
    moved = (shaken["esg"] - calm["esg"])[..., 1:]
    assert moved[both] == pytest.approx(0.3 * profit[..., :-1][both])


def test_a_hidden_shock_is_in_no_control():
    shaken, calm = change("hidden_shock", hidden_shock=0.0)
    moved = shaken["constraint"] - calm["constraint"]
    assert np.nanstd(moved) == pytest.approx(0.3, abs=0.02)
    for name in ("log_assets", "leverage", "roa"):
        assert np.array_equal(shaken[name], calm[name], equal_nan=True)
        both = shaken.observed
        assert abs(np.corrcoef(moved[both], shaken[name][both])[0, 1]) < 0.05
    later = (shaken["esg"] - calm["esg"])[..., 1:]
    both = shaken.observed[..., 1:] & shaken.observed[..., :-1]
    assert later[both] == pytest.approx(-moved[..., :-1][both])


def test_a_constraint_of_reliability_point_eight_has_a_quarter_of_error_and_ratings_do_not_see_it():
    measured, true = change("constraint_error", reliability=1.0)
    error = measured["constraint"] - true["constraint"]
    assert np.nanvar(error) == pytest.approx(1 / 0.8 - 1, rel=0.03)
    assert abs(np.corrcoef(error[measured.observed], true["constraint"][measured.observed])[0, 1]) < 0.02
    assert np.array_equal(measured["rating_a"], true["rating_a"], equal_nan=True)


def test_two_way_effects_are_attenuated_by_error_in_the_constraint(draws):
    """Without firm and year effects .75 of the variance is left, so that error takes over a quarter."""
    found = two_way(draws["constraint_error"])
    assert found.mean() / true_grades("constraint_error") == pytest.approx(0.76, abs=0.06)


def test_a_rater_may_lean_towards_large_firms():
    """The rater's error grows with size within firms, the constraint falls with it, and ESG knows nothing."""
    leaning, fair = change("size_bias", size_bias=0.0)
    x = leaning["log_assets"][..., None]
    slope = {name: least_squares(b["rating_a"], x, b.observed).coef[:, 0].mean()
             for name, b in (("leaning", leaning), ("fair", fair))}  # fmt: skip
    assert slope["leaning"] > slope["fair"] + 0.1
    fall = least_squares(leaning["constraint"] - fair["constraint"], x, leaning.observed).coef[:, 0]
    assert (fall < -0.1).all()
    assert np.array_equal(leaning["esg"], fair["esg"], equal_nan=True)


def test_raters_take_up_large_firms_first(draws):
    batch = draws["late_coverage"]
    years = batch.settings.years
    rank = size_rank(batch["log_assets"], batch.observed, 2008 - 2000)
    for low, high, start in ((2 / 3, 1, 2009), (1 / 3, 2 / 3, 2011), (0, 1 / 3, 2013)):
        wave = (rank >= low + 1e-9) & (rank < high - 1e-9)
        assert not (batch.rated[..., years < start] & wave[..., None]).any()
        assert (batch.rated[..., years == start] & wave[..., None]).any()


def test_cohorts_are_relieved_unequally():
    eased, calm = change("unequal_relief", shock_size=0.0)
    fall = calm["constraint"] - eased["constraint"]
    for year, share in ((2010, 1.8), (2012, 1.0), (2014, 0.2)):
        reached = (eased.cohort == year - 2000)[..., None] & (eased.settings.years >= year) & eased.observed
        assert reached.any()
        # ESG of earlier cohorts cannot come back: there is no reverse effect in this world.
        assert fall[reached] == pytest.approx(share)


def test_persistence_is_that_of_the_setting():
    """The lag's slope within firms, with so many years that firm effects hardly bias it (Nickell 1981)."""
    for wanted in (0.5, 0.85):
        settings = WorldSettings(n_firms=60, n_years=240, persistence=wanted, shock_size=0.0)
        batch = simulated(settings, 3, 3)
        x = shifted(batch["constraint"], 1)[..., None]
        slope = least_squares(batch["constraint"], x, batch.observed).coef[:, 0].mean()
        assert slope == pytest.approx(wanted, abs=0.04)


def test_an_effect_on_large_firms_only_leaves_small_ones_alone():
    """Same noise: latent ESG of small firms is what it is without any effect."""
    some, none = change("large_only", effect_large=0.0)
    small = some.panel().small[..., None] & some.observed
    assert np.array_equal(some["esg"][small], none["esg"][small])
    assert not np.allclose(some["esg"][~small & some.observed], none["esg"][~small & some.observed])


def test_size_rank_by_hand():
    """Three firms of the first year are ranked among themselves, one that enters later among all four.

    Firms of one size share a rank, whatever their order; one without size until after its first rating has
    none, and one whose size comes with that rating has.
    """
    size = np.array([[[1.0, 9.0], [2.0, 2.0], [3.0, 3.0], [np.nan, 2.5]]])
    exists = np.isfinite(size)
    assert size_rank(size, exists, 0)[0].tolist() == [0, 1 / 3, 2 / 3, 1 / 4]
    assert size_rank(size, exists, 1)[0].tolist() == [3 / 4, 0, 2 / 4, 1 / 4]
    assert (size_rank(size, exists, 0) < SMALL_SHARE)[0].tolist() == [True, False, False, True]
    ties = np.array([[[1.0], [1.0], [2.0], [1.0], [2.0], [3.0]]])
    assert size_rank(ties, np.isfinite(ties), 0)[0].tolist() == [0, 0, 3 / 6, 0, 3 / 6, 5 / 6]
    first_rating = {"with size": [[0, 0], [0, 0], [0, 0], [0, 1]], "before": [[0, 0], [0, 0], [0, 0], [1, 1]]}
    found = {k: size_rank(size, exists, 0, np.array([v]) > 0)[0, 3] for k, v in first_rating.items()}
    assert found["with size"] == 1 / 4
    assert np.isnan(found["before"])
    nothing = size_rank(np.full((1, 2, 2), np.nan), np.ones((1, 2, 2), dtype=bool), 0)
    assert np.isnan(nothing).all()


@pytest.mark.parametrize(
    "bad", [{"persistence": 1.0}, {"reliability": 0.0}, {"shock_shares": (1.0, 2.0)}, {"reliability": 1.2}]
)
def test_impossible_settings_are_refused(bad):
    with pytest.raises(ValueError, match=r"persistence|share of the shock"):
        WorldSettings(**bad)

"""Real trials of private_lift: known answers, what noise adds to them, and controls on real arms."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
import statsmodels.formula.api as smf

from dti_core.lab.data import DataCard, load_all
from dti_core.lab.errors import ConfigError
from dti_core.lab.findings import Findings
from dti_core.lab.frozen import frozen_result
from dti_core.lab.record import Result
from dti_core.studies.private_lift.data import load_simulated
from dti_core.studies.private_lift.data.campaign import campaign_of_table
from dti_core.studies.private_lift.data.hillstrom import load_hillstrom
from dti_core.studies.private_lift.data.promotions import ShopWeeks
from dti_core.studies.private_lift.data.trials import load_clusters, load_jobs
from dti_core.studies.private_lift.figures import plot_offers, plot_trials, plot_uplift, told
from dti_core.studies.private_lift.figures.trials import HEADLINES
from dti_core.studies.private_lift.measures.campaign import check_clip, study_campaign
from dti_core.studies.private_lift.measures.peeking import study_peeking
from dti_core.studies.private_lift.measures.promotion import fit_display, study_promotion
from dti_core.studies.private_lift.measures.reports import (
    Plan,
    Question,
    Report,
    difference,
    noise_variance,
    weighted,
)
from dti_core.studies.private_lift.measures.trials import as_far, fit_clusters, study_trials
from dti_core.studies.private_lift.model.lift import rates
from dti_core.studies.private_lift.model.wald import sums_of, wald

PLAN = Plan(np.random.SeedSequence(5), 60)
needs = {
    name: pytest.mark.skipif(load_all()[name].find() is None, reason=f"{name} is not on this machine")
    for name in ("hillstrom", "asos", "promotions")
}


@cache
def found() -> Findings:
    """All trials that this machine holds."""
    return study_trials(PLAN)


def value(name: str, findings: Findings | None = None, world: str = "observed") -> tuple[float, float]:
    """Value and standard error of an estimate of the trials."""
    (one,) = [e for e in (findings or found()).estimates if e.name == name and e.world == world]
    return one.value, (one.high - one.low) / (2 * 1.96)


#: Estimates without privacy, in percentage points or their unit, computed beforehand by independent code.
KNOWN = {
    "rock_the_vote_effect": ("3.10", "1.39"),
    "rock_the_vote_by_size": ("2.41", "1.94"),
    "rock_the_vote_as_if_people": ("2.04", "0.65"),
    "resume_names_name": ("3.20", "0.78"),
    "resume_names_quality": ("1.41", "0.78"),
    "resume_names_interaction": ("1.78", "1.56"),
    "mammogram_effect": ("-0.01", "0.07"),
    "black_politicians_effect": ("-26.6", "1.3"),
    "politicians_by_group_interaction": ("12.8", "5.2"),
    "jobs_invited": ("-0.063", "0.047"),
    "jobs_attended": ("-0.102", ""),
}


def test_people_of_one_cable_system_are_not_independent():
    """The error by systems is more than twice that of people as if drawn one by one."""
    assert value("rock_the_vote_error_as_if_people")[0] == pytest.approx(0.65, abs=0.005)
    assert value("rock_the_vote_error_clustered")[0] == pytest.approx(1.39, abs=0.005)


@pytest.mark.parametrize("name", KNOWN)
def test_plain_answers_are_the_known_ones(name):
    """Each to the digits to which it was noted down."""
    got, error = value(f"{name}_plain")
    wanted, noted = KNOWN[name]
    digits = len(wanted.partition(".")[2])
    assert f"{got:.{digits}f}" == wanted
    assert f"{error:.{digits}f}" == noted or not noted


@needs["hillstrom"]
def test_the_email_trial_has_its_known_answers():
    """Rates of three arms, and spend whose cut at 200 USD is told as a bias."""
    campaign, _ = load_hillstrom()
    rate = rates(campaign.cells("conversion").astype(float))
    assert rate.value.round(5).tolist() == [0.00573, 0.01253, 0.00884]
    assert rate.std_error.round(5).tolist() == [0.00052, 0.00076, 0.00064]
    for arm, wanted in (("mens", (0.770, 0.145)), ("womens", (0.424, 0.130))):
        assert value(f"email_{arm}_e_mail_spend_uncut_plain") == pytest.approx(wanted, abs=5e-4)
    assert value("email_mens_e_mail_spend_cut_plain")[0] == pytest.approx(0.6106, abs=5e-4)


def test_errors_are_those_of_statsmodels():
    """The saturated regression with robust errors, and the instrument of the seminar by two stages."""
    cells = np.array([[500, 40], [480, 70]])
    rows = pd.DataFrame(
        {"arm": np.repeat([0, 0, 1, 1], cells.ravel()), "y": np.repeat([0, 1] * 2, cells.ravel())}
    )
    fit = smf.ols("y ~ arm", rows).fit(cov_type="HC0")
    plain = difference(cells[None], 0.0)
    assert [plain.value[0], plain.std_error[0]] == pytest.approx([fit.params["arm"], fit.bse["arm"]])
    from linearmodels.iv import IV2SLS

    group, depression = load_jobs()
    frame = pd.DataFrame({"y": depression, "one": 1.0, "z": group > 0, "d": group == 2}, dtype=float)
    iv = IV2SLS(frame["y"], frame["one"], frame["d"], frame["z"]).fit(cov_type="robust")
    report = sums_of(group, depression, 1.0, 5.0, 1e-6, 3)
    ours = wald(report, np.array([False, True, True]), np.array([False, False, True]), per_taker=True)
    assert [float(one[0]) for one in ours] == pytest.approx([iv.params["d"], iv.std_errors["d"]], rel=1e-4)


def test_noise_on_cluster_counts_is_the_known_one():
    """With public rolls noise of epsilon .1/.5/1 adds 2.3/.47/.23 points; ours hides the roll too."""
    trial = load_clusters()
    blocks = pd.get_dummies(trial.stratum, dtype=float).to_numpy()
    left = trial.treated - blocks @ (blocks.T @ trial.treated / blocks.sum(axis=0))
    people = trial.cells.sum(axis=1)
    share = trial.cells[:, 1] / people
    weight = left / (left @ left) / people
    for epsilon, known in ((0.1, 2.3), (0.5, 0.47), (1.0, 0.23)):
        sd = 100 * np.sqrt(noise_variance(1 / epsilon) * (weight @ weight))
        assert sd == pytest.approx(known, rel=0.03)
    for epsilon, name in ((0.5, "0_5"), (1.0, "1")):
        spread = np.sqrt(noise_variance(1 / epsilon) * np.sum(weight**2 * (share**2 + (1 - share) ** 2)))
        drawn, _ = value(f"rock_the_vote_effect_eps{name}_noise_sd")
        assert drawn == pytest.approx(100 * spread, rel=0.3)


def test_assignments_drawn_within_strata_keep_their_numbers():
    """The share is near .036, and in a few strata of two a multiple of one over their assignments."""
    trial = load_clusters()
    assert as_far(trial, 4000, np.random.default_rng(0)) / 4000 == pytest.approx(0.036, abs=0.012)
    chosen = np.isin(trial.stratum, trial.stratum[np.bincount(trial.stratum)[trial.stratum] == 2][:4])
    small = type(trial)(
        trial.cells[chosen], trial.treated[chosen], np.unique(trial.stratum[chosen], return_inverse=True)[1]
    )
    assert len(small.treated) in (4, 6, 8)
    n = 2 ** (len(small.treated) // 2)
    times = as_far(small, 6000, np.random.default_rng(1)) / 6000 * n
    assert times == pytest.approx(round(times), abs=0.15)


def test_private_intervals_cover_the_truth_with_noise_included():
    """Sampling and noise drawn together 4,000 times: 95 % of intervals cover, without the noise far fewer."""
    rng = np.random.default_rng(7)
    users, truth, scale = 400, np.array([0.05, 0.09]), 4.0
    bought = rng.binomial(users, truth, size=(4000, 2))
    cells = np.stack([users - bought, bought], axis=-1)
    from dti_core.bridges.privacy import discrete_laplace

    drawn = cells + discrete_laplace(scale, cells.shape, rng)
    for variance, low, high in ((noise_variance(scale), 0.93, 0.97), (0.0, 0.0, 0.9)):
        found = difference(drawn, variance)
        covered = np.mean((found.low < 0.04) & (found.high > 0.04))
        assert low < covered < high


def test_private_means_cover_too():
    """Counts, sums and squares with noise: the interval of a mean's difference covers 95 % of the time."""
    rng = np.random.default_rng(8)
    from dti_core.bridges.privacy import discrete_laplace
    from dti_core.studies.private_lift.model.wald import Sums

    group = np.repeat([0, 1], 600)
    flags, covered = np.array([False, True]), []
    for _ in range(600):
        exact = sums_of(group, rng.beta(2, 3, 1200) * 4 + 1, 1.0, 5.0, 0.01, 2)
        scales = [3 * most for most in exact.sensitivities]
        parts = (exact.counts, exact.sums, exact.squares)
        noisy = [part + discrete_laplace(s, (1, 2), rng) for part, s in zip(parts, scales, strict=True)]
        report = Sums(*noisy, exact.middle, exact.step, exact.sensitivities)
        effect, error = wald(report, flags, flags, noise_variance(scales[0]), noise_variance(scales[1]))
        covered.append(abs(effect[0]) < 1.96 * error[0])
    assert 0.925 < np.mean(covered) < 0.975


def test_the_trial_without_effect_stays_without():
    """The negative control: no draw of noise makes an effect of it at any epsilon."""
    for epsilon in ("0_5", "1", "2"):
        assert value(f"mammogram_effect_eps{epsilon}_clear")[0] <= 0.05


@needs["hillstrom"]
def test_controls_on_real_arms_judge_right():
    """Permuted arms are clear of zero in about 5 % of draws; half as many purchases again in nearly all."""
    draws = {
        one.world: np.array([low > 0 or high < 0 for low, high in one.draws])
        for one in study_trials(Plan(np.random.SeedSequence(6), 300, (1.0,))).estimates
        if one.draws
    }
    assert draws["permuted_arms"].mean() <= 0.08
    assert draws["planted_effect"].mean() >= 0.8


def test_another_trial_or_epsilon_moves_no_number():
    """Each answer's noise comes from a stream of its own name."""
    fewer = study_trials(Plan(PLAN.seed, PLAN.n_draws, (1.0,)))
    assert value("resume_names_name_eps1", fewer) == value("resume_names_name_eps1")


def test_contrasts_of_a_factorial_are_its_shapley_values():
    """Name and quality add up to all together less neither."""
    total = value("resume_names_name_plain")[0] + value("resume_names_quality_plain")[0]
    shares = [value(f"resume_names_{name}_share_plain")[0] for name in ("name", "quality")]
    assert sum(shares) == pytest.approx(100)
    assert shares[0] == pytest.approx(100 * value("resume_names_name_plain")[0] / total)
    cells = np.array([[[50, 50], [40, 60], [30, 70], [10, 90]]])
    both = weighted(np.array([-1.0, 0.0, 0.0, 1.0]), cells, 0.0).value
    assert both == pytest.approx(0.4)


@needs["asos"]
def test_peeking_has_its_known_shares():
    """12 of 99 samples do not fit; 26-29 % significant at the end, 46-68 % at some look, 5 % by design."""
    peeking = study_peeking(Plan(np.random.SeedSequence(1), 100))
    shares = {(e.name, e.world): e.value for e in peeking.estimates}
    assert shares["asos_sample_ratio_mismatch", "observed"] * 99 == pytest.approx(12)
    ends = [shares[f"asos_significant_end_metric_{k}", "observed"] for k in (1, 2, 3, 4)]
    looks = [shares[f"asos_significant_any_look_metric_{k}", "observed"] for k in (1, 2, 3, 4)]
    assert (min(ends), max(ends)) == pytest.approx((0.263, 0.287), abs=1e-3)
    assert (min(looks), max(looks)) == pytest.approx((0.465, 0.681), abs=1e-3)
    assert shares["asos_significant_end_metric_1", "no_effect"] == pytest.approx(0.05, abs=0.01)
    assert 0.15 < shares["asos_significant_any_look_metric_1", "no_effect"] < 0.35


def test_displays_are_fitted_as_by_pyfixest():
    """Product x shop and product x week effects, errors by product, on a small balanced table."""
    rng = np.random.default_rng(4)
    product, shop, week = (axis.ravel() for axis in np.meshgrid(*map(np.arange, (8, 5, 6)), indexing="ij"))
    display = (rng.random(240) < 0.3).astype(float)
    units = rng.poisson(2 + display).astype(float)
    shops = ShopWeeks(product, shop, week, display, units, pd.DataFrame())
    table = pd.DataFrame({"product": product, "shop": shop, "week": week, "display": display, "units": units})
    for design, effects in (("naive", "product^shop"), ("timed", "product^shop + product^week")):
        fit = pf.feols(f"units ~ display | {effects}", table, vcov={"CRV1": "product"})
        ours = fit_display(shops, units, design)
        assert ours.value == pytest.approx(float(fit.coef()["display"]))
        assert ours.std_error == pytest.approx(float(fit.se()["display"]), rel=0.12)


@needs["promotions"]
def test_most_of_the_lift_of_displays_is_timing():
    """Over half of what displays seem to sell goes with a product's weeks; a bound on units costs more."""
    findings = study_promotion(PLAN)
    naive, timed = (value(f"display_{design}", findings)[0] for design in ("naive", "timed"))
    assert 0.5 < 1 - timed / naive < 0.7
    assert value("display_timed_cut", findings)[0] < timed


def test_a_campaign_of_channels_is_reported_by_channel():
    """A channel against those held out of it; on those exposed by their share; by region and size."""
    campaign, _ = load_simulated("campaign", 30_000, np.random.default_rng(2))
    rows = (
        study_campaign(campaign, Plan(PLAN.seed, 20, (1.0,)))
        .series["campaign"]
        .set_index(["trial", "quantity", "epsilon"])
    )
    video = rows.loc[("campaign_video", "conversion", np.inf)]
    assert video["low"] < 1.0 < video["high"]
    exposed = rows.loc[("campaign_video", "conversion_if_exposed", np.inf)]
    assert campaign.exposed is not None
    assert campaign.assigned is not None
    share = campaign.exposed[campaign.assigned[:, 2], 2].mean()
    assert exposed["value"] == pytest.approx(video["value"] / share)
    trials = set(rows.index.get_level_values(0))
    assert {"campaign_video_region_north", "campaign_video_size_micro"} <= trials
    private = rows.xs(1.0, level="epsilon")
    assert private["guarantee"].str.contains("delta 0 a user").all()
    assert (private["wider"][private["n"] == len(campaign)] > 0.99).all()


def test_weights_by_size_do_not_decide_alone():
    """Weighted by size, the clustered interval holds 0; with people as independent it would not."""
    trial = load_clusters()
    effect, error = fit_clusters(trial.cells, trial, by_size=True)
    naive, narrow = value("rock_the_vote_as_if_people_plain")
    assert effect - 1.96 * error < 0 < naive - 1.96 * narrow


def test_squares_of_large_spend_do_not_wrap():
    """100,000 users who spend up to five million: squares in cents pass 2^63 by far."""
    spend = np.random.default_rng(4).uniform(0, 5e6, 100_000).round(2)
    group = np.arange(len(spend)) % 2
    report = sums_of(group, spend, 0.0, float(spend.max()), 0.01, 2)
    effect, error = wald(report, np.array([False, True]), np.array([False, True]))
    plain = [spend[group == side] for side in (0, 1)]
    assert effect[0] == pytest.approx(plain[1].mean() - plain[0].mean(), rel=1e-9)
    assert error[0] == pytest.approx(np.sqrt(sum(one.var() / len(one) for one in plain)), rel=1e-9)


def test_each_quantity_of_an_arm_draws_its_own_noise():
    """Same counts, visit and conversion: other noise; a lift shares the draws of its difference."""
    report, cells = Report(Plan(np.random.SeedSequence(2), 50, (1.0,))), np.array([[900, 100], [880, 120]])
    for quantity in ("visit", "conversion", "visit_lift"):
        report.counts(Question("arm", quantity, "", "points", "user", 2000), cells, difference)
    values = {row["quantity"]: row["value"] for row in report.rows if np.isfinite(row["epsilon"])}
    assert values["visit"] != values["conversion"]
    assert values["visit"] == values["visit_lift"]


def test_labels_that_read_alike_keep_estimates_apart(tmp_path):
    """Arms `Mail A` and `mail-a`, regions `Berlin!` and `berlin`, sizes `<50` and `50+`."""
    rng, n = np.random.default_rng(3), 3000
    table = pd.DataFrame({
        "arm": rng.choice(["control", "Mail A", "mail-a"], n), "visit": rng.integers(0, 2, n),
        "region": rng.choice(["Berlin!", "berlin"], n), "size": rng.choice(["<50", "50+", "50 2"], n),
    })  # fmt: skip
    found = study_campaign(campaign_of_table(table), Plan(np.random.SeedSequence(1), 20, (1.0,)))
    names = [one.name for one in found.estimates]
    assert len(set(names)) == len(names) == 2 * 2 * (2 + 2 + 3)


def test_a_clip_too_large_for_whole_numbers_is_a_slip_of_the_settings():
    plan = Plan(np.random.SeedSequence(1), 20)
    campaign, _ = load_simulated("campaign", 3000, np.random.default_rng(1))
    check_clip(387_000.0, plan)
    assert len(study_campaign(campaign, plan, 387_000.0).estimates)
    for clip in (388_000.0, 1e6, np.nan):
        with pytest.raises(ConfigError, match="spend_clip"):
            study_campaign(campaign, plan, clip)


def test_figures_of_absent_data_name_the_command_that_brings_them():
    """On a machine without the published sets a chapter is drawn to its end."""
    whole = frozen_result("private_lift")
    lacking = {"offers", "uplift_curve_hillstrom", "trials"}
    part = replace(whole, series={name: table for name, table in whole.series.items() if name not in lacking})
    for figure in (plot_offers(part), plot_uplift(part, "hillstrom")):
        assert figure.layout.title.text.replace("<br>", " ").endswith("dti data get hillstrom")
        assert not figure.data
    assert not plot_trials(part).data
    assert plot_offers(whole).data
    assert plot_trials(whole).data


def _shown(trials: pd.DataFrame) -> Result:
    card = DataCard("x", "x", "simulated", "Simulated data", "", "", 1, 1, "0" * 64, "")
    return Result(None, card, (), {"trials": trials})  # type: ignore[arg-type]


def test_effects_are_drawn_and_told_in_their_own_unit():
    """Every headline at hand, with the numbers of the series; the figure's first row is the title's."""
    table = found().series["trials"]
    keys = set(zip(table["trial"], table["quantity"], strict=True)) & set(HEADLINES)
    assert ("jobs", "attended") in keys
    result = _shown(table)
    assert len(told(result, "trials").rows) == len(keys)
    figure = plot_trials(result)
    rows = table.set_index(["trial", "quantity", "epsilon"])["value"]
    wanted = [rows[*key, e] for key in keys for e in (np.inf, 1.0) if (*key, e) in rows.index]
    drawn = np.array([trace.x[0] for trace in figure.data])
    assert all(np.isclose(drawn, value, rtol=1e-12, atol=0).any() for value in wanted)
    axes = {figure.layout[axis].title.text.replace("<br>", " ") for axis in figure.layout if "xaxis" in axis}
    assert {axis.split(", ")[-1] for axis in axes} >= {"percentage points", "points of a score of 1 to 5"}

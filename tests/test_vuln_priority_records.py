"""Real records, what scores cover, and simulated ones: published counts, other libraries, both controls."""

import json
import types

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from dti_core.lab.data import packaged
from dti_core.lab.errors import DataError
from dti_core.studies.vuln_priority.data.records import (
    SNAPSHOT,
    load_kev,
    load_public_exploits,
    load_records,
    records_of,
)  # fmt: skip
from dti_core.studies.vuln_priority.measures import catalogue as of_catalogue
from dti_core.studies.vuln_priority.measures.exploits import study_listed_epss, study_public_exploits
from dti_core.studies.vuln_priority.measures.records import PLANTED, labelled, study_records
from dti_core.studies.vuln_priority.model.effort import (
    areas,
    coverage_difference,
    coverage_interval,
    coverage_ratio,
    curve,
    gap,
    reached,
    resample,
)  # fmt: skip
from dti_core.studies.vuln_priority.worlds.catalogue import (
    CATALOGUES,
    CORRELATIONS,
    SCORES,
    Settings,
    shift_of,
    simulate_catalogue,
)  # fmt: skip
from tests.shared_data import bring

N_DRAWS = 60


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Everything that is told of the published files."""
    with pytest.MonkeyPatch.context() as patch:
        bring("vuln_dates", patch, tmp_path_factory.mktemp("real"))
        found = study_records(np.random.SeedSequence(2), n_draws=N_DRAWS, n_resamples=500)
        found.add(study_listed_epss())
        found.add(study_public_exploits())
        told = {one.key: one for one in found.estimates}
        return types.SimpleNamespace(told=told, series=found.series, left_out=found.left_out,
                                     records=load_records(), kev=load_kev())  # fmt: skip


def test_the_list_meets_its_published_counts(real):
    """CISA's list to 2025-08-25, counted apart from this project (G7)."""
    assert (len(real.kev), int(real.kev["ransomware"].sum())) == (1404, 293)
    table = real.series["records_kev"]
    wanted = {2021: 311, 2022: 555, 2023: 187, 2024: 186, 2025: 165}
    assert dict(zip(table["year"], table["added"], strict=True)) == wanted


def test_who_was_listed_when(real):
    """28 of 43,714 came after the records; one that its record does not call listed was on the list."""
    records = real.records
    assert (len(records.cve), int(records.listed.sum())) == (43_939, 225)
    assert (int(records.later.sum()), int((~records.listed).sum())) == (28, 43_714)
    assert int((records.later & records.scored).sum()) == 23
    added = pd.Series(records.cve[records.later]).map(real.kev.set_index("cve")["added"])
    assert (added > SNAPSHOT).all()
    when = labelled(records)
    assert not when["later"][0].listed.any()
    assert not when["reported_later"][0].reported.any()
    assert not (records.listed & records.later).any()


@pytest.mark.parametrize(
    ("rule", "effort", "efficiency", "coverage"),
    [("cvss_7", 46.3, 1.3, 84.6), ("cvss_9", 9.6, 2.8, 36.8), ("poc", 20.3, 3.2, 89.7),
     ("poc_and_easy_or_total", 10.6, 5.5, 80.3)],
)  # fmt: skip
def test_rules_are_close_to_those_counted_on_a_fuller_copy(real, rule, effort, efficiency, coverage):
    """On 32,214 records and 234 listed; ours keeps the first score of each record, 32,681 and 240 listed."""
    table = real.series["records_rules"].set_index(["when", "rule"]).loc[("listed_ever", rule)] * 100
    assert table["effort"] == pytest.approx(effort, abs=0.4)
    assert table["efficiency"] == pytest.approx(efficiency, abs=0.1)
    assert table["coverage"] == pytest.approx(coverage, abs=1.2)
    assert table["coverage_low"] < coverage < table["coverage_high"]


def test_a_rule_by_hand(real):
    records = real.records.take(real.records.scored)
    high = records.cvss >= 7
    row = real.series["records_rules"].set_index(["when", "rule"]).loc[("later", "cvss_7")]
    assert row["coverage"] == (high & records.later).sum() / 23
    assert row["effort"] == high[~records.listed].mean()


@pytest.mark.parametrize(
    ("name", "known", "within"),
    [
        ("records_auc_exploitation_later", 0.510, 0.001),
        ("records_auc_cvss_later", 0.794, 0.001),
        ("records_auc_cvss_concurrent", 0.755, 0.005),
        ("records_auc_exploitation_concurrent", 0.974, 0.001),
    ],
)
def test_areas_counted_apart(real, name, known, within):
    """By scikit-learn and pandas alone; .936 of exploitation is what both times together give."""
    assert real.told[name].value == pytest.approx(known, abs=within)
    mixed = real.series["records_areas"].set_index(["when", "score"]).loc[("listed_ever", "exploitation")]
    assert mixed["value"] == pytest.approx(0.936, abs=0.01)


def test_a_flag_of_the_day_is_worth_nothing_for_the_next(real):
    told = real.told
    assert told["records_leak_exploitation"].low > 0.3
    assert told["records_leak_cvss"].low < 0 < told["records_leak_cvss"].high
    assert told["records_ssvc_over_cvss_concurrent"].low > 1.5
    assert told["records_ssvc_over_cvss_later"].high < 1
    assert told["records_auc_exploitation_later_all"].n == 43_714
    table = real.series["records_areas"].set_index(["when", "score"])
    assert table.loc[("concurrent_new", "exploitation"), "low"] > 0.95  # so it is not for the old ones
    assert table.loc[("later_new", "exploitation"), "high"] < 0.65


def test_shuffled_labels_find_nothing_and_planted_scores_are_found(real):
    names = ["records_leak_exploitation", "records_auc_cvss_later", "records_exploitation_less_cvss_later"]
    for name, nothing in zip(names, (0.0, 0.5, 0.0), strict=True):
        draws = np.array(real.told[f"{name}@shuffled"].draws)
        assert len(draws) == N_DRAWS
        assert np.mean((draws[:, 0] > nothing) | (draws[:, 1] < nothing)) <= 0.15
    for name, truth in zip(names, (PLANTED - 0.5, PLANTED, 0.5 - PLANTED), strict=True):
        draws = np.array(real.told[f"{name}@planted"].draws)
        assert np.mean((draws[:, 0] <= truth) & (draws[:, 1] >= truth)) >= 0.85
    assert all(low > 0 for low, _ in real.told["records_leak_exploitation@planted"].draws)


def test_epss_is_told_of_the_listed_alone(real):
    assert any("already listed" in why for _, why in real.left_out)
    assert real.told["records_epss_above_10"].value > real.told["records_epss_above_50"].value
    assert set(real.series["records_epss"]["version"]) == {"v3", "v4"}


def test_public_exploits_counted_by_hand(real):
    names = json.loads(packaged("public_exploits").stream().read())
    assert len(names) == packaged("public_exploits").rows
    assert len(load_public_exploits()) == len(names) - 6
    table = real.series["records_public_exploits"]
    old = real.records.year <= 2021
    hits = sum(name in names for name in real.records.cve[old])
    assert table["exploits"].sum() == hits == 112
    assert table["scored_exploits"].sum() == 59


def test_records_that_lack_a_column_are_refused():
    with pytest.raises(DataError, match="lacks the columns cvss_score"):
        records_of(pd.DataFrame({"cve": []}), pd.DataFrame(), pd.DataFrame())


def test_without_files_the_command_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DTI_DATA", str(tmp_path))
    with pytest.raises(DataError, match="dti data get vuln_dates"):
        study_records(np.random.SeedSequence(1), n_draws=1, n_resamples=1)


def test_states_in_capitals_and_dates_of_two_lists():
    """A record may be late to say what the list says, and what was brought in by the dozen has no day."""
    table = pd.DataFrame({
        "cve": [f"CVE-2024-{number:04}" for number in range(1, 6)], "cvss_score": 5.0,
        "ssvc_exploitation": ["Active", "none", "poc", None, "none"], "ssvc_automatable": "Yes",
        "ssvc_impact": "Total", "kev_added": None,
    })  # fmt: skip
    kev = pd.DataFrame({"cve": ["CVE-2024-0001", "CVE-2024-0003"],
                        "added": pd.to_datetime(["2024-08-15", "2024-11-01"])})  # fmt: skip
    crowd = [f"CVE-2020-{number:04}" for number in range(1000, 1029)] + ["CVE-2024-0002"]
    reports = pd.DataFrame({"cve": [*crowd, "CVE-2024-0005"], "later_corrected": 0,
                            "first_date": pd.to_datetime(["2024-11-05"] * 30 + ["2024-12-01"])})  # fmt: skip
    one = records_of(table, kev, reports)
    assert one.exploitation.tolist() == [2, 0, 1, 0]
    assert one.points.tolist() == [22, 2, 12, 2]
    assert one.listed.tolist() == [True, False, False, False]
    assert one.later.tolist() == [False, False, True, False]
    assert one.reported.tolist() == [False, True, False, False]
    assert one.reported_later.tolist() == [False, False, False, True]


def test_areas_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    label = rng.random(400) < 0.2
    scores = np.stack([rng.integers(0, 4, 400) + label, rng.normal(size=400), np.zeros(400)]).astype(float)
    found = areas(scores, label)
    assert found.values == pytest.approx([roc_auc_score(label, one) for one in scores])
    assert found.difference(0, 1).value == pytest.approx(found.values[0] - found.values[1])
    with pytest.raises(ValueError, match="two of each"):
        areas(scores, label & (np.arange(400) == np.argmax(label)))


@pytest.mark.parametrize("area", [0.5, 0.8])
def test_intervals_of_areas_cover(area):
    """30 exploited among 2,000: 95 % of intervals hold the truth, also of differences."""
    rng, covered, apart = np.random.default_rng(3), 0, 0
    label = np.arange(2000) < 30
    for _ in range(300):
        score = rng.standard_normal((2, 2000)) + label * np.sqrt(2) * norm.ppf(area)
        found = areas(score, label)
        one, other = found.interval(), areas(score[1], label)
        covered += one.low <= area <= one.high
        both = gap(found, other) if area > 0.5 else found.difference(0, 1)
        apart += both.low <= 0 <= both.high
    assert covered >= 0.92 * 300
    assert apart >= 0.92 * 300


def test_effort_by_hand():
    score, exploited = np.array([3.0, 2.0, 2.0, 1.0]), np.array([False, True, False, True])
    assert reached(score, 0.5).tolist() == [1, 0.5, 0.5, 0]
    coverage, efficiency = curve(score, exploited, np.array([0.25, 0.5, 1.0]))
    assert coverage.tolist() == [0, 0.25, 1]
    assert efficiency.tolist() == [0, 0.25, 0.5]
    rng = np.random.default_rng(4)
    score, exploited = rng.integers(0, 9, 500).astype(float), rng.random(500) < 0.3
    for effort in (0.01, 0.15, 0.8, 1.0):
        chance = reached(score, effort)
        assert chance.sum() == pytest.approx(effort * 500)
        assert curve(score, exploited, np.array([effort]))[0][0] == pytest.approx(chance[exploited].mean())


def test_coverage_and_its_ratio():
    rng = np.random.default_rng(5)
    weights = resample(40, rng, 400)
    assert (weights.sum(axis=1) == 40).all()
    half, all_of_them = np.repeat([1.0, 0.0], 20), np.ones(40)
    assert coverage_interval(half).value == 0.5
    one = coverage_ratio(all_of_them, half, weights)
    assert one.value == 2
    assert one.low < 2 < one.high
    assert coverage_difference(half, half, weights).high == 0
    assert coverage_ratio(half, np.zeros(40), weights) is None


def test_simulated_records_have_the_moments_of_real_ones():
    """Of 44,130 records of October 2024; EPSS at disclosure, where .245 % are exploited in 90 days."""
    one = simulate_catalogue(Settings(rate=0.00245), 400_000, np.random.default_rng(6))
    assert (one.cvss.mean(), one.cvss.std()) == pytest.approx((6.74, 1.73), abs=0.1)
    assert np.quantile(one.cvss, [0.25, 0.5, 0.75]) == pytest.approx([5.4, 6.6, 7.8], abs=0.05)
    states = np.bincount(one.exploitation.astype(int)) / 400_000
    assert states == pytest.approx([0.82, 0.175, 0.005], abs=0.005)
    assert (one.automatable.mean(), one.total.mean()) == pytest.approx((0.18, 0.31), abs=0.005)
    assert spearmanr(one.cvss, one.epss).statistic == pytest.approx(0.43, abs=0.01)
    assert one.exploited.mean() == pytest.approx(0.00245, abs=0.0003)
    wanted = Settings()
    for name in SCORES:
        area = roc_auc_score(one.exploited, getattr(one, name))
        assert area == pytest.approx(getattr(wanted, name), abs=0.03)
    assert 0.004 < average_precision_score(one.exploited, one.epss) < 0.02  # .0074 at disclosure


def test_chances_are_what_happens():
    one = simulate_catalogue(Settings(rate=0.03), 300_000, np.random.default_rng(7))
    for low, high in ((0.0, 0.01), (0.01, 0.05), (0.05, 0.2), (0.2, 1.0)):
        here = (one.chance > low) & (one.chance <= high)
        assert one.exploited[here].mean() == pytest.approx(one.chance[here].mean(), rel=0.1)
    assert np.linalg.eigvalsh(CORRELATIONS).min() > 0
    assert shift_of("exploitation", 0.5) == pytest.approx(0, abs=1e-9)


def test_orders_of_simulated_records():
    """CVSS is beaten where a score was planted or a flag leaks, and not where no score matters."""
    study, seeds = of_catalogue.study_catalogue, np.random.SeedSequence(8)
    found = study(seeds, n_records=12_000, n_draws=20, n_resamples=200)
    told = {one.key: one for one in found.estimates}
    assert len(told) == len(found.estimates)

    def above_one(world):
        draws = told[f"catalogue_risk_over_cvss@{world}"].draws
        return np.mean([ends is not None and ends[0] > 1 for ends in draws])

    assert above_one("independent") <= 0.2
    assert above_one("planted") >= 0.9
    assert {one.world for one in found.estimates} == set(CATALOGUES)
    assert told["catalogue_risk_over_cvss"].high < 2
    assert told["catalogue_ssvc_over_cvss@leaky_flag"].value > 1.7
    assert told["catalogue_coverage_random"].value == pytest.approx(0.15, abs=0.05)
    assert told["catalogue_auc_true_chance"].value > told["catalogue_auc_risk"].value
    curves = found.series["catalogue_curves"].set_index(["order", "effort"])
    assert curves.loc[("random", 1.0), "coverage"] == pytest.approx(1)
    assert (curves["coverage"].groupby("order").diff().dropna() >= -1e-12).all()


def test_nothing_to_learn_from_gives_equal_chances():
    past = simulate_catalogue(Settings(rate=0.0001), 10, np.random.default_rng(9))
    assert not of_catalogue.learn_risk(past, past, np.random.default_rng(1)).any()

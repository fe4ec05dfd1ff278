"""Scores with a known error: the join of D-SOCIAL-KLD by name, on a made-up file, and what the error does."""

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.config import load_experiment
from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint import data
from dti_core.studies.esg_constraint import estimate as study
from dti_core.studies.esg_constraint.data import Parameters, kld
from dti_core.studies.esg_constraint.data.layout import lay_out
from dti_core.studies.esg_constraint.measures.uncertain_score import study_uncertain_score
from dti_core.studies.esg_constraint.model.errors_in_variables import errors_in_variables
from dti_core.studies.esg_constraint.model.regression import least_squares


def made_up_scores(firms: pd.DataFrame, n_firms: int = 300) -> pd.DataFrame:
    """A file of the shape of D-SOCIAL-KLD for some packaged firms, whose names it spells its own way."""
    rng = np.random.default_rng(6)
    chosen = firms["firm"].drop_duplicates().iloc[:n_firms]
    rows = firms[firms["firm"].isin(chosen)][["firm", "year"]]
    level = dict(zip(chosen, rng.normal(0, 1, len(chosen)), strict=True))
    n = len(rows)
    truth = rows["firm"].map(level).to_numpy() + rng.normal(0, 0.5, n)
    noise = rng.uniform(0.3, 0.8, n)
    reliability = 1.25 / (1.25 + noise**2)
    spelt = rows["firm"].str.title().str.replace("Intl", "International").str.replace("Corp", "Corporation")
    mean = reliability * (truth + noise * rng.normal(size=n))
    sd = np.sqrt(reliability) * noise
    percentiles = {f"pct{k:02d}": mean + z * sd for k, z in ((5, -1.645), (50, 0.0), (95, 1.645))}
    return pd.DataFrame(
        {"name": spelt, "ticker": "XX", "year": rows["year"], "mean": mean, "sd": sd, **percentiles}
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ALBANY INTL CORP  -CL A", "Albany International Corp."),
        ("AMR CORP/DE", "AMR Corporation"),
        ("ABBOTT LABORATORIES", "Abbott Labs"),
        ("AIR PRODUCTS & CHEMICALS INC", "Air Products and Chemicals, Inc."),
        ("ADAPTEC INC.", " adaptec  inc"),
        ("AKZO NOBEL NV  -ADR", "Akzo Nobel N.V."),
        ("ALLIANCE PHARMACEUTICAL CP", "Alliance Pharmaceuticals Corp"),
        ("LILLY (ELI) & CO", "Lilly (Eli) and Company"),
    ],
)
def test_names_are_matched_by_their_rules(one, other) -> None:
    assert kld.plain_name(one) == kld.plain_name(other) != ""


def test_names_that_differ_stay_apart() -> None:
    names = data.load_packaged("innovation")[0].table["firm"].unique()
    plain = {kld.plain_name(str(name)) for name in names}
    assert len(names) == 803
    assert len(plain) > 795
    assert kld.plain_name("GENERAL ELECTRIC CO") != kld.plain_name("GENERAL DYNAMICS CORP")


def test_unmatched_and_ambiguous_names_are_listed() -> None:
    firms = pd.DataFrame({
        "firm": ["ALPHA CORP", "BETA INC", "GAMMA CO", "GAMMA LTD", "DELTA INC"], "year": 1995,
        "sales": 1.0, "tobinq": 2.0,
    })  # fmt: skip
    scores = pd.DataFrame({
        "name": ["Alpha Corporation", "Beta", "Gamma", "Epsilon"], "year": [1995, 2001, 1995, 1995],
        "mean": 0.1, "sd": [0.2, 0.3, 0.2, 0.1],
    })  # fmt: skip
    joined = kld.join(scores, firms)
    assert list(joined.table["firm"]) == ["ALPHA CORP"]
    assert dict(zip(joined.unmatched["firm"], joined.unmatched["why"], strict=True)) == {
        "BETA INC": "no year in both", "GAMMA CO": "several firms of that name",
        "GAMMA LTD": "several firms of that name", "DELTA INC": "no such name",
    }  # fmt: skip
    with pytest.raises(DataError, match="is in the packaged panel"):
        kld.join(scores.assign(year=2015), firms)


def test_a_users_download_becomes_a_panel(tmp_path) -> None:
    """From the file to estimates, through the same door as every other panel."""
    firms = data.load_packaged("innovation")[0].table
    path = tmp_path / "d-social-kld_scores.csv"
    made_up_scores(firms).to_csv(path, index=False)
    config = load_experiment("esg_constraint").resolve("smoke", {"panel": "kld", "data_path": str(path)})
    panel, card = data.load(config)
    assert panel.table["firm"].nunique() > 280
    assert f"{panel.table['firm'].nunique()} of 803 firms are matched" in card.caveat
    parts = study.observed_parts(panel, config.typed(Parameters), config, real=True)
    done = parts["uncertain score"]()
    found = {one.name for one in done.estimates}
    assert len(done.series["unmatched"]) == 803 - panel.table["firm"].nunique()
    assert {"kld_log_sales_freed", "kld_q_posterior_mean", "kld_q_corrected"} <= found
    assert "no column constraint" in dict(parts[study.RATING]().left_out)[study.RATING]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.drop(columns="sd"), "no column sd"),
        (lambda t: t.assign(sd=0.0), "whose sd is not above 0"),
    ],
)
def test_other_files_are_refused(change, says, tmp_path) -> None:
    firms = data.load_packaged("innovation")[0].table
    path = tmp_path / "scores.csv"
    change(made_up_scores(firms, 10)).to_csv(path, index=False)
    for told, expected in ((str(path), says), ("", "needs data_path")):
        config = load_experiment("esg_constraint").resolve("smoke", {"panel": "kld", "data_path": told})
        with pytest.raises(DataError, match=expected):
            data.load(config)


# --- What a known error does, and what repairs it ---


def panel_with_error(
    seed: int, slope: float = 0.5, n_firms: int = 400, n_years: int = 6
) -> dict[str, np.ndarray]:
    """A truth that moves inside firms, its posterior mean and sd, what moves it and what it moves."""
    rng = np.random.default_rng(seed)
    shape = (1, n_firms, n_years)
    cause = rng.normal(size=shape)
    truth = slope * cause + np.sqrt(1 - slope**2) * rng.normal(size=shape)
    noise = rng.uniform(0.5, 1.2, shape)
    reliability = 1 / (1 + noise**2)
    mean = reliability * (truth + noise * rng.normal(size=shape))
    return {"cause": cause, "truth": truth, "mean": mean, "sd": np.sqrt(reliability) * noise,
            "y": slope * truth + rng.normal(size=shape) + rng.normal(size=(1, n_firms, 1))}  # fmt: skip


def test_known_error_repairs_attenuation_and_posterior_means_need_no_repair() -> None:
    """Of 40 panels: freed scores as regressors are attenuated, corrected ones and posterior means are not."""
    slopes: dict[str, list[float]] = {"posterior mean": [], "freed": [], "corrected": []}
    covers = []
    for seed in range(40):
        made = panel_with_error(seed)
        seen = np.ones(made["y"].shape, dtype=bool)
        freed, variance = kld.unshrunk(made["mean"], made["sd"])
        slopes["posterior mean"].append(least_squares(made["y"], made["mean"][..., None], seen).coef[0, 0])
        slopes["freed"].append(least_squares(made["y"], freed[..., None], seen).coef[0, 0])
        fit = errors_in_variables(made["y"], freed[..., None], variance, seen)
        slopes["corrected"].append(fit.coef[0, 0])
        low, high = (float(end[0, 0]) for end in fit.interval())
        covers.append(low < 0.5 < high)
    means = {name: float(np.mean(values)) for name, values in slopes.items()}
    assert means["freed"] < 0.35
    assert means["posterior mean"] == pytest.approx(0.5, abs=0.02)
    assert means["corrected"] == pytest.approx(0.5, abs=0.02)
    assert np.mean(covers) > 0.85


def test_as_an_outcome_the_posterior_mean_is_shrunk_and_the_freed_score_is_not() -> None:
    shrunk, freed = [], []
    for seed in range(20):
        made = panel_with_error(seed)
        seen = np.ones(made["y"].shape, dtype=bool)
        signal, _ = kld.unshrunk(made["mean"], made["sd"])
        for values, kept in ((made["mean"], shrunk), (signal, freed)):
            kept.append(least_squares(values, made["cause"][..., None], seen).coef[0, 0])
    assert np.mean(shrunk) < 0.35
    assert np.mean(freed) == pytest.approx(0.5, abs=0.03)


def test_an_error_as_large_as_the_regressor_is_refused() -> None:
    made = panel_with_error(1, n_firms=40)
    seen = np.ones(made["y"].shape, dtype=bool)
    with pytest.raises(ValueError, match="as large as what effects leave"):
        errors_in_variables(made["y"], made["truth"][..., None], np.full(made["y"].shape, 3.0), seen)


def test_without_error_the_correction_is_least_squares() -> None:
    made = panel_with_error(2, n_firms=60)
    seen = np.random.default_rng(1).random(made["y"].shape) < 0.9
    x, none = made["truth"][..., None], np.zeros(made["y"].shape)
    plain, corrected = least_squares(made["y"], x, seen), errors_in_variables(made["y"], x, none, seen)
    assert corrected.coef == pytest.approx(plain.coef, rel=1e-10)
    assert corrected.std_error == pytest.approx(plain.std_error, rel=0.01)


def test_the_joined_panel_is_read_in_both_directions() -> None:
    firms = data.load_packaged("innovation")[0].table
    table = kld.join(kld.read_scores(made_up_scores(firms)), firms).table
    laid = lay_out(table, [name for name in table if name not in ("firm", "year")])
    found = {one.name: one for one in study_uncertain_score(laid).estimates}
    assert found["kld_log_sales_freed"].std_error > found["kld_log_sales_posterior_mean"].std_error
    assert found["kld_q_corrected"].std_error > found["kld_q_freed"].std_error

"""Real ratings beside real accounts: the published panel csr_africa, its cleaning, and what it can say."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.config import load_experiment
from dti_core.lab.data import published
from dti_core.lab.errors import DataError
from dti_core.lab.record import Result
from dti_core.studies.esg_constraint import data, figures
from dti_core.studies.esg_constraint import estimate as study
from dti_core.studies.esg_constraint.data import Parameters, africa
from dti_core.studies.esg_constraint.data.layout import lay_out
from dti_core.studies.esg_constraint.measures.persistence import autocorrelation, between_share, persistence
from dti_core.studies.esg_constraint.measures.real_panel import study_real_panel
from dti_core.studies.esg_constraint.measures.score import study_score
from tests.shared_data import bring


def real_panel(monkeypatch, tmp_path) -> dict[str, object]:
    bring("csr_africa", monkeypatch, tmp_path)
    return {one.name: one for one in study_real_panel(np.random.default_rng(1)).estimates}


def test_the_real_panel_meets_what_other_code_found(monkeypatch, tmp_path) -> None:
    """Between share .785 (.74 free of noise), AR(1) .77, size as printed .192 (.048) and -.007 (.034)."""
    found = real_panel(monkeypatch, tmp_path)
    assert found["csr_between_share"].value == pytest.approx(0.785, abs=0.01)
    assert found["csr_anova_share"].value == pytest.approx(0.74, abs=0.005)
    assert found["csr_ar1"].value == pytest.approx(0.77, abs=0.02)
    for name, value, error in (("pooled", 0.192, 0.048), ("within", -0.007, 0.034)):
        one = found[f"csr_printed_size_{name}"]
        assert one.value == pytest.approx(value, abs=0.005)
        assert one.std_error == pytest.approx(error, abs=0.006)


def test_size_in_one_unit_says_less_inside_firms_than_size_as_printed(monkeypatch, tmp_path) -> None:
    """Thousands taken for millions make size vary inside firms without meaning: the error looks small."""
    found = real_panel(monkeypatch, tmp_path)
    repaired, printed = found["csr_lenient_log_assets_within"], found["csr_printed_size_within"]
    assert repaired.std_error > 3 * printed.std_error
    repaired = found["csr_log_assets_within"]
    assert repaired.std_error > found["csr_lenient_log_assets_within"].std_error
    assert repaired.low < 0 < repaired.high
    assert found["csr_log_assets_pooled"].low > 0.1
    assert found["csr_log_assets_detectable"].value == pytest.approx(2.8016 * repaired.std_error, rel=1e-4)


def test_cleaning_keeps_its_rules(monkeypatch, tmp_path) -> None:
    bring("csr_africa", monkeypatch, tmp_path)
    table, card = africa.load_africa()
    assert len(table) == 1195 - 12
    assert not table.duplicated(["firm", "year"]).any()
    assert table["leverage"].between(0, 2).sum() == table["leverage"].notna().sum() > 800
    assert table["firm"].nunique() == 237
    assert table["roa"].abs().between(africa.LEAST_ROA, 1).sum() == table["roa"].notna().sum() > 700
    assert table["rating_a"].between(0, 5).all()
    spread = table.groupby("firm")["log_assets"].agg(lambda v: v.max() - v.min())
    assert spread.max() < 2 * np.log(10)
    assert "power of 1,000" in card.caveat
    assert "stand in a row of another firm" in card.caveat
    assert not set(africa.DOUBTS) & set(table)
    assert card.origin == "published"


def test_accounts_in_doubt_are_counted_and_left_out(monkeypatch, tmp_path) -> None:
    """28 rows with another firm's assets; Dangote Cement's and Tsogo Sun's units are found by rule."""
    bring("csr_africa", monkeypatch, tmp_path)
    table = africa.clean(published(africa.NAME).table(encoding="latin1"))
    counts = africa.doubts_in(table).set_index("left out where")["firm-years"]
    assert counts.iloc[0] == table["of_another"].sum() == 28
    assert counts["any of these"] < counts.drop("any of these").sum()
    marks = table.groupby("firm")[list(africa.DOUBTS)].max()
    assert marks.loc["Dangote Cement Plc", "unit_alone"] == 1
    assert marks.loc["Tsogo Sun Holdings Limited", ["unit_moves", "tiny_return"]].tolist() == [1, 1]
    assert marks.mean().max() < 0.5
    kept = africa.without_doubts(table)
    assert kept["rating_a"].equals(table["rating_a"])
    assert kept.loc[table["unit_alone"] > 0, "log_assets"].isna().all()
    assert kept["leverage"].notna().sum() > kept["log_assets"].notna().sum() - 100


def accounts_of(n_firms: int = 12) -> pd.DataFrame:
    """A file of the same shape whose firms are all in order: units of their own, market value like assets."""
    rng = np.random.default_rng(4)
    firm, year = (
        one.ravel() for one in np.meshgrid(np.arange(n_firms), np.arange(2014, 2019), indexing="ij")
    )
    assets = np.exp(20 + 0.5 * firm) * np.exp(0.1 * rng.normal(size=len(firm)))
    return pd.DataFrame({
        "company": [f"Firm {k}" for k in firm], "reporting_year": year, "listing_country": "Kenya",
        "industry": "a", "listing_year": 2000, "incorporation_year": 1990, "com_1": firm % 5,
        "tot_asst": assets, "bk_eqt": 0.5 * assets, "net_prof": 0.05 * assets, "market_value": 0.8 * assets,
    })  # fmt: skip


def test_each_doubt_marks_what_it_is_for_and_nothing_else() -> None:
    raw = accounts_of()
    assert africa.clean(raw)[list(africa.DOUBTS)].to_numpy().sum() == 0
    raw.loc[0, ["tot_asst", "bk_eqt"]] = raw.loc[9, ["tot_asst", "bk_eqt"]].to_numpy()  # of firm 1
    raw.loc[10, ["tot_asst", "bk_eqt", "net_prof"]] /= 1000  # one year of firm 2
    raw.loc[raw["company"] == "Firm 3", ["tot_asst", "bk_eqt", "net_prof"]] /= 1000  # all years of firm 3
    raw.loc[20, "net_prof"] /= 1000
    table = africa.clean(raw)
    marked = {name: table.loc[table[name] > 0, "firm"].tolist() for name in africa.DOUBTS}
    assert marked == {
        "of_another": ["Firm 0", "Firm 1"], "unit_moves": ["Firm 2"] * 5, "unit_alone": ["Firm 3"] * 5,
        "tiny_return": ["Firm 4"],
    }  # fmt: skip


def test_numbers_are_read_through_blanks_commas_and_units() -> None:
    texts = ["946 540000", "9\u00c2\u00a0399000000", "108, 031,000", "-8 989000", "nothing", "12"]
    assert africa.number(pd.Series(texts)) == pytest.approx(
        [946540000, 9399000000, 108031000, -8989000, np.nan, 12], nan_ok=True
    )
    firm = pd.Series(["a"] * 3 + ["b"] * 3)
    amounts = np.array([2e9, 2.1e6, 1.9e9, 5e6, 7e6, 6e9])
    assert list(africa.power_of_unit(amounts, firm)) == [0, 1, 0, 0, 0, -1]


def test_the_real_panel_can_be_the_panel(monkeypatch, tmp_path) -> None:
    """Everything else runs on it where it can; SA is refused, so the effect of constraints is left out."""
    bring("csr_africa", monkeypatch, tmp_path)
    config = load_experiment("esg_constraint").resolve("smoke", {"panel": "csr_africa"})
    panel, card = data.load(config)
    parts = study.observed_parts(panel, config.typed(Parameters), config, real=True)
    done = {name: part() for name, part in parts.items()}
    assert "collinear" in dict(done[study.RATING].left_out)[study.RATING]
    assert [one.name for one in done["overlap"].estimates if one.value > 0.99] == ["overlap_size_SA"]
    assert {"score_log_assets_within", "score_between_share"} <= {one.name for one in done["score"].estimates}
    assert card.badge == "Real firms, 2014-2018"


def test_without_the_files_the_command_is_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("DTI_DATA", str(tmp_path / "empty"))
    found = study_real_panel(np.random.default_rng(1))
    assert not found.estimates
    assert "dti data get csr_africa" in dict(found.left_out)["real scores on real accounts"]
    with pytest.raises(DataError, match="dti data get csr_africa"):
        data.load(load_experiment("esg_constraint").resolve("smoke", {"panel": "csr_africa"}))


def test_the_figure_carries_the_badge_of_the_real_firms(monkeypatch, tmp_path) -> None:
    config = load_experiment("esg_constraint").resolve("smoke", {})
    _, card = data.load(config)
    empty = Result(config, card, ())
    assert "dti data get csr_africa" in figures.plot_score(empty).layout.title.text.replace("<br>", " ")
    found = real_panel(monkeypatch, tmp_path)
    figure = figures.plot_score(dataclasses.replace(empty, estimates=tuple(found.values())))
    assert len(figure.data) == 9
    lenient = figures.plot_score(
        dataclasses.replace(empty, estimates=tuple(found.values())), of="csr_lenient"
    )
    assert "Real firms" in lenient.layout.meta["caption"]
    assert "Real firms" in figure.layout.meta["caption"]
    assert "Simulated" not in figure.layout.meta["caption"]
    assert f"{found['csr_log_assets_detectable'].value:.2f}" in figure.layout.meta["alt"]
    assert len(figure.layout.title.text) < 140


# --- Known answers of the measure itself ---


def made_up(slope: float, n_firms: int = 300, n_years: int = 5) -> pd.DataFrame:
    """A score moved by last year's leverage inside firms, and by size between firms only."""
    rng = np.random.default_rng(12)
    shape = (n_firms, n_years)
    size = rng.normal(7, 1.5, n_firms)[:, None] + rng.normal(0, 0.2, shape)
    leverage, roa = rng.normal(0, 1, shape), rng.normal(0, 1, shape)
    before = np.concatenate([np.zeros((n_firms, 1)), leverage[:, :-1]], axis=1)
    score = 0.5 * size.mean(axis=1, keepdims=True) + slope * before + rng.normal(0, 0.5, shape)
    firm, year = np.meshgrid(np.arange(n_firms), np.arange(n_years), indexing="ij")
    columns = {"rating_a": score, "log_assets": size, "leverage": leverage + 3, "roa": roa}
    flat = {name: values.ravel() for name, values in columns.items()}
    return pd.DataFrame({"firm": firm.ravel(), "year": 2000 + year.ravel(), **flat})


def test_a_planted_link_is_found_where_it_is_and_nowhere_else() -> None:
    table = made_up(0.3)
    laid = lay_out(table, ["rating_a", "log_assets", "leverage", "roa"])
    found = {one.name: one for one in study_score(laid, np.random.default_rng(1)).estimates}
    sd = table["rating_a"].std()
    assert found["score_leverage_within"].low < 0.3 / sd < found["score_leverage_within"].high
    assert found["score_leverage_within"].low > found["score_leverage_detectable"].value
    assert found["score_log_assets_pooled"].low > 0.3
    for name in ("log_assets_within", "roa_within", "leverage_small_minus_large"):
        assert found[f"score_{name}"].low < 0 < found[f"score_{name}"].high, name
    none = {one.name: one for one in study_score(lay_out(made_up(0.0), list(laid.columns)),
                                                 np.random.default_rng(1)).estimates}  # fmt: skip
    assert none["score_leverage_within"].low < 0 < none["score_leverage_within"].high


def test_between_share_and_autocorrelation_by_hand() -> None:
    values = np.array([[[1.0, 2.0, 3.0], [5.0, np.nan, 9.0], [4.0, 4.0, 4.0]]])
    seen = np.ones(values.shape, dtype=bool)
    long = pd.Series(values[0].ravel()).groupby(np.repeat([0, 1, 2], 3))
    means, all_ = long.transform("mean")[np.isfinite(values[0].ravel())], values[np.isfinite(values)]
    assert between_share(values, seen) == pytest.approx(means.var(ddof=0) / all_.var())
    pairs = np.array([[1, 2], [2, 3], [4, 4], [4, 4]])
    assert autocorrelation(values, seen) == pytest.approx(np.corrcoef(pairs.T)[0, 1])


def test_the_interval_of_persistence_covers_what_made_it() -> None:
    """A firm effect of three quarters of the variance and white noise: between share near it, AR(1) equal."""
    hits = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        values = np.sqrt(0.75) * rng.normal(size=(1, 150, 1)) + np.sqrt(0.25) * rng.normal(size=(1, 150, 5))
        found = persistence(values, np.ones(values.shape, dtype=bool), rng)
        truth = {"between_share": 0.75 + 0.25 / 5, "ar1": 0.75, "anova_share": 0.75}
        hits.append([found[name].low <= true <= found[name].high for name, true in truth.items()])
    assert (np.mean(hits, axis=0) >= 0.85).all()

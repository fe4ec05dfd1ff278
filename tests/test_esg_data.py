"""Panels from packages, from the simulator and from a user's file, and the judge of the last."""

import re
import resource

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.config import Config, load_experiment
from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint import data
from dti_core.studies.esg_constraint.data import prepare, schema
from dti_core.studies.esg_constraint.data.check import check_panel
from dti_core.studies.esg_constraint.data.layout import lay_out
from dti_core.studies.esg_constraint.model import indices
from dti_core.studies.esg_constraint.model.indices import INDICES, compute_index
from dti_core.studies.esg_constraint.model.regression import least_squares
from dti_core.studies.esg_constraint.worlds import WORLDS
from dti_core.studies.esg_constraint.worlds.simulate import simulate
from tests.growth import LINEAR, growth, steps


def asked(**changes: object) -> Config:
    return load_experiment("esg_constraint").resolve("smoke", changes)


def make_clean(n_firms: int = 60, n_years: int = 8) -> pd.DataFrame:
    """A panel with every column of the schema, in its units, without a defect."""
    rng = np.random.default_rng(42)
    n = n_firms * n_years
    firm, year = np.repeat(np.arange(n_firms), n_years), np.tile(np.arange(2010, 2010 + n_years), n_firms)
    assets = np.exp(rng.normal(7.1, 1.2, n_firms)[firm] + 0.08 * (year - 2010))
    quality = rng.normal(0, 1, n_firms)[firm]
    ratings = [np.clip(np.rint(5 + quality + rng.normal(0, 0.8, n)), 1, 9) for _ in range(2)]
    return pd.DataFrame(
        {
            "firm": [f"{600000 + number}.SH" for number in firm], "year": year,
            "rating_a": ratings[0], "rating_b": ratings[1], "assets": assets,
            "age": rng.integers(2, 20, n_firms)[firm] + year - 2010, "leverage": rng.uniform(0.1, 0.8, n),
            "tobin_q": rng.uniform(0.9, 4, n), "cash_flow": assets * rng.normal(0.05, 0.08, n),
            "net_income": assets * rng.normal(0.05, 0.06, n), "dividends": assets * rng.uniform(0, 0.03, n),
            "cash": assets * rng.uniform(0.02, 0.4, n), "fixed_assets": assets * rng.uniform(0.05, 0.5, n),
            "long_term_debt": assets * rng.uniform(0, 0.2, n), "sales": assets * rng.uniform(0.4, 1.2, n),
            "capex": assets * rng.uniform(0, 0.1, n), "constraint": rng.normal(0, 1, n),
            "ownership": rng.integers(0, 2, n_firms)[firm], "industry": [f"C{number % 5}" for number in firm],
        }
    )  # fmt: skip


@pytest.fixture
def clean() -> pd.DataFrame:
    return make_clean()


def texts(table: pd.DataFrame, mapping: dict[str, str] | None = None) -> list[str]:
    return [problem.text for problem in check_panel(table, mapping)]


def test_a_clean_panel_passes(clean):
    assert check_panel(clean) == []


def test_ten_defects_give_ten_messages(clean):
    """Each defect is made once, and each message names its column, its number and its place."""
    dirty = clean.copy()
    dirty["rating_b"] = 10.0 - dirty["rating_a"]
    dirty["assets"] = dirty["assets"] * 1e6
    for name in (
        "cash_flow",
        "net_income",
        "dividends",
        "cash",
        "fixed_assets",
        "long_term_debt",
        "sales",
        "capex",
    ):
        dirty[name] = dirty[name] * 1e6
    dirty["leverage"] = dirty["leverage"].astype(object)
    dirty.loc[3, "leverage"] = "n.a."
    dirty.loc[4, "leverage"] = -0.2
    dirty.loc[5, "tobin_q"] = np.inf
    dirty["capex"] = 7.0
    dirty.loc[dirty.index % 4 != 0, "constraint"] = np.nan
    dirty["year"] = dirty["year"].astype(object)
    dirty.loc[479, "year"] = "FY17"
    dirty = dirty.drop(index=18)
    dirty = pd.concat([dirty, dirty.iloc[[100]]], ignore_index=True)
    found = texts(dirty)
    expected = [
        r"rating.*opposite order",
        r"assets are apparently not in millions",
        r"leverage: 1 value not a number \(n\.a\.\)",
        r"leverage: 1 value impossible \(such as -0\.2 in row 5\)",
        r"tobin_q: 1 value infinite \(first in row 6\)",
        r"capex is constant \(7\.0\)",
        r"constraint: 75% of the rows are empty",
        r"1 years cannot be read \(FY17",
        r"1 gaps between years \(firm 600002\.SH 2011 to 2013",
        r"1 rows repeat a firm-year \(firm 600012\.SH in",
    ]
    assert len(found) == len(expected) == 10, found
    for pattern in expected:
        assert sum(bool(re.search(pattern, text)) for text in found) == 1, pattern


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("assets", -5.0, "assets: 1 value impossible"),
        ("assets", 0.0, "assets: 1 value impossible"),
        ("age", -1.0, "age: 1 value impossible"),
        ("cash", -3.0, "cash: 1 value impossible"),
        ("ownership", 7, "ownership: 1 value unknown (7)"),
        ("firm", None, "1 rows have no firm (first: row 10)"),
        ("year", 20150, "1 years cannot be read (20150"),
        ("year", 2015.5, "1 years cannot be read"),
    ],
)
def test_impossible_cells_block(clean, column, value, says):
    dirty = clean.astype({column: object})
    dirty.loc[9, column] = value
    blocking = [problem.text for problem in check_panel(dirty) if problem.blocks]
    assert any(says in text for text in blocking), blocking


def test_units_are_judged_by_the_size_of_firms(clean):
    assert any(
        "single units or thousands" in text for text in texts(clean.assign(assets=clean["assets"] * 1e6))
    )
    assert any(
        "billions, or a logarithm" in text for text in texts(clean.assign(assets=clean["assets"] / 1e4))
    )
    assert any(
        "apparently per cent" in text for text in texts(clean.assign(leverage=clean["leverage"] * 100))
    )
    assert any("sales is typically" in text for text in texts(clean.assign(sales=clean["sales"] * 1e6)))


def test_ratings_without_variation_within_firms_block(clean):
    still = clean.assign(rating_a=clean.groupby("firm")["rating_a"].transform("first"))
    assert any(p.blocks and "leave nothing to explain" in p.text for p in check_panel(still))
    constant = clean.assign(rating_a=3.0)
    assert any(p.blocks and "rating_a is constant" in p.text for p in check_panel(constant))


def test_short_panels_block(clean):
    one_firm = clean[clean["firm"] == "600000.SH"]
    one_year = clean[clean["year"] == 2012]
    assert any("1 firms and 8 years" in text for text in texts(one_firm))
    assert any("60 firms and 1 years" in text for text in texts(one_year))


def test_age_that_runs_backwards_is_a_warning(clean):
    young = clean.assign(age=40 - clean["age"])
    found = [problem for problem in check_panel(young) if "age falls" in problem.text]
    assert len(found) == 1
    assert not found[0].blocks


def test_without_keys_nothing_else_is_said(clean):
    found = check_panel(clean.rename(columns={"firm": "Stkcd"}))
    assert len(found) == 1
    assert "no column 'firm'" in found[0].text
    assert check_panel(clean.rename(columns={"firm": "Stkcd"}), {"Stkcd": "firm"}) == []


def test_missing_columns_tell_what_remains(clean):
    few = clean[["firm", "year", "rating_a", "assets", "age"]]
    (problem,) = check_panel(few)
    assert not problem.blocks
    assert "Possible: effect on the rating, SA index." in problem.text
    assert "KZ index (needs cash_flow, tobin_q, leverage, dividends, cash)" in problem.text
    (problem,) = check_panel(few.drop(columns="rating_a"))
    assert not problem.blocks
    assert "Without rating_a only the side of constraints is studied" in problem.text
    (problem,) = check_panel(few.drop(columns="age"))
    assert not problem.blocks
    assert "only size, debt and profit can explain it" in problem.text
    (problem,) = check_panel(few[["firm", "year", "assets"]])
    assert problem.blocks
    assert "Without rating_a the question cannot be asked" in problem.text
    (problem,) = check_panel(few[["firm", "year", "rating_a"]])
    assert problem.blocks
    assert "there is no regressor" in problem.text


def test_names_are_mapped_and_wrong_maps_refused(clean):
    theirs = clean.rename(columns={"assets": "Total Assets", "firm": "Stkcd"})
    mapping = schema.parse_map("Total Assets=assets, Stkcd=firm")
    assert check_panel(theirs, mapping) == []
    assert any("map names columns that the file lacks: Foo" in text for text in texts(clean, {"Foo": "cash"}))
    for text, says in (
        ("assets", "theirs=ours"),
        ("a=size", "no column 'size'"),
        ("a=cash,b=cash", "two columns"),
    ):
        with pytest.raises(DataError, match=says):
            schema.parse_map(text)


def test_columns_that_differ_only_by_case_are_refused_unless_one_is_named(clean):
    twice = clean.assign(Assets=2 * clean["assets"])
    (text,) = [one.text for one in check_panel(twice) if one.blocks]
    assert "columns 'assets', 'Assets' all read as assets" in text
    assert "--map assets=assets" in text
    assert not [one for one in check_panel(twice, {"assets": "assets"}) if one.blocks]


def test_letter_grades_are_read_in_their_order(clean, tmp_path):
    letters = clean.assign(rating_a=[schema.GRADES[int(grade) - 1] for grade in clean["rating_a"]])
    assert check_panel(letters) == []
    path = tmp_path / "panel.csv"
    letters.to_csv(path, index=False)
    panel, _ = data.load_yours(str(path))
    expected = clean.sort_values(["firm", "year"])["rating_a"].to_numpy()
    assert np.array_equal(panel.table["rating_a"], expected)
    letters.loc[0, "rating_a"] = "Z+"
    assert any("rating_a: 1 value not a number (Z+)" in text for text in texts(letters))


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".dta"])
def test_a_users_file_becomes_a_panel(clean, tmp_path, ending):
    path = tmp_path / f"panel{ending}"
    writers = {".csv": "to_csv", ".parquet": "to_parquet"}
    if ending == ".dta":
        clean.to_stata(path, write_index=False)
    else:
        getattr(clean, writers[ending])(path, index=False)
    panel, card = data.load(asked(panel="yours", data_path=str(path)))
    assert card.origin == "yours"
    assert panel.truth is None
    row, first = panel.table.iloc[1], clean.iloc[1]
    assert row["log_assets"] == pytest.approx(np.log(first["assets"]))
    assert row["cash_flow"] == pytest.approx(first["cash_flow"] / first["assets"])
    assert row["sales_growth"] == pytest.approx(first["sales"] / clean["sales"].iloc[0] - 1)
    assert np.isnan(panel.table["sales_growth"].iloc[0])
    rectangles = lay_out(panel.table, panel.numbers)
    for name in INDICES:
        assert np.isfinite(compute_index(name, rectangles.columns)).mean() > 0.8, name


def test_growth_is_missing_after_a_gap(clean):
    panel = prepare.prepare_panel(clean.drop(index=3), {})
    growth = panel.loc[panel["firm"] == "600000.SH"].set_index("year")["sales_growth"]
    assert np.isnan(growth[[2010, 2014]]).all()
    assert growth.drop([2010, 2014]).notna().all()


def test_an_unfit_file_is_refused_with_all_its_problems(clean, tmp_path):
    path = tmp_path / "dirty.csv"
    clean.assign(cash=-1.0, leverage=clean["leverage"] * 100).to_csv(path, index=False)
    with pytest.raises(DataError, match=r"dirty.csv: 2 problems\.\n- (.|\n)*per cent") as refusal:
        data.load_yours(str(path))
    assert "cash: 480 values impossible" in str(refusal.value)
    with pytest.raises(DataError, match="needs data_path"):
        data.load_yours("")


def test_a_million_rows_are_checked_in_two_gigabytes_and_in_time_that_grows_with_the_rows():
    """Bounds of the study: 1 s on an idle core, and < 2 GB, for 1,000,000 firm-years."""
    rng = np.random.default_rng(1)
    n_firms, n_years = 50_000, 20
    n = n_firms * n_years
    big = pd.DataFrame({name: rng.uniform(0.1, 0.9, n) for name in ("leverage", "tobin_q", "constraint")})
    for name in ("assets", "cash_flow", "dividends", "cash", "sales", "capex", "net_income"):
        big[name] = rng.uniform(100.0, 5000.0, n)
    big["firm"], big["year"] = (
        np.repeat(np.arange(n_firms), n_years).astype(str),
        np.tile(np.arange(2000, 2020), n_firms),
    )
    big["rating_a"], big["age"] = rng.integers(1, 10, n), big["year"] - 1990
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = check_panel(big)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert [problem.blocks for problem in found] == [False]
    assert grown < 2_000_000
    few, many = big[:2_000], big[:8_000]
    assert steps(lambda: check_panel(many)) - steps(lambda: check_panel(few)) < len(many) - len(few)
    assert growth(lambda rows: check_panel(big[:rows]), 100_000) < LINEAR


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("snmesp", 5904, 9),
        ("empluk", 1031, 8),
        ("grunfeld", 200, 6),
        ("innovation", 6208, 26),
        ("petersen", 5000, 4),
    ],
)
def test_packaged_panels_are_what_the_registry_says(name, rows, columns):
    panel, card = data.load(asked(panel=name))
    assert (card.origin, card.rows, card.columns) == ("packaged", rows, columns)
    assert len(panel.table) == rows
    assert len(panel.table.columns) + (name != "petersen") == columns
    assert not panel.rated
    assert not panel.table.duplicated(["firm", "year"]).any()


def test_grunfeld_fixed_effects_meet_the_known_answer():
    """Grunfeld with firm effects: value .1101, capital .3101; with firm and year effects .1177 and .3579."""
    panel, _ = data.load_packaged("grunfeld")
    boxes = lay_out(panel.table, ["inv", "value", "capital"])
    y, x = boxes.columns["inv"], boxes.stack(["value", "capital"])
    inside = [v - v.mean(axis=2, keepdims=True) for v in (y, x)]
    firm_only = np.linalg.lstsq(inside[1].reshape(-1, 2), inside[0].ravel(), rcond=None)[0]
    assert firm_only == pytest.approx([0.1101, 0.3101], abs=5e-5)
    assert least_squares(y, x, boxes.observed).coef[0] == pytest.approx([0.1177, 0.3579], abs=5e-5)


def test_petersen_slope_meets_the_published_one():
    table = data.load_packaged("petersen")[0].table
    assert np.polyfit(table["x"], table["y"], 1)[0] == pytest.approx(1.0348, abs=5e-5)


def test_a_changed_package_is_refused(monkeypatch):
    row = data._registered("grunfeld")
    other = row.files[row.file].model_copy(update={"sha256": "0" * 64})
    changed = row.model_copy(update={"files": {row.file: other}})
    monkeypatch.setattr(data, "_registered", lambda name: changed)
    with pytest.raises(DataError, match="has changed"):
        data.load_packaged("grunfeld")


def test_unknown_panels_and_worlds_are_refused():
    with pytest.raises(DataError, match=r"no panel 'csmar'\. Known: simulated, snmesp"):
        data.load_packaged("csmar")
    with pytest.raises(DataError, match="no world 'utopia'"):
        data.load_simulated("utopia", np.random.default_rng(1))


def test_the_simulated_panel_says_so_and_hides_what_nobody_sees():
    config = asked(panel="simulated", world="effect", seed=7)
    panel, card = data.load(config)
    assert card.origin == "simulated"
    assert card.badge.startswith("Simulated data")
    assert "esg" not in panel.table
    assert panel.truth is not None
    assert panel.truth.esg_sd == -0.10
    again, card_again = data.load(asked(panel="simulated", world="effect", seed=7))
    assert again.table.equals(panel.table)
    assert card_again.sha256 == card.sha256
    other = data.load(asked(panel="simulated", world="effect", seed=8))[1]
    assert other.sha256 != card.sha256


def test_rectangles_give_back_the_batch():
    draws = simulate(WORLDS["selection"].settings, np.random.default_rng(3).spawn(2))
    boxes = lay_out(draws.table(1), ["log_assets", "rating_a", "state"])
    assert np.array_equal(boxes.observed[0], draws.observed[1])
    for name in ("log_assets", "rating_a"):
        assert np.array_equal(boxes.columns[name][0], draws[name][1], equal_nan=True)
    assert list(boxes.years) == list(draws.settings.years)


def test_rectangles_keep_gaps_as_unobserved_years():
    table = pd.DataFrame({"firm": ["b", "a", "a"], "year": [2012, 2013, 2010], "x": [3.0, 2.0, 1.0]})
    boxes = lay_out(table, ["x"])
    assert boxes.columns["x"].shape == (1, 2, 4)
    assert boxes.observed.sum() == 3
    place = list(boxes.firms).index("a")
    assert boxes.columns["x"][0, place] == pytest.approx([1.0, np.nan, np.nan, 2.0], nan_ok=True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.assign(firm="a", year=2010), "1 firm-years appear more than once"),
        (lambda t: t.assign(year=[2010, np.nan, 2012]), "whole calendar year"),
        (lambda t: t.assign(x=["u", "v", "w"]), "x is not numeric"),
        (lambda t: t.drop(columns="x"), "no column x"),
    ],
)
def test_rectangles_refuse_what_they_cannot_place(change, says):
    table = pd.DataFrame({"firm": ["a", "a", "b"], "year": [2010, 2011, 2010], "x": [1.0, 2.0, 3.0]})
    with pytest.raises(DataError, match=says):
        lay_out(change(table), ["x"])


def test_a_new_index_needs_one_entry(monkeypatch, clean):
    """An index added to the registry is offered by the check, with the columns of a file that it needs."""
    spec = INDICES["KZ"].__class__(lambda cash: -cash, ("cash",), ("cash",), "test (2024)")
    grown = {**INDICES, "CASH": spec}
    for module in (schema, indices):
        monkeypatch.setattr(module, "INDICES", grown)
    assert schema.analyses()["CASH index"] == ("cash", "assets")
    assert compute_index("CASH", {"cash": np.array([[0.2]])})[0, 0] == -0.2
    (problem,) = check_panel(clean.drop(columns="cash"))
    assert "CASH index (needs cash)" in problem.text

"""Panels that users bring: check and run agree on awkward ones, and nothing unsuitable is estimated."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.claims import judge
from dti_core.lab.config import load_experiment
from dti_core.lab.data import read_user_table
from dti_core.lab.errors import DataError
from dti_core.lab.parallel import CORES
from dti_core.lab.record import Estimate, Result
from dti_core.studies.esg_constraint import data, figures
from dti_core.studies.esg_constraint import estimate as study
from dti_core.studies.esg_constraint.data import Parameters
from dti_core.studies.esg_constraint.data.check import check_panel
from dti_core.studies.esg_constraint.data.sample import OWN, NoMeasureError, sample_of
from dti_core.studies.esg_constraint.measures.findings import Findings
from dti_core.studies.esg_constraint.measures.timing import window
from dti_core.studies.esg_constraint.methods import ON_ONE_PANEL
from dti_core.studies.esg_constraint.model import packages
from dti_core.studies.esg_constraint.model.indices import sa_index
from dti_core.studies.esg_constraint.model.panel import SMALL_SHARE

SMALLEST = {"n_draws": 4, "n_power_draws": 4, "n_resamples": 19}


def accounts(n_firms: int = 20, n_years: int = 8, seed: int = 11) -> pd.DataFrame:
    """Accounts and ratings as a user would hold them: amounts in millions, grades, names of firms."""
    rng = np.random.default_rng(seed)
    n = n_firms * n_years
    firm, year = np.repeat(np.arange(n_firms), n_years), np.tile(np.arange(n_years), n_firms)
    size = rng.normal(7.1, 1.2, n_firms)[firm] + 0.08 * year + rng.normal(0, 0.15, n)
    assets, quality = np.exp(size), rng.normal(0, 1, n_firms)[firm]
    rating = 5 + quality + rng.normal(0, 0.8, n)
    return pd.DataFrame({
        "firm": [f"Firm {number:03d} Ltd" for number in firm], "year": 2010 + year,
        "rating_a": np.clip(np.rint(rating), 1, 9), 
        "rating_b": np.clip(np.rint(rating + rng.normal(0, 1, n)), 1, 9),
        "assets": assets, "age": rng.integers(2, 20, n_firms)[firm] + year,
        "leverage": np.clip(rng.normal(0.45, 0.15, n_firms)[firm] + rng.normal(0, 0.05, n), 0.02, 0.98),
        "tobin_q": rng.uniform(0.9, 4, n), "cash_flow": assets * rng.normal(0.05, 0.08, n),
        "net_income": assets * rng.normal(0.05, 0.06, n), "dividends": assets * rng.uniform(0, 0.03, n),
        "cash": assets * rng.uniform(0.02, 0.4, n), "long_term_debt": assets * rng.uniform(0, 0.2, n),
        "sales": assets * rng.uniform(0.4, 1.2, n), "capex": assets * rng.uniform(0, 0.1, n),
        "constraint": rng.normal(0, 1, n), "ownership": rng.integers(0, 2, n_firms)[firm],
        "industry": [f"C{number % 5}" for number in firm],
        "cohort": rng.choice([0, 2013, 2014], n_firms)[firm],
        "index_member": (quality + rng.normal(0, 1, n) > 0).astype(int),
    })  # fmt: skip


def _with_hole(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table["year"] % 3 != 0) | (table.index % 2 == 0)]


def _half_rated(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(rating_a=table["rating_a"].where(table["firm"] < "Firm 010"))


def _rated_twice(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(rating_a=table["rating_a"].where(table["year"].isin([2012, 2014])))


def _score(table: pd.DataFrame) -> pd.DataFrame:
    steps = np.random.default_rng(5).integers(0, 202, len(table)) / 2.01
    return table.assign(rating_a=np.clip(steps, 0, 100))


#: Panels whose figures are drawn too: those that leave out the most.
DRAWN = (
    "three years", "five years", "every second year", "no rating", "accounts of two years",
    "raters never meet",
    "rated in two years that do not follow", "all reached by the policy in one year",
)  # fmt: skip
PLOTS = (
    "plot_estimators", "plot_event_study", "plot_timing", "plot_specifications", "plot_indices",
    "plot_staggered",
)  # fmt: skip
Change = Callable[[pd.DataFrame], pd.DataFrame]
#: Awkward files of all kinds; whether they are fit is for the check to say.
AWKWARD: dict[str, Change] = {
    "everything": lambda t: t,
    "ten firms, three years": lambda t: t[(t["firm"] < "Firm 010") & (t["year"] < 2013)],
    "three years": lambda t: t[t["year"] < 2013],
    "four years": lambda t: t[t["year"] < 2014],
    "five years": lambda t: t[t["year"] > 2012],
    "gaps": _with_hole,
    "every second year": lambda t: t[t["year"] % 2 == 0],
    "one firm": lambda t: t[t["firm"] == "Firm 000 Ltd"],
    "one year": lambda t: t[t["year"] == 2012],
    "no rating": lambda t: t.drop(columns=["rating_a", "rating_b"]),
    "no rating, own constraint only": lambda t: t[["firm", "year", "constraint"]],
    "no rating, no measure": lambda t: t[["firm", "year", "sales"]],
    "score of 202 levels": _score,
    "no controls": lambda t: t[["firm", "year", "rating_a", "constraint"]],
    "rating and accounts, no measure": lambda t: t[["firm", "year", "rating_a", "assets", "leverage"]],
    "rating only": lambda t: t[["firm", "year", "rating_a"]],
    "SA only": lambda t: t[["firm", "year", "rating_a", "assets", "age"]],
    "SA as own constraint": lambda t: t.assign(constraint=sa_index(np.log(t["assets"]), t["age"])),
    "a quarter rated": _half_rated,
    "rated in two years that do not follow": _rated_twice,
    "rating missing everywhere": lambda t: t.assign(rating_a=np.nan),
    "constraint missing everywhere": lambda t: t.assign(constraint=np.nan),
    "constraint constant inside firms": lambda t: t.assign(constraint=t["ownership"] + 0.1 * (t["age"] > 15)),
    "constraint constant": lambda t: t.assign(constraint=1.0),
    "all reached by the policy in one year": lambda t: t.assign(cohort=2013),
    "reached before the panel": lambda t: t.assign(cohort=np.where(t["ownership"] == 1, 1999, 0)),
    "one industry, one owner": lambda t: t.assign(industry="C1", ownership=1),
    "an industry each": lambda t: t.assign(industry=t["firm"]),
    "raters never meet": lambda t: t.assign(
        rating_a=t["rating_a"].where(t["year"] < 2014), rating_b=t["rating_b"].where(t["year"] >= 2014)
    ),
    "no dividends, no debt": lambda t: t.assign(dividends=0.0, long_term_debt=0.0, leverage=0.0),
    "accounts of two years": lambda t: t.assign(**{
        name: t[name].where(t["year"] < 2012) for name in ("assets", "leverage", "net_income", "constraint")
    }),
    "infinite growth": lambda t: t.assign(sales=t["sales"].where(t["year"] != 2011, 0.0)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def alone(monkeypatch) -> None:
    """Other processes would take longer to start than these panels to study."""
    monkeypatch.setenv(CORES, "1")


def config_for(path: Path, **changes: Any):
    told = SMALLEST | {"panel": "yours", "data_path": str(path)} | changes
    return load_experiment("esg_constraint").resolve("smoke", told)


#: What figures take from the simulated worlds, which no user's file moves.
BESIDE = tuple(
    Estimate(name, 0.1, 0.0, 0.2, "share of draws", 10, world="reverse_only", at={"measure": name})
    for name in ("leads_found", "present_found")
)


def run(path: Path, **changes: Any) -> Result:
    """The study on a user's file, without the parts that do not read it."""
    config = config_for(path, **changes)
    panel, card = data.load(config)
    parts = study.observed_parts(panel, config.typed(Parameters), config, real=True)
    return study.gathered(config, card, Findings(list(BESIDE)), study.do_parts(parts))


@pytest.mark.parametrize("name", AWKWARD)
def test_check_and_run_agree(name, tmp_path, monkeypatch) -> None:
    """A file that the check calls fit is run to the end, figures and verdict included; others are refused."""
    path = tmp_path / "panel.csv"
    AWKWARD[name](accounts()).to_csv(path, index=False)
    monkeypatch.setattr(packages, "MAX_ORDERED_ROWS", 40)  # slow; fitted where few rows make it fragile
    fit = not any(problem.blocks for problem in data.check(read_user_table(path)[0]))
    if not fit:
        with pytest.raises(DataError, match=r"panel\.csv: \d+ problem"):
            run(path)
        return
    result = run(path)
    for figure in PLOTS if name in DRAWN else ():
        drawn = getattr(figures, figure)(result)
        assert "nan" not in drawn.layout.title.text + drawn.layout.meta["caption"] + drawn.layout.meta["alt"]
    assert judge(result)[0].claim == "C16b"
    left_out = result.series["left_out"]
    assert not left_out["why"].str.fullmatch(r"\s*").any()
    assert not left_out["analysis"].str.contains("Error").any()


def saved(table: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "panel.csv"
    table.to_csv(path, index=False)
    return path


def whys(result: Result) -> dict[str, str]:
    return dict(result.series["left_out"].itertuples(index=False))


# --- Short panels, continuous scores, no rating ---


def test_the_window_of_leads_and_lags_shrinks_with_the_years() -> None:
    assert {years: window(years) for years in (3, 4, 5, 6, 7, 18)} == {
        3: (0, 1), 4: (1, 1), 5: (1, 2), 6: (2, 2), 7: (2, 3), 18: (2, 3),
    }  # fmt: skip


def test_a_continuous_score_is_fed_to_no_ordered_logit(tmp_path) -> None:
    result = run(saved(AWKWARD["score of 202 levels"](accounts(40)), tmp_path))
    assert "levels, more than 15 grades" in whys(result)[ON_ONE_PANEL["ordered_logit"].title]
    assert not result.where(outcome="grade")
    assert result.where(outcome="rank")


def test_a_panel_without_rating_runs_the_side_of_constraints(tmp_path) -> None:
    """Investment that follows cash flow in small firms only: .3 there, 0 in large ones, found by hand too."""
    table = accounts(60).drop(columns=["rating_a", "rating_b"])
    first = table.sort_values("year").groupby("firm")["assets"].first()
    small = table["firm"].map((first.rank() - 1) / len(first) < SMALL_SHARE)
    ratio, noise = table["cash_flow"] / table["assets"], np.random.default_rng(3).normal(0, 0.004, len(table))
    table["capex"] = table["assets"] * (0.05 + 0.3 * ratio * small + noise)
    result = run(saved(table, tmp_path))
    assert result["sensitivity_small"].low < 0.3 < result["sensitivity_small"].high
    assert result["sensitivity_large"].low < 0.0 < result["sensitivity_large"].high
    assert result["sensitivity_small_minus_large"].low > 0.25
    assert {"SA", "KZ", "WW"} <= set(result.series["measures"]["measure"])
    assert whys(result)[study.RATING] == "the panel has no rating_a"


def test_firms_reached_before_the_panel_are_no_comparison(tmp_path) -> None:
    table = accounts()
    table["cohort"] = np.where(
        table["firm"] < "Firm 008", 1999, np.where(table["firm"] < "Firm 016", 2013, 0)
    )
    sample = sample_of(data.load_yours(str(saved(table, tmp_path)))[0], "auto")
    assert set(np.unique(sample.panel.cohort)) == {-1, 0, 3}


# --- Overlap of any measure with size and the controls ---


def rated_by_size(n_firms: int, own: Callable[[pd.DataFrame], pd.Series]) -> pd.DataFrame:
    """A panel whose rating is driven by size alone, with SA handed over as the user's own measure."""
    table = accounts(n_firms, 9)
    size = np.log(table["assets"])
    rating = (
        5
        + 0.8 * (size - 7.5)
        - 0.15 * (size - 7.5) ** 2
        + np.random.default_rng(8).normal(0, 0.5, len(table))
    )
    kept = table[["firm", "year", "assets", "age", "leverage", "net_income"]]
    return kept.assign(rating_a=np.clip(rating, 1, 9), constraint=own(table))


OWN_SA = {
    "SA": lambda t: sa_index(np.log(t["assets"]), t["age"]),
    "|SA|": lambda t: np.abs(sa_index(np.log(t["assets"]), t["age"])),
    "SA of sizes in dollars": lambda t: sa_index(np.log(t["assets"]), t["age"], 6.5),
    "SA without caps": lambda t: (
        -0.737 * np.log(t["assets"]) + 0.043 * np.log(t["assets"]) ** 2 - 0.04 * t["age"]
    ),
    "SA of old firms": lambda t: sa_index(np.log(t["assets"]), t["age"] + 25),
    "minus log assets": lambda t: -np.log(t["assets"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", OWN_SA)
def test_sa_as_the_users_own_constraint_is_refused(kind, tmp_path) -> None:
    """Whatever its caps and sign, so that a rating driven by size alone cannot come out supported."""
    table = rated_by_size(80, OWN_SA[kind])
    path = saved(table.assign(age=table["age"] + 25 * ("old" in kind)), tmp_path)
    result = run(path)
    assert result[f"overlap_size_{OWN}"].value > 0.99
    assert result.series["overlap"].set_index("index").loc[OWN, "collinear"]
    assert "collinear" in whys(result)[study.RATING]
    assert not [one for one in result if one.name.startswith(("effect_", "rating_effect"))]
    assert judge(result)[0].verdict == "inconclusive"
    with pytest.raises(DataError, match=r"measure 'constraint'.*collinear"):
        run(path, measure="constraint")


@pytest.mark.parametrize("columns", [["assets", "leverage", "net_income"], []])
def test_a_constraint_that_firms_never_change_gets_one_message(columns, tmp_path) -> None:
    """With controls and without, one reason instead of one a method."""
    table = accounts()[["firm", "year", "rating_a", "ownership", *columns]]
    result = run(saved(table.assign(constraint=table["ownership"]).drop(columns="ownership"), tmp_path))
    told = [
        why for why in result.series["left_out"]["why"] if "constraint" in why and "does not change" in why
    ]
    assert len(told) == 1
    assert "firm and year effects leave nothing of it" in told[0]
    assert not result.where(measure="effect")


def test_a_measure_of_its_own_is_not_refused(tmp_path) -> None:
    """Neither an unrelated column nor one that shares half of its variance with size, however few firms."""
    rng = np.random.default_rng(2)
    for n_firms in (10, 60):
        table = accounts(n_firms)
        noise = rng.normal(0, 1, len(table))
        inside = np.log(table["assets"]) - np.log(table["assets"]).groupby(table["firm"]).transform("mean")
        for values in (noise, noise - 6 * inside):
            panel, _ = data.load_yours(str(saved(table.assign(constraint=values), tmp_path)))
            sample = sample_of(panel, "auto")
            assert sample.measure == OWN
            assert sample.made.with_size[OWN].r_squared < 0.9


def test_an_own_constraint_is_never_replaced_by_an_index(tmp_path) -> None:
    table = accounts().assign(constraint=lambda t: -np.log(t["assets"]))
    panel, _ = data.load_yours(str(saved(table, tmp_path)))
    with pytest.raises(NoMeasureError, match="measure=WW takes an index"):
        sample_of(panel, "auto")
    assert sample_of(panel, "WW").measure == "WW"


def test_the_overlap_of_every_measure_is_printed(tmp_path) -> None:
    result = run(saved(accounts(), tmp_path))
    names = {one.at["index"] for one in result.where(measure="overlap with size")}
    assert names == {OWN, "SA", "KZ", "WW", "FC"} == set(result.series["overlap"]["index"])
    assert result["overlap_size_SA"].value > 0.99 > result["overlap_size_KZ"].value


# --- What no rule forbids and turns every answer wrong ---


SILENT: dict[str, tuple[Change, str, bool]] = {
    "rating -999": (
        lambda t: t.assign(rating_a=t["rating_a"].where(t.index % 9 > 0, -999)),
        r"rating_a: -999 stands \d+ times, far from the others \(1 to \d\)\. If it is a code", True,
    ),
    "cash 9999": (
        lambda t: t.assign(tobin_q=t["tobin_q"].where(t.index % 9 > 0, 9999)), "tobin_q: 9999 stands", True
    ),
    "assets in logs": (lambda t: t.assign(assets=np.log(t["assets"])), "as logarithms do.*exp of", True),
    "constraint is the rating": (
        lambda t: t.assign(constraint=10 - t["rating_a"]), "constraint is rating_a in other units", True
    ),
    "constraint is size": (
        lambda t: t.assign(constraint=-np.log(t["assets"])), "constraint is the logarithm of assets", False
    ),
    "policy dummy": (
        lambda t: t.assign(cohort=t["ownership"]), "cohort holds 1.*0/1 dummy.*Write for each", True
    ),
    "cohort moves": (
        lambda t: t.assign(cohort=np.where(t["year"] % 2 == 0, 2013, 2014)),
        "cohort changes inside 20 firms .*first known value", False,
    ),
    "industry moves": (
        lambda t: t.assign(industry=np.where(t.index == 3, "C9", t["industry"])),
        r"industry changes inside 1 firm \(first: Firm 000 Ltd\)", False,
    ),
    "names by case": (
        lambda t: t.assign(firm=np.where(t.index % 8 == 2, t["firm"].str.upper() + " ", t["firm"])),
        "20 firms written in several ways", False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SILENT)
def test_what_was_silent_is_named_with_its_remedy(name, tmp_path) -> None:
    change, says, blocks = SILENT[name]
    table = read_user_table(saved(change(accounts()), tmp_path))[0]
    found = [problem for problem in check_panel(table) if re.search(says, problem.text)]
    assert [problem.blocks for problem in found] == [blocks], [p.text for p in check_panel(table)]


def test_honest_columns_raise_no_suspicion() -> None:
    """Ratings from -100 to 100, small firms in millions: none is a code or a logarithm."""
    table = accounts(60)
    rng = np.random.default_rng(4)
    table["rating_a"] = np.rint(rng.uniform(-100, 100, len(table)))
    table["assets"] = np.exp(rng.normal(1.2, 0.9, 60))[pd.factorize(table["firm"])[0]] * rng.uniform(
        0.9, 1.1, len(table)
    )
    for name in ("cash_flow", "net_income", "dividends", "cash", "long_term_debt", "sales", "capex"):
        table[name] = table["assets"] * rng.uniform(0.01, 0.3, len(table))
    assert check_panel(table) == []


@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "latin1"])
def test_another_encoding_names_the_remedy(encoding, tmp_path) -> None:
    name = {"latin1": "Société Générale"}.get(encoding, "中国石油")
    path = tmp_path / "panel.csv"
    accounts(10).replace({"firm": {"Firm 001 Ltd": name}}).to_csv(path, index=False, encoding=encoding)
    with pytest.raises(DataError, match=r"no UTF-8 text.*Save it as CSV UTF-8, or run iconv -f GBK"):
        read_user_table(path)


def test_semicolons_name_the_remedy(tmp_path) -> None:
    path = tmp_path / "panel.csv"
    accounts(10).to_csv(path, index=False, sep=";", decimal=",")
    (problem,) = check_panel(read_user_table(path)[0])
    assert problem.blocks
    assert "parted by ';': save it as CSV with commas" in problem.text

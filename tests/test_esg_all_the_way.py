"""A world whose constraint side is known, written as a user's raw accounts and answered all the way."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dti_core.lab.bars import judge_bar
from dti_core.lab.config import load_experiment
from dti_core.lab.parallel import CORES
from dti_core.lab.record import Result
from dti_core.lab.register import load_register
from dti_core.studies.esg_constraint import data
from dti_core.studies.esg_constraint import estimate as study
from dti_core.studies.esg_constraint.data import Parameters
from dti_core.studies.esg_constraint.data.check import check_panel
from dti_core.studies.esg_constraint.data.schema import GRADES, parse_map
from dti_core.studies.esg_constraint.measures.findings import Findings
from dti_core.studies.esg_constraint.model.indices import kz_index
from dti_core.studies.esg_constraint.model.panel import SMALL_SHARE

#: Names as a user has them -> ours.
NAMES = {
    "Stkcd": "firm", "Accper": "year", "ESG grade": "rating_a", "Total assets (RMB mn)": "assets",
    "Net cash flow from operations": "cash_flow", "Net profit": "net_income", "Debt ratio": "leverage",
    "Tobin Q": "tobin_q", "Cash dividends": "dividends", "Cash and equivalents": "cash",
    "Capital expenditure": "capex", "Listed for": "age",
}  # fmt: skip
MAP = ", ".join(f"{theirs}={ours}" for theirs, ours in NAMES.items())
N_FIRMS, N_YEARS = 400, 10
#: Investment a unit of cash flow, in small and in large firms.
SMALL, LARGE = 0.30, 0.05


def moving(rng: np.random.Generator, mean: float, between: float, within: float) -> np.ndarray:
    """(n_firms, n_years): firm means and around them an AR(1) of .5."""
    path = rng.normal(size=(N_FIRMS, N_YEARS))
    for year in range(1, N_YEARS):
        path[:, year] = 0.5 * path[:, year - 1] + np.sqrt(0.75) * path[:, year]
    return mean + between * rng.normal(size=(N_FIRMS, 1)) + within * path


def raw_accounts(effect: float, seed: int) -> tuple[pd.DataFrame, float]:
    """What a user would download: amounts in RMB millions, letter grades, foreign names; and what is true.

    Each firm's latent ESG falls by `effect` of its sd for a rise of last year's KZ index by one sd of what
    firm and year effects leave of it, the same for small and large firms.
    """
    rng = np.random.default_rng(seed)
    size = moving(rng, 7.1, 1.2, 0.15) + 0.08 * np.arange(N_YEARS)
    assets = np.exp(size)
    leverage = np.clip(moving(rng, 0.45, 0.10, 0.06), 0.02, 0.98)
    cash_flow, q = moving(rng, 0.05, 0.03, 0.06), np.maximum(moving(rng, 2.0, 0.5, 0.4), 0.5)
    dividends = np.maximum(moving(rng, 0.010, 0.004, 0.004), 0.0)
    cash = np.clip(moving(rng, 0.20, 0.06, 0.05), 0.0, 0.9)
    index = kz_index(cash_flow, q, leverage, dividends, cash)
    inside = index - index.mean(axis=1, keepdims=True) - index.mean(axis=0) + index.mean()
    before = np.concatenate([index[:, :1], index[:, :-1]], axis=1) / inside.std()
    firm = 0.6 * rng.normal(size=(N_FIRMS, 1)) + 0.4 * (size.mean(axis=1, keepdims=True) - 7.1)
    year = 0.1 * rng.normal(size=N_YEARS)
    esg = firm + year - effect * (before - before.mean()) + 0.5 * rng.normal(size=size.shape)
    grade = np.clip(np.rint(5 + 1.6 * esg / esg.std()), 1, 9).astype(int)
    small = np.argsort(np.argsort(size[:, 0]))[:, None] < SMALL_SHARE * len(size)
    capex = 0.06 + np.where(small, SMALL, LARGE) * cash_flow + 0.03 * rng.normal(size=size.shape)
    ratios = {
        "Net cash flow from operations": cash_flow, "Net profit": moving(rng, 0.05, 0.02, 0.04),
        "Cash dividends": dividends, "Cash and equivalents": cash, "Capital expenditure": capex,
    }  # fmt: skip
    stock, years = np.meshgrid(600000 + np.arange(N_FIRMS), 2008 + np.arange(N_YEARS), indexing="ij")
    table = {
        "Stkcd": stock, "Accper": years, "ESG grade": np.array(GRADES)[grade - 1],
        "Total assets (RMB mn)": assets.round(2), "Debt ratio": leverage, "Tobin Q": q,
        "Listed for": 3 + years - 2008 + stock % 11,
    }  # fmt: skip
    table |= {name: (ratio * assets).round(3) for name, ratio in ratios.items()}
    true = -1.6 * effect / esg.std() * index.std() / inside.std()
    return pd.DataFrame({name: np.ravel(values) for name, values in table.items()}), float(true)


def answered(path: Path) -> Result:
    """Check, load, index, estimates: what `dti run --data` does with the file, worlds apart."""
    changes = {"panel": "yours", "data_path": str(path), "map": MAP, "n_resamples": 19}
    config = load_experiment("esg_constraint").resolve("smoke", changes)
    panel, card = data.load(config)
    asked = config.typed(Parameters)
    parts = study.observed_parts(panel, asked, config, real=True)
    parts = {name: parts[name] for name in ("constraint side", "overlap", "estimators")}
    return study.gathered(config, card, Findings(), study.do_parts(parts))


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[float, list[tuple[Result, float]]]:
    """Six files of a world with the effect, and of one without, with what is true in each."""
    patch, folder = pytest.MonkeyPatch(), tmp_path_factory.mktemp("accounts")
    patch.setenv(CORES, "1")
    found: dict[float, list[tuple[Result, float]]] = {0.30: [], 0.0: []}
    for effect, answers in found.items():
        for seed in range(6):
            path = folder / f"csmar_{effect}_{seed}.csv"
            table, true = raw_accounts(effect, seed)
            table.to_csv(path, index=False)
            answers.append((answered(path), true))
    patch.undo()
    return found


def test_the_file_is_fit() -> None:
    assert all(not problem.blocks for problem in check_panel(raw_accounts(0.3, 21)[0], parse_map(MAP)))


def test_the_index_is_made_and_says_more_than_size(results) -> None:
    for result, _ in results[0.30]:
        assert result["overlap_size_KZ"].value < 0.9
        assert result["overlap_size_SA"].value > 0.99
        assert result["effect_two_way"].unit == "grades a unit of KZ"


def test_the_estimate_finds_what_was_planted(results) -> None:
    """Two-way effects are right here: nothing runs back, and the index is free of error."""
    for result, true in results[0.30]:
        assert result["effect_two_way"].value == pytest.approx(true, rel=0.12)
    covering = [one["effect_two_way"].low < 0 < one["effect_two_way"].high for one, _ in results[0.0]]
    assert sum(covering) >= 5


def test_the_side_of_constraints_is_answered(results) -> None:
    held = []
    for result, _ in results[0.30]:
        truths = {"small": SMALL, "large": LARGE, "small_minus_large": SMALL - LARGE}
        found = {name: result[f"sensitivity_{name}"] for name in truths}
        held += [found[name].low < true < found[name].high for name, true in truths.items()]
        assert found["small_minus_large"].low > 0.15
    assert np.mean(held) > 0.8


def test_the_verdict_follows_the_world(results) -> None:
    """Each bar of C16b: passed where the effect was planted, not where nothing was, bar one draw in six."""
    for bar in load_register().claims["C16b"].test.estimates:
        words = {
            effect: [judge_bar(bar, one[bar.estimate]).verdict for one, _ in answers]
            for effect, answers in results.items()
        }
        assert words[0.30].count("supported") >= 5
        assert words[0.0].count("supported") <= 1

"""Registries of lstm_portfolio: one entry carries a method everywhere, and moves no other number."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from dti_core.lab.config import load_experiment
from dti_core.lab.data import packaged, simulated_card
from dti_core.lab.methods import Method, trials
from dti_core.studies.lstm_portfolio import figures
from dti_core.studies.lstm_portfolio.data import Market, Parameters
from dti_core.studies.lstm_portfolio.estimate import estimate
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS, NULLS, Task, by_sklearn
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, RULES, max_sharpe
from dti_core.studies.lstm_portfolio.methods.volatility import BASELINE, VOLATILITY
from dti_core.studies.lstm_portfolio.model.variance import constant_variance
from dti_core.studies.lstm_portfolio.worlds import WORLDS, Signal, World, WorldSettings

TINY = {
    "n_folds": 2, "refit_months": 6, "window_days": 20, "lookback_days": 120, "validation_days": 63,
    "hidden": 4, "n_steps": 4, "n_seeds": 2, "control_folds": 1, "n_draws": 2,
    "n_market_draws": 1, "n_resamples": 100,
}  # fmt: skip

#: What speaks of the best of all that were tried, and so must move with one more.
BEST_OF_ALL = {"deflated_sharpe_of_best_forecast", "hedged_sharpe", "hedged_sharpe_of_luck"}

PLOTS = ("plot_wealth", "plot_leads", "plot_skill", "plot_regimes", "plot_volatility", "plot_tearsheet")


def twice_the_constant(task: Task) -> np.ndarray:
    return 2 * np.maximum(constant_variance(task.log_returns, task.fold.decisions), 1e-6)


def run_tiny():
    rng = np.random.default_rng(30)
    dates = pd.bdate_range("2010-01-04", periods=760)
    market = Market(pd.DataFrame(rng.normal(0.0004, 0.01, (760, 5)), dates, list("ABCDE")))
    card = simulated_card(packaged("sp500_20").card("test"), "test", "noise")
    return estimate(load_experiment("lstm_portfolio").resolve("quick", TINY), market, card)


@pytest.fixture(scope="module")
def before_and_after():
    """The study as it is, and with a regressor of scikit-learn, a rule, a variance model and a world more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTI_CORES", "1")  # workers would read the registries of the file
        before = run_tiny()
        patch.setitem(METHODS, "dummy", Method("dummy forecaster", by_sklearn(LinearRegression())))
        patch.setitem(RULES, "dummy_rule", Method("dummy rule", RULES[BENCHMARK].run, counts_as_trial=False))
        patch.setitem(VOLATILITY, "dummy_model", Method("dummy model", twice_the_constant))
        strong = WorldSettings(signal=Signal(monthly_rank_ic=0.5))
        patch.setitem(WORLDS, "strong_signal", World("strong signal", "positive", strong))
        after = run_tiny()
        plots = {plot: getattr(figures, plot)(after) for plot in PLOTS}
        plots |= {table: getattr(figures, table)(after) for table in ("strategies", "tearsheet")}
    return before, after, plots


def labels(figure):
    """Names of the rows of a forest, over all its panels."""
    axes = [axis.ticktext for axis in figure.select_yaxes() if axis.ticktext]
    return [label.replace("<br>", " ") for texts in axes for label in texts]


def test_one_entry_carries_a_forecaster_everywhere(before_and_after):
    before, after, plots = before_and_after
    names = {one.name for one in after.where(method="dummy")}
    assert names >= {
        "sharpe_dummy", "turnover_dummy", "sharpe_dummy_minus_equal_weight", "rank_ic_dummy",
        *(f"r2_dummy_vs_{null}" for null in NULLS),
    }  # fmt: skip
    assert "dummy" in after.series["wealth"]
    for plot in ("plot_leads", "plot_skill"):
        assert any("dummy forecaster" in label for label in labels(plots[plot]))
        assert "dummy forecaster" in plots[plot].layout.meta["alt"]
    counts = [result["deflated_sharpe_of_best_forecast"] for result in (before, after)]
    assert [one.at["trials"] for one in counts] == [6, 7]
    for table in ("strategies", "tearsheet"):
        assert "dummy forecaster" in plots[table].html
    assert "dummy forecaster" in {trace.name for trace in plots["plot_tearsheet"].data}
    assert list(after.table("rank_ic_dummy").index) == ["rank_ic_dummy"]


def test_one_entry_carries_a_rule_a_model_and_a_world_everywhere(before_and_after):
    _, after, plots = before_and_after
    assert after["sharpe_dummy_rule_minus_equal_weight"].value == pytest.approx(0.0)
    assert "dummy rule" in labels(plots["plot_leads"])
    assert "dummy rule" in plots["plot_wealth"].layout.meta["alt"]
    assert {"qlike_dummy_model", "qlike_skill_dummy_model", "qlike_dummy_model_minus_lstm"} <= {
        one.name for one in after
    }
    assert any("dummy model" in label for label in labels(plots["plot_volatility"]))
    assert "dummy model" in plots["plot_volatility"].layout.meta["alt"]
    assert "strong signal" in figures.numbers(after).html
    assert {one.name for one in after.where("strong_signal")} >= {
        one.name for one in after.where("planted_signal") if "regime" not in one.at
    }


def test_another_method_or_world_moves_no_other_number(before_and_after):
    before, after, _ = before_and_after
    assert len(before.estimates) > 100
    for one in before:
        if one.at["measure"] not in BEST_OF_ALL:
            assert after[one.key] == one


def test_no_name_has_to_be_parsed(before_and_after):
    """Dimensions tell every estimate of a world from all others."""
    _, after, _ = before_and_after
    for world in {one.world for one in after}:
        places = [tuple(sorted(one.at.items())) for one in after.where(world)]
        assert len(set(places)) == len(places)
        assert all("measure" in one.at for one in after.where(world))


def test_controls_are_no_trials_and_the_favourite_is_in_every_registry():
    assert trials(METHODS) == (FAVOURITE, "historical_mean", "ar1", "ridge", "boosting")
    assert FAVOURITE in VOLATILITY
    assert BENCHMARK in RULES
    assert not VOLATILITY[BASELINE].counts_as_trial
    assert {need for method in METHODS.values() for need in method.needs} == {"favourite", "future"}


def test_the_parameters_are_those_of_the_experiment_file():
    config = load_experiment("lstm_portfolio").resolve("full")
    assert dataclasses.asdict(config.typed(Parameters)) == dict(config.values)


def test_a_given_forecast_decides_the_optimisers_weights():
    """With equal risks and one asset forecast far above the rest, max-Sharpe holds mostly that asset."""
    returns = 0.01 * np.random.default_rng(5).standard_normal((400, 4))
    weights = max_sharpe(returns, np.array([1e-5, 1e-5, 1e-3, 1e-5]))
    assert weights[2] > 0.9
    assert weights.sum() == pytest.approx(1.0)


def test_the_study_has_seven_words_and_nothing_beside_them():
    room = Path(figures.__file__).parents[1]
    words = {path.stem for path in room.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert words - {"__init__"} == {
        "data", "worlds", "model", "methods", "measures", "estimate", "figures",
    }  # fmt: skip

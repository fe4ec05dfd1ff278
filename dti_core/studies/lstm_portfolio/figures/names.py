"""What the figures of this study call things: one name for each method, the same in all of them."""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from typing import Any

from dti_core.lab.forest import Row
from dti_core.lab.methods import World
from dti_core.lab.record import OBSERVED, Estimate, Result
from dti_core.lab.say import listed
from dti_core.studies.lstm_portfolio.measures.dose import CONTROLS
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE, METHODS, NULLS
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK, OVERLAYS, RULES, TRADERS
from dti_core.studies.lstm_portfolio.methods.volatility import VOLATILITY
from dti_core.studies.lstm_portfolio.worlds import WORLDS


class _Titles(ChainMap[str, Any]):
    """Titles of registered methods, as the registries are when asked."""

    def __getitem__(self, name: str) -> str:
        return str(super().__getitem__(name).title)


#: A null that is a method too goes by the method's name.
TITLES = _Titles(METHODS, RULES, TRADERS, OVERLAYS, VOLATILITY, NULLS)
LSTM, RIVAL = TITLES[FAVOURITE], TITLES["constant_sharpe"]
STEPS = f"{RIVAL.capitalize()} forecasts each stock's return in proportion to its volatility"
#: What was done to make a control world, where its title does not say it.
_MADE = {"permuted_returns": " (days permuted)", "placebo": " (to any months and stocks)"}
#: Worlds of the study, and those of the question how accurate forecasts must be.
CONTROLLED: Mapping[str, World[Any]] = ChainMap(dict(CONTROLS), WORLDS)


def only(result: Result, world: str = OBSERVED, **at: str | float) -> Estimate:
    """The one estimate with these dimensions."""
    (estimate,) = result.where(world, **at)
    return estimate


def lead(result: Result, method: str, world: str = OBSERVED, against: str = BENCHMARK) -> Estimate:
    """Sharpe ratio of a method less that of another, over all days."""
    return only(result, world, measure="sharpe_difference", regime="all", method=method, against=against)


def worded(estimate: Estimate, measures: Mapping[str, str]) -> str:
    """What is measured, in words, and on which sample if it is not the one that was asked for."""
    measure = str(estimate.at["measure"])
    words = measures.get(measure, measures.get(measure.removesuffix("_months"), measure))
    return words + of_months(estimate)


def of_months(estimate: Estimate) -> str:
    """What is added to a label where the estimate is of another sample than the one that was asked for."""
    return ", months" if "universe" in estimate.at else ""


def beyond(estimate: Estimate) -> str:
    """What is taken off an estimate that is judged by how far it exceeds that of dealt forecasts."""
    return ", beyond dealt forecasts" if "beyond_placebo" in str(estimate.at["measure"]) else ""


def hollow(rows: Sequence[Row]) -> str:
    """What the hollow marks of a figure are."""
    seen = {row.estimate.world for row in rows if row.control}
    made = [f"{one.title}{_MADE.get(name, '')}" for name, one in CONTROLLED.items() if name in seen]
    draws = max((len(row.estimate.draws) for row in rows), default=0)
    span = f" Where one was drawn many times ({draws}), bars hold 95 % of draws." if draws else ""
    return f"Shaded: too small to matter. Hollow: control worlds, {listed(made)}.{span}"

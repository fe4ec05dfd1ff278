"""Intervals of judged estimates without resampling, for worlds that are drawn many times.

Each is the value and the interval that its influence function gives, as the observed estimate has it.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.intervals import influence_interval
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.equal_risk import equal_risk_intervals
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.methods.portfolios import ADAPTIVE, BENCHMARK, CONSTANT_MIX
from dti_core.studies.lstm_portfolio.model import Array, performance, skill
from dti_core.studies.lstm_portfolio.model.backtest import Backtest
from dti_core.studies.lstm_portfolio.model.regimes import Regime
from dti_core.studies.lstm_portfolio.model.statistic import Statistic as Estimated
from dti_core.studies.lstm_portfolio.model.statistic import mean

#: From the outcome of a draw to the value and bounds of one judged estimate.
Statistic = Callable[[Backtest], tuple[float, float, float]]
NULL = "constant_sharpe"


def r2(backtest: Backtest) -> tuple[float, float, float]:
    """Out-of-sample R2 of the favourite against constant Sharpe x volatility."""
    return _ends(skill.r2_against(backtest.target, backtest.forecast(FAVOURITE), backtest.nulls[NULL]))


def rank_difference(backtest: Backtest) -> tuple[float, float, float]:
    """Mean rank correlation with outcomes of the favourite less that of constant Sharpe x volatility."""
    pair = (backtest.forecast(FAVOURITE), backtest.nulls[NULL])
    first, second = (skill.rank_ic(backtest.target, table) for table in pair)
    return _ends(mean(first - second))


def against(method: str, rival: str) -> Statistic:
    """Sharpe ratio of one strategy less another's."""
    return lambda backtest: _lead(backtest, method, rival, slice(None))


def in_regime(backtest: Backtest, regime: Regime) -> tuple[float, float, float]:
    """Sharpe ratio of the favourite less equal weights on the days of a regime."""
    return _lead(backtest, FAVOURITE, BENCHMARK, backtest.regime == regime)


def calm_less_volatile(backtest: Backtest) -> tuple[float, float, float]:
    """The lead in calm less that in volatile months; no day is in both, so that variances add."""
    calm, volatile = (in_regime(backtest, regime) for regime in (Regime.CALM, Regime.VOLATILE))
    margin = math.hypot(*((high - low) / 2 for _, low, high in (calm, volatile)))
    value = calm[0] - volatile[0]
    return value, value - margin, value + margin


def at_equal_risk(name: str) -> Statistic:
    """A measure of the favourite at the risk of equal weights, by the name of its estimate."""

    def measured(backtest: Backtest) -> tuple[float, float, float]:
        pair = backtest.returns(FAVOURITE), backtest.returns(BENCHMARK)
        found = equal_risk_intervals(*pair, backtest.periods_per_year)[name]
        return found.value, found.low, found.high

    return measured


_LEAD = f"sharpe_{FAVOURITE}_minus_{BENCHMARK}"
#: By the name of the judged estimate. A bar whose estimate stands here has draws in every world of forecasts.
DRAWN: dict[str, Statistic] = {
    f"sharpe_{FAVOURITE}_minus_{NULL}": against(FAVOURITE, NULL),
    f"r2_{FAVOURITE}_vs_{NULL}": r2,
    f"rank_ic_{FAVOURITE}_minus_{NULL}": rank_difference,
    f"{_LEAD}_calm": lambda backtest: in_regime(backtest, Regime.CALM),
    f"{_LEAD}_calm_minus_volatile": calm_less_volatile,
    f"sharpe_{ADAPTIVE}_minus_{CONSTANT_MIX}": against(ADAPTIVE, CONSTANT_MIX),
    **{name: at_equal_risk(name) for name in (
        f"return_at_equal_volatility_{FAVOURITE}_minus_{BENCHMARK}", f"alpha_{FAVOURITE}_on_{BENCHMARK}",
    )},
}  # fmt: skip


#: Where nothing is known these are not 0: messages dilute the ranks of volatility, and a portfolio of few
#: assets has an alpha and calm months of its own. They are judged by how far they exceed their mean there.
BEYOND = (
    f"rank_ic_{FAVOURITE}_minus_{NULL}", f"{_LEAD}_calm_minus_volatile", f"alpha_{FAVOURITE}_on_{BENCHMARK}",
)  # fmt: skip
PLACEBO = "placebo"


def beyond_placebo(observed: Estimate, dealt: Mapping[str, Array]) -> Iterator[Estimate]:
    """A judged estimate less its mean over the draws of dealt forecasts, as observed and in each world.

    The error of that mean widens each interval.

    Parameters
    ----------
    dealt : by world, (n_draws, 3) value and bounds of each draw.
    """
    values = dealt[PLACEBO][:, 0]
    usual, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))

    def less(ends: Array) -> Array:
        margin = np.hypot((ends[..., 2] - ends[..., 1]) / 2, 2 * error)
        value = ends[..., 0] - usual
        return np.stack([value, value - margin, value + margin], axis=-1)

    value, low, high = less(np.array([observed.value, observed.low, observed.high])).tolist()
    one = replace(
        observed, name=f"{observed.name}_beyond_{PLACEBO}", value=value, low=low, high=high,
        std_error=None, per_seed=tuple(each - usual for each in observed.per_seed),
        how=f"{observed.how}; less the mean of {len(values)} draws of dealt forecasts",
        at={**observed.at, "measure": f"{observed.at['measure']}_beyond_{PLACEBO}"},
    )  # fmt: skip
    yield one
    for world, found in dealt.items():
        yield gather(one, world, less(found))


def gather(like: Estimate, world: str, found: Array) -> Estimate:
    """The judged estimate `like` in a world that was drawn many times.

    Its value is the mean over draws, its bounds hold 95 % of their values; `draws` keeps each interval.

    Parameters
    ----------
    found : (n_draws, 3) value and bounds of each draw.
    """
    low, high = np.quantile(found[:, 0], [0.025, 0.975])
    return replace(
        like, world=world, value=float(found[:, 0].mean()), low=float(low), high=float(high), n=len(found),
        per_seed=(), std_error=None, draws=tuple((float(one), float(two)) for _, one, two in found),
        how=f"95 % of {len(found)} draws, each with an interval of its own",
    )  # fmt: skip


def _lead(
    backtest: Backtest, method: str, rival: str, days: slice | NDArray[np.bool_]
) -> tuple[float, float, float]:
    pair = backtest.returns(method)[days], backtest.returns(rival)[days]
    return _ends(performance.sharpe_difference(*pair, backtest.periods_per_year))


def _ends(statistic: Estimated) -> tuple[float, float, float]:
    """Value and 95 % bounds, as the observed estimate has them."""
    found = influence_interval(statistic.value, statistic.influence)
    return found.value, found.low, found.high

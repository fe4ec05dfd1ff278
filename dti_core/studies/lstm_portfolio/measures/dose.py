"""How accurate must forecasts be: Sharpe ratio by information coefficient, and where it pays its costs."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from dti_core.lab.intervals import Interval, influence_interval
from dti_core.lab.methods import World
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.resampling import SHARPE_UNIT, Resampling
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK
from dti_core.studies.lstm_portfolio.model.dose import DoseResponse, break_even
from dti_core.studies.lstm_portfolio.model.statistic import Statistic, average

#: Information coefficients of the made forecasts; .05 is good and .1 is great (Grinold and Kahn 2000).
ACCURACIES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1)
GOOD = 0.05
#: Basis points per traded dollar; at the first the claim is judged.
COSTS_BPS = (10, 25, 50)
#: Portfolios without a forecast: the same optimiser told only risk, and equal weights.
PRIOR = "constant_sharpe"
RIVALS = (PRIOR, BENCHMARK)
#: Worlds of this question: the same market, in which what is judged, and what is to be beaten, is known.
CONTROLS: dict[str, World[float]] = {
    "uninformed": World("forecasts that know nothing", "negative", 0.0),
    "informed": World("forecasts of coefficient .1", "positive", 0.1),
}
COEFFICIENT = "information coefficient"
#: Dimensions of an estimate.
At = dict[str, str | float]


def dose_estimates(response: DoseResponse, resampling: Resampling) -> Iterator[Estimate]:
    """The curve, its break-even and the favourite's own coefficient, at each cost against each rival."""
    at = {"measure": "information_coefficient", "method": FAVOURITE}
    yield resampling.of(response.own, f"information_coefficient_{FAVOURITE}", COEFFICIENT, at)
    holds: list[bool] = []
    for cost in COSTS_BPS:
        draws = response.made_sharpes(cost)
        for rival in RIVALS:
            against = response.sharpe(*response.rivals[rival], cost)
            gains = [average(level) - against for level in draws]
            holds.append(gains[0].value < 0 < gains[ACCURACIES.index(GOOD)].value)
            yield from _curve(gains, rival, cost, resampling)
            yield from _break_even(gains, response, rival, cost, resampling)
            if cost == COSTS_BPS[0]:
                yield from _controls(draws, against, rival)
    share, how = sum(holds) / len(holds), f"no interval: of {len(holds)} pairs of a cost and a rival"
    at = {"measure": "share_of_assumptions"}
    yield Estimate("share_accuracy_pays", share, share, share, "share of pairs", len(holds), how=how, at=at)


def _curve(gains: Sequence[Statistic], rival: str, cost: int, resampling: Resampling) -> Iterator[Estimate]:
    for accuracy, gain in zip(ACCURACIES, gains, strict=True):
        at: At = {"measure": "dose_gain", "against": rival, "cost_bps": cost, "accuracy": accuracy}
        name = f"sharpe_accuracy_{round(1000 * accuracy):03d}_minus_{rival}_{cost}bp"
        yield resampling.of(gain, name, SHARPE_UNIT, at)
        if accuracy == GOOD:
            name = f"sharpe_good_forecast_minus_{rival}_{cost}bp"
            yield resampling.of(gain, name, SHARPE_UNIT, at | {"measure": "good_forecast"})


def _break_even(
    gains: Sequence[Statistic], response: DoseResponse, rival: str, cost: int, resampling: Resampling
) -> Iterator[Estimate]:
    """The coefficient that pays for itself, and the favourite's own less it; nothing where none pays."""
    with suppress(ValueError):
        needed = break_even(ACCURACIES, gains)
        at: At = {"measure": "break_even", "against": rival, "cost_bps": cost}
        yield resampling.of(needed, f"break_even_against_{rival}_{cost}bp", COEFFICIENT, at)
        beyond = response.own - needed.by_stretch(response.firsts)
        at |= {"measure": "beyond_break_even", "method": FAVOURITE}
        name = f"information_coefficient_{FAVOURITE}_minus_break_even_{rival}_{cost}bp"
        yield resampling.of(beyond, name, COEFFICIENT, at)


def _controls(draws: Sequence[Sequence[Statistic]], rival: Statistic, name: str) -> Iterator[Estimate]:
    """Each draw of a known coefficient: as what is judged, and as the portfolio that has to be beaten."""
    curve, cost = [average(level) for level in draws], COSTS_BPS[0]
    for world, control in CONTROLS.items():
        known = draws[ACCURACIES.index(control.settings)]
        good = [_interval(draw - rival) for draw in known]
        at: At = {"against": name, "cost_bps": cost}
        measure: At = at | {"measure": "good_forecast", "accuracy": GOOD}
        yield _drawn(good, f"sharpe_good_forecast_minus_{name}_{cost}bp", SHARPE_UNIT, world, measure)
        needed = [_break_even_interval([level - draw for level in curve]) for draw in known]
        if any(needed):
            measure = at | {"measure": "break_even"}
            yield _drawn(needed, f"break_even_against_{name}_{cost}bp", COEFFICIENT, world, measure)


def _interval(statistic: Statistic) -> Interval:
    return influence_interval(statistic.value, statistic.influence)


def _break_even_interval(gains: Sequence[Statistic]) -> Interval | None:
    with suppress(ValueError):
        return _interval(break_even(ACCURACIES, gains))
    return None


def _drawn(found: Sequence[Interval | None], name: str, unit: str, world: str, at: At) -> Estimate:
    """Mean and central 95 % of the draws that gave an answer, with the interval of each."""
    values = [one.value for one in found if one]
    low, high = np.quantile(values, [0.025, 0.975])
    return Estimate(
        name, float(np.mean(values)), float(low), float(high), unit, len(values), world=world, at=at,
        how=f"central 95 % of {len(found)} draws",
        draws=tuple((one.low, one.high) if one else None for one in found),
    )  # fmt: skip

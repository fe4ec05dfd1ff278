"""How accurate must forecasts be: Sharpe ratio by information coefficient, and where it pays its costs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from dti_core.lab.intervals import Interval, influence_interval, newey_west_mean
from dti_core.lab.methods import World
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.measures.report import SHARPE_UNIT, Report
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK
from dti_core.studies.lstm_portfolio.model.dose import DoseResponse, break_even
from dti_core.studies.lstm_portfolio.model.statistic import Statistic

#: Information coefficients of the made forecasts; .05 is good and .1 is great (Grinold and Kahn 2000).
ACCURACIES = (0.0, 0.02, 0.05, 0.1)
GOOD = 0.05
#: Basis points per traded dollar; at the first the claim is judged.
COSTS_BPS = (10, 25, 50)
#: Portfolios without a forecast: the same optimiser told only risk, and equal weights.
PRIOR = "constant_sharpe"
RIVALS = (PRIOR, BENCHMARK)
#: Worlds of this question: the same months drawn anew, in which what is judged, or is to be beaten, is known.
CONTROLS: dict[str, World[float]] = {
    "uninformed": World("forecasts that know nothing", "negative", 0.0),
    "informed": World("forecasts of coefficient .1", "positive", 0.1),
}
COEFFICIENT = "information coefficient"
SHARE = "share_accuracy_pays"
MONTHS_PER_YEAR = 12
#: Dimensions of an estimate.
At = dict[str, str | float]


#: By estimate and world, what one draw says; None where it gives no answer.
Drawn = Mapping[tuple[str, str], Interval | None]


@dataclass(frozen=True, slots=True)
class Dose:
    """The observed answer, the favourite's own coefficient, and the control worlds draw by draw."""

    response: DoseResponse
    own: Statistic
    drawn: Sequence[Drawn]


def dose_estimates(dose: Dose, report: Report) -> Iterator[Estimate]:
    """The curve, its break-even and the favourite's own coefficient, at each cost against each rival."""
    at: At = {"measure": "information_coefficient", "method": FAVOURITE}
    yield report.of(dose.own, f"information_coefficient_{FAVOURITE}", COEFFICIENT, at)
    yield _traded(dose.response, report)
    holds: list[bool] = []
    for cost in COSTS_BPS:
        levels = dose.response.mean_sharpes(dose.response.made, cost)
        for rival in RIVALS:
            against = dose.response.sharpe(*dose.response.rivals[rival], cost)
            gains = [level - against for level in levels]
            holds.append(gains[0].value < 0 < gains[ACCURACIES.index(GOOD)].value)
            yield from _curve(gains, rival, cost, report)
            yield from _break_even(gains, dose, rival, cost, report)
    for rival in RIVALS:
        yield from _controls(dose.drawn, rival)
    share, how = sum(holds) / len(holds), f"no interval: of {len(holds)} pairs of a cost and a rival"
    at = {"measure": "share_of_assumptions"}
    yield Estimate(SHARE, share, share, share, "share of pairs", len(holds), how=how, at=at)


def least_share(estimates: Sequence[Estimate]) -> Iterator[Estimate]:
    """The smallest share of pairs that pay, of all samples: a claim on all holds nowhere more often."""
    shares = [one for one in estimates if one.name.startswith(SHARE)]
    if shares:
        least = min(shares, key=lambda one: one.value)
        yield replace(least, name=f"{SHARE}_everywhere", at={"measure": "least_share_of_assumptions"})


def _traded(response: DoseResponse, report: Report) -> Estimate:
    """Turnover a year of good forecasts, beside the favourite's: nothing else differs but what they know."""
    traded = response.made[1][ACCURACIES.index(GOOD)].mean(axis=0)[1:] * MONTHS_PER_YEAR
    at: At = {"measure": "made_turnover", "accuracy": GOOD}
    return report.estimate(
        newey_west_mean(traded), "turnover_good_forecast", "traded share of wealth a year", at
    )


def _curve(gains: Sequence[Statistic], rival: str, cost: int, report: Report) -> Iterator[Estimate]:
    for accuracy, gain in zip(ACCURACIES, gains, strict=True):
        at: At = {"measure": "dose_gain", "against": rival, "cost_bps": cost, "accuracy": accuracy}
        name = f"sharpe_accuracy_{round(1000 * accuracy):03d}_minus_{rival}_{cost}bp"
        yield report.of(gain, name, SHARPE_UNIT, at)
        if accuracy == GOOD:
            yield report.of(gain, _good_name(rival, cost), SHARPE_UNIT, at | {"measure": "good_forecast"})


def _break_even(
    gains: Sequence[Statistic], dose: Dose, rival: str, cost: int, report: Report
) -> Iterator[Estimate]:
    """The coefficient that pays for itself, and the favourite's own less it; nothing where none pays."""
    with suppress(ValueError):
        needed = break_even(ACCURACIES, gains)
        at: At = {"measure": "break_even", "against": rival, "cost_bps": cost}
        yield report.of(needed, _break_even_name(rival, cost), COEFFICIENT, at)
        beyond = dose.own - needed.by_stretch(dose.response.firsts)
        at |= {"measure": "beyond_break_even", "method": FAVOURITE}
        name = f"information_coefficient_{FAVOURITE}_minus_break_even_{rival}_{cost}bp"
        yield report.of(beyond, name, COEFFICIENT, at)


def judge_controls(response: DoseResponse) -> Drawn:
    """One draw of each control world: means over as many paths of error as the observed estimate has.

    Good forecasts are replaced by those that know what the world says. What has to be beaten where the
    break-even is judged is a portfolio that knows as much and trades as made forecasts do, so that the
    break-even is what the world says.
    """
    cost = COSTS_BPS[0]
    found: dict[tuple[str, str], Interval | None] = {}
    levels = response.mean_sharpes(response.made, cost)
    known = response.mean_sharpes(response.known, cost)
    for (world, control), beaten in zip(CONTROLS.items(), known, strict=True):
        told = levels[ACCURACIES.index(control.settings)]
        for rival in RIVALS:
            gain = told - response.sharpe(*response.rivals[rival], cost)
            found[_good_name(rival, cost), world] = _interval(gain)
            found[_break_even_name(rival, cost), world] = _break_even_interval(
                [one - beaten for one in levels]
            )
    return found


def _controls(drawn: Sequence[Drawn], rival: str) -> Iterator[Estimate]:
    cost = COSTS_BPS[0]
    told: dict[str, tuple[str, At]] = {
        _good_name(rival, cost): (SHARPE_UNIT, {"measure": "good_forecast", "accuracy": GOOD}),
        _break_even_name(rival, cost): (COEFFICIENT, {"measure": "break_even"}),
    }
    for world in CONTROLS:
        for name, (unit, at) in told.items():
            found = [draw[name, world] for draw in drawn]
            if any(found):
                yield _drawn(found, name, unit, world, {"against": rival, "cost_bps": cost, **at})


def _good_name(rival: str, cost: int) -> str:
    return f"sharpe_good_forecast_minus_{rival}_{cost}bp"


def _break_even_name(rival: str, cost: int) -> str:
    return f"break_even_against_{rival}_{cost}bp"


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

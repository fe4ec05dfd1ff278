"""Forecasts of known accuracy, and the accuracy from which they pay.

A score of an asset is its forecast in units of its own volatility, centred and scaled across assets. Its
information coefficient is the mean over decisions of its correlation across assets with the returns that
follow, in the same units (Grinold 1989). Made forecasts add such scores to one Sharpe ratio for all assets.
How far they spread is how far they are trusted; they last from month to month as the favourite's do, so that
they trade as much. Nothing but their accuracy differs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from dti_core.studies.lstm_portfolio.model import Array, Days
from dti_core.studies.lstm_portfolio.model.performance import sharpe_ratio
from dti_core.studies.lstm_portfolio.model.statistic import Statistic, mean


@dataclass(frozen=True, slots=True)
class Template:
    """What all made forecasts share.

    prior : (n_decisions, n_assets) forecasts that know each asset's risk only.
    scale : of that shape, volatility over the horizon, known at the decision; NaN for what may not be held.
    spread : standard deviation across assets of the forecasts in units of `scale`.
    persistence : correlation of scores with those of the decision before.
    outcome : (n_decisions, n_assets) scores of the returns that follow.
    """

    prior: Array
    scale: Array
    spread: float
    persistence: float
    outcome: Array

    def forecast(self, accuracy: float, noise: Array) -> Array:
        """(n_decisions, n_assets) forecasts of that information coefficient, in units of the prior.

        Parameters
        ----------
        noise : (n_decisions, n_assets) scores that know nothing.
        """
        scores = accuracy * self.outcome + np.sqrt(1 - accuracy**2) * noise
        return np.asarray(self.prior + self.spread * self.scale * scores)


def make_template(prior: Array, favourite: Array, future: Array, scale: Array, trust: float) -> Template:
    """The template of forecasts that are trusted to have an information coefficient of `trust`.

    The best forecast of an outcome from a score of that coefficient spreads by so much of what outcomes
    spread (Grinold 1994).

    Parameters
    ----------
    prior, favourite : (n_decisions, n_assets) forecasts; the favourite's scores give the persistence.
    future : of that shape, log returns that followed. scale : their volatility, known before, NaN for what
        may not be held.
    """
    own = standardised(favourite / scale)
    spread = trust * float(np.nanstd(future / scale, axis=1).mean())
    persistence = float(np.nanmean(own[1:] * own[:-1]))
    return Template(prior, scale, spread, persistence, standardised(future / scale))


def information_coefficient(forecast: Array, future: Array, scale: Array) -> Statistic:
    """Of (n_decisions, n_assets) forecasts, a decision at a time."""
    return mean(np.nanmean(standardised(forecast / scale) * standardised(future / scale), axis=1))


def standardised(table: Array) -> Array:
    """Rows of mean 0 and standard deviation 1 over what is no NaN; rows of equal numbers become 0."""
    centred = table - np.nanmean(table, axis=1, keepdims=True)
    spread = np.nanstd(centred, axis=1, keepdims=True)
    return np.divide(centred, spread, out=0 * centred, where=spread > 1e-12)


def lasting_noise(shape: tuple[int, int], persistence: float, rng: np.random.Generator) -> Array:
    """(n_decisions, n_assets) scores that know nothing and last: an AR(1) process over decisions."""
    shocks = rng.standard_normal(shape)
    shocks[1:] *= np.sqrt(1 - persistence**2)
    return standardised(lfilter([1.0], [1.0, -persistence], shocks, axis=0))


def break_even(accuracies: Sequence[float], gains: Sequence[Statistic]) -> Statistic:
    """Accuracy at which the gain is 0: on the line between the levels around it, or the outermost two.

    Parameters
    ----------
    accuracies : rising information coefficients. gains : of the same levels, over the same periods.

    Raises
    ------
    ValueError if the gain does not rise there.
    """
    paying = next((place for place, gain in enumerate(gains) if gain.value >= 0), len(gains) - 1)
    upper = max(1, paying)
    start, step = accuracies[upper - 1], accuracies[upper] - accuracies[upper - 1]
    rise = gains[upper] - gains[upper - 1]
    if not rise.value > 0:
        raise ValueError(f"from an information coefficient of {start:g} on, more of it does not pay here")
    return gains[upper - 1] / rise * -step + start


@dataclass(frozen=True, slots=True)
class DoseResponse:
    """What portfolios earned whose forecasts are made, and of known accuracy.

    accuracies : (n_levels,) information coefficients.
    made : (n_draws, n_levels, n_days_held) returns before costs. traded : (n_draws, n_levels, n_decisions)
        share of wealth. rivals : by name, the same two of one portfolio, without draws and levels.
    riskless : (n_days_held,) return without risk, taken off.
    firsts : (n_decisions,) first day held of each decision. own : information coefficient of the favourite.
    """

    accuracies: tuple[float, ...]
    made: Array
    traded: Array
    rivals: Mapping[str, tuple[Array, Array]]
    riskless: Array
    firsts: Days
    own: Statistic
    periods_per_year: float = 252.0

    def sharpe(self, gross: Array, traded: Array, cost_bps: float) -> Statistic:
        """Annual Sharpe ratio after costs, which are taken from the first day that a decision is held."""
        net = gross.copy()
        net[self.firsts] = (1 + net[self.firsts]) * (1 - cost_bps * 1e-4 * traded) - 1
        return sharpe_ratio(net - self.riskless, self.periods_per_year)

    def made_sharpes(self, cost_bps: float) -> list[list[Statistic]]:
        """By level, the Sharpe ratio of each draw after costs."""
        return [
            [self.sharpe(*draw, cost_bps) for draw in zip(self.made[:, k], self.traded[:, k], strict=True)]
            for k in range(len(self.accuracies))
        ]

"""Forecasts of known accuracy, and the accuracy from which they pay.

A score of an asset is its forecast in units of its own volatility, centred and scaled across assets. Its
information coefficient is the mean over decisions of its Pearson correlation across assets with the returns
that follow, in the same units (Grinold 1989). Made forecasts add such scores to one Sharpe ratio for all
assets. How far they spread is how far they are trusted; from month to month they last as the favourite's do.
Nothing but their accuracy differs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy import optimize, stats
from scipy.signal import lfilter

from dti_core.studies.lstm_portfolio.model import Array, Days
from dti_core.studies.lstm_portfolio.model.performance import sharpe_ratio
from dti_core.studies.lstm_portfolio.model.statistic import Statistic, average, mean

#: Points of the distribution of a correlation by chance; paths behind a persistence; most that lasts.
POINTS, PATHS, LASTING = 400, 8, 0.995


@dataclass(frozen=True, slots=True)
class Template:
    """What all made forecasts share.

    prior : (n_decisions, n_assets) forecasts that know each asset's risk only.
    scale : of that shape, volatility over the horizon, known at the decision; NaN for what may not be held.
    spread : standard deviation across assets of the forecasts in units of `scale`.
    noise_persistence : correlation of errors with those of the decision before.
    outcome : (n_decisions, n_assets) scores of the returns that follow.
    """

    prior: Array
    scale: Array
    spread: float
    noise_persistence: float
    outcome: Array

    def forecast(self, accuracy: float, noise: Array) -> Array:
        """Forecasts of that information coefficient in expectation, in units of the prior.

        Parameters
        ----------
        noise : (..., n_decisions, n_assets) scores that know nothing, as `noise` makes them.

        Returns
        -------
        Of the shape of `noise`.
        """
        n_assets = np.isfinite(self.scale).sum(axis=1)
        known = np.array([loading(accuracy, max(3, int(n))) for n in n_assets])[:, None]
        return self.of_scores(standardised(known * self.outcome + np.sqrt(1 - known**2) * noise))

    def of_scores(self, scores: Array) -> Array:
        """The prior with scores added, as far as they are trusted."""
        return np.asarray(self.prior + self.spread * self.scale * scores)

    def noise(self, n_pairs: int, rng: np.random.Generator) -> Array:
        """(2 n_pairs, n_decisions, n_assets) lasting scores that know nothing; half mirror the others."""
        made = lasting(rng.standard_normal((n_pairs, *self.scale.shape)), self.noise_persistence)
        half = standardised(np.where(np.isfinite(self.scale), made, np.nan))
        return np.concatenate([half, -half])

    def of_months(self, months: Days) -> "Template":
        """The template of those decisions, in that order."""
        return replace(self, prior=self.prior[months], scale=self.scale[months], outcome=self.outcome[months])


def make_template(
    prior: Array, favourite: Array, future: Array, scale: Array, trust: float, rng: np.random.Generator
) -> Template:
    """The template of forecasts that are trusted to have an information coefficient of `trust`.

    The best forecast of an outcome from a score of that coefficient spreads by so much of what outcomes
    spread (Grinold 1994). Errors last for so long that the forecasts made of prior and error last as the
    favourite's do, so that they trade for no other reason.

    Parameters
    ----------
    prior, favourite : (n_decisions, n_assets) forecasts.
    future : of that shape, log returns that followed. scale : their volatility, known before, NaN for what
        may not be held.
    """
    spread = trust * float(np.nanstd(future / scale, axis=1).mean())
    template = Template(prior, scale, spread, 0.0, standardised(future / scale))
    asked, shocks = persistence(favourite + 0 * scale), rng.standard_normal((PATHS, *scale.shape))

    def beyond(errors_last: float) -> float:
        made = template.of_scores(standardised(lasting(shocks, errors_last) + 0 * scale))
        return float(np.mean([persistence(path) for path in made])) - asked

    if beyond(0.0) >= 0:
        return template
    lasts = LASTING if beyond(LASTING) <= 0 else float(optimize.brentq(beyond, 0.0, LASTING, xtol=1e-4))
    return replace(template, noise_persistence=lasts)


def persistence(forecast: Array) -> float:
    """Mean correlation across assets of (n_decisions, n_assets) forecasts with those a decision before."""
    scores = standardised(forecast)
    return float(np.nanmean(np.nanmean(scores[1:] * scores[:-1], axis=1)))


@cache
def loading(accuracy: float, n_assets: int) -> float:
    """Weight of the outcome's score, beside sqrt(1 - weight^2) of a score that knows nothing, such that the
    sum has that correlation with the outcome on average.

    By chance the two scores correlate by c across few assets, (1 + c) / 2 being a Beta variable, and scaling
    the sum makes the mean correlation a little less than the weight.

    Source: Fisher (1915) for the distribution.

    Raises
    ------
    ValueError for fewer than three assets, whose correlations say nothing.
    """
    if n_assets < 3:
        raise ValueError(f"{n_assets} assets have no information coefficient; at least 3 do")
    chance = (
        2 * stats.beta((n_assets - 2) / 2, (n_assets - 2) / 2).ppf((np.arange(POINTS) + 0.5) / POINTS) - 1
    )

    def short(weight: float) -> float:
        rest = np.sqrt(1 - weight**2)
        return float(np.mean((weight + rest * chance) / np.sqrt(1 + 2 * weight * rest * chance))) - accuracy

    return float(optimize.brentq(short, 0.0, 0.99)) if accuracy else 0.0


def information_coefficient(forecast: Array, future: Array, scale: Array) -> Statistic:
    """Of (n_decisions, n_assets) forecasts, a decision at a time."""
    return mean(np.nanmean(standardised(forecast / scale) * standardised(future / scale), axis=1))


def standardised(table: Array) -> Array:
    """Mean 0 and standard deviation 1 along the last axis over what is no NaN; equal numbers become 0."""
    centred = table - np.nanmean(table, axis=-1, keepdims=True)
    spread = np.nanstd(centred, axis=-1, keepdims=True)
    return np.divide(centred, spread, out=0 * centred, where=spread > 1e-12)


def lasting(shocks: Array, persistence: float) -> Array:
    """AR(1) of unit variance along the last axis but one, driven by unit shocks."""
    driven = np.sqrt(1 - persistence**2) * shocks
    driven[..., 0, :] = shocks[..., 0, :]
    return np.asarray(lfilter([1.0], [1.0, -persistence], driven, axis=-2))


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
    made : (n_levels, n_paths, n_days_held) returns before costs, and (n_levels, n_paths, n_decisions) traded
        share of wealth. known : the same of other paths of error, at the accuracies of the control worlds.
    rivals : by name, the same two of one portfolio, without levels and paths.
    riskless : (n_days_held,) return without risk, taken off.
    firsts : (n_decisions,) first day held of each decision.
    """

    accuracies: tuple[float, ...]
    made: tuple[Array, Array]
    known: tuple[Array, Array]
    rivals: Mapping[str, tuple[Array, Array]]
    riskless: Array
    firsts: Days
    periods_per_year: float = 252.0

    def sharpe(self, gross: Array, traded: Array, cost_bps: float) -> Statistic:
        """Annual Sharpe ratio after costs, which are taken from the first day that a decision is held."""
        net = gross.copy()
        net[self.firsts] = (1 + net[self.firsts]) * (1 - cost_bps * 1e-4 * traded) - 1
        return sharpe_ratio(net - self.riskless, self.periods_per_year)

    def mean_sharpes(self, earned: tuple[Array, Array], cost_bps: float) -> list[Statistic]:
        """By level, the Sharpe ratio after costs, its mean over paths of error."""
        return [
            average([self.sharpe(*path, cost_bps) for path in zip(gross, traded, strict=True)])
            for gross, traded in zip(*earned, strict=True)
        ]

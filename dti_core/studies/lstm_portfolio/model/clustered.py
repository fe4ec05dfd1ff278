"""Returns whose volatility clusters and whose every mean and variance is known, to try intervals on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from dti_core.studies.lstm_portfolio.model import Array


@dataclass(frozen=True, slots=True)
class Garch:
    """A GARCH(1,1) with normal shocks: weight of the last squared shock, and of the last variance.

    Source: Bollerslev (1986).
    """

    shock: float
    lasting: float


@dataclass(frozen=True, slots=True)
class Clustered:
    """Assets that load on one common shock and have one of their own, all with GARCH variances.

    The defaults are those of the packaged S&P 500 prices: (.10, .88) is what a GARCH(1,1) fitted to equal
    weights has (.099, .887), single stocks last longer (.05, .94).

    mean, loading, own_spread : (n_assets,) daily mean, weight of the common shock, standard deviation of
        the own one. common_spread : standard deviation of the common shock.
    skill : standard deviation of what can be forecast of a month's return, in that of what cannot.
    """

    mean: Array
    loading: Array
    own_spread: Array
    common_spread: float = 0.01
    common: Garch = Garch(0.10, 0.88)
    own: Garch = Garch(0.05, 0.94)
    skill: float = 0.10

    @property
    def covariance(self) -> Array:
        """(n_assets, n_assets) of daily returns, whatever happened before."""
        common = self.common_spread**2 * np.outer(self.loading, self.loading)
        return np.asarray(common + np.diag(self.own_spread**2))

    @property
    def r2(self) -> float:
        """Share of the squared error of the mean that the best forecast of a month removes."""
        return self.skill**2 / (1 + self.skill**2)

    def draws(
        self, n_draws: int, n_days: int, rng: np.random.Generator, burn_in: int = 500
    ) -> Iterator[Array]:
        """Day after day (n_draws, n_assets) returns of worlds side by side."""
        spread = np.append(self.own_spread, self.common_spread)
        shock = np.append(np.full(len(self.mean), self.own.shock), self.common.shock)
        lasting = np.append(np.full(len(self.mean), self.own.lasting), self.common.lasting)
        variance = np.tile(spread**2, (n_draws, 1))
        for day in range(-burn_in, n_days):
            moved = np.sqrt(variance) * rng.standard_normal(variance.shape)
            variance = spread**2 * (1 - shock - lasting) + shock * moved**2 + lasting * variance
            if day >= 0:
                yield self.mean + moved[:, :-1] + moved[:, -1:] * self.loading


def typical(n_assets: int = 20) -> Clustered:
    """Assets of 13 to 28 % volatility a year, half of whose variance is common to all."""
    place = np.linspace(0, 1, n_assets)
    return Clustered(2e-4 + 2e-4 * place, 0.6 + 0.8 * place, 0.006 + 0.008 * place)


def lasting_scores(shape: tuple[int, ...], persistence: float, rng: np.random.Generator) -> Array:
    """Numbers of mean 0 and variance 1 that follow an AR(1) process along the first axis."""
    shocks = rng.standard_normal(shape)
    shocks[1:] *= np.sqrt(1 - persistence**2)
    return np.asarray(lfilter([1.0], [1.0, -persistence], shocks, axis=0))

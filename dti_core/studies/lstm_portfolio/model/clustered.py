"""Returns whose volatility clusters and whose every mean and variance is known, to try intervals on."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from dti_core.studies.lstm_portfolio.model import Array

#: Days before the first, after which the variances have forgotten where they began.
BURN_IN_DAYS = 500


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

    The defaults are close to what the packaged S&P 500 prices have: a GARCH(1,1) fitted to equal weights
    gives (.099, .887), to single stocks about (.05, .94).

    mean, loading, own_spread : (n_assets,) daily mean, weight of the common shock, standard deviation of
        the own one. common_spread : standard deviation of the common shock.
    skill : standard deviation of what can be forecast of a month's return, in that of what cannot.
    persistence : correlation of a forecast with that of the month before.
    """

    mean: Array
    loading: Array
    own_spread: Array
    common_spread: float = 0.01
    common: Garch = Garch(0.10, 0.88)
    own: Garch = Garch(0.05, 0.94)
    skill: float = 0.10
    persistence: float = 0.6

    @property
    def covariance(self) -> Array:
        """(n_assets, n_assets) of daily returns, whatever happened before."""
        common = self.common_spread**2 * np.outer(self.loading, self.loading)
        return np.asarray(common + np.diag(self.own_spread**2))

    @property
    def r2(self) -> float:
        """Share of the squared error of the mean that the best forecast of a month removes."""
        return self.skill**2 / (1 + self.skill**2)

    def forecasts(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """(n_months, n_assets) expected returns that last, in units of a month's standard deviation."""
        shocks = rng.standard_normal(shape)
        shocks[1:] *= np.sqrt(1 - self.persistence**2)
        return np.asarray(self.skill * lfilter([1.0], [1.0, -self.persistence], shocks, axis=0))


def typical(n_assets: int = 20) -> Clustered:
    """Assets of 13 to 31 % volatility a year, about half of whose variance is common to all."""
    place = np.linspace(0, 1, n_assets)
    return Clustered(2e-4 + 2e-4 * place, 0.6 + 0.8 * place, 0.006 + 0.008 * place)


def simulate_paths(
    world: Clustered, weights: Array, n_histories: int, n_days: int, n_months: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Daily returns of portfolios and monthly surprises of assets, many histories side by side.

    Parameters
    ----------
    weights : (n_portfolios, n_assets), held each day anew.

    Returns
    -------
    (n_histories, n_days, n_portfolios) returns; (n_histories, n_months, n_assets) sums of the returns less
    their means, each asset's in units of its standard deviation over a month of n_days // n_months days.
    """
    spread = np.append(world.own_spread, world.common_spread)
    shock = np.append(np.full(len(world.mean), world.own.shock), world.common.shock)
    lasting = np.append(np.full(len(world.mean), world.own.lasting), world.common.lasting)
    paths, months = (
        np.empty((n_histories, n_days, len(weights))),
        np.zeros((n_months, n_histories, len(world.mean))),
    )
    length, variance = n_days // n_months, np.tile(spread**2, (n_histories, 1))
    for day in range(-BURN_IN_DAYS, n_days):
        moved = np.sqrt(variance) * rng.standard_normal(variance.shape)
        variance = spread**2 * (1 - shock - lasting) + shock * moved**2 + lasting * variance
        surprise = moved[:, :-1] + moved[:, -1:] * world.loading
        if day >= 0:
            paths[:, day] = (world.mean + surprise) @ weights.T
        if 0 <= day < n_months * length:
            months[day // length] += surprise
    scale = np.sqrt(length * np.diag(world.covariance))
    return paths, np.swapaxes(months / scale, 0, 1)

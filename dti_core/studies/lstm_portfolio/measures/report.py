"""What all estimates of one world have in common, and how a statistic becomes one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dti_core.lab import intervals
from dti_core.lab.config import Config
from dti_core.lab.intervals import Interval
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.lstm_portfolio.methods.forecasters import FAVOURITE
from dti_core.studies.lstm_portfolio.model import Array, performance
from dti_core.studies.lstm_portfolio.model.statistic import Statistic

SHARPE_UNIT = "Sharpe ratio a year"


@dataclass(frozen=True, slots=True)
class Report:
    """Of which run and world estimates are, and how many networks are behind its favourite."""

    config: Config
    n_networks: int
    world: str = OBSERVED

    def rng(self, name: str) -> np.random.Generator:
        """The generator of the estimate of that name, so that none moves another."""
        return self.config.stream(self.world, "intervals", name)

    def estimate(
        self,
        interval: Interval,
        name: str,
        unit: str,
        at: Mapping[str, str | float],
        each: Sequence[float] = (),
    ) -> Estimate:
        """The interval under its name, unit and dimensions, with the number of networks behind it.

        Parameters
        ----------
        each : what each network of the favourite alone would reach; told where there are several.
        """
        if FAVOURITE in at.values():
            told = tuple(each) if len(each) > 1 else ()
            interval = replace(interval, n_seeds=self.n_networks, per_seed=told)
        return interval.estimate(name, unit, self.world, **at)

    def of(
        self,
        statistic: Statistic,
        name: str,
        unit: str,
        at: Mapping[str, str | float],
        each: Sequence[float] = (),
    ) -> Estimate:
        """The statistic with the interval that its influence function gives; the rest as in `estimate`."""
        interval = intervals.influence_interval(statistic.value, statistic.influence)
        return self.estimate(interval, name, unit, at, each)

    def sharpe_difference(
        self, name: str, at: Mapping[str, str | float], first: Array, second: Array,
        each: Sequence[float] = (), periods_per_year: float = performance.DAYS_PER_YEAR,
    ) -> Estimate:  # fmt: skip
        """Annual Sharpe ratio of `first` less that of `second`, periods paired."""
        lead = performance.sharpe_difference(first, second, periods_per_year)
        at = {"measure": "sharpe_difference", "regime": "all", **at}
        return self.of(lead, name, SHARPE_UNIT, at, each)

"""Smooth statistics of a series with their influence functions: whatever is made of means knows its error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

import numpy as np

from dti_core.studies.lstm_portfolio.model import Array, Days

Operand = Union["Statistic", float]


@dataclass(frozen=True, slots=True)
class Statistic:
    """The value of a statistic, and to first order what each period adds to it.

    Sums, products, quotients and roots follow by the delta method, so that nothing made of means needs a
    formula of its own. The long-run variance of `influence` over n is the variance of `value`.

    Source: Hampel (1974) for the influence function.

    value : in the units of the statistic. influence : (n_periods,), with mean 0.
    """

    value: float
    influence: Array

    def __add__(self, other: Operand) -> "Statistic":
        value, influence = _parts(other)
        return Statistic(self.value + value, self.influence + influence)

    def __sub__(self, other: Operand) -> "Statistic":
        return self + other * -1.0

    def __mul__(self, other: Operand) -> "Statistic":
        value, influence = _parts(other)
        return Statistic(self.value * value, self.influence * value + self.value * influence)

    def __truediv__(self, other: Operand) -> "Statistic":
        value, influence = _parts(other)
        ratio = self.value / value
        return Statistic(ratio, (self.influence - ratio * influence) / value)

    def root(self) -> "Statistic":
        """Its square root; ValueError unless it lies above 0."""
        if not self.value > 0:
            raise ValueError("returns that never move have no Sharpe ratio")
        root = float(np.sqrt(self.value))
        return Statistic(root, self.influence / (2 * root))

    def by_stretch(self, starts: Days) -> "Statistic":
        """The same with what each stretch of periods adds, from each of the rows `starts` to the next."""
        sums = np.add.reduceat(self.influence, starts)
        return Statistic(self.value, sums * len(sums) / len(self.influence))


def _parts(operand: Operand) -> tuple[float, Array | float]:
    return (operand.value, operand.influence) if isinstance(operand, Statistic) else (operand, 0.0)


def mean(series: Array) -> Statistic:
    """Mean of (n_periods,)."""
    level = float(series.mean())
    return Statistic(level, series - level)


def covariance(first: Array, second: Array) -> Statistic:
    """Covariance of two (n_periods,), divided by n; of one with itself the variance."""
    return mean((first - first.mean()) * (second - second.mean()))


def average(statistics: Sequence[Statistic]) -> Statistic:
    """Mean of statistics of the same periods."""
    value = float(np.mean([one.value for one in statistics]))
    return Statistic(value, np.mean([one.influence for one in statistics], axis=0))

"""What one question yields: estimates, tables, tests, and what could not be asked."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from dti_core.lab.errors import DataError, one_line
from dti_core.lab.intervals import Interval
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.esg_constraint.model.fit import Fit

#: What an estimator raises on a panel that it cannot use: too few firms or years, nothing that varies.
CANNOT = (ValueError, ArithmeticError, DataError)


@dataclass(slots=True)
class Findings:
    """What accumulates while one question is studied.

    tests : rows (test, value, what it reads). left_out : rows (analysis, why).
    """

    estimates: list[Estimate] = field(default_factory=list)
    series: dict[str, pd.DataFrame] = field(default_factory=dict)
    tests: list[tuple[str, float, str]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, fit: Fit, unit: str, column: int = 0, **at: str | float) -> None:
        """Keep a coefficient of the first draw, or note that it is not identified."""
        found = coefficient(fit, column)
        if np.isfinite([found.low, found.high]).all():
            self.estimates.append(found.estimate(name, unit, OBSERVED, **at))
        else:
            self.left_out.append((name, "not identified: other regressors and effects reproduce it"))

    def keep(
        self, name: str, value: float, ends: Iterable[float], unit: str, n: int, how: str, **at: str | float
    ) -> None:
        """Keep a number whose bounds are known, unless it is not finite."""
        low, high = ends
        if np.isfinite([value, low, high]).all():
            self.estimates.append(Estimate(name, value, low, high, unit, n, how=how, at=at))

    def attempt(self, title: str, step: Callable[[], None]) -> None:
        """Do a step, or note under `title` why this panel does not allow it."""
        try:
            step()
        except CANNOT as error:
            self.left_out.append((title, reason(error)))

    def test(self, name: str, value: float, reads: str) -> None:
        """Keep a test statistic or p-value, if there is one."""
        if np.isfinite(value):
            self.tests.append((name, float(value), reads))


def reason(error: Exception) -> str:
    """Why a step could not be done, for the reader of a table."""
    if isinstance(error, np.linalg.LinAlgError):
        return f"its columns reproduce each other on this panel ({error})"
    return one_line(error, 200)


def coefficient(fit: Fit, column: int = 0) -> Interval:
    """A coefficient of the first draw with its interval."""
    low, high = (float(end[0, column]) for end in fit.interval())
    error, n = float(fit.std_error[0, column]), int(fit.n_obs[0])
    return Interval(float(fit.coef[0, column]), low, high, error, n, fit.how)


def exact(
    name: str, value: float, unit: str, n: int, how: str = "exact, no interval", **at: str | float
) -> Estimate:
    """A number without uncertainty of its own."""
    return Estimate(name, value, value, value, unit, n, how=how, at=at)


def coefficients(fit: Fit, years: list[int]) -> pd.DataFrame:
    """The first coefficients that are identified, with intervals, a row each, by the years they stand for."""
    low, high = fit.interval()
    kept = slice(0, len(years))
    columns = {"coef": fit.coef[0, kept], "low": low[0, kept], "high": high[0, kept]}
    frame = pd.DataFrame({"years": years, **columns})
    return frame[np.isfinite(frame["low"])]

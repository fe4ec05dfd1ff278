"""A dynamic panel model with its sets of instruments named, and a test of each set."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dti_core.studies.esg_constraint.model.arrays import Array, Mask
from dti_core.studies.esg_constraint.model.fit import Fit
from dti_core.studies.esg_constraint.model.gmm import Lags, gmm


@dataclass(frozen=True, slots=True)
class DynamicModel:
    """What `gmm` is asked to estimate. sets : name -> lags of one variable; the others as in `gmm`."""

    y: Array
    x: Array
    observed: Mask
    sets: Mapping[str, Lags]
    plain: Array | None = None

    def fit(self, system: bool = False, without: str | None = None) -> Fit:
        """One-step estimate, with all sets or without one of them."""
        lagged = tuple(lags for name, lags in self.sets.items() if name != without)
        return gmm(self.y, self.x, self.observed, lagged, self.plain, system=system, steps="one")


@dataclass(frozen=True, slots=True)
class SetTest:
    """One set of instruments; arrays (n_draws,). `statistic`, `p` are NaN where the rest is no yardstick.

    That is where it does not identify, or just identifies: it cannot disagree with a set then, and the
    difference would be Hansen's test of all. why : which of the two, "" where there is a test.

    columns : instruments that the set adds, the degrees of freedom of the test.
    """

    lags: Lags
    columns: Array
    statistic: Array
    p: Array
    why: tuple[str, ...]


def difference_in_hansen(model: DynamicModel, whole: Fit | None = None) -> dict[str, SetTest]:
    """Whether the other instruments contradict a set: Hansen's J with it less J without it, set by set.

    A small p-value speaks against the set, provided that the others are valid. Both statistics carry their
    own optimal weights, so that the difference can be negative in a small sample; it is then taken as 0.

    Source: Eichenbaum, Hansen and Singleton (1988); Roodman (2009).
    """
    from scipy import stats

    whole = whole or model.fit()
    found = {}
    for name, lags in model.sets.items():
        rest = model.fit(without=name)
        columns = whole.diagnostics["n_instruments"] - rest.diagnostics["n_instruments"]
        spare = rest.diagnostics["spare"]
        identified = np.isfinite(rest.coef).all(axis=1) & (spare >= 0)
        known = identified & (spare > 0)
        why = np.select([~identified, ~known], ["the rest does not identify", "the rest just identifies"], "")
        gap = np.where(known, np.maximum(whole.diagnostics["hansen"] - rest.diagnostics["hansen"], 0), np.nan)
        found[name] = SetTest(lags, columns, gap, np.asarray(stats.chi2.sf(gap, columns)), tuple(why))
    return found

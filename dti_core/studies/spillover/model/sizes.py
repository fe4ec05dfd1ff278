"""What pooling gives to small units and takes from large ones."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.intervals import Interval
from dti_core.studies.spillover.model.losses import PLACEBO, WITH, Array, Losses

#: Units by rising size of their past, as many in each class; and fixed bounds, as in the facts of shops.
QUARTERS = ("smallest quarter", "second quarter", "third quarter", "largest quarter")
BOUNDS = {"1 to 15": (1, 15), "16 to 150": (16, 150), "151 to 700": (151, 700), "over 700": (701, np.inf)}
Units = NDArray[np.int64]


def quarters(losses: Losses, size: Array) -> dict[str, Units]:
    """Units of each quarter by size, of those of which something is told."""
    told = np.flatnonzero((losses.rows > 0).any(axis=1))
    ordered = told[np.argsort(size[told], kind="stable")]
    return dict(zip(QUARTERS, np.array_split(ordered, len(QUARTERS)), strict=True))


def by_size(losses: Losses, size: Array, lone: Sequence[str], pooled: str) -> pd.DataFrame:
    """A row a class of units and contrast, in the unit of the loss, each unit weighing alike.

    Of the lone priors each class takes the one that did best in it, which flatters it. Columns: units,
    contrast, prior, n_units, least, most (size), value, low, high; below 0 the first of a contrast is better.
    """
    told = np.flatnonzero((losses.rows > 0).any(axis=1))
    bounds = {name: told[(size[told] >= low) & (size[told] <= high)] for name, (low, high) in BOUNDS.items()}
    mean = {name: unit_means(losses, name) for name in (WITH, pooled, PLACEBO, *lone)}
    rows = []
    for name, units in {**quarters(losses, size), **bounds}.items():
        if len(units) < 2:
            continue
        prior = min(lone, key=lambda one: float(mean[one][units].mean()))
        pairs = {
            "partly pooled - alone": (WITH, prior), "partly pooled - pooled": (WITH, pooled),
            "pooled - alone": (pooled, prior), "placebo - pooled": (PLACEBO, pooled),
        }  # fmt: skip
        for contrast, (one, other) in pairs.items():
            found = student(mean[one][units] - mean[other][units])
            rows.append({
                "units": name, "contrast": contrast, "prior": prior, "n_units": len(units),
                "least": float(size[units].min()), "most": float(size[units].max()), "value": found.value,
                "low": found.low, "high": found.high,
            })  # fmt: skip
    return pd.DataFrame(rows)


def each_unit(losses: Losses, size: Array, named: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """A row a unit told: its size and, by name, the loss of one arm less that of another."""
    told = np.flatnonzero((losses.rows > 0).any(axis=1))
    columns = {
        name: (unit_means(losses, over) - unit_means(losses, under))[told]
        for name, (over, under) in named.items()
    }
    return pd.DataFrame({"size": size[told], **columns})


def unit_means(losses: Losses, arm: str) -> Array:
    """Mean loss (n_units,) over seeds and rows; 0 of a unit without rows."""
    total = losses.rows.sum(axis=1)
    told = (np.where(losses.rows > 0, losses.arms[arm].mean(axis=0), 0.0) * losses.rows).sum(axis=1)
    mean: Array = told / np.where(total > 0, total, 1.0)
    return mean


def student(values: Array, level: float = 0.95) -> Interval:
    """Mean of units taken as drawn, at least two, with Student's interval."""
    from scipy import stats

    n, mean = len(values), float(values.mean())
    error = float(stats.sem(values))
    margin = float(stats.t.ppf((1 + level) / 2, n - 1)) * error
    return Interval(mean, mean - margin, mean + margin, error, n, f"Student t over {n} units", level)

"""Which assumptions decide how strongly the loop comes back: shares of variance, papers by papers."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import mean_over_seeds
from dti_core.studies.closed_loop.data.loop import Loop
from dti_core.studies.closed_loop.model.draws import PRIORS, papers_of, sizes_at
from dti_core.studies.closed_loop.model.ratio import gain_percent, matrices, return_ratio

Array = NDArray[np.float64]
#: Draws in one order of papers, repeats that make an interval, and draws of SALib's Sobol indices.
ROWS, REPEATS, SOBOL_ROWS = 256, 8, 512


def study_decisive(loop: Loop, n_orders: int, rng: np.random.Generator) -> Findings:
    """Shapley effects of papers on the mean gain of closing the loop, beside Sobol indices from SALib."""
    findings, rows = Findings(), []
    names = papers_of(loop)
    for prior in PRIORS:

        def mean_gain(places: Array, prior: object = prior) -> Array:
            sizes = sizes_at(loop, places, prior)  # type: ignore[arg-type]
            gains = []
            for one in loop.role("technology"):
                fed = np.where(loop.kind("technology") & (loop.ends == one), 0.0, sizes)
                gains.append(gain_percent(return_ratio(matrices(loop, fed), one)))
            return np.asarray(np.mean(gains, axis=0))

        corners = np.tile([[0.0], [0.5], [1.0]], len(names))
        if not names or not np.ptp(mean_gain(corners)):
            findings.left_out.append(
                (f"decisive assumptions, {prior}", "none moves the gain of closing the loop")
            )
            continue
        effects = np.array([shapley_effects(mean_gain, len(names), n_orders, rng) for _ in range(REPEATS)])
        first, whole = _sobol(mean_gain, names, int(rng.integers(2**31)))
        for column, name in enumerate(names):
            told = mean_over_seeds(effects[:, column])
            word = prior.replace("-", "_")
            at = {"paper": name, "prior": prior}
            findings.estimates.append(
                told.estimate(f"decides_{name.replace(' ', '_')}_{word}", "share of variance", **at)
            )
            rows.append({
                "prior": prior, "paper": name, "shapley": told.value, "low": told.low, "high": told.high,
                "first": first[column], "whole": whole[column],
            })  # fmt: skip
    findings.series["decisive"] = pd.DataFrame(rows)
    return findings


def shapley_effects(
    model: Callable[[Array], Array], n_inputs: int, n_orders: int, rng: np.random.Generator
) -> Array:
    """(n_inputs,) shares of the variance of `model` that independent uniform inputs own.

    An input's share is the mean, over orders, of what knowing it adds to the variance explained; that of a
    set is the covariance of two runs that agree in the set and nowhere else. Shares add up to one,
    interactions included.

    Source: Song, Nelson and Staum (2016); Owen (2014). No library here offers it for inputs that move in
    groups.
    """
    found = np.zeros(n_inputs)
    total = 0.0
    for _ in range(n_orders):
        one, other = rng.random((ROWS, n_inputs)), rng.random((ROWS, n_inputs))
        order = rng.permutation(n_inputs)
        hybrids = [other.copy()]
        for column in order:
            hybrids.append(hybrids[-1].copy())
            hybrids[-1][:, column] = one[:, column]
        values = model(np.concatenate(hybrids)).reshape(n_inputs + 1, ROWS)
        target = values[-1] - values[-1].mean()
        explained = np.array([(target * (row - row.mean())).mean() for row in values])
        found[order] += np.diff(explained)
        total += explained[-1] - explained[0]
    return np.asarray(found / total)


def _sobol(model: Callable[[Array], Array], names: list[str], seed: int) -> tuple[Array, Array]:
    from SALib.analyze import sobol as analyse
    from SALib.sample import sobol as sample

    problem = {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}
    places = sample.sample(problem, SOBOL_ROWS, calc_second_order=False, seed=seed)
    told = analyse.analyze(problem, model(places), calc_second_order=False, seed=seed)
    return np.asarray(told["S1"]), np.asarray(told["ST"])

"""Many units, small and large, whose rates or means are to be told before the next blocks of time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.pooling import ESTIMATES, NormalPrior, fit_beta, fit_normal, within_variance
from dti_core.studies.spillover.model.losses import NAIVE, PLACEBO, WITH, WITHOUT, Array, Losses

POOLED = "pooled"


@dataclass(frozen=True, slots=True)
class Counts:
    """Successes of units by block of time and category; the first `n_train` blocks are the past.

    hits : (n_units, n_blocks, n_categories). trials : alike, or with a last axis of 1 if categories share
    them. names : (n_units,).
    """

    names: tuple[str, ...]
    hits: Array
    trials: Array
    n_train: int

    @property
    def past(self) -> tuple[Array, Array]:
        """Successes (n_units, n_categories) and trials of the past."""
        return self.hits[:, : self.n_train].sum(axis=1), self.trials[:, : self.n_train].sum(axis=1)

    @property
    def size(self) -> Array:
        """Trials (n_units,) of the past, over all categories unless these share them."""
        size: Array = self.trials[:, : self.n_train].sum(axis=(1, 2))
        return size

    @property
    def rows(self) -> Array:
        """Trials (n_units, n_test_blocks) of which something is told: none of a unit without a past."""
        rows: Array = self.trials[:, self.n_train :].sum(axis=2) * (self.size > 0)[:, None]
        return rows

    def before(self, n_train: int, n_test: int) -> "Counts":
        """The same units as they stood after `n_train` blocks, with the next `n_test` to be told."""
        stop = n_train + n_test
        return replace(self, hits=self.hits[:, :stop], trials=self.trials[:, :stop], n_train=n_train)

    def some(self, units: NDArray[np.int64], categories: NDArray[np.int64]) -> "Counts":
        """Some units and categories of them."""
        trials = self.trials if self.trials.shape[2] == 1 else self.trials[:, :, categories]
        names = tuple(self.names[one] for one in units)
        return replace(self, names=names, hits=self.hits[units][:, :, categories], trials=trials[units])

    def shuffled(self, rng: np.random.Generator, n_blocks: int | None = None) -> "Counts":
        """Successes dealt anew to the units' trials within each block and category: nobody differs any more.

        Parameters
        ----------
        n_blocks : of how many, the first ones; None deals in all.
        """
        stop = self.hits.shape[1] if n_blocks is None else n_blocks
        wide = np.broadcast_to(self.trials, self.hits.shape)[:, :stop].astype(np.int64)
        dealt = self.hits.copy()
        for block, category in np.argwhere(self.hits[:, :stop].sum(axis=0) > 0):
            many = int(self.hits[:, block, category].sum())
            dealt[:, block, category] = rng.multivariate_hypergeometric(wide[:, block, category], many)
        return replace(self, hits=dealt)


Rule = Callable[[Counts], Array]


def by_bridge(name: str) -> Rule:
    """An estimate of the bridge from the whole past, giving rates (n_units, n_categories)."""
    return lambda counts: ESTIMATES[name](*counts.past)


def learnt_on(counts: Counts, other: Counts) -> Array:
    """Partly pooled rates of `counts`, with the prior that `other` teaches."""
    return fit_beta(*other.past).rates(*counts.past)


def log_loss(rates: Array, counts: Counts) -> Array:
    """Mean log loss (n_units, n_test_blocks) a trial, in nats, summed over the categories of a trial.

    Parameters
    ----------
    rates : (n_units, n_categories) in (0, 1). A block without trials has 0.
    """
    hits, trials = counts.hits[:, counts.n_train :], counts.trials[:, counts.n_train :]
    lost = np.log1p(-rates)
    missed = trials[..., 0] * lost.sum(axis=1)[:, None]
    if trials.shape[2] > 1:
        missed = np.einsum("utc,uc->ut", trials, lost)
    told = np.einsum("utc,uc->ut", hits, np.log(rates) - lost) + missed
    loss: Array = -told / np.maximum(counts.rows, 1.0)
    return loss


def count_losses(
    origins: Sequence[Counts], lone: Mapping[str, Rule], rng: np.random.Generator, n_shuffles: int
) -> Losses:  # fmt: skip
    """Losses of rates partly pooled, in one pool, and alone by each of several priors.

    `without` is the lone prior that did best on these very rows, which flatters it; all of them, and the
    pool, are rivals. The placebo takes the unit's own counts and a prior learnt where the units' successes
    were dealt anew; its loss is the mean over `n_shuffles` deals, so that the luck of one does not count. The
    naive answer is one rate a category for all.

    Parameters
    ----------
    origins : the same units at one or several times of telling.

    Returns
    -------
    Losses whose rows are the trials told.
    """
    rules = {WITH: by_bridge("empirical_bayes"), POOLED: by_bridge(POOLED), **lone}
    arms = {
        name: np.concatenate([log_loss(rule(one), one) for one in origins], axis=1)[None]
        for name, rule in rules.items()
    }
    sham = [[log_loss(learnt_on(one, one.shuffled(rng, one.n_train)), one) for one in origins]
            for _ in range(n_shuffles)]  # fmt: skip
    arms[PLACEBO] = np.mean([np.concatenate(blocks, axis=1) for blocks in sham], axis=0)[None]
    arms[NAIVE] = arms[WITHOUT] = arms[POOLED]
    losses = Losses(arms, np.concatenate([one.rows for one in origins], axis=1))
    told = losses if len(origins) == 1 else by_telling(losses, [one.rows.shape[1] for one in origins])
    return weighted(told, tuple(lone), np.inf)


def by_telling(losses: Losses, n_blocks: Sequence[int]) -> Losses:
    """Losses a period of which is one telling: what it told shares one rate and what was learnt of others."""
    starts = np.cumsum([0, *n_blocks[:-1]])
    rows = np.add.reduceat(losses.rows, starts, axis=1)
    arms = {
        name: np.add.reduceat(loss * losses.rows, starts, axis=2) / np.maximum(rows, 1e-300)
        for name, loss in losses.arms.items()
    }
    return Losses(arms, rows)


def weighted(losses: Losses, lone: Sequence[str], most: float) -> Losses:
    """The same losses, a unit weighing by its trials up to `most`, and the lone prior best then as `without`.

    Parameters
    ----------
    losses : whose rows are trials. lone : its arms that tell a unit alone.
    """
    total = losses.rows.sum(axis=1, keepdims=True)
    rows = losses.rows * np.minimum(1.0, most / np.maximum(total, 1e-300))
    best = min(lone, key=lambda name: float(np.sum(rows * losses.arms[name][0])))
    return Losses({**losses.arms, WITHOUT: losses.arms[best]}, rows)


@dataclass(frozen=True, slots=True)
class Values:
    """A value a unit and year, NaN where there is none, and the group of each unit.

    values : (n_units, n_years). group : (n_units,) codes.
    """

    values: Array
    group: NDArray[np.int64]

    def shuffled(self, rng: np.random.Generator, n_years: int | None = None) -> "Values":
        """The values of each of the first `n_years` (None: of all) dealt anew to the units that have one."""
        dealt = self.values.copy()
        for year in range(dealt.shape[1] if n_years is None else n_years):
            seen = np.flatnonzero(np.isfinite(dealt[:, year]))
            dealt[seen, year] = rng.permutation(dealt[seen, year])
        return replace(self, values=dealt)


def value_losses(panel: Values, window: int, rng: np.random.Generator, n_shuffles: int) -> Losses:
    """Squared errors of next year's value, told from the last `window` years, a row a unit and year told.

    Arms as in `count_losses`: a unit's mean partly pooled, its own mean or its last value, one mean for all
    or one a group. A unit is told if it has a value in the last year of the window and in the next.
    """
    n_years = panel.values.shape[1]
    told = [_one_year(panel, year, window, rng, n_shuffles) for year in range(window, n_years)]
    rows = np.stack([row for _, row in told], axis=1).astype(float)
    arms = {name: np.stack([found[name] for found, _ in told], axis=-1) for name in told[0][0]}
    arms[NAIVE], arms[WITHOUT] = arms[POOLED], arms["own_mean"]
    return Losses(arms, rows)


def _one_year(
    panel: Values, year: int, window: int, rng: np.random.Generator, n_shuffles: int
) -> tuple[dict[str, Array], NDArray[np.bool_]]:  # fmt: skip
    """Squared errors (1, n_units) of each arm for one year, and the units that have one."""
    past, truth = panel.values[:, year - window : year], panel.values[:, year]
    told = np.isfinite(past[:, -1]) & np.isfinite(truth)
    own, noise, prior = _normal(past)
    group = np.array([_mean(own[panel.group == one], prior.mean) for one in range(panel.group.max() + 1)])
    found = {
        WITH: prior.means(own, noise), POOLED: np.full(len(own), np.nanmean(own)), "own_mean": own,
        "last_value": past[:, -1], "group_mean": group[panel.group],
    }  # fmt: skip
    sham = []
    for _ in range(n_shuffles):
        dealt = replace(panel, values=past).shuffled(rng).values
        _, other, learnt = _normal(dealt)
        sham.append(learnt.means(own, other))
    errors = {name: (one - truth) ** 2 for name, one in found.items()}
    errors[PLACEBO] = np.mean([(one - truth) ** 2 for one in sham], axis=0)
    return {name: np.where(told, one, 0.0)[None] for name, one in errors.items()}, told


def _normal(past: Array) -> tuple[Array, Array, NormalPrior]:
    """Means (n_units,) of the past, variances of their error (inf without a value), and the prior of all."""
    counts = np.isfinite(past).sum(axis=1)
    own = np.where(counts > 0, np.nansum(past, axis=1) / np.maximum(counts, 1), np.nan)
    noise = np.where(counts > 0, within_variance(past) / np.maximum(counts, 1), np.inf)
    return own, noise, fit_normal(np.nan_to_num(own), noise)


def _mean(values: Array, otherwise: float) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else otherwise

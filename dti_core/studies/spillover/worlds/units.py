"""Worlds of units and of clients in which what pooling or federation learns is there, or is not.

Where units are alike one pool is right; where they have nothing in common each is best alone. Partial pooling
helps between the two, most where a unit knows by itself about half of what it needs.
"""

from dataclasses import replace

import numpy as np
from scipy.special import expit, logit

from dti_core.bridges.pooling import within_variance
from dti_core.studies.spillover.model.clients import Records
from dti_core.studies.spillover.model.losses import Array
from dti_core.studies.spillover.model.units import Counts, Values

Rng = np.random.Generator
#: Of the planted rates: strength in trials, and the range of what all units have in common.
STRENGTH, COMMON = 40.0, (0.05, 0.5)
#: Of planted labels: their share where all features are 0, and the standard deviation of the rule's log odds.
SHARE, RULE = 0.3, 1.0


def differing(counts: Counts, rng: Rng) -> Counts:
    """Units that differ around a common rate a category by a beta law of strength `STRENGTH`.

    The common rates are drawn evenly in logarithms over `COMMON`, so that no unit knows them by itself.
    Trials stay as they are.
    """
    n_units, _, n_categories = counts.hits.shape
    least, most = COMMON
    common = np.exp(rng.uniform(np.log(least), np.log(most), n_categories))
    rates = rng.beta(common * STRENGTH, (1 - common) * STRENGTH, (n_units, n_categories))
    return _drawn(counts, rates, rng)


def unrelated(counts: Counts, rng: Rng) -> Counts:
    """Units whose rates are drawn evenly from 0 to 1, each on its own: adding one to each side is right."""
    return _drawn(counts, rng.random((len(counts.hits), counts.hits.shape[2])), rng)


def _drawn(counts: Counts, rates: Array, rng: Rng) -> Counts:
    wide = np.broadcast_to(counts.trials, counts.hits.shape).astype(np.int64)
    return replace(counts, hits=rng.binomial(wide, rates[:, None]).astype(float))


def differing_values(panel: Values, window: int, rng: Rng) -> Values:
    """Units that differ around a common mean, with independent errors of the panel's variance within units.

    The variance between units is that of a mean over `window` years: a unit is drawn in half of the way.
    """
    seen, noise = np.isfinite(panel.values), within_variance(panel.values)
    level = rng.normal(np.nanmean(panel.values), np.sqrt(noise / window), (len(seen), 1))
    drawn = level + rng.normal(0.0, np.sqrt(noise), seen.shape)
    return replace(panel, values=np.where(seen, drawn, np.nan))


def one_rule(records: Records, rng: Rng) -> Records:
    """As many rows of each client and period, with normal features and labels of one logistic rule."""
    features = rng.normal(size=records.features.shape)
    odds = features @ rng.normal(size=features.shape[1])
    chance = expit(logit(SHARE) + RULE * odds / odds.std())
    labels = (rng.random(len(chance)) < chance).astype(float)
    return replace(records, features=features, labels=labels)

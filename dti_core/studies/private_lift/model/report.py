"""The report that a practitioner expects, from a few noisy histograms that share one privacy budget.

Exposure of users who were held out does not happen, so that the number of users whom a channel reached is at
once the number treated: treatment-on-treated needs no histogram of its own, and its epsilon is saved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.random import Generator

from dti_core.bridges.privacy import Guarantee, compose
from dti_core.studies.private_lift.methods.noise import DELTA, Mechanism, Release
from dti_core.studies.private_lift.model.cells import Array, Counts, Flags, bits
from dti_core.studies.private_lift.model.lift import (
    Measured,
    Z,
    design,
    incremental,
    intent_to_treat,
    normal,
    ratio,
    relative_lift,
    sides,
)

#: Histograms and their shares of the budget, which are divided anew where one is not asked for.
SHARES = {"outcomes": 0.4, "exposures": 0.2, "frequency": 0.1, "spend": 0.3}
#: Impressions from which a user counts as one who saw the campaign that often or more.
MOST_IMPRESSIONS = 10
#: What a user's spend is cut at, in whole dollars: the most that one user can move a sum.
SPEND_CAP_USD = 300


@dataclass(frozen=True, slots=True)
class Log:
    """What devices know of n users of an experiment on C channels; each reports one-hot, no path leaves it.

    assigned, exposed : (n, C) bool. impressions : (n, C). converted : (n,) bool. spend_usd : (n,).
    holdout : chance that a user is held out of a channel. segments : dimension -> ((n,) codes, labels), such
    as region, size of business or retailer; they may be empty. cost_usd : (n_cells, C), of each channel's
    advertising to each cell of all segments crossed, from bills, which no promise covers. Exposures,
    impressions, spend and cost may be None: what needs them is then left out.
    """

    channels: tuple[str, ...]
    assigned: Flags
    converted: Flags
    holdout: float
    exposed: Flags | None = None
    impressions: Counts | None = None
    spend_usd: Array | None = None
    cost_usd: Array | None = None
    segments: Mapping[str, tuple[Counts, Sequence[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """Noisy histograms by name, (n_cells, ...) cells of segments first; the whole budget as one promise."""

    releases: Mapping[str, Release]
    guarantee: Guarantee | None


def histograms(log: Log) -> dict[str, Counts]:
    """(n_cells, ...) counts of users, or sums of spend, without noise. n_cells : all segments crossed."""
    cell, n_cells, n_coalitions = _cell(log), _n_cells(log), 2 ** len(log.channels)
    powers = 1 << np.arange(len(log.channels))
    eligible = cell * n_coalitions + log.assigned @ powers

    def count(place: Counts, size: int, weights: Counts | None = None) -> Counts:
        made = np.bincount(place, weights, n_cells * size)
        return np.rint(made).astype(np.int64).reshape(n_cells, size)

    found = {"outcomes": count(eligible * 2 + log.converted, 2 * n_coalitions)}
    if log.exposed is not None:
        found["exposures"] = count(cell * n_coalitions + log.exposed @ powers, n_coalitions)
    if log.impressions is not None:
        often = np.minimum(log.impressions.sum(axis=1), MOST_IMPRESSIONS)
        found["frequency"] = count(cell * (MOST_IMPRESSIONS + 1) + often, MOST_IMPRESSIONS + 1)
    if log.spend_usd is not None:
        whole = np.rint(np.clip(log.spend_usd, 0, SPEND_CAP_USD)).astype(np.int64)
        found["spend"] = count(eligible, n_coalitions, whole)
    return found


def publish(log: Log, mechanism: Mechanism, epsilon: float, rng: Generator) -> Published:
    """Add noise to every histogram, with its share of epsilon and an even share of delta.

    A user falls into one segment, so that segments cost no epsilon; they do add up more noise.
    """
    asked = {name: counts for name, counts in histograms(log).items() if name != "spend" or mechanism.sums}
    whole = sum(SHARES[name] for name in asked)
    releases = {}
    for name, counts in asked.items():
        part, most = SHARES[name] / whole * epsilon, SPEND_CAP_USD if name == "spend" else 1
        once = mechanism(counts.reshape(1, -1), part, rng, most, DELTA / len(asked))
        variance = np.broadcast_to(once.variance, once.counts.shape).reshape(counts.shape)
        releases[name] = Release(once.counts.reshape(counts.shape), variance, once.guarantee)
    promises = [one.guarantee for one in releases.values() if one.guarantee]
    return Published(releases, compose(*promises) if promises else None)


def report(published: Published, log: Log) -> pd.DataFrame:
    """A row a segment, channel and quantity: value, 95 % interval with the noise in it, unit.

    Of `log` only the design is read: channels, holdout, labels of segments, cost. An interval of a ratio
    whose denominator may be 0 is open, with infinite ends; NaN says that noise leaves no answer. What is told
    of a region adds up the noise of its crossed cells.
    """
    rows: list[dict[str, object]] = []
    for dimension, label, cells in _groups(log):
        noisy = {
            name: (one.counts[cells].sum(axis=0), np.asarray(one.variance)[cells].sum(axis=0))
            for name, one in published.releases.items()
        }
        cost = None if log.cost_usd is None else log.cost_usd[cells].sum(axis=0)
        found = [*_people(noisy, log), *_effects(noisy, log, cost)]
        rows += [dict(zip(("dimension", "segment", *COLUMNS), (dimension, label, *row), strict=True))
                 for row in found]  # fmt: skip
    return pd.DataFrame(rows)


COLUMNS = ("channel", "quantity", "value", "low", "high", "unit")
Row = tuple[str, str, float, float, float, str]
Noisy = Mapping[str, tuple[Array, Array]]


def _people(noisy: Noisy, log: Log) -> list[Row]:
    """Conversions, reach of each channel and of all without counting anyone twice, k+ frequency."""
    counts, variance = (part.reshape(-1, 2) for part in noisy["outcomes"])
    rows = [_count("all", "conversions", counts[:, 1], variance[:, 1])]
    if "exposures" in noisy:
        inside, (seen, spread) = bits(len(log.channels)), noisy["exposures"]
        rows.append(_count("all", "deduplicated reach", seen[1:], spread[1:]))
        rows += [
            _count(name, "reach", seen[inside[:, c]], spread[inside[:, c]])
            for c, name in enumerate(log.channels)
        ]
        several = inside.sum(axis=1) > 1
        rows.append(_count("all", "reached by two channels or more", seen[several], spread[several]))
    if "frequency" in noisy:
        often, spread = noisy["frequency"]
        rows += [_count("all", f"saw {k} or more", often[k:], spread[k:])
                 for k in range(1, MOST_IMPRESSIONS + 1)]  # fmt: skip
    return rows


def _effects(noisy: Noisy, log: Log, cost_usd: Array | None) -> list[Row]:
    """What each channel caused, of those eligible and a user it reached, in percent and in money."""
    counts, variance = (part.reshape(-1, 2) for part in noisy["outcomes"])
    caused, moved = incremental(counts, variance, log.holdout), intent_to_treat(counts, variance)
    lift = relative_lift(sides(counts, variance))
    worth = _worth(noisy, log)
    rows = [_row("all", "incremental conversions", caused[-1], "conversions")]
    rows += _money("all", np.ones(len(log.channels)), cost_usd, caused[-1], worth)
    for c, name in enumerate(log.channels):
        rows.append(_row(name, "incremental conversions", caused[c], "conversions"))
        rows.append(_row(name, "intent to treat", moved[c], "conversions a user"))
        rows.append(_row(name, "lift", lift[c], "share of rate held out"))
        if "exposures" in noisy:
            inside = bits(len(log.channels))[:, c]
            users, spread = (float(part[inside].sum()) for part in noisy["exposures"])
            treated = ratio(caused[c], normal(users, spread**0.5))
            rows.append(_row(name, "effect on treated", treated, "conversions a user reached"))
        rows += _money(name, np.eye(len(log.channels))[c], cost_usd, caused[c], worth)
    return rows


def _money(
    name: str, chosen: Array, cost_usd: Array | None, caused: Measured, worth: tuple[Array, Array] | None
) -> list[Row]:
    """Cost and return of the `chosen` channels together; none where nothing was paid.

    Parameters
    ----------
    chosen : (C,) 0 or 1. caused : conversions that they caused. worth : spend that each channel caused, (C,),
    and its covariance, (C, C).
    """
    paid = 0.0 if cost_usd is None else float(cost_usd @ chosen)
    if not paid > 0:
        return []
    rows = [_row(name, "cost per incremental conversion", ratio(normal(paid, 0.0), caused), "USD")]
    if worth is not None:
        earned, spread = float(worth[0] @ chosen), float(np.sqrt(chosen @ worth[1] @ chosen))
        rows.append(_normal(name, "incremental return on spend", earned / paid, spread / paid, "USD a USD"))
    return rows


def _worth(noisy: Noisy, log: Log) -> tuple[Array, Array] | None:
    """Spend that each channel caused, (C,), and its covariance, (C, C).

    The squares of spend are not published: cap times mean bounds their mean, so that the interval is too wide
    rather than too narrow. Spend beyond the cap is left out, which understates.
    """
    if "spend" not in noisy:
        return None
    sums, spread = noisy["spend"]
    counts, variance = (part.reshape(-1, 2).sum(axis=1) for part in noisy["outcomes"])
    users, (weights, share) = max(float(counts.sum()), 1.0), design(len(log.channels), log.holdout)
    mean = float(sums.sum()) / users
    square = users * share * max(mean, 0.0) * SPEND_CAP_USD + spread + mean**2 * variance
    return (sums - mean * counts) @ weights, (weights.T * square) @ weights


def _row(channel: str, quantity: str, found: Measured, unit: str) -> Row:
    return channel, quantity, float(found.value), float(found.low), float(found.high), unit


def _normal(channel: str, quantity: str, value: float, error: float, unit: str) -> Row:
    return channel, quantity, float(value), float(value - Z * error), float(value + Z * error), unit


def _count(channel: str, quantity: str, counts: Array, variance: Array) -> Row:
    """A number of these very users, which has no sampling error: its interval is that of the noise."""
    return _normal(channel, quantity, counts.sum(), float(np.sqrt(variance.sum())), "users")


def _n_cells(log: Log) -> int:
    return int(np.prod([len(labels) for _, labels in log.segments.values()], dtype=int))


def _cell(log: Log) -> Counts:
    """(n,) place of each user among the crossed segments."""
    place = np.zeros(len(log.converted), dtype=np.int64)
    for codes, labels in log.segments.values():
        place = place * len(labels) + codes
    return place


def _groups(log: Log) -> list[tuple[str, str, Flags]]:
    """Dimension, label and the crossed cells that belong to it; all users first."""
    cells = np.arange(_n_cells(log))
    groups, left = [("all", "all", np.ones(len(cells), dtype=bool))], len(cells)
    for dimension, (_, labels) in log.segments.items():
        left //= len(labels)
        groups += [(dimension, label, cells // left % len(labels) == k) for k, label in enumerate(labels)]
    return groups

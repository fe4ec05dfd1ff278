"""Do three fields pay for less risk at the same balance? Curvatures of their frontiers, and of others.

The first frontier of each field, and the three outside ones, were named before any was fitted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval
from dti_core.lab.record import Estimate
from dti_core.studies.spillover.data import frontiers as data
from dti_core.studies.spillover.methods.outside import N_ROWS, OUTSIDE, learning_errors
from dti_core.studies.spillover.methods.task import Task
from dti_core.studies.spillover.model.frontiers import (
    CURVATURES,
    Array,
    Curve,
    Fit,
    Ints,
    Shares,
    alike_minus_outside,
    fit,
    spread,
    subset_risk,
    table,
    turnover_risk,
)

Where = Literal["commerce", "security", "finance", "outside"]
#: Months between two changes of a portfolio, and stocks held.
MONTHS, HELD = (1, 2, 3, 6, 12, 24, 48), (1, 2, 3, 5, 8, 12, 20)
#: Most starting months of those that change seldom.
N_STARTS = 6
#: Shares from which those of the null world are drawn, and those outside in the planted one.
ANY_SHARE, APART = (0.1, 0.8), (0.2, 0.5, 0.8)
SHARE = "share of the total that is cost at the best balance"

Redraw = Callable[[np.random.Generator], Curve]


@dataclass(frozen=True, slots=True)
class Frontier:
    """One frontier: its points, and points of another sample of its units. first : speaks for its field."""

    title: str
    where: Where
    first: bool
    curve: Curve
    redraw: Redraw


def study_frontiers(task: Task) -> Findings:
    """Curvatures with intervals, how far apart they lie inside and outside, and what two worlds show."""
    found = frontiers(task)
    n_redrawn = max(20, 2 * task.effort.n_instances)
    fits = {name: fit(one.curve) for name, one in found.items()}
    redrawn = np.array([
        [fit(one.redraw(task.stream("frontiers", name, str(k)))).share for k in range(n_redrawn)]
        for name, one in found.items()
    ]).T  # fmt: skip
    shares = Shares(tuple(found), np.array([one.share for one in fits.values()]), redrawn)
    inside = shares.of([name for name, one in found.items() if one.where != "outside" and one.first])
    outside = shares.of([name for name, one in found.items() if one.where == "outside"])
    findings = Findings(_each(found, shares))
    findings.estimates += [
        spread(inside).estimate("frontiers_spread", SHARE, of="inside"),
        spread(outside).estimate("frontiers_spread_outside", SHARE, of="outside"),
        alike_minus_outside(inside, outside).estimate("frontiers_alike_minus_outside", SHARE),
        _within(found, shares).estimate("frontiers_within_field", SHARE, of="within a field"),
        _squared(found["lift_error"], fits["lift_error"].share, n_redrawn, task),
        *_worlds(inside, outside, task),
    ]
    findings.series["frontiers"] = pd.DataFrame(_rows(found, shares, fits))
    findings.series["frontier_points"] = pd.DataFrame(
        table(fits, {name: one.curve for name, one in found.items()})
    )
    return findings


def frontiers(task: Task) -> dict[str, Frontier]:
    """All of them, by name."""
    held = data.load_portfolios()
    clustered: dict[str, tuple[str, Where, bool, data.Clustered]] = {
        "lift_error": ("Smallest lift of real trials, by epsilon", "commerce", True, data.load_lift_errors()),
        "lift_error_simulated": (
            "Smallest lift of simulated trials, by epsilon", "commerce", False,
            data.load_simulated_lift_errors(),
        ),
        "residual_risk": ("Risk left by patching, by money", "security", True, data.load_residual_risks()),
    }  # fmt: skip
    found = {
        name: Frontier(title, where, first, one.curve, partial(_drawn, one))
        for name, (title, where, first, one) in clustered.items()
    }
    found |= {
        "risk_turnover": Frontier(
            "Risk of minimum variance, by turnover", "finance", True, *_by_years(by_turnover(held), held)
        ),
        "risk_stocks": Frontier(
            "Risk of even weights, by number of stocks", "finance", False, *_by_years(by_stocks(held), held)
        ),
    }
    n_splits = min(20, max(4, task.effort.n_instances // 5))
    for name, (title, rows, judge) in OUTSIDE.items():
        errors = learning_errors(rows(), judge, n_splits, task.stream("frontiers", name))
        found[name] = Frontier(title, "outside", True, _of_splits(errors), partial(_other_splits, errors))
    return found


def _drawn(one: data.Clustered, rng: np.random.Generator) -> Curve:
    """Points of units drawn anew; a unit drawn twice has curves of its own twice where it has any alone."""
    units = np.unique(one.unit)
    shared = len(np.unique(one.curve.group)) < len(units)
    parts = []
    for copy, unit in enumerate(rng.choice(units, len(units))):
        part = one.curve.take(np.flatnonzero(one.unit == unit))
        parts.append(part if shared else replace(part, group=part.group + copy * (one.curve.group.max() + 1)))
    return Curve(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("cost", "loss", "group"))
    )


def _by_years(curve: Callable[[Ints], Curve], held: data.Portfolios) -> tuple[Curve, Redraw]:
    """Points of all months, and of calendar years drawn anew."""
    years = np.unique(held.year)

    def redraw(rng: np.random.Generator) -> Curve:
        return curve(
            np.concatenate([np.flatnonzero(held.year == one) for one in rng.choice(years, len(years))])
        )

    return curve(np.arange(len(held.year))), redraw


def by_turnover(held: data.Portfolios) -> Callable[[Ints], Curve]:
    """Of given months: turnover a year of weights changed every so many months, and standard deviation."""
    cost, paths = [], []
    for every in MONTHS:
        starts = range(0, every, -(-every // N_STARTS))
        found = [turnover_risk(held.weights, held.growth, every, first) for first in starts]
        cost.append(12 * float(np.mean([one for one, _ in found])))
        paths.append(np.stack([returns for _, returns in found]))

    def curve(months: Ints) -> Curve:
        risk = [float(one[:, months].std(axis=1).mean()) for one in paths]
        return Curve(np.array(cost), np.array(risk), np.zeros(len(cost), dtype=np.int64))

    return curve


def by_stocks(held: data.Portfolios) -> Callable[[Ints], Curve]:
    """Of given months: stocks held in even weights, and standard deviation over all ways to choose them."""

    def curve(months: Ints) -> Curve:
        covariance = np.cov(held.growth[months], rowvar=False)
        risk = np.array([subset_risk(covariance, n) for n in HELD])
        return Curve(np.array(HELD, dtype=float), risk, np.zeros(len(HELD), dtype=np.int64))

    return curve


def _of_splits(errors: Array) -> Curve:
    loss = errors.mean(axis=0)
    return Curve(np.array(N_ROWS, dtype=float), loss, np.zeros(len(loss), dtype=np.int64))


def _other_splits(errors: Array, rng: np.random.Generator) -> Curve:
    return _of_splits(errors[rng.integers(len(errors), size=len(errors))])


def _interval(value: float, redrawn: Array, n: int) -> Interval:
    low, high = (float(end) for end in np.quantile(redrawn, [0.025, 0.975]))
    how = f"quantiles of {len(redrawn)} redrawn frontiers"
    return Interval(value, min(low, value), max(high, value), float(redrawn.std(ddof=1)), n, how)


def _each(found: Mapping[str, Frontier], shares: Shares) -> list[Estimate]:
    """Curvature and share of each frontier."""
    estimates = []
    for at, (name, one) in enumerate(found.items()):
        share, redrawn, n = float(shares.value[at]), shares.redrawn[:, at], len(one.curve.cost)
        at_ = {"frontier": name, "field": one.where}
        estimates += [
            _interval(share, redrawn, n).estimate(f"frontiers_share_{name}", SHARE, **at_),
            _interval(share / (1 - share), redrawn / (1 - redrawn), n).estimate(
                f"frontiers_curvature_{name}", "exponent of cost", **at_
            ),
        ]
    return estimates


def _within(found: Mapping[str, Frontier], shares: Shares) -> Interval:
    """The greatest spread among frontiers of one field, over fields with more than one."""
    fields = sorted({one.where for one in found.values() if one.where != "outside"})
    many = [[name for name, one in found.items() if one.where == field] for field in fields]
    return max((spread(shares.of(names)) for names in many if len(names) > 1), key=lambda one: one.value)


def _squared(one: Frontier, share: float, n_redrawn: int, task: Task) -> Estimate:
    """How far the share moves if the same error is counted as a variance: what the choice of a scale does."""
    redrawn = []
    for k in range(n_redrawn):
        curve = one.redraw(task.stream("frontiers", "squared", str(k)))
        redrawn.append(fit(replace(curve, loss=curve.loss**2)).share - fit(curve).share)
    value = fit(replace(one.curve, loss=one.curve.loss**2)).share - share
    found = _interval(value, np.array(redrawn), len(one.curve.cost))
    return found.estimate("frontiers_scale_shift", SHARE, frontier="lift_error")


def _worlds(inside: Shares, outside: Shares, task: Task) -> list[Estimate]:
    """What would be found where fields are no more alike than anything, and where they are alike."""
    both = Shares(
        inside.names + outside.names, np.concatenate([inside.value, outside.value]),
        np.concatenate([inside.redrawn, outside.redrawn], axis=1),
    )  # fmt: skip
    estimates = []
    for world in ("null", "planted"):
        spreads, gaps = [], []
        for k in range(task.effort.n_draws):
            rng = task.stream("frontiers", world, str(k))
            truth = rng.uniform(*ANY_SHARE, len(both.names))
            if world == "planted":
                truth[: len(inside.names)], truth[len(inside.names) :] = truth[0], rng.permutation(APART)
            moved = both.moved(truth, rng)
            ours, theirs = moved.of(inside.names), moved.of(outside.names)
            spreads.append(spread(ours))
            gaps.append(alike_minus_outside(ours, theirs))
        estimates += [
            _over(f"frontiers_{what}", world, many)
            for what, many in (("spread", spreads), ("alike_minus_outside", gaps))
        ]
    return estimates


def _over(name: str, world: str, many: Sequence[Interval]) -> Estimate:
    values = np.array([one.value for one in many])
    low, high = (float(end) for end in np.quantile(values, [0.025, 0.975]))
    value = float(np.clip(values.mean(), low, high))
    return Estimate(
        name, value, low, high, SHARE, len(many), world=world, how=f"quantiles of {len(many)} draws",
        draws=tuple((one.low, one.high) for one in many),
    )  # fmt: skip


def _rows(
    found: Mapping[str, Frontier], shares: Shares, fits: Mapping[str, Fit]
) -> list[dict[str, object]]:  # fmt: skip
    """A row a frontier."""
    rows: list[dict[str, object]] = []
    for at, (name, one) in enumerate(found.items()):
        share = _interval(float(shares.value[at]), shares.redrawn[:, at], len(one.curve.cost))
        ends = (CURVATURES[0] / (1 + CURVATURES[0]), CURVATURES[-1] / (1 + CURVATURES[-1]))
        beyond = np.isclose(shares.redrawn[:, at, None], ends).any(axis=1).mean()
        rows.append({
            "frontier": name, "title": one.title, "field": one.where, "first": one.first,
            "points": share.n, "curvature": fits[name].curvature, "share": share.value, "low": share.low,
            "high": share.high, "at an end": float(beyond),
        })  # fmt: skip
    return rows

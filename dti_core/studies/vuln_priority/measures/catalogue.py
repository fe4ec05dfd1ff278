"""What each order covers of simulated exploits at one effort, and how many times as much as CVSS does."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.vuln_priority.model.effort import (
    Array,
    areas,
    coverage_difference,
    coverage_interval,
    coverage_ratio,
    curve,
    reached,
    resample,
)  # fmt: skip
from dti_core.studies.vuln_priority.worlds.catalogue import CATALOGUES, Catalogue, simulate_catalogue

#: Share of all records that is worked on.
EFFORT = 0.15
EFFORTS = np.arange(1, 101) / 100
SHARE, TIMES = "share of the exploited", "times as many exploited as by CVSS"
#: What stands against CVSS.
AGAINST_CVSS = ("risk", "epss", "ssvc", "random")
Score = Callable[[Catalogue, Catalogue, np.random.Generator], Array]


def learn_risk(past: Catalogue, here: Catalogue, rng: np.random.Generator) -> Array:
    """Chance (n,) to be exploited, learnt by logistic regression from other records' scores and fates."""
    from sklearn.linear_model import LogisticRegression

    if not 0 < past.exploited.sum() < len(past.exploited):
        return np.zeros(len(here.cvss))
    told = _told(past)
    middle, spread = told.mean(axis=0), np.maximum(told.std(axis=0), 1e-9)
    fit = LogisticRegression(max_iter=500).fit((told - middle) / spread, past.exploited)
    chance: Array = fit.predict_proba((_told(here) - middle) / spread)[:, 1]
    return chance


#: Orders of work by their score: past records, the records to be ordered, random numbers -> (n,).
ORDERS: dict[str, Score] = {
    "risk": learn_risk,
    "epss": lambda past, here, rng: here.epss,
    "ssvc": lambda past, here, rng: here.points,
    "cvss": lambda past, here, rng: here.cvss,
    "random": lambda past, here, rng: rng.random(len(here.cvss)),
    "true_chance": lambda past, here, rng: here.chance,
}


@dataclass(frozen=True, slots=True)
class Batch:
    """Draws of one world that are made together: a seed each, and the sizes."""

    world: str
    seeds: tuple[np.random.SeedSequence, ...]
    n_records: int
    n_resamples: int


def study_catalogue(
    seeds: np.random.SeedSequence, *, n_records: int, n_draws: int, n_resamples: int
) -> Findings:
    """Coverage, area and ratio over CVSS of each order in each world.

    Parameters
    ----------
    n_records : in a catalogue that is ordered; as many more are learnt from. n_draws : catalogues of a world.
    """
    batches = {
        world: Batch(world, tuple(one.spawn(n_draws)), n_records, n_resamples)
        for world, one in zip(CATALOGUES, seeds.spawn(len(CATALOGUES)), strict=True)
    }
    found, done = Findings(), run_keyed(run_batch, batches, "catalogue")
    for world, part in done.items():
        for name in ORDERS:
            at: dict[str, str | float] = {"order": name, "data": "simulated", "effort": EFFORT}
            for measure, unit in (("coverage", SHARE), ("auc", "area under the curve")):
                one = over_draws(f"catalogue_{measure}_{name}", unit, world, part[f"{measure}_{name}"], **at)
                found.estimates.append(one)
        for name in AGAINST_CVSS:
            one = over_draws(f"catalogue_{name}_over_cvss", TIMES, world, part[f"ratio_{name}"], order=name)
            found.estimates.append(one)
        one = over_draws("catalogue_risk_less_epss", SHARE, world, part["risk_less_epss"], order="risk")
        found.estimates.append(one)
    mean = done[OBSERVED]
    found.series["catalogue_curves"] = pd.concat(
        pd.DataFrame({"order": name, "effort": EFFORTS, "coverage": mean[f"curve_{name}"][0],
                      "efficiency": mean[f"curve_{name}"][1]}) for name in ORDERS
    )  # fmt: skip
    return found


def over_draws(name: str, unit: str, world: str, drawn: Array, **at: str | float) -> Estimate:
    """Mean over the draws of a world, the bounds of 95 % of them, and the interval of each.

    Parameters
    ----------
    drawn : (n_draws, 3) value, low, high; nan where a draw gave no answer.
    """
    known = drawn[np.isfinite(drawn[:, 0]), 0]
    low, high = np.quantile(known, [0.025, 0.975])
    ends = tuple((float(a), float(b)) if np.isfinite(a) else None for a, b in drawn[:, 1:])
    how = f"quantiles of {len(known)} draws"
    mean = float(np.clip(known.mean(), low, high))
    return Estimate(name, mean, low, high, unit, len(known), how=how, world=world, at=at, draws=ends)


def append_rows(found: Findings, name: str, rows: pd.DataFrame) -> None:
    """Add rows to a series, which begins with them if there is none."""
    before = [found.series[name]] if name in found.series else []
    found.series[name] = pd.concat([*before, rows], ignore_index=True)


def run_batch(batch: Batch) -> dict[str, Array]:
    """Every measure by its name, (n_draws, 3) value, low, high; and mean curves, (2, n_efforts)."""
    rows: dict[str, list[Array]] = {}
    for seeds in batch.seeds:
        for name, row in _one_draw(batch, np.random.default_rng(seeds)).items():
            rows.setdefault(name, []).append(row)
    return {
        name: np.mean(some, axis=0) if name.startswith("curve_") else np.array(some)
        for name, some in rows.items()
    }


def _one_draw(batch: Batch, rng: np.random.Generator) -> dict[str, Array]:
    settings = CATALOGUES[batch.world].settings
    past, here = (simulate_catalogue(settings, batch.n_records, rng) for _ in range(2))
    scores = {name: order(past, here, rng) for name, order in ORDERS.items()}
    chances = {name: reached(score, EFFORT)[here.exploited] for name, score in scores.items()}
    every = areas(np.stack(list(scores.values())), here.exploited)
    weights = resample(int(here.exploited.sum()), rng, batch.n_resamples)
    told = {}
    for which, (name, score) in enumerate(scores.items()):
        told[f"coverage_{name}"] = _row(coverage_interval(chances[name]))
        told[f"auc_{name}"] = _row(every.interval(which))
        told[f"curve_{name}"] = np.stack(curve(score, here.exploited, EFFORTS))
    for name in AGAINST_CVSS:
        told[f"ratio_{name}"] = _row(coverage_ratio(chances[name], chances["cvss"], weights))
    less = coverage_difference(chances["risk"], chances["epss"], weights)
    return told | {"risk_less_epss": _row(less)}


def _row(one: Interval | None) -> Array:
    return np.full(3, np.nan) if one is None else np.array([one.value, one.low, one.high])


def _told(records: Catalogue) -> Array:
    """(n, 6) what the regression sees of each record."""
    known = (
        records.cvss, np.log(records.epss), records.automatable, records.total, records.exploitation > 0,
        records.exploitation > 1,
    )  # fmt: skip
    return np.column_stack(known).astype(np.float64)

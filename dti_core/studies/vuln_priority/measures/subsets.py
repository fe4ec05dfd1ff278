"""Which scanners to keep, by a firm's size and hours: all fifteen subsets of four kinds of test.

Hours that scanners take are not there for mending. What no tool of a subset reports can still be found, by a
review that takes longer than looking into a report; packages are not known at all without their list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.vuln_priority.data.lab import UNSCORED, Lab
from dti_core.studies.vuln_priority.measures.orders import (
    GAIN,
    control_of,
    draw_cases,
    draw_flows,
    spread_over,
)
from dti_core.studies.vuln_priority.methods.fusion import KINDS, learnt, of_kind
from dti_core.studies.vuln_priority.methods.orders import by_risk_per_hour
from dti_core.studies.vuln_priority.model.evidence import Flags, Floats, Ints, flow_folds
from dti_core.studies.vuln_priority.model.work import avoided
from dti_core.studies.vuln_priority.worlds.assumptions import draw_assumptions, fill
from dti_core.studies.vuln_priority.worlds.running import (
    REVIEW,
    SIZES,
    WEEKLY_HOURS,
    WEEKS,
    Prices,
    draw_running,
)

SCA = "sca"
ALL_KINDS = (*KINDS, SCA)
SUBSETS = tuple(subset for size in range(1, len(ALL_KINDS) + 1) for subset in combinations(ALL_KINDS, size))
CELLS = tuple(product(SIZES, WEEKLY_HOURS))
#: What is within so much of the best is as good.
NEAR = 0.05
#: Estates of one set of assumptions.
ESTATES = 6
BAR = "pick_over_one"
#: What the pick by size is judged against; the first decides.
RIVALS = {
    BAR: "one pick for all sizes", "pick_over_single": "the best single kind by size",
    "pick_over_random": "subsets of as many kinds, at random",
}  # fmt: skip
PRICES: dict[str, Prices] = {"null": "none", "planted": "steep"}


@dataclass(frozen=True, slots=True)
class Known:
    """Cases of own code, with chances by kinds of test and whether any of these reports a case."""

    real: Flags
    severity: Floats
    flow: Ints
    chances: Mapping[tuple[str, ...], Floats]
    reported: Mapping[tuple[str, ...], Flags]


@dataclass(frozen=True, slots=True)
class Task:
    """Sets of assumptions, worked off with every subset in every cell."""

    known: Known
    prices: Prices
    n_sets: int
    seed: np.random.SeedSequence


def known_of(lab: Lab) -> Known:
    """Chances by every combination of the kinds of test that look at own code, on flows held out."""
    evidence, folds = lab.evidence, flow_folds(lab.evidence)
    chances: dict[tuple[str, ...], Floats] = {(): of_kind(evidence, folds)}
    reported: dict[tuple[str, ...], Flags] = {(): np.zeros(evidence.n, bool)}
    for size in range(1, len(KINDS) + 1):
        for kinds in combinations(KINDS, size):
            tools = [tool for kind in kinds for tool in KINDS[kind] if tool in evidence.tools]
            chances[kinds] = learnt(tools, "logistic", evidence, folds)
            reported[kinds] = np.asarray(evidence.of(tools).flags.any(axis=1))
    return Known(evidence.real, lab.severity, evidence.flow, chances, reported)


def study_subsets(
    lab: Lab, seeds: np.random.SeedSequence, n_sets: int, n_controls: int, n_control_sets: int
) -> Findings:
    """What every subset avoids by size and hours, which to pick, and what picking by size is worth."""
    known = known_of(lab)
    first, *others = seeds.spawn(1 + len(PRICES))
    tasks = {("", k): Task(known, "drawn", 10, seed) for k, seed in enumerate(first.spawn(-(-n_sets // 10)))}
    for (world, prices), root in zip(PRICES.items(), others, strict=True):
        tasks |= {
            (world, k): Task(known, prices, n_control_sets, seed)
            for k, seed in enumerate(root.spawn(n_controls))
        }
    parts = run_keyed(work_off, tasks, "subsets of scanners")
    told = np.concatenate([part for (world, _), part in parts.items() if not world])
    found = Findings(series={"subsets": _table(told)})
    gains = gains_of(told)
    for name, rival in RIVALS.items():
        found.estimates.append(spread_over(name, gains[name], GAIN, bar=name, rival=rival))
    better = gains[BAR] > 0
    found.estimates.append(share(int(better.sum()), len(better)).estimate(f"{BAR}_share", "share of sets"))
    for world in PRICES:
        drawn = [gains_of(part)[BAR] for (key, _), part in parts.items() if key == world]
        found.estimates.append(control_of(BAR, world, drawn, RIVALS[BAR]))
    found.estimates += _cells(told)
    return found


def work_off(task: Task) -> Floats:
    """(n_sets, n_cells, n_subsets) share of the loss avoided, mean of a set's estates."""
    rng, known = np.random.default_rng(task.seed), task.known
    found = np.zeros((task.n_sets, len(CELLS), len(SUBSETS)))
    for row in range(task.n_sets):
        assumed, running = draw_assumptions(rng, {}), draw_running(task.prices, rng)
        review = assumed.triage_hours * REVIEW.draw(rng)
        pool = draw_flows(known.flow, rng)
        moved = logit(assumed.prevalence) - logit(known.real.mean())
        for size, n_items in SIZES.items():
            n_packages = round(running.packages[size] * n_items)
            n_code, more = n_items - n_packages, (ESTATES, n_packages)
            code = draw_cases(pool, known.real, assumed.prevalence, rng, (ESTATES, n_code))
            real = np.hstack([known.real[code], rng.random(more) < running.packages_real])
            items = fill(real, np.hstack([known.severity[code], np.full(more, UNSCORED)]), assumed, rng)
            for place, subset in enumerate(SUBSETS):
                kinds = tuple(kind for kind in subset if kind != SCA)
                own = expit(logit(known.chances[kinds])[code] + moved)
                chance = np.hstack([own, np.full(more, running.packages_real)])
                told = np.hstack([known.reported[kinds][code], np.ones(more, bool)])
                seen = replace(items, triage_hours=np.where(told, assumed.triage_hours, review))
                score = by_risk_per_hour(seen, chance, rng)
                if SCA not in subset:
                    score[:, n_code:] = -np.inf
                for at in WEEKLY_HOURS:
                    left = max(0.0, WEEKS * (at - running.hours(subset, n_items)))
                    found[row, CELLS.index((size, at)), place] = avoided(seen, score, left).mean()
    return found


def gains_of(told: Floats) -> dict[str, Floats]:
    """(n_sets,) by bar: what the pick of each cell avoids beyond its rivals', means over cells.

    Picks are made on one half of the sets and judged on the other, both ways.
    """
    half = np.arange(len(told)) % 2 == 0
    singles = [place for place, subset in enumerate(SUBSETS) if len(subset) == 1]
    found = {name: np.zeros(len(told)) for name in RIVALS}
    for learn in (half, ~half):
        mean = told[learn].mean(axis=0)
        picks, one, single = mean.argmax(axis=1), mean.mean(axis=0).argmax(), mean[:, singles].argmax(axis=1)
        rows, cells = told[~learn], np.arange(len(CELLS))
        mine = rows[:, cells, picks]
        alike = np.stack(
            [rows[:, cell, [k for k, s in enumerate(SUBSETS) if len(s) == len(SUBSETS[pick])]].mean(axis=1)
             for cell, pick in enumerate(picks)], axis=1,
        )  # fmt: skip
        found["pick_over_one"][~learn] = (mine - rows[:, :, one]).mean(axis=1)
        found["pick_over_random"][~learn] = (mine - alike).mean(axis=1)
        found["pick_over_single"][~learn] = (mine - rows[:, cells, np.array(singles)[single]]).mean(axis=1)
    return found


def name_of(subset: Sequence[str]) -> str:
    """A subset in a word: 'sast+sca'."""
    return "+".join(subset)


def _table(told: Floats) -> pd.DataFrame:
    """One row a cell and subset: mean share avoided, whether it is near the best, and the cheapest."""
    rows, middle = [], np.random.default_rng(0)
    running = [draw_running("drawn", middle) for _ in range(200)]
    for cell, (size, hours) in enumerate(CELLS):
        mean = told[:, cell].mean(axis=0)
        cost = np.array([np.mean([one.hours(s, SIZES[size]) for one in running]) for s in SUBSETS])
        near = mean >= (1 - NEAR) * mean.max()
        cheapest = int(np.flatnonzero(near)[cost[near].argmin()])
        for place, subset in enumerate(SUBSETS):
            rows.append({"size": size, "hours": hours, "subset": name_of(subset), "avoided": mean[place],
                         "running_hours": cost[place], "near_best": bool(near[place]),
                         "pick": place == cheapest})  # fmt: skip
    return pd.DataFrame(rows)


def _cells(told: Floats) -> list[Estimate]:
    """What all four kinds, and the best single one on average, avoid in each cell."""
    found = []
    for (cell, (size, hours)), (name, place) in product(
        enumerate(CELLS),
        {"all": len(SUBSETS) - 1, **{s[0]: k for k, s in enumerate(SUBSETS) if len(s) == 1}}.items(),
    ):
        found.append(
            spread_over(f"subset_{name}_{size}_{hours:.0f}", told[:, cell, place], GAIN, subset=name,
                        size=size,
                        weekly_hours=hours)
        )  # fmt: skip
    return found

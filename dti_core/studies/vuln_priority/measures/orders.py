"""What an order of work avoids in the hours at hand: impact and cost in it, and several tools behind it.

The lab tells what is real and what tools report; values, chances and hours are drawn from stated spans. A
gain is a difference in the share of the whole loss that is avoided in the same hours, on the same findings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.vuln_priority.methods.fusion import FAVOURITE, TOOLS
from dti_core.studies.vuln_priority.methods.orders import ORDERS
from dti_core.studies.vuln_priority.model.evidence import Evidence, Flags, Floats, Ints, flow_folds
from dti_core.studies.vuln_priority.model.learners import held_out
from dti_core.studies.vuln_priority.model.work import avoided
from dti_core.studies.vuln_priority.worlds import WORLDS
from dti_core.studies.vuln_priority.worlds.assumptions import (
    SPANS,
    Assumptions,
    budget_hours,
    draw_assumptions,
    fill,
)
from dti_core.studies.vuln_priority.worlds.settings import Setting

#: The order that is judged, and the rival of each bar.
BEST = "risk_per_hour"
RIVALS = {
    "hours_matter": "risk", "risk_matters": "effort", "order_matters": "random",
    "impact_matters": "without_impact", "right_impact_matters": "dealt_impact",
    "over_severity": "severity", "over_exploit": "exploit",
}  # fmt: skip
FUSION = "fusion_finds_more"
#: What a firm without test runs has; it stands beside and is no rival.
STATIC = "static"
#: Bars that must hold together, by what they say together.
TOGETHER = {
    "balance": ("hours_matter", "risk_matters", "order_matters"),
    "several_tools": (FUSION, "right_impact_matters"),
    "impact": ("impact_matters", "right_impact_matters"),
    "impact_and_cost": ("over_severity", "over_exploit", "right_impact_matters"),
}  # fmt: skip
#: Estates of one set of assumptions, whose mean is that set's answer, and findings of one estate. With few
#: estates their luck widens the range over sets: the share of its variance that is luck is told.
ESTATES, SIZE = 64, 240
#: What the planted tool is worth: its shares of real and of safe cases that it reports.
STRONG = (0.95, 0.01)
GAIN = "share of the whole loss"


@dataclass(frozen=True, slots=True)
class Reported:
    """What is known of the lab's cases: truth, the tools' severity, flow, and chances (n,) by method."""

    real: Flags
    severity: Floats
    flow: Ints
    chances: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Task:
    """Sets of assumptions of one world of one `bar`, or of all bars, "", where nothing is fixed.

    evidence : from which the fusion learns anew where a world changes what tools report.
    """

    bar: str
    reported: Reported
    evidence: Evidence
    setting: Setting
    n_sets: int
    seed: np.random.SeedSequence


def study_orders(
    evidence: Evidence, severity: Floats, chances: Mapping[str, Floats], seeds: np.random.SeedSequence,
    n_sets: int, n_controls: int, n_control_sets: int,
) -> Findings:  # fmt: skip
    """All bars over sets of assumptions, with their controls; and what each order avoids.

    Parameters
    ----------
    chances : method -> (n,), of flows held out. n_controls : draws of each control world, each a range over
    n_control_sets.
    """
    known = {name: chances[name] for name in (*evidence.tools, STATIC, FAVOURITE)}
    reported = Reported(evidence.real, severity, evidence.flow, known)
    first, second = seeds.spawn(2)
    tasks = {
        ("", k): Task("", reported, evidence, Setting(), chunk, seed)
        for k, (chunk, seed) in _chunks(n_sets, first)
    }
    for world in ("null", "planted"):
        for bar, setting in WORLDS[world].settings.items():
            (root,) = second.spawn(1)
            tasks |= {
                (f"{bar}@{world}", k): Task(bar, reported, evidence, setting, n_control_sets, seed)
                for k, seed in enumerate(root.spawn(n_controls))
            }
    parts = run_keyed(work_off, tasks, "orders of work")
    told = pd.concat([part for (key, _), part in parts.items() if not key], ignore_index=True)
    found = Findings(series={"orders": told})
    found.estimates += [*_shares(told), *_bars(told)]
    for world in ("null", "planted"):
        for bar in WORLDS[world].settings:
            drawn = [gains_of(part, bar) for (key, _), part in parts.items() if key == f"{bar}@{world}"]
            found.estimates.append(control_of(bar, world, drawn, RIVALS.get(bar, "best single tool")))
    return found


def work_off(task: Task) -> pd.DataFrame:
    """One row a set of assumptions: what each order avoids with the fusion, each tool with the best order.

    Columns `luck BAR` hold the variance of that set's gain that comes of its estates being few.
    """
    rng, rows = np.random.default_rng(task.seed), []
    task = replace(task, reported=_altered(task.evidence, task.reported, task.setting, rng))
    for _ in range(task.n_sets):
        assumed = draw_assumptions(rng, task.setting.fixed)
        each = pd.DataFrame(_estates(task, assumed, rng))
        luck = {f"luck {bar}": gains_of(each, bar).var(ddof=1) / ESTATES for bar in _bars_in(each)}
        rows.append(each.mean().to_dict() | luck | {name: getattr(assumed, name) for name in SPANS})
    return pd.DataFrame(rows)


def _bars_in(told: pd.DataFrame) -> list[str]:
    """Bars whose orders were all worked off."""
    return [bar for bar, rival in RIVALS.items() if f"{FAVOURITE} {rival}" in told]


def _estates(task: Task, assumed: Assumptions, rng: np.random.Generator) -> dict[str, Floats]:
    """(ESTATES,) shares avoided in estates of one set, whose findings are of flows drawn once."""
    told, setting = task.reported, task.setting
    rows = draw_cases(draw_flows(told.flow, rng), told.real, assumed.prevalence, rng, (ESTATES, SIZE))
    real = np.ones(rows.shape, bool) if setting.all_real else told.real[rows]
    items = fill(real, told.severity[rows], assumed, rng)
    if setting.severity == "truth":
        items = replace(items, severity=items.loss_usd / items.hours)
    hours, found = budget_hours(items, assumed), {}
    moved = logit(assumed.prevalence) - logit(told.real.mean())
    for name, chances in told.chances.items():
        chance = np.ones(rows.shape) if setting.all_real else expit(logit(chances)[rows] + moved)
        for order in _asked(task.bar, name):
            found[f"{name} {order}"] = avoided(items, ORDERS[order].run(items, chance, rng), hours)
    return found


def _asked(bar: str, method: str) -> tuple[str, ...]:
    """Orders that a bar asks of a method; all of the fusion where all bars are asked."""
    if method != FAVOURITE:
        return (BEST,) if bar in ("", FUSION) else ()
    if not bar:
        return tuple(ORDERS)
    return (BEST, RIVALS[bar]) if bar in RIVALS else (BEST,)


def draw_flows(flow: Ints, rng: np.random.Generator) -> Ints:
    """Cases of as many flows, drawn with replacement, as another lab would have others."""
    flows = np.unique(flow)
    return np.concatenate([np.flatnonzero(flow == one) for one in rng.choice(flows, size=len(flows))])


def draw_cases(
    pool: Ints, real: Flags, prevalence: float, rng: np.random.Generator, shape: tuple[int, ...]
) -> Ints:
    """(..., n) cases out of a pool, in each row as many real ones as `prevalence` says.

    The lab has more flaws than code has; every chance is moved by the same odds.
    """
    yes, no = pool[real[pool]], pool[~real[pool]]
    n_real = rng.binomial(shape[-1], prevalence, size=(*shape[:-1], 1))
    first = yes[rng.integers(len(yes), size=shape)]
    return np.where(np.arange(shape[-1]) < n_real, first, no[rng.integers(len(no), size=shape)])


def gains_of(told: pd.DataFrame, bar: str) -> Floats:
    """(n_sets,) gains of a bar; the fusion's is over the single tool that avoids most on average."""
    best = told[f"{FAVOURITE} {BEST}"]
    if bar != FUSION:
        return np.asarray(best - told[f"{FAVOURITE} {RIVALS[bar]}"])
    singles = told[[f"{tool} {BEST}" for tool in TOOLS if f"{tool} {BEST}" in told]]
    return np.asarray(best - singles[singles.mean().idxmax()])


def spread_over(name: str, values: Floats, unit: str, **at: str | float) -> Estimate:
    """The median of what sets of assumptions gave, and the range that holds 95 % of them."""
    low, middle, high = np.quantile(values, (0.025, 0.5, 0.975))
    how = f"95 % of {len(values)} sets of assumptions, flows of the lab drawn anew in each"
    return Estimate(name, middle, low, high, unit, len(values), how=how, at=at)


def _bars(told: pd.DataFrame) -> list[Estimate]:
    found = []
    for bar in (*RIVALS, FUSION):
        gains = gains_of(told, bar)
        at = {"bar": bar, "rival": RIVALS.get(bar, "best single tool")}
        found += [
            spread_over(bar, gains, GAIN, **at),
            share(int((gains > 0).sum()), len(gains)).estimate(f"{bar}_share", "share of sets", **at),
        ]
        if f"luck {bar}" in told:
            luck = float(told[f"luck {bar}"].mean() / gains.var(ddof=1))
            found.append(
                Estimate(f"{bar}_luck", luck, luck, luck, "share of the variance between sets", len(gains),
                         how="mean variance within sets", at=at)
            )  # fmt: skip
    for name, bars in TOGETHER.items():
        all_ = np.all([gains_of(told, bar) > 0 for bar in bars], axis=0)
        found.append(share(int(all_.sum()), len(all_)).estimate(f"{name}_share", "share of sets", bars=name))
    return found


def _shares(told: pd.DataFrame) -> list[Estimate]:
    found = []
    for name in told:
        method, _, order = str(name).partition(" ")
        if order in ORDERS:
            found.append(spread_over(f"avoided_{method}_{order}", told[name].to_numpy(), GAIN, method=method,
                                     order=order))  # fmt: skip
    return found


def control_of(bar: str, world: str, drawn: Sequence[Floats], rival: str) -> Estimate:
    """Mean gain of a control world, with the range of each draw."""
    ends = [np.quantile(one, (0.025, 0.975)) for one in drawn]
    means = np.array([np.median(one) for one in drawn])
    middle = float(means.mean())
    low, high = map(float, np.quantile(means, (0.025, 0.975)))
    return Estimate(
        bar, middle, min(low, middle), max(high, middle), GAIN, len(drawn), how=f"95 % of {len(drawn)} draws",
        world=world, draws=tuple((float(one[0]), float(one[1])) for one in ends),
        at={"bar": bar, "rival": rival},
    )  # fmt: skip


def _altered(evidence: Evidence, reported: Reported, setting: Setting, rng: np.random.Generator) -> Reported:
    """What is known where the tools beside the best one are made worthless, or one strong one is added."""
    if setting.others == "as they are":
        return reported
    changed = _dealt(evidence, rng) if setting.others == "dealt" else _strong(evidence, rng)
    chance = held_out("logistic", changed, flow_folds(changed))
    return replace(reported, chances={**reported.chances, FAVOURITE: chance})


def _dealt(evidence: Evidence, rng: np.random.Generator) -> Evidence:
    """Reports of all tools but the best dealt among cases of a kind: as many, and worth nothing."""
    worth = [np.corrcoef(evidence.flags[:, k], evidence.real)[0, 1] for k in range(len(evidence.tools))]
    keep, rows = int(np.argmax(worth)), np.arange(evidence.n)
    for kind in np.unique(evidence.family):
        mine = np.flatnonzero(evidence.family == kind)
        rows[mine] = rng.permutation(mine)
    flags, strength = evidence.flags[rows].copy(), evidence.strength[rows].copy()
    flags[:, keep], strength[:, keep] = evidence.flags[:, keep], evidence.strength[:, keep]
    return replace(evidence, flags=flags, strength=strength)


def _strong(evidence: Evidence, rng: np.random.Generator) -> Evidence:
    flags = rng.random(evidence.n) < np.where(evidence.real, *STRONG)
    return evidence.beside("planted", flags)


def _chunks(
    total: int, root: np.random.SeedSequence, size: int = 25
) -> list[tuple[int, tuple[int, np.random.SeedSequence]]]:
    sizes = [min(size, total - start) for start in range(0, total, size)]
    return list(enumerate(zip(sizes, root.spawn(len(sizes)), strict=True)))

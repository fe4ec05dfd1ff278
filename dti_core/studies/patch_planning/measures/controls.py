"""Worlds in which every planner's answer is known: all alike, nothing at risk, one flaw above all.

The estates of a world are mended so that what its title says holds in every one of them.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, share
from dti_core.lab.parallel import run_keyed
from dti_core.studies.patch_planning.measures.contest import CHUNK
from dti_core.studies.patch_planning.measures.ratios import gain
from dti_core.studies.patch_planning.methods.agents import follow
from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.methods.lessons import FAVOURITE, SMALL
from dti_core.studies.patch_planning.methods.plan import run_clairvoyant, run_rolling, run_rule
from dti_core.studies.patch_planning.methods.rules import ORDERS, Rule
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.model.estates import NEVER, Array, Estates, Flags, Ints
from dti_core.studies.patch_planning.model.plans import account
from dti_core.studies.patch_planning.worlds.draws import draw_estates
from dti_core.studies.patch_planning.worlds.mended import alike, with_one_flaw

CONTROLS = ("equal", "no_risk", "one_flaw")
#: World in whose training nothing kept money back, as in the controls.
_HOME = "scarce"
#: Patches by severity whatever it costs; shows that planning nothing is not what all do.
HEEDLESS = "severity_at_any_cost"
RIVAL = "random"
Task = tuple[str, tuple[int, ...], int, Effort]


def study_controls(
    seeds: np.random.SeedSequence, n_estates: int, n_seeds: int, n_resamples: int,
    effort: Effort | None = None,
) -> Findings:  # fmt: skip
    """What each planner gains where no order may win, plans where nothing pays, and finds where it must."""
    drawn, chance = seeds.spawn(2)
    tasks: dict[tuple[str, int], Task] = {}
    for world, own in zip(CONTROLS, drawn.spawn(len(CONTROLS)), strict=True):
        state = [int(one) for one in own.generate_state(n_estates, np.uint64)]
        for at in range(0, n_estates, CHUNK):
            tasks[world, at] = (world, tuple(state[at : at + CHUNK]), n_seeds, effort or Effort())
    done = run_keyed(plan_control, tasks, "controls")
    together = {
        world: {
            name: np.concatenate([one[name] for (w, _), one in done.items() if w == world], axis=1)
            for name in done[world, 0]
        }
        for world in CONTROLS
    }
    found, rng = Findings(), np.random.default_rng(chance)
    rows = _equal(found, together["equal"], rng, n_resamples)
    rows += _counted(found, "no_risk", "plans_something", together["no_risk"])
    rows += _counted(found, "one_flaw", "finds_the_flaw", together["one_flaw"])
    found.series["controls"] = pd.DataFrame(rows)
    return found


def plan_control(task: Task) -> dict[str, Array]:
    """By planner, (R, N): net dollars where all is alike, else whether it plans any, or finds the flaw."""
    world, seeds, n_seeds, effort = task
    estates, flaw = mended(world, draw_estates(world, SMALL, seeds))
    plans: dict[str, list[Ints]] = {
        order: [run_rule(estates, Rule(order), np.random.default_rng(seeds[0]))] for order in ORDERS
    }
    plans[HEEDLESS] = [run_rule(estates, Rule("severity", only_worthwhile=False))]
    plans["rolling_milp"] = [run_rolling(estates, None, effort).plan]
    plans["clairvoyant"] = [run_clairvoyant(estates, effort).plan]
    for policy in load_shipped().seeds_of(_HOME, FAVOURITE)[:n_seeds]:
        plans.setdefault(FAVOURITE, []).append(follow(estates, policy.act, Rule("net_per_hour_and_dollar")))
    return {name: np.stack([_told(world, estates, plan, flaw) for plan in some])
            for name, some in plans.items()}  # fmt: skip


def mended(world: str, estates: Estates) -> tuple[Estates, Flags]:
    """The estates of a control, and (N, B) which bundles the question is about."""
    if world == "one_flaw":
        return with_one_flaw(estates)
    every = np.ones(estates.service.shape, dtype=bool)
    return (alike(estates) if world == "equal" else estates), every


def _told(world: str, estates: Estates, plan: Ints, asked: Flags) -> Array:
    if world == "equal":
        return account(estates, plan).net_usd
    return ((plan < NEVER) & asked).any(axis=1).astype(float)


def _equal(
    found: Findings, nets: Mapping[str, Array], rng: np.random.Generator, n_resamples: int
) -> list[dict[str, object]]:
    rows = []
    for name, net in nets.items():
        if name == RIVAL:
            continue
        part = gain(net, nets[RIVAL][0], rng, n_resamples)
        rows.append(_add(found, part, f"gain_{name}_{SMALL}", "share of what a random order earns",
                         "equal", "gain on a random order", name))  # fmt: skip
    return rows


def _counted(found: Findings, world: str, measure: str, told: Mapping[str, Array]) -> list[dict[str, object]]:
    """In how many estates; of planners that were trained, all seeds together count."""
    unit = "share of estates"
    return [_add(found, share(int(one.sum()), one.size), f"{measure}_{name}", unit, world, measure, name)
            for name, one in told.items()]  # fmt: skip


def _add(
    found: Findings, part: Interval, name: str, unit: str, world: str, measure: str, method: str
) -> dict[str, object]:
    at: dict[str, str | float] = {"measure": measure.replace("_", " "), "method": method, "services": SMALL}
    found.estimates.append(part.estimate(name, unit, world, **at))
    return {"world": world, "measure": measure, "method": method, "value": part.value, "low": part.low,
            "high": part.high}  # fmt: skip

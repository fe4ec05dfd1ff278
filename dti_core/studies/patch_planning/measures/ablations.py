"""What each part of the agents brings: teaching them together, a manager, the call graph, prices on limits.

Each agent with a part left out is compared with the favourite over seeds of training, on the same estates, in
what the tuned rule earns; learning curves are told beside.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.parallel import run_keyed
from dti_core.studies.patch_planning.measures.contest import CHUNK
from dti_core.studies.patch_planning.measures.ratios import gain, mean
from dti_core.studies.patch_planning.methods.agents import follow
from dti_core.studies.patch_planning.methods.lessons import (
    ALLOWED_DOWNTIME,
    FAVOURITE,
    SMALL,
    TAUGHT,
    Variant,
)
from dti_core.studies.patch_planning.methods.plan import run_rule
from dti_core.studies.patch_planning.methods.reports import mediated
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.model.estates import Array
from dti_core.studies.patch_planning.model.plans import account, expected_net_usd
from dti_core.studies.patch_planning.worlds import told_as
from dti_core.studies.patch_planning.worlds.draws import draw_estates

HOME = "tight_budget"
#: Without which part: algorithm and variant, its title, and whether it was trained in the one world alone.
ABLATIONS: dict[str, tuple[str, Variant, str, bool]] = {
    "independent": ("ippo", "plain", "taught each by its own critic (IPPO)", False),
    "selfish": ("selfish", "plain", "each for its own dollars", False),
    "one_agent": ("single", "plain", "one agent for the estate", False),
    "manager": ("hierarchical", "plain", "under a manager", False),
    "no_graph": (FAVOURITE, "no_graph", "without the call graph", True),
}
#: How downtime is held down: by prices that move, by a fixed charge in the reward, or not at all.
HELD: dict[str, Variant] = {"free": "plain", "lagrange": "lagrange", "shaping": "shaping"}
Task = tuple[str, tuple[int, ...], int]


def study_ablations(
    seeds: np.random.SeedSequence, n_estates: int, n_seeds: int, n_resamples: int
) -> Findings:
    """Gain on the rule without each part, and what the part brings; downtime over its limit, and its cost."""
    work, chance = seeds.spawn(2)
    tasks: dict[tuple[str, int], Task] = {}
    for world, own in zip(TAUGHT, work.spawn(len(TAUGHT)), strict=True):
        state = [int(one) for one in own.generate_state(n_estates, np.uint64)]
        for at in range(0, n_estates, CHUNK):
            tasks[world, at] = (world, tuple(state[at : at + CHUNK]), n_seeds)
    done = run_keyed(plan_ablations, tasks, "ablations")
    found, rng, rows = Findings(), np.random.default_rng(chance), []
    for world in TAUGHT:
        some = [one for (name, _), one in done.items() if name == world]
        told = {key: np.concatenate([one[key] for one in some], axis=1) for key in some[0]}
        rows += _parts(found, world, told, rng, n_resamples)
        if world == HOME:
            _held(found, told, rng, n_resamples)
    found.series["ablations"] = pd.DataFrame(rows)
    found.series["learning"] = learning_curves()
    return found


def plan_ablations(task: Task) -> dict[str, Array]:
    """(R, N) net dollars as "net NAME" and minutes of downtime as "minutes NAME", of agents and the rule."""
    world, seeds, n_seeds = task
    estates, shipped = draw_estates(world, SMALL, seeds), load_shipped()
    briefing = shipped.briefing(world, SMALL)
    rule, view = briefing.rule, mediated(world, briefing.outage_usd)
    plans = {"rule": [run_rule(estates, rule)]}
    wanted = {name: (algorithm, variant) for name, (algorithm, variant, _, home) in ABLATIONS.items()
              if not home or world == HOME}  # fmt: skip
    wanted |= {
        name: (FAVOURITE, variant) for name, variant in HELD.items() if world == HOME or name == "free"
    }
    for name, (algorithm, variant) in wanted.items():
        policies = shipped.seeds_of(world, algorithm, variant)[:n_seeds]
        plans[name] = [follow(estates, policy.act, rule, view) for policy in policies]
    found = {}
    for name, some in plans.items():
        if some:
            found[f"net {name}"] = np.stack([expected_net_usd(estates, plan) for plan in some])
            minutes = [account(estates, plan).minutes.sum(axis=(1, 2)) for plan in some]
            found[f"minutes {name}"] = np.stack(minutes)
    return found


def _parts(
    found: Findings, world: str, told: dict[str, Array], rng: np.random.Generator, n_resamples: int
) -> list[dict[str, object]]:
    """Gains on the rule without each part, and how much less that is than with all, seed by seed."""
    where = told_as(world)
    rule, whole, rows = told["net rule"][0], told["net free"], []
    for name, (_, _, title, _) in ABLATIONS.items():
        if f"net {name}" not in told:
            continue
        without = told[f"net {name}"]
        lost = gain(whole - without + rule, rule, rng, n_resamples)
        found.estimates.append(
            lost.estimate(
                f"part_{name}", "share of what the tuned rule earns", where,
                measure="gain of the favourite over agents", part=name, services=SMALL,
            )
        )  # fmt: skip
        alone = gain(without, rule, rng, n_resamples)
        rows.append({"world": world, "part": name, "title": title, "gain": alone.value, "low": alone.low,
                     "high": alone.high, "lost": lost.value, "lost_low": lost.low,
                     "lost_high": lost.high})  # fmt: skip
    return rows


def _held(found: Findings, told: dict[str, Array], rng: np.random.Generator, n_resamples: int) -> None:
    """Share of quarters over the minutes of downtime that were allowed, and what holding them costs."""
    rule, rows = told["net rule"][0], []
    allowed = ALLOWED_DOWNTIME * told["minutes rule"].mean()
    for name in HELD:
        minutes = told[f"minutes {name}"]
        over = mean((minutes > allowed).astype(float), rng, n_resamples)
        used = mean(minutes / allowed, rng, n_resamples)
        net = gain(told[f"net {name}"], rule, rng, n_resamples)
        for part, key, unit in ((over, "over", "share of quarters"),
                                (used, "downtime", "share of the allowed downtime"),
                                (net, "gain", "share of what the tuned rule earns")):  # fmt: skip
            found.estimates.append(
                part.estimate(f"held_{name}_{key}", unit, measure="downtime held", how_held=name, what=key)
            )
        rows.append({"held": name, "over": over.value, "downtime": used.value, "gain": net.value})
    found.series["held"] = pd.DataFrame(rows)


def learning_curves(worlds: Sequence[str] = TAUGHT) -> pd.DataFrame:
    """Return of each round of training, in dollars an estate, of every algorithm and seed."""
    rows = []
    for key, curve in load_shipped().curves.items():
        world, size, algorithm, variant, seed = key.split(".")
        if world in worlds and variant == "plain" and int(size) == SMALL:
            rows += [{"world": world, "algorithm": algorithm, "seed": int(seed), "round": at, "usd": usd}
                     for at, usd in enumerate(curve)]  # fmt: skip
    return pd.DataFrame(rows, columns=["world", "algorithm", "seed", "round", "usd"])

"""Where only a service knows what its downtime costs: who wins if it says so, exaggerates, or is not asked?

A central planner, rule or exact, hears reports. Agents are asked nothing: each knows its own price and acts
on it, over bids of a mediator that knows none. Plans are judged by the true prices.
"""

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import mean_over_seeds
from dti_core.lab.parallel import run_keyed
from dti_core.studies.patch_planning.measures.contest import SOLVED_CHUNK as CHUNK
from dti_core.studies.patch_planning.measures.ratios import gain
from dti_core.studies.patch_planning.methods.agents import follow_all
from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.methods.lessons import SMALL
from dti_core.studies.patch_planning.methods.plan import run_rolling, run_rule
from dti_core.studies.patch_planning.methods.reports import (
    EXAGGERATION,
    mediated,
    normalised,
    strategic,
    unreported,
)
from dti_core.studies.patch_planning.methods.rules import Rule
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.model.estates import Array, Estates, Flags, Ints
from dti_core.studies.patch_planning.model.plans import account, expected_net_usd
from dti_core.studies.patch_planning.model.worth import avoided_usd
from dti_core.studies.patch_planning.worlds.draws import draw_estates

WORLD = "conflict"
#: Who learns in this chapter's conflict: taught together, and each for itself.
AGENTS = ("mappo", "ippo", "selfish")
#: What one service may claim its downtime costs, as a multiple of the truth.
TRUTH = 1.0
CLAIMS = (0.25, 0.5, TRUTH, 2.0, 4.0, 8.0)
#: Share of the loss by its own flaws that a service bears itself: it sets whether exaggeration pays.
BORNE = (0.05, 0.25, 1.0)
#: What is reported, by estates and what a minute of downtime usually costs.
Report = Callable[[Estates, float], Array]


def _half(estates: Estates) -> Flags:
    """(N, S) every second service."""
    return np.broadcast_to(np.arange(estates.n_services) % 2 == 0, estates.setup_hours.shape)


def _all(estates: Estates) -> Flags:
    return np.ones(estates.setup_hours.shape, dtype=bool)


REPORTS: Mapping[str, tuple[str, Report]] = {
    "truth": ("told the truth", lambda e, _: e.outage_usd),
    "exaggerated": ("told four times the truth by all", lambda e, _: strategic(e, _all(e))),
    "normalised": ("the same, scaled back to the known mean",
                   lambda e, _: normalised(e, strategic(e, _all(e)))),
    "half": ("told four times the truth by half, scaled back",
             lambda e, _: normalised(e, strategic(e, _half(e)))),
    "none": ("told nothing", unreported),
}  # fmt: skip


def study_conflict(
    seeds: np.random.SeedSequence, n_estates: int, n_seeds: int, n_resamples: int,
    effort: Effort | None = None,
) -> Findings:  # fmt: skip
    """Net dollars of rule, exact plan and agents by what is reported, on the same estates."""
    drawn, chance = seeds.spawn(2)
    state = [int(one) for one in drawn.generate_state(n_estates, np.uint64)]
    chunks = {
        at: (tuple(state[at : at + CHUNK]), n_seeds, effort or Effort()) for at in range(0, n_estates, CHUNK)
    }
    done = list(run_keyed(_seats, chunks, "conflict").values())
    nets = {seat: np.concatenate([one[seat] for one in done], axis=1) for seat in done[0]}
    rng, found, rows = np.random.default_rng(chance), Findings(), []
    for (who, told), net in nets.items():
        part = gain(net, nets["exact", "truth"][0], rng, n_resamples)
        found.estimates.append(
            part.estimate(
                f"conflict_{who}_{told}", "share of what the exact plan earns that is told the truth", WORLD,
                measure="gain in conflict", seat=f"{who}, {told}", services=SMALL,
            )
        )  # fmt: skip
        rows.append({"planner": who, "told": told, "gain": part.value, "low": part.low, "high": part.high})
    found.series["conflict"] = pd.DataFrame(rows)
    found.series["claims"] = _incentives(state)
    return found


def _seats(task: tuple[tuple[int, ...], int, Effort]) -> dict[tuple[str, str], Array]:
    """(R, N) net dollars by planner and what it is told."""
    seeds, n_seeds, effort = task
    estates, shipped = draw_estates(WORLD, SMALL, seeds), load_shipped()
    briefing = shipped.briefing(WORLD, SMALL)
    view = mediated(WORLD, briefing.outage_usd)
    found: dict[tuple[str, str], Array] = {}
    for told, (_, report) in REPORTS.items():
        usd = report(estates, briefing.outage_usd)
        plans = {
            "rule": run_rule(estates, briefing.rule, None, usd),
            "exact": run_rolling(estates, briefing.rolling, effort, usd).plan,
        }
        found |= {(who, told): expected_net_usd(estates, plan)[None] for who, plan in plans.items()}
    for name in AGENTS:
        policies = shipped.seeds_of(WORLD, name)[:n_seeds]
        own = follow_all(estates, [one.act for one in policies], briefing.rule, view)
        found[name, "unasked"] = np.stack([expected_net_usd(estates, plan) for plan in own])
    return found


def _incentives(seeds: list[int]) -> pd.DataFrame:
    """What one service gains by its claim over the truth while the others tell it, or claim four times it.

    A service earns the loss avoided on its own bundles, as far as it bears it, less its own downtime. Gains
    are summed over the services, of which each claims alone; their means over estates have Student's t.
    """
    estates, briefing = draw_estates(WORLD, SMALL, seeds), load_shipped().briefing(WORLD, SMALL)
    rows = []
    for others in (TRUTH, EXAGGERATION):
        owned = {
            claim: np.sum([_claimed(estates, briefing.rule, service, claim, others)
                           for service in range(SMALL)], axis=0)
            for claim in CLAIMS
        }  # fmt: skip
        for claim, borne in product(CLAIMS, BORNE):
            avoided, outage = owned[claim] - owned[TRUTH]
            better = mean_over_seeds(borne * avoided - outage)
            rows.append({"others claim": others, "claim": claim, "borne": borne, "gain_usd": better.value,
                         "low": better.low, "high": better.high})  # fmt: skip
    return pd.DataFrame(rows)


def _claimed(estates: Estates, rule: Rule, service: int, claim: float, others: float) -> tuple[Array, Array]:
    """(N,) own loss avoided and own downtime of one service that makes a claim."""
    factor = np.full(estates.n_services, others)
    factor[service] = claim
    plan = run_rule(estates, rule, None, estates.outage_usd * factor[:, None])
    avoided, outage = _own(estates, plan)
    return avoided[:, service], outage[:, service]


def _own(estates: Estates, plan: Ints) -> tuple[Array, Array]:
    """(N, S) loss avoided on a service's bundles, and what its downtime costs."""
    done = plan < estates.n_weeks
    avoided = estates.by_service(np.where(done, avoided_usd(estates, plan), 0.0))
    return avoided, (account(estates, plan).minutes * estates.outage_usd).sum(axis=2)

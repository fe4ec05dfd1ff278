"""How good plans for large estates are: rule and agents against a bound that no plan exceeds.

The problem is static, all bundles known from the start, so that plans and the bound of the linear relaxation
answer the same question. The rule is tuned for it on small estates; the agents were trained on small ones
where flaws come later, and are carried over as they are.

An exact plan takes part up to a size, and ends with its gap or a number of nodes: what a solver finds in ten
minutes depends on the machine, and stands with times and memory in the benchmark `patch_planning_sizes`, not
among the estimates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.parallel import run_keyed
from dti_core.studies.patch_planning.measures.ratios import gain, raised
from dti_core.studies.patch_planning.methods.agents import follow
from dti_core.studies.patch_planning.methods.briefings import BEST_ORDERS
from dti_core.studies.patch_planning.methods.exact import Effort, relax
from dti_core.studies.patch_planning.methods.lessons import FAVOURITE, SMALL
from dti_core.studies.patch_planning.methods.plan import foreseen, run_clairvoyant, run_rule
from dti_core.studies.patch_planning.methods.program import build
from dti_core.studies.patch_planning.methods.rules import Rule
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.methods.tuning import Grid, best_rule, tune_rule
from dti_core.studies.patch_planning.model.estates import Array, Estates
from dti_core.studies.patch_planning.model.plans import account
from dti_core.studies.patch_planning.model.weeks import Quarter
from dti_core.studies.patch_planning.worlds import told_as
from dti_core.studies.patch_planning.worlds.draws import draw_estates
from dti_core.studies.patch_planning.worlds.mended import all_known

SIZES = (10, 50, 200, 500, 1_000, 5_000)
#: Most services of an estate, by world, and of one that is planned exactly.
UPTO: Mapping[str, int] = {"tight_budget": 5_000, "scarce": 500}
EXACT_UPTO = 500
#: Ends by gap or nodes on every machine alike; the seconds are there for programs that never end.
CLOSED = Effort(gap=5e-3, seconds=3_600.0, nodes=200)
#: Where the static rule's price is looked for: all being known, money is kept for nothing that may come.
STATIC = Grid({"price": (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0), "decay": (0.0, 1.0), "pace": (0.0, 1.0)})
#: Estates of each size: large ones are an average in themselves; and most of a size that are planned exactly.
LEAST_ESTATES, MOST_EXACT = 2, 10


@dataclass(frozen=True, slots=True)
class Piece:
    """One estate of a world and size, by its seed."""

    world: str
    n_services: int
    seed: int
    rule: Rule
    n_seeds: int
    exact: bool


def study_sizes(
    seeds: np.random.SeedSequence, largest: int, n_estates: int, n_tuning: int, n_seeds: int,
    n_resamples: int,
) -> Findings:  # fmt: skip
    """Share of the bound that each planner earns, by world and size; estimates and series `sizes`.

    Parameters
    ----------
    largest : services of the largest estate. n_estates : of ten services; of larger ones in proportion
    fewer, at least two. n_tuning : estates on which the rule is tuned.
    """
    work, taught, chance = seeds.spawn(3)
    own = taught.spawn(len(UPTO))
    rules = {world: static_rule(world, n_tuning, one) for world, one in zip(UPTO, own, strict=True)}
    places = [(world, size) for world, upto in UPTO.items() for size in SIZES
              if size <= min(upto, largest)]  # fmt: skip
    pieces = {}
    for (world, size), drawn in zip(places, work.spawn(len(places)), strict=True):
        n = max(LEAST_ESTATES, n_estates * 10 // size)
        n_exact = min(MOST_EXACT, max(LEAST_ESTATES, n // 2)) if size <= EXACT_UPTO else 0
        for at, seed in enumerate(drawn.generate_state(n, np.uint64)):
            piece = Piece(world, size, int(seed), rules[world], n_seeds, exact=at < n_exact)
            pieces[world, size, int(seed)] = piece
    done = run_keyed(_shares, pieces, "sizes")
    found, rows = Findings(), []
    for (world, size), rest in zip(places, chance.spawn(len(places)), strict=True):
        some = [one for (name, n, _), one in done.items() if (name, n) == (world, size)]
        rows += _compare(found, world, size, some, np.random.default_rng(rest), n_resamples)
    found.series["sizes"] = pd.DataFrame(rows)
    return found


def static_rule(world: str, n_tuning: int, seeds: np.random.SeedSequence) -> Rule:
    """The best order at its best price for the static problem, on small estates."""
    drawn = [int(one) for one in seeds.generate_state(n_tuning, np.uint64)]
    estates = all_known(draw_estates(world, SMALL, drawn))
    return best_rule({order: tune_rule(estates, order, grid=STATIC) for order in BEST_ORDERS})


def bound_usd(estate: Estates) -> float:
    """What no plan of one static estate exceeds."""
    return relax(estate, foreseen(estate)[0], Quarter.begin(estate)).bound_usd


def _shares(piece: Piece) -> dict[str, Array]:
    """By planner, (R, 1) net dollars; the bound, and how many variables the program has."""
    estate = all_known(draw_estates(piece.world, piece.n_services, [piece.seed]))
    program = build(estate, foreseen(estate)[0], Quarter.begin(estate), 0.0)
    plans = {"tuned_rule": [run_rule(estate, piece.rule)]}
    policies = load_shipped().seeds_of(piece.world, FAVOURITE)[: piece.n_seeds]
    plans[FAVOURITE] = [follow(estate, one.act, piece.rule) for one in policies]
    if piece.exact:
        plans["exact"] = [run_clairvoyant(estate, CLOSED).plan]
    found = {name: np.stack([account(estate, plan).net_usd for plan in some])
             for name, some in plans.items() if some}  # fmt: skip
    bound = np.array([[bound_usd(estate)]])
    return {"bound": bound, "variables": np.array([[float(program.n_columns)]])} | found


def _compare(
    found: Findings, world: str, size: int, some: Sequence[Mapping[str, Array]], rng: np.random.Generator,
    n_resamples: int,
) -> list[dict[str, object]]:  # fmt: skip
    where = told_as(world)
    nets = {name: np.concatenate([one[name] for one in some if name in one], axis=1) for name in some[0]}
    bound, variables = nets.pop("bound")[0], float(nets.pop("variables").mean())
    rows: list[dict[str, object]] = []
    for name, net in nets.items():
        part = raised(gain(net, bound[: net.shape[1]], rng, n_resamples))
        found.estimates.append(
            part.estimate(
                f"bound_share_{name}_{size}", "share of the bound", where, measure="share of the bound",
                method=name, services=size,
            )
        )  # fmt: skip
        rows.append({"world": world, "services": size, "method": name, "share": part.value, "low": part.low,
                     "high": part.high, "estates": net.shape[1], "variables": variables})  # fmt: skip
    return rows

"""What wrong assumptions cost: planners that believe one thing while another is true.

The yardstick is the rule that knows the truth and was tuned in it. And at published capacities: does patching
by severity remove more loss than a random order?
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.parallel import run_keyed
from dti_core.studies.patch_planning.measures.ratios import gain, raised
from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.methods.lessons import FAVOURITE, SMALL
from dti_core.studies.patch_planning.methods.misled import follow_misled, roll_misled, run_misled
from dti_core.studies.patch_planning.methods.plan import run_rule
from dti_core.studies.patch_planning.methods.rules import Order, Rule
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.methods.tuning import tune_rule
from dti_core.studies.patch_planning.model.estates import Array
from dti_core.studies.patch_planning.model.plans import account, expected_net_usd
from dti_core.studies.patch_planning.worlds import told_as
from dti_core.studies.patch_planning.worlds.draws import draw_estates
from dti_core.studies.patch_planning.worlds.spans import CAPACITIES
from dti_core.studies.patch_planning.worlds.stress import STRESSES

#: Where money binds, and where hours and windows do: of these alone capacity is a stress.
PLACES = ("tight_budget", "scarce")
SIDE_BY_SIDE: tuple[Order, Order] = ("severity", "random")
INFORMED, EXACT = "informed_rule", "priced_milp"


@dataclass(frozen=True, slots=True)
class Piece:
    """Estates of one world under one stress."""

    world: str
    stress: str
    seeds: tuple[int, ...]
    n_exact: int
    n_tuning: int
    n_seeds: int
    effort: Effort


def study_stress(
    seeds: np.random.SeedSequence, n_estates: int, n_exact: int, n_tuning: int, n_seeds: int,
    n_resamples: int, effort: Effort | None = None,
) -> Findings:  # fmt: skip
    """What misled rule, exact plan and agents earn, as a share of the informed rule; severity beside chance.

    Parameters
    ----------
    n_exact : of the estates that are planned exactly, 0 for none; where money binds alone, as programs of the
    other world take seconds each. n_tuning : estates on which the informed rule is tuned; plans are made for
    others.
    """
    work, chance = seeds.spawn(2)
    pieces = {}
    for world, own in zip(PLACES, work.spawn(len(PLACES)), strict=True):
        drawn = tuple(int(one) for one in own.generate_state(n_estates, np.uint64))
        few = n_exact if world == PLACES[0] else 0
        for stress in STRESSES:
            if world == "scarce" or not stress.startswith("capacity"):
                pieces[world, stress] = Piece(
                    world, stress, drawn, few, n_tuning, n_seeds, effort or Effort()
                )
    done = run_keyed(plan_stressed, pieces, "stress")
    found, rng, rows = Findings(), np.random.default_rng(chance), []
    for (world, stress), nets in done.items():
        rows += _shares(found, world, stress, nets, rng, n_resamples)
    found.series["stress"] = pd.DataFrame(rows)
    found.series["severity"] = _severity(found, done, rng, n_resamples)
    return found


def plan_stressed(piece: Piece) -> dict[str, Array]:
    """By planner, (R, N) net dollars by the truth; under capacities also what severity and chance avoid."""
    stress, briefing = STRESSES[piece.stress], load_shipped().briefing(piece.world, SMALL)
    drawn = draw_estates(piece.world, SMALL, piece.seeds)
    truth, believed = stress.truth(drawn), stress.belief(drawn)
    informed = briefing.rule
    if stress.changes_truth:
        training = stress.truth(draw_estates(piece.world, SMALL, range(piece.n_tuning)))
        informed = Rule(informed.order, tune_rule(training, informed.order).price)
    misled, rolling = (replace(one, price=stress.price * one.price)
                       for one in (briefing.rule.price, briefing.rolling))  # fmt: skip
    rule = replace(briefing.rule, price=misled)
    plans = {
        INFORMED: [run_rule(truth, informed)],
        "tuned_rule": [run_misled(truth, believed, rule)],
        FAVOURITE: [follow_misled(truth, believed, one.act, rule)
                    for one in load_shipped().seeds_of(piece.world, FAVOURITE)[: piece.n_seeds]],
    }  # fmt: skip
    found = {name: np.stack([expected_net_usd(truth, plan) for plan in some])
             for name, some in plans.items() if some}  # fmt: skip
    if piece.n_exact:
        few = slice(0, piece.n_exact)
        plan = roll_misled(truth.take(few), believed.take(few), rolling, piece.effort)
        found[EXACT] = expected_net_usd(truth.take(few), plan)[None]
    for order in SIDE_BY_SIDE if piece.stress.startswith("capacity") else ():
        plan = run_rule(truth, Rule(order, only_worthwhile=False), np.random.default_rng(piece.seeds[0]))
        found[f"avoided by {order}"] = account(truth, plan).avoided_usd[None]
    return found


def _shares(
    found: Findings, world: str, stress: str, nets: dict[str, Array], rng: np.random.Generator,
    n_resamples: int,
) -> list[dict[str, object]]:  # fmt: skip
    where = told_as(world)
    rows: list[dict[str, object]] = []
    for name in ("tuned_rule", FAVOURITE, EXACT):
        if name not in nets:
            continue
        net = nets[name]
        part = raised(gain(net, nets[INFORMED][0, : net.shape[1]], rng, n_resamples))
        found.estimates.append(
            part.estimate(
                f"stress_{stress}_{name}", "share of what the informed rule earns", where,
                measure="misled", stress=stress, method=name, services=SMALL,
            )
        )  # fmt: skip
        rows.append({"world": world, "stress": stress, "title": STRESSES[stress].title, "method": name,
                     "share": part.value, "low": part.low, "high": part.high,
                     "estates": net.shape[1]})  # fmt: skip
    return rows


def _severity(
    found: Findings, done: dict[tuple[str, str], dict[str, Array]], rng: np.random.Generator,
    n_resamples: int,
) -> pd.DataFrame:  # fmt: skip
    """By capacity, how much more loss severity avoids than a random order that asks no price either."""
    rows: list[dict[str, object]] = []
    for name, monthly in CAPACITIES.items():
        nets = done["scarce", f"capacity_{name}"]
        part = gain(nets["avoided by severity"], nets["avoided by random"][0], rng, n_resamples)
        found.estimates.append(
            part.estimate(
                f"severity_over_random_{name}", "share of the loss a random order avoids", "scarce",
                measure="severity beside chance", capacity=monthly,
            )
        )  # fmt: skip
        rows.append({"capacity": monthly, "gain": part.value, "low": part.low, "high": part.high})
    return pd.DataFrame(rows)

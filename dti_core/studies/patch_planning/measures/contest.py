"""Who plans best: every planner on the same unseen estates, world by world and size by size.

The measure is the objective in dollars, unshaped: loss avoided less money less cost of downtime, given when
exploits really came out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED
from dti_core.studies.patch_planning.measures.findings import Findings
from dti_core.studies.patch_planning.measures.ratios import gain
from dti_core.studies.patch_planning.methods import METHODS, Task
from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.methods.lessons import SMALL, TAUGHT
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.model.estates import Array
from dti_core.studies.patch_planning.model.plans import account, broken_limits
from dti_core.studies.patch_planning.worlds import WORLDS
from dti_core.studies.patch_planning.worlds.draws import draw_estates

#: Estates of one piece of work.
CHUNK = 20
#: What the shares are of: the exact plan made anew each week at its price, and the ceiling.
RIVALS = ("priced_milp", "clairvoyant")
#: Below this room between the tuned rule and the exact plan nothing is claimed for learning.
LEAST_ROOM = 0.02


@dataclass(frozen=True, slots=True)
class Piece:
    """Estates of one world and size, by their seeds, and who plans for them."""

    world: str
    n_services: int
    seeds: tuple[int, ...]
    methods: tuple[str, ...]
    effort: Effort
    n_seeds: int
    n_taught: int = SMALL


def plan_all(piece: Piece) -> dict[str, Array]:
    """By planner, (R, N) net dollars, a row a seed of training; a plan that breaks a limit is an error."""
    estates = draw_estates(piece.world, piece.n_services, piece.seeds)
    briefing = load_shipped().briefing(piece.world, piece.n_services)
    task = Task(piece.world, estates, briefing, piece.effort, piece.n_seeds, piece.seeds[0], piece.n_taught)
    found = {}
    for name in piece.methods:
        plans = METHODS[name].run(task)
        for plan in plans:
            if broken := [limit for limit, where in broken_limits(estates, plan).items() if where.any()]:
                raise AssertionError(f"{name} in {piece.world} breaks the limit of {', '.join(broken)}")
        found[name] = np.stack([account(estates, plan).net_usd for plan in plans])
    return found


def hold(
    places: Mapping[tuple[str, int], int], seeds: np.random.SeedSequence, effort: Effort, n_seeds: int,
    methods: Sequence[str] = tuple(METHODS), label: str = "contest",
) -> dict[tuple[str, int], dict[str, Array]]:  # fmt: skip
    """Net dollars of each planner, (R, N), by world and size.

    Parameters
    ----------
    places : how many estates of each world and size.
    """
    pieces = {}
    for (world, size), own in zip(places, seeds.spawn(len(places)), strict=True):
        drawn = own.generate_state(places[world, size], np.uint64)
        for at in range(0, len(drawn), CHUNK):
            some = tuple(int(one) for one in drawn[at : at + CHUNK])
            pieces[world, size, at] = Piece(world, size, some, tuple(methods), effort, n_seeds)
    done = run_keyed(plan_all, pieces, label)
    return {
        (world, size): {
            name: np.concatenate(
                [found[name] for (w, s, _), found in done.items() if (w, s) == (world, size)], axis=1
            )
            for name in methods
        }
        for world, size in places
    }


def study_contest(
    seeds: np.random.SeedSequence, n_small: int, n_large: int, n_seeds: int, n_resamples: int,
    effort: Effort | None = None, large: int = 50,
) -> Findings:  # fmt: skip
    """Shares of the exact plan and of the ceiling, the room for learning, and what agents gain on the rule."""
    places = {(world, size): n for size, n in ((SMALL, n_small), (large, n_large)) for world in TAUGHT}
    work, chance = seeds.spawn(2)
    nets = hold(places, work, effort or Effort(), n_seeds)
    found, rows = Findings(), []
    for (world, size), own in zip(nets, chance.spawn(len(nets)), strict=True):
        rows += _compare(found, world, size, nets[world, size], np.random.default_rng(own), n_resamples)
    found.series["contest"] = pd.DataFrame(rows)
    return found


def _compare(
    found: Findings, world: str, size: int, nets: Mapping[str, Array], rng: np.random.Generator,
    n_resamples: int,
) -> list[dict[str, object]]:  # fmt: skip
    rows = []
    where = OBSERVED if WORLDS[world].role == "observed" else world
    for name, net in nets.items():
        row: dict[str, object] = {
            "world": world,
            "services": size,
            "method": name,
            "estates": net.shape[1],
            "seeds": len(net),
        }
        for rival in (*RIVALS, "tuned_rule"):
            part = gain(net, nets[rival][0], rng, n_resamples)
            row |= {rival: 1 + part.value, f"{rival}_low": 1 + part.low, f"{rival}_high": 1 + part.high}
            if rival == "tuned_rule" and name != rival:
                found.estimates.append(
                    part.estimate(
                        f"gain_{name}_{size}", "share of what the tuned rule earns", where,
                        measure="gain on the tuned rule", method=name, services=size,
                    )
                )  # fmt: skip
        rows.append(row)
    room = gain(nets["priced_milp"], nets["tuned_rule"][0], rng, n_resamples)
    found.estimates.append(
        room.estimate(
            f"room_{size}", "share of what the tuned rule earns", where, measure="room", services=size
        )
    )
    if room.high < LEAST_ROOM:
        found.missed.append((
            f"room for learning, {WORLDS[world].title}, {size} services",
            (f"{room.value:.1%} [{room.low:.1%}, {room.high:.1%}] between the tuned rule and the exact plan: "
             f"below {LEAST_ROOM:.0%}, so no claim is made for learning there"),
        ))  # fmt: skip
    return rows

"""Who plans best: every planner on the same unseen estates, world by world and size by size.

The measure is the objective in dollars, unshaped: loss avoided less money less cost of downtime, as was to be
expected in the week of each patch. Beside the clairvoyant, who knows when exploits come out, it is what came
out, for both.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.parallel import run_keyed
from dti_core.studies.patch_planning.measures.ratios import gain
from dti_core.studies.patch_planning.methods import METHODS, Task
from dti_core.studies.patch_planning.methods.exact import Effort
from dti_core.studies.patch_planning.methods.lessons import LARGE, SMALL, TAUGHT
from dti_core.studies.patch_planning.methods.shipped import load_shipped
from dti_core.studies.patch_planning.model.estates import Array
from dti_core.studies.patch_planning.model.plans import account, broken_limits, expected_net_usd
from dti_core.studies.patch_planning.worlds import WORLDS, told_as
from dti_core.studies.patch_planning.worlds.draws import draw_estates

#: Estates of one piece of work.
CHUNK, SOLVED_CHUNK = 100, 10
#: Planners that solve programs, and the others.
EXACT, CLAIRVOYANT = "priced_milp", "clairvoyant"
SOLVED = ("rolling_milp", EXACT, CLAIRVOYANT)
QUICK = tuple(name for name in METHODS if name not in SOLVED)
#: How many times fewer estates a solver plans where its plans take long: all flaws known at once and few
#: windows, many services, or no price that makes most bundles wait. Fewer than LEAST_SOLVED are none.
SLOW: Mapping[tuple[str, int], Mapping[str, int]] = {
    ("scarce", SMALL): dict.fromkeys(SOLVED, 10),
    ("arrive", SMALL): {"rolling_milp": 10, "clairvoyant": 6},
    ("conflict", SMALL): {"rolling_milp": 10},
    ("scarce", LARGE): dict.fromkeys(SOLVED, 20),
    ("arrive", LARGE): dict.fromkeys(SOLVED, 5),
    ("conflict", LARGE): dict.fromkeys(SOLVED, 5),
}
LEAST_SOLVED = 4
#: What the shares are of: the exact plan made anew each week at its price, and the ceiling.
RIVALS = (EXACT, CLAIRVOYANT)


@dataclass(frozen=True, slots=True)
class Piece:
    """Estates of one world and size, by their seeds, and who plans for them."""

    world: str
    n_services: int
    seeds: tuple[int, ...]
    methods: tuple[str, ...]
    effort: Effort
    n_seeds: int


def plan_all(piece: Piece) -> dict[str, Array]:
    """By planner, (2, R, N) net dollars, expected and as came out, of R seeds of training.

    Raises
    ------
    AssertionError if a plan breaks a limit.
    """
    estates = draw_estates(piece.world, piece.n_services, piece.seeds)
    briefing = load_shipped().briefing(piece.world, piece.n_services)
    task = Task(piece.world, estates, briefing, piece.effort, piece.n_seeds, piece.seeds[0])
    found: dict[str, Array] = {}
    for name in piece.methods:
        plans = METHODS[name].run(task)
        for plan in plans:
            if broken := [limit for limit, where in broken_limits(estates, plan).items() if where.any()]:
                raise AssertionError(f"{name} in {piece.world} breaks the limit of {', '.join(broken)}")
        if plans:
            found[name] = np.array(
                [
                    [expected_net_usd(estates, plan) for plan in plans],
                    [account(estates, plan).net_usd for plan in plans],
                ]
            )
    return found


def n_solved(world: str, size: int, name: str, n: int) -> int:
    """Of `n` estates, the first ones that a solver plans; none where a plan would be another's once more."""
    if name == "rolling_milp" and not load_shipped().briefing(world, size).rolling.price:
        return 0
    fewer = n // SLOW.get((world, size), {}).get(name, 1)
    return fewer if fewer >= LEAST_SOLVED else 0


def hold(
    places: Mapping[tuple[str, int], int], n_exact: int, seeds: np.random.SeedSequence, effort: Effort,
    n_seeds: int,
) -> dict[tuple[str, int], dict[str, Array]]:  # fmt: skip
    """Net dollars, (2, R, N), of each planner on the N of `places`; of solvers on the first, if any."""
    pieces = {}
    for ((world, size), n_all), own in zip(places.items(), seeds.spawn(len(places)), strict=True):
        drawn = [int(one) for one in own.generate_state(n_all, np.uint64)]
        wanted = {QUICK: (n_all, CHUNK)} | {
            (name,): (n_solved(world, size, name, min(n_all, n_exact)), SOLVED_CHUNK) for name in SOLVED
        }
        for names, (n, step) in wanted.items():
            for at in range(0, n, step):
                chunk = tuple(drawn[at : min(at + step, n)])
                pieces[world, size, names[0], at] = Piece(world, size, chunk, names, effort, n_seeds)
    done = run_keyed(plan_all, pieces, "contest")
    nets: dict[tuple[str, int], dict[str, list[Array]]] = {place: {} for place in places}
    for (world, size, _, _), piece in done.items():
        for name, net in piece.items():
            nets[world, size].setdefault(name, []).append(net)
    for (world, size), parts in nets.items():
        if EXACT in parts and not load_shipped().briefing(world, size).rolling.price:
            parts["rolling_milp"] = parts[EXACT]
    return {
        place: {name: np.concatenate(parts[name], axis=2) for name in METHODS if name in parts}
        for place, parts in nets.items()
    }


def study_contest(
    seeds: np.random.SeedSequence, n_small: int, n_large: int, n_exact: int, n_seeds: int, n_resamples: int,
    effort: Effort, large: int = LARGE,
) -> Findings:  # fmt: skip
    """Shares of exact plan and ceiling, the room for learning, and what agents gain on the rule."""
    places = {(world, size): n for size, n in ((SMALL, n_small), (large, n_large)) for world in TAUGHT}
    work, chance = seeds.spawn(2)
    nets = hold(places, n_exact, work, effort, n_seeds)
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
    where = told_as(world)
    for name, net in nets.items():
        row: dict[str, object] = {"world": world, "services": size, "method": name, "estates": net.shape[2],
                                  "seeds": net.shape[1]}  # fmt: skip
        for rival in [one for one in (*RIVALS, "tuned_rule") if one in nets]:
            n, as_came = min(net.shape[2], nets[rival].shape[2]), int(CLAIRVOYANT in (name, rival))
            part = gain(net[as_came, :, :n], nets[rival][as_came, 0, :n], rng, n_resamples)
            row |= {rival: 1 + part.value, f"{rival}_low": 1 + part.low, f"{rival}_high": 1 + part.high}
            if rival == "tuned_rule" and name != rival:
                told = {f"gain_{name}": "gain on the tuned rule"} | (
                    {"room": "room"} if name == EXACT else {}
                )
                found.estimates += [
                    part.estimate(
                        f"{what}_{size}", "share of what the tuned rule earns", where, measure=measure,
                        method=name, services=size,
                    )
                    for what, measure in told.items()
                ]  # fmt: skip
        rows.append(row)
    if EXACT not in nets:
        found.left_out.append((
            f"exact plans, {WORLDS[world].title}, {size} services",
            f"this profile would leave solvers fewer than {LEAST_SOLVED} estates",
        ))  # fmt: skip
    return rows

"""Must planning bring the parties together: what the worst-off gets from a joint plan and from others.

The joint plan is the Nash bargain. It was chosen before any result because it asks for no common currency and
does not maximise what is measured here, as the plan of the greatest least share would by definition.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from dti_core.lab.errors import DataError
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.patch_planning.data.parties import load_games
from dti_core.studies.patch_planning.measures.ratios import spread_over
from dti_core.studies.patch_planning.methods.bargains import bargain, distance_to_nash
from dti_core.studies.patch_planning.methods.feasible import GAP, feasible_plans
from dti_core.studies.patch_planning.model.estates import Array, Ints
from dti_core.studies.patch_planning.model.parties import Game, Stakes
from dti_core.studies.patch_planning.worlds.parties import CENTRAL, TABLES, Table, lay_table

#: The game that decides, and services of its estates; services of the cheap estates of control worlds.
DECIDES, N_SERVICES, FEW_SERVICES = "patches", 11, 6
#: Share of its best plan that is large enough to matter to a party: about what one more bundle of ten brings.
MATTERS = 0.1
BARS = ("single", "dollars", "dealt")
#: Times as many tables a draw where no bar may be cleared: a range over few tables clears one by chance.
MORE_TABLES = 2
#: Weights of the first party along the front.
FRONT = (0.1, 0.3, 0.5, 0.7, 0.9)
#: A best plan worth less than this share of the firm's net dollars is tiny: shares of it explode.
TINY = 0.05
#: Parts of an outcome that are no plan; tables that are drawn anew before a game counts as hopeless.
NO_PLAN, MOST_REDRAWN = ("bound", "redrawn", "tiny", "proven", "front"), 20
OF_BEST = "share of its own best plan"

_range = partial(spread_over, of="sets of weights and estates drawn from the assumptions")


@dataclass(frozen=True, slots=True)
class Task:
    """One estate to bargain over. kind : OBSERVED or a world of TABLES. front : whether that is traced."""

    seed: np.random.SeedSequence
    game: Game
    kind: str = OBSERVED
    n_services: int = N_SERVICES
    front: bool = False


def study_parties(
    seeds: np.random.SeedSequence, n_sets: int, n_draws: int, n_control_sets: int,
    n_services: int = N_SERVICES, games: Mapping[str, Game] | None = None,
) -> Findings:  # fmt: skip
    """Shares of the parties in plans by whose wish, over sets of assumptions.

    Parameters
    ----------
    n_sets : draws of weights and of an estate, of the deciding game; a third as many of the others, and a
    sixth of estates with central assumptions on which the front is traced. n_draws : of each control world,
    each a range over n_control_sets, in the negative one over MORE_TABLES times as many.
    """
    games = load_games() if games is None else games
    found, few = Findings(), max(2, n_sets // 3)
    tasks = {
        (name, k): Task(seed, game, n_services=n_services)
        for (name, game), root in zip(games.items(), seeds.spawn(len(games)), strict=True)
        for k, seed in enumerate(root.spawn(n_sets if name == DECIDES else few))
    }
    tasks |= {("front", k): Task(seed, games[DECIDES], n_services=n_services, front=True)
              for k, seed in enumerate(seeds.spawn(max(1, n_sets // 6)))}  # fmt: skip
    pieces = run_keyed(bargain_of, tasks, "parties")
    for name, game in games.items():
        _tell(found, name, game, [piece for (whose, _), piece in pieces.items() if whose == name])
    found.series["parties_front"] = _front(
        games[DECIDES], [piece for (whose, _), piece in pieces.items() if whose == "front"]
    )
    _controls(found, games[DECIDES], seeds, n_draws, n_control_sets)
    return found


def bargain_of(task: Task) -> dict[str, Array]:
    """Plan -> (P,) shares of each party's own best plan; also what NO_PLAN names, `front` if asked.

    Tables at which a party cannot gain by any plan are drawn anew; how many, `redrawn` says. tiny : whether a
    party's best plan is worth less to it than TINY of what the firm has of its own. proven : of each search.
    """
    rng, names = np.random.default_rng(task.seed), tuple(task.game.parties)
    for redrawn in range(MOST_REDRAWN + 1):
        table = _table(task, rng)
        feasible = feasible_plans(table.estate)
        try:
            made = bargain(feasible, table.reported, table.dollars, _deal(len(names), rng), names)
        except DataError:
            if redrawn == MOST_REDRAWN:
                raise
            continue
        break
    best = made.best
    if table.truth is not table.reported:
        best = np.array([table.truth.of(feasible.best(*table.truth.weighed(one)))[k]
                         for k, one in enumerate(np.eye(len(names)))])  # fmt: skip
    found = {name: table.truth.of(plan) / best for name, plan in made.plans.items()}
    if task.front:
        found["front"] = _trace(table, made.best, feasible.best)
    values, setups = table.dollars
    firm = Stakes(values[None], setups[None], table.truth.service, np.zeros(1))
    tiny = made.best.min() < TINY * firm.of(made.plans["dollars"])
    return found | {
        "bound": np.array([made.log_bound]), "redrawn": np.array([float(redrawn)]),
        "tiny": tiny.astype(float), "proven": np.array(feasible.proven, dtype=float),
    }  # fmt: skip


def _table(task: Task, rng: np.random.Generator) -> Table:
    if task.front:
        return lay_table(task.game, rng, task.n_services, task.game.central_weights(), CENTRAL)
    if task.kind == OBSERVED:
        return lay_table(task.game, rng, task.n_services)
    return TABLES[task.kind].settings(task.game, rng, task.n_services)


def _deal(n: int, rng: np.random.Generator) -> Ints:
    """Each gets another one's: a cyclic shift by a random step in a random order."""
    order, dealt = rng.permutation(n), np.empty(n, dtype=np.int64)
    dealt[order] = np.roll(order, 1)
    return dealt


def worst_off(shares: Mapping[str, Array]) -> dict[str, float]:
    """Plan -> share of its best that the worst-off party gets; `single` is the best of the own plans."""
    least = {name: float(one.min()) for name, one in shares.items() if name not in NO_PLAN}
    own = [value for name, value in least.items() if name.startswith("own_")]
    return least | {"single": max(own)}


def _tell(found: Findings, name: str, game: Game, pieces: Sequence[Mapping[str, Array]]) -> None:
    """Estimates of one game over its sets of assumptions."""
    worst = pd.DataFrame([worst_off(piece) for piece in pieces])
    at: dict[str, str | float] = {"game": name, "measure": "worst-off share"}
    for plan in worst:
        found.estimates.append(
            _range(f"{name}_worst_share_{plan}", worst[plan].to_numpy(), OF_BEST, at | {"plan": str(plan)})
        )
    for rival in BARS:
        margin = (worst["joint"] - worst[rival]).to_numpy()
        found.estimates.append(
            _range(f"{name}_joint_minus_{rival}", margin, OF_BEST, at | {"plan": "joint", "against": rival})
        )
    signs = (worst["joint"].to_numpy()[:, None] > worst[list(BARS)].to_numpy()).all(axis=1)
    ties = (worst["joint"] - worst["equal"]).abs() <= GAP
    redrawn, tiny = (np.concatenate([piece[one] for piece in pieces]) > 0 for one in ("redrawn", "tiny"))
    told = {"joint_first": signs, "joint_no_deal_kept": worst["joint"] >= 0, "joint_equal_tied": ties,
            "tiny_own_best": tiny, "redrawn": redrawn}  # fmt: skip
    for end, holds in told.items():
        one = share(int(holds.sum()), len(worst))
        found.estimates.append(one.estimate(f"{name}_{end}", "share of the assumption set", game=name))
    found.estimates.append(_not_proven(name, pieces))
    _tell_distance(found, name, game, pieces)
    found.series[f"parties_{name}"] = _shares(game, pieces)


def _not_proven(name: str, pieces: Sequence[Mapping[str, Array]], world: str = OBSERVED) -> Estimate:
    """How many searches ended at the limit on nodes."""
    proven = np.concatenate([piece["proven"] for piece in pieces])
    one = share(int((proven == 0).sum()), len(proven))
    return one.estimate(f"{name}_not_proven", "share of searches", world, game=name)


def _tell_distance(
    found: Findings, name: str, game: Game, pieces: Sequence[Mapping[str, Array]]
) -> None:  # fmt: skip
    """How far plans are from the Nash bargain, and what each party gains by it over the plan of dollars."""
    for plan in ("joint", "dollars", "equal", "dealt"):
        away = np.array([distance_to_nash(one[plan], float(one["bound"][0])) for one in pieces])
        found.estimates.append(
            _range(f"{name}_nash_distance_{plan}", away, "share of the bound", {"game": name, "plan": plan})
        )
    for k, party in enumerate(game.parties):
        gain = np.array([one["joint"][k] - one["dollars"][k] for one in pieces])
        found.estimates.append(
            _range(
                f"{name}_gain_{party}", gain, OF_BEST, {"game": name, "party": party, "against": "dollars"}
            )
        )


def _shares(game: Game, pieces: Sequence[Mapping[str, Array]]) -> pd.DataFrame:
    """A row a plan and party: median share of the own best plan, and the range of 95 % of the sets."""
    rows = []
    for plan in pieces[0]:
        if plan in NO_PLAN:
            continue
        ends = np.quantile([one[plan] for one in pieces], (0.5, 0.025, 0.975), axis=0)
        rows += [(plan, party.title, *ends[:, k]) for k, party in enumerate(game.parties.values())]
    return pd.DataFrame(rows, columns=["plan", "party", "median", "low", "high"])


def _trace(table: Table, best: Array, solve: Callable[[Array, Array], Ints]) -> Array:
    """(P - 1, FRONT, 2) shares of the first and of each other party, by their weights alone."""
    n, found = len(best), []
    for other in range(1, n):
        for weight in FRONT:
            weights = np.zeros(n)
            weights[[0, other]] = weight / best[0], (1 - weight) / best[other]
            shares = table.truth.of(solve(*table.truth.weighed(weights))) / best
            found.append(shares[[0, other]])
    return np.array(found).reshape(n - 1, len(FRONT), 2)


def _front(game: Game, pieces: Sequence[Mapping[str, Array]]) -> pd.DataFrame:
    """A row a point of a front, own plans at its ends, and the joint and dollar plans: means over estates."""
    first, *others = game.parties
    rows = []
    for k, other in enumerate(others):
        at = [0, k + 1]
        points = [(f"{weight:g}", np.mean([one["front"][k, j] for one in pieces], axis=0))
                  for j, weight in enumerate(FRONT)]  # fmt: skip
        ends = [(plan, np.mean([one[plan][at] for one in pieces], axis=0))
                for plan in (f"own_{other}", f"own_{first}", "joint", "dollars")]  # fmt: skip
        for point, shares in (ends[0], *points, *ends[1:]):
            rows.append((game.parties[other].title, point, *shares))
    return pd.DataFrame(rows, columns=["party", "point", "share_of_first", "share_of_party"])


def _controls(
    found: Findings, game: Game, seeds: np.random.SeedSequence, n_draws: int, n_sets: int
) -> None:  # fmt: skip
    """Each bar where it must not, and where it must, be cleared: many cheap draws of small estates."""
    roots = dict(zip(TABLES, seeds.spawn(len(TABLES)), strict=True))
    sizes = {
        name: n_sets * (MORE_TABLES if world.role == "negative" else 1) for name, world in TABLES.items()
    }
    tasks = {
        (world, draw, k): Task(seed, game, world, FEW_SERVICES)
        for world, root in roots.items()
        for draw, branch in enumerate(root.spawn(n_draws))
        for k, seed in enumerate(branch.spawn(sizes[world]))
    }
    pieces = run_keyed(bargain_of, tasks, "parties in control worlds")
    for world in TABLES:
        here = [piece for key, piece in pieces.items() if key[0] == world]
        found.estimates.append(_not_proven(DECIDES, here, world))
        for rival in BARS:
            margins = np.array([
                [_margin(pieces[world, draw, k], rival) for k in range(sizes[world])]
                for draw in range(n_draws)
            ])  # fmt: skip
            one = _range(
                f"{DECIDES}_joint_minus_{rival}", margins.ravel(), OF_BEST,
                {"game": DECIDES, "plan": "joint", "against": rival}, world,
            )  # fmt: skip
            ends = np.quantile(margins, (0.025, 0.975), axis=1).T
            found.estimates.append(replace(one, draws=tuple((low, high) for low, high in ends.tolist())))


def _margin(shares: Mapping[str, Array], rival: str) -> float:
    worst = worst_off(shares)
    return worst["joint"] - worst[rival]

"""Services as agents: the week's bids of a tuned rule, which each service may keep, withdraw, raise or batch.

The agents change the rule's bids and never its limits: what does not fit is refused by the mediator, so that
hours, money, windows and objectives hold whatever they do. Doing nothing is the rule itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from dti_core.bridges.simulators import Actions, Observation, Outcome
from dti_core.studies.patch_planning.methods.rules import Rule, bids
from dti_core.studies.patch_planning.model.estates import Array, Estates, Flags, Ints, join
from dti_core.studies.patch_planning.model.weeks import Quarter, admit
from dti_core.studies.patch_planning.model.worth import expected_worth

#: What a service may do with the rule's bids: keep them; defer, so that only what is worth twice its money
#: goes; patch now, at half the price of money and before the others; or batch, as now once at least two
#: bundles can share a set-up, and until then nothing.
ACTIONS = ("keep", "defer", "now", "batch")
#: What a dollar counts for when bids are kept, deferred and hastened, as a multiple of the rule's.
LEVELS = (1.0, 2.0, 0.5)
#: Dollars that are small for one bundle; logarithms of money bend there.
SMALL_USD = 300.0
#: Rules that agents start from have no chance in them.
_NO_CHANCE = np.random.default_rng(0)

Draw = Callable[[int], Estates]
View = Callable[[Estates], Estates]


class Planning:
    """A quarter of many estates whose services act at once; see `dti_core.bridges.simulators`.

    Parameters
    ----------
    draw : the one estate of a seed. like : any estate drawn by it, for its sizes. rule : whose bids the
    agents change. view : what the mediator, who bids by the rule, knows; the services know their own.
    """

    n_actions = len(ACTIONS)
    n_features = 14

    def __init__(self, draw: Draw, like: Estates, rule: Rule, view: View = lambda estates: estates) -> None:
        self._draw, self._view = draw, view
        self._rules = [replace(rule, price=replace(rule.price, level=level)) for level in LEVELS]
        self.n_agents, self.n_steps = like.n_services, like.n_weeks
        self.n_worlds = 0

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin the quarter of one estate a seed."""
        drawn, place = np.unique(np.asarray(seeds), return_inverse=True)
        self.begin(join([self._draw(int(seed)) for seed in drawn]).take(place.astype(np.int64)))

    def begin(self, estates: Estates) -> None:
        """Begin the quarter of these estates."""
        self.estates, self.quarter = estates, Quarter.begin(estates)
        self._mediated = self._view(estates)
        self.n_worlds = len(estates)
        self._look()

    @property
    def done(self) -> bool:
        """Whether the last week is over."""
        return self.quarter.week >= self.n_steps

    @property
    def _week(self) -> int:
        """The week that is seen: once all are over, still the last one."""
        return min(self.quarter.week, self.n_steps - 1)

    def _look(self) -> None:
        """The rule's bids of the week, with and without its price of money, and what is worth while."""
        if self.done:
            return
        self._kept, self._deferred, self._hastened = (
            bids(self._mediated, self.quarter, rule, _NO_CHANCE) / level
            for rule, level in zip(self._rules, LEVELS, strict=True)
        )
        self._worthy = self.estates.by_service(self._hastened > 0)

    def observe(self) -> Observation:
        """What the services see of their own bundles, and all of the estate's week, money and hours."""
        estate = self._estate()
        spread = np.broadcast_to(estate[:, None], (self.n_worlds, self.n_agents, estate.shape[1]))
        features = np.concatenate([self._own(), spread], axis=2).astype(np.float32)
        return Observation(
            features, self._mask(), estate.astype(np.float32), self.estates.callers, self.quarter.week
        )

    def _mask(self) -> Flags:
        """(N, S, 4) what a service may do: nothing but keep without a bundle that is worth while."""
        mask = np.ones((self.n_worlds, self.n_agents, self.n_actions), dtype=bool)
        mask[..., 1:] = (self._worthy > 0)[..., None]
        return mask

    def step(self, actions: Actions) -> Outcome:
        """Change the bids, let the mediator admit them, and credit each service with what its patches earn.

        The reward is the loss that the patches are expected to avoid by what is known in the week, less money
        and downtime: unshaped, and equal in expectation to what `account` finds afterwards.
        """
        week, usd = (
            self.quarter.week,
            self.estates.of_service(self.estates.outage_usd[:, :, self.quarter.week]),
        )
        before = self.quarter.minutes_left.copy()
        admitted = admit(self.estates, self.quarter, self.changed(actions))
        worth = expected_worth(self.estates, week) - self.estates.cost_usd - self.estates.minutes * usd
        touched = self.estates.by_service(admitted) > 0
        setup = self.estates.setup_usd + self.estates.setup_minutes * self.estates.outage_usd[:, :, week]
        shares = self.estates.by_service(np.where(admitted, worth, 0.0)) - touched * setup
        minutes = (before - self.quarter.minutes_left).sum(axis=1)
        self._look()
        return Outcome(shares.sum(axis=1), shares, minutes[:, None])

    def changed(self, actions: Actions) -> Array:
        """(N, B) bids after the services' say; what a service may not do keeps them."""
        allowed = np.take_along_axis(self._mask(), actions[..., None], axis=2)[..., 0]
        act = self.estates.of_service(np.where(allowed, actions, 0).astype(float))
        batched = np.where(self.estates.of_service(self._worthy) > 1, self._hastened, 0.0)
        return np.choose(act.astype(np.int64), (self._kept, self._deferred, self._hastened, batched))

    def _estate(self) -> Array:
        """(N, 6) weeks, money and hours left or wanted, as shares, and what the open bundles are worth."""
        estates, quarter = self.estates, self.quarter
        left = 1 - self._week / self.n_steps
        money = quarter.money_usd / np.maximum(estates.budget_usd, 1.0)
        hours = np.maximum(estates.weekly_hours[:, self._week], 1e-9)
        wanted = np.where(self._kept > 0, estates.hours, 0.0).sum(axis=1) / hours
        asked = np.where(self._hastened > 0, estates.cost_usd, 0.0).sum(axis=1) / np.maximum(
            quarter.money_usd, 1.0
        )
        worth = np.where(self._hastened > 0, expected_worth(estates, self._week), 0.0).sum(axis=1)
        return np.stack(
            [np.full(len(money), left), money, np.log(np.maximum(money, 1e-3) / left), np.log1p(wanted),
             np.log1p(np.minimum(asked, 1e3)), _bent(worth)], axis=1,
        )  # fmt: skip

    def _own(self) -> Array:
        """(N, S, 8) what a service sees of itself: worth and cost of its bundles, windows, minutes."""
        estates, week = self.estates, self._week
        worth, wanted = expected_worth(estates, week), self._hastened > 0
        value = estates.by_service(np.where(wanted, worth, 0.0))
        cost = estates.by_service(np.where(wanted, estates.cost_usd, 0.0)) + estates.setup_usd
        out = estates.by_service((estates.exploited <= week) & wanted) > 0
        ahead = estates.open[:, :, week:].mean(axis=2)
        minutes = self.quarter.minutes_left / np.maximum(estates.minutes_allowed, 1.0)
        dear = estates.outage_usd[:, :, week] / estates.outage_usd[:, :, week:].mean(axis=2)
        outage = estates.outage_usd[:, :, week] * estates.by_service(np.where(wanted, estates.minutes, 0.0))
        above = estates.by_service(self._kept > 0)
        return np.stack(
            [_bent(value), _bent(cost), _bent(outage), np.log1p(self._worthy), np.log1p(above), out, ahead,
             np.log(dear) + minutes - 1], axis=2,
        )  # fmt: skip


def _bent(usd: Array) -> Array:
    """Money on a scale of about one, whatever its size."""
    return np.log1p(np.maximum(usd, 0.0) / SMALL_USD) / 4


Act = Callable[[Observation], Actions]


def follow(estates: Estates, act: Act, rule: Rule, view: View = lambda estates: estates) -> Ints:
    """(N, B) plan of agents that choose `act` from what they see, over the bids of `rule`."""
    return follow_all(estates, [act], rule, view)[0]


def follow_all(
    estates: Estates, acts: Sequence[Act], rule: Rule, view: View = lambda estates: estates
) -> tuple[Ints, ...]:
    """The plan of each of several policies, side by side, which costs little more than one plan does."""
    return play(Planning(_no_draw, estates, rule, view), estates, acts)


def play(room: Planning, estates: Estates, acts: Sequence[Act]) -> tuple[Ints, ...]:
    """As `follow_all`, in a room that was made before."""
    n = len(estates)
    room.begin(estates.take(np.tile(np.arange(n), len(acts))))
    while not room.done:
        seen = room.observe()
        room.step(np.concatenate([act(_part(seen, slice(k * n, (k + 1) * n))) for k, act in enumerate(acts)]))
    return tuple(np.split(room.quarter.plan, len(acts)))


def _part(seen: Observation, some: slice) -> Observation:
    return Observation(
        seen.features[some], seen.mask[some], seen.estate[some], seen.neighbours[some], seen.step
    )


def keep_bids(seen: Observation) -> Actions:
    """The rule itself: every service keeps its bids."""
    return np.zeros(seen.features.shape[:2], dtype=np.int64)


def _no_draw(seed: int) -> Estates:
    raise ValueError(f"these estates were given, none can be drawn from seed {seed}")

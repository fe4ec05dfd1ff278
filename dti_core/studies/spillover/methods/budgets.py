"""Programmes as agents on a budget, shown what patching's policies were shown of services and their bundles.

The agents change the bids of a tuned rule and never its limits; doing nothing is the rule itself. What a
policy of patching sees here, feature by feature, on which the transfer rests:

| feature | patching | here |
|---|---|---|
| 0 worth | loss that its bundles avoid, bent log | what its measures earn, bent log |
| 1 cost | money of bundles and set-up, bent log | money of measures and set-up, bent log |
| 2 outage | dollars of downtime | none: 0 |
| 3, 4 worthy, above | bundles worth half, and all, of the price | measures worth half, and all, of it |
| 5 out | whether an exploit is out | whether a measure surges (planted world: bears a sign) |
| 6 ahead | share of weeks ahead with a window | share of periods ahead in which it may begin |
| 7 dear | price of downtime and minutes left | none: 0 |
| 8, 9, 10 | weeks left, money left, its log ratio | periods left, money left, its log ratio |
| 11 wanted | hours of bids over hours of the week | hours of bids over hours of the period |
| 12 asked | cost of worthy bundles over money left | cost of worthy measures over money left |
| 13 worth | loss that all worthy bundles avoid | what all worthy measures earn |
| neighbours | services that call it | programmes that share its audience or topic |
| actions | keep, defer, now, batch | the same, on measures that share a set-up |

The bent logarithm of money is log(1 + money / small) / 4; small is about what a bundle or measure costs.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from dti_core.bridges.policies import Policy
from dti_core.bridges.simulators import Actions, Observation, Outcome
from dti_core.studies.spillover.model.knapsacks import (
    Array,
    Flags,
    Ints,
    Knapsacks,
    Rule,
    Season,
    admit,
    bids,
)

ACTIONS = ("keep", "defer", "now", "batch")
#: What a unit of money counts for when bids are kept, deferred and hastened, as a multiple of the rule's.
LEVELS = (1.0, 2.0, 0.5)
#: Feature that shows whether a measure surges, or a programme bears a sign.
SIGN = 5


class Budgeting:
    """Periods of many instances whose programmes act at once; see `dti_core.bridges.simulators`.

    Parameters
    ----------
    draw : instances of seeds, one each. rule : whose bids the programmes change. like : any instance, for its
    sizes. deal : rewards go to the wrong instances, dealt by a generator of this seed; None leaves them.
    """

    n_actions, n_features, n_estate = len(ACTIONS), 14, 6

    def __init__(
        self, draw: Callable[[Sequence[int]], Knapsacks], rule: Rule, like: Knapsacks, deal: int | None = None
    ) -> None:
        self._draw = draw
        self._rules = [replace(rule, level=level * rule.level) for level in LEVELS]
        self._dealt = None if deal is None else np.random.default_rng(deal)
        self.n_agents, self.n_steps = like.setup_cost.shape[1], like.n_periods
        self.n_worlds = 0

    def reset(self, seeds: Sequence[int]) -> None:
        """Begin the periods of one instance a seed."""
        drawn, place = np.unique(np.asarray(seeds), return_inverse=True)
        self.begin(self._draw([int(seed) for seed in drawn]).take(place.astype(np.int64)))

    def begin(self, sacks: Knapsacks) -> None:
        """Begin the periods of these instances."""
        self.sacks, self.season, self.n_worlds = sacks, Season.begin(sacks), len(sacks)
        self._look()

    @property
    def done(self) -> bool:
        """Whether the last period is over."""
        return self.season.period >= self.n_steps

    @property
    def _period(self) -> int:
        return min(self.season.period, self.n_steps - 1)

    def _look(self) -> None:
        """The rule's bids of the period, and at twice and half of what money counts for."""
        if self.done:
            return
        self._kept, self._deferred, self._hastened = (
            bids(self.sacks, self.season, rule) / level
            for rule, level in zip(self._rules, LEVELS, strict=True)
        )
        self._worthy = (self._hastened > 0).sum(axis=2)

    def observe(self) -> Observation:
        """What each programme sees of its own measures, and all of the budget, as in the table above."""
        estate = self._estate()
        spread = np.broadcast_to(estate[:, None], (self.n_worlds, self.n_agents, estate.shape[1]))
        features = np.concatenate([self._own(), spread], axis=2).astype(np.float32)
        return Observation(
            features, self._mask(), estate.astype(np.float32), self.sacks.partners, self.season.period
        )

    def _mask(self) -> Flags:
        mask = np.ones((self.n_worlds, self.n_agents, self.n_actions), dtype=bool)
        mask[..., 1:] = (self._worthy > 0)[..., None]
        return mask

    def step(self, actions: Actions) -> Outcome:
        """Change the bids, admit them, and credit each programme with what its measures are to earn, net."""
        period, sacks = self.season.period, self.sacks
        allowed = np.take_along_axis(self._mask(), actions[..., None], axis=2)[..., 0]
        act = np.broadcast_to(np.where(allowed, actions, 0)[..., None], self._kept.shape)
        batched = np.where(self._worthy[..., None] > 1, self._hastened, 0.0)
        admitted = admit(
            sacks, self.season, np.choose(act, (self._kept, self._deferred, self._hastened, batched))
        )
        net = sacks.stated(period) * sacks.truth[..., None] - sacks.cost
        shares = np.where(admitted, net, 0.0).sum(axis=2) - admitted.any(axis=2) * sacks.setup_cost
        self._look()
        if self._dealt is not None:
            shares = shares[self._dealt.permutation(len(shares))]
        return Outcome(shares.sum(axis=1), shares)

    def _estate(self) -> Array:
        """(N, 6) of the whole budget."""
        sacks, left = self.sacks, 1 - self._period / self.n_steps
        money = self.season.money / np.maximum(sacks.budget, 1e-9)
        worthy = self._hastened > 0
        wanted = np.where(self._kept > 0, sacks.hours, 0.0).sum(axis=(1, 2)) / sacks.capacity
        asked = np.where(worthy, sacks.cost, 0.0).sum(axis=(1, 2))
        asked = asked / np.maximum(self.season.money, 1e-3 * sacks.unit)
        earned = np.where(worthy, sacks.stated(self._period), 0.0).sum(axis=(1, 2))
        return np.stack(
            [np.full(len(money), left), money, np.log(np.maximum(money, 1e-3) / left), np.log1p(wanted),
             np.log1p(np.minimum(asked, 1e3)), np.log1p(earned / sacks.unit) / 4], axis=1,
        )  # fmt: skip

    def _own(self) -> Array:
        """(N, A, 8) of each programme."""
        sacks, period, worthy = self.sacks, self._period, self._hastened > 0
        unit = sacks.unit[:, None]
        value = np.where(worthy, sacks.stated(period), 0.0).sum(axis=2)
        cost = np.where(worthy, sacks.cost, 0.0).sum(axis=2) + sacks.setup_cost
        out = ((sacks.surge <= period) & worthy).any(axis=2) | sacks.flagged
        none = np.zeros(value.shape)
        return np.stack(
            [np.log1p(value / unit) / 4, np.log1p(cost / unit) / 4, none, np.log1p(self._worthy),
             np.log1p((self._kept > 0).sum(axis=2)), out, sacks.open[:, :, period:].mean(axis=2), none],
            axis=2,
        )  # fmt: skip


def plans(sacks: Knapsacks, policies: Sequence[Policy], rule: Rule) -> tuple[Ints, ...]:
    """(N, A, K) the plan of each policy's likeliest actions over the bids of a rule."""
    room = Budgeting(_no_draw, rule, sacks)
    found = []
    for policy in policies:
        room.begin(sacks)
        while not room.done:
            room.step(policy.act(room.observe()))
        found.append(room.season.start)
    return tuple(found)


def _no_draw(seeds: Sequence[int]) -> Knapsacks:
    raise ValueError(f"these instances were given, none can be drawn from seeds {list(seeds)}")

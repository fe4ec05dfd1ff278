"""Patch planning of one estate in plain Python and in PettingZoo: a peer of the batched simulator.

The rules are those of `dti_core.studies.patch_planning.methods.agents.Planning`, written the way one writes
them for one estate, with what never changes computed once. `patch_simulator.py` checks that both give equal
rewards, features and plans. Needs numpy, gymnasium and pettingzoo, and nothing of the project.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

NEVER, NONE, N_ACTIONS, N_FEATURES = 10_000, -1, 4, 14
LEVELS, CREDIT_OF_WAITING, LAST_MONEY, SMALL_USD = (1.0, 2.0, 0.5), 0.5, 1e-3, 300.0
#: Fields of `Estates` that have a row an estate.
FIELDS = (
    "service", "after", "known", "exploited", "risk_usd", "hours", "cost_usd", "minutes", "setup_hours",
    "setup_usd", "setup_minutes", "open", "outage_usd", "weekly_hours", "budget_usd", "minutes_allowed",
)  # fmt: skip

Lists = dict[str, Any]


def as_lists(estates: Any, weeks_ahead: Any) -> list[Lists]:
    """Each of some `Estates` as plain lists, with the table of weeks ahead."""
    common = {"window_minutes": float(estates.window_minutes), "ahead": weeks_ahead.tolist()}
    columns = {name: getattr(estates, name).tolist() for name in FIELDS}
    return [
        {name: column[k] for name, column in columns.items()} | common for k in range(len(estates.service))
    ]


class PlainPlanning:
    """A quarter of one estate, whose bids are net values under the price of a rule.

    Parameters
    ----------
    estate : of `as_lists`. price : its fields price, decay and pace.
    """

    def __init__(self, estate: Lists, price: Mapping[str, float]) -> None:
        self.estate, self.price = estate, price
        for name in FIELDS:
            setattr(self, name, estate[name])
        self.n_services, self.n_bundles = len(self.open), len(self.service)
        self.n_weeks = len(self.weekly_hours)
        self.depth = [0] * self.n_bundles
        for bundle in range(self.n_bundles):
            first = self.after[bundle]
            while first != NONE:
                self.depth[bundle] += 1
                first = self.after[first]
        self.order = sorted(range(self.n_bundles), key=self.depth.__getitem__)
        self.chained = [one for one in self.order if self.after[one] != NONE]
        self.ahead_open = [[sum(row[t:]) / len(row[t:]) for t in range(self.n_weeks)] for row in self.open]
        self.dear = [
            [math.log(row[t] * len(row[t:]) / sum(row[t:])) for t in range(self.n_weeks)]
            for row in self.outage_usd
        ]
        self.week, self.plan = 0, [NEVER] * self.n_bundles
        self.money, self.minutes_left = self.budget_usd, list(self.minutes_allowed)
        self._look()

    @property
    def done(self) -> bool:
        """Whether the last week is over."""
        return self.week >= self.n_weeks

    def _worth(self, bundle: int, week: int) -> float:
        if self.known[bundle] > week:
            return 0.0
        return self.risk_usd[bundle] * self.estate["ahead"][week][self.exploited[bundle] <= week]

    def _can_bid(self) -> list[bool]:
        week, plan = self.week, self.plan
        is_open = [row[week] for row in self.open]
        ready = [
            plan[one] == NEVER and self.known[one] <= week and is_open[self.service[one]]
            for one in range(self.n_bundles)
        ]
        for later in self.chained:
            first = self.after[later]
            together = self.service[later] == self.service[first]
            ready[later] = ready[later] and (plan[first] < week or (together and ready[first]))
        return ready

    def _price(self) -> float:
        time = (self.n_weeks - 1 - self.week) / max(self.n_weeks - 1, 1)
        money = self.money / max(self.budget_usd, 1e-9)
        pacing = (time / min(max(money, LAST_MONEY), 1.0)) ** self.price["pace"]
        return 1 + self.price["price"] * time ** self.price["decay"] * pacing

    def _look(self) -> None:
        """Bids of the week at the three levels of the price, and how many are worth while by service."""
        if self.done:
            return
        week, service, price = self.week, self.service, self._price()
        self.ready = self._can_bid()
        count = [0] * self.n_services
        for one, may in enumerate(self.ready):
            count[service[one]] += may
        outage = [row[week] for row in self.outage_usd]
        shared_usd = [usd / max(n, 1) for usd, n in zip(self.setup_usd, count, strict=True)]
        shared_down = [
            minutes / max(n, 1) * usd
            for minutes, n, usd in zip(self.setup_minutes, count, outage, strict=True)
        ]
        self.worth = [self._worth(one, week) for one in range(self.n_bundles)]
        money = [usd + shared_usd[at] for usd, at in zip(self.cost_usd, service, strict=True)]
        gross = [
            worth - minutes * outage[at] - shared_down[at]
            for worth, minutes, at in zip(self.worth, self.minutes, service, strict=True)
        ]
        self.bids = [self._bids(gross, money, level, price) for level in LEVELS]
        self.worthy = [0] * self.n_services
        for one, bid in enumerate(self.bids[2]):
            self.worthy[service[one]] += bid > 0

    def _bids(self, gross: list[float], money: list[float], level: float, price: float) -> list[float]:
        """Net values with credit for what waits, of those that may bid and are worth their price."""
        dollar = level * price
        net = [worth - dollar * usd for worth, usd in zip(gross, money, strict=True)]
        behind = [0.0] * self.n_bundles
        for later in reversed(self.chained):
            waits = self.known[later] <= self.week and self.plan[later] == NEVER
            behind[self.after[later]] += behind[later] + (max(net[later], 0.0) if waits else 0.0)
        found = []
        for may, usd, more in zip(self.ready, net, behind, strict=True):
            credited = usd + CREDIT_OF_WAITING * more
            found.append(credited / level if may and credited > 0 else 0.0)
        return found

    def mask(self) -> list[list[bool]]:
        """(S, 4) what each service may do."""
        return [[True, *[n > 0] * (N_ACTIONS - 1)] for n in self.worthy]

    def step(self, actions: Sequence[int]) -> tuple[float, list[float], float]:
        """Let the services act: reward of the team, shares of it, minutes of downtime."""
        kept, deferred, hastened = self.bids
        nothing = [0.0] * self.n_bundles
        chosen = []
        for act, n in zip(actions, self.worthy, strict=True):
            batched = hastened if n > 1 else nothing
            chosen.append((kept, deferred, hastened, batched)[act] if n > 0 else kept)
        admitted, minutes = self._admit([chosen[at][one] for one, at in enumerate(self.service)])
        week, shares, touched = self.week - 1, [0.0] * self.n_services, [False] * self.n_services
        for one in admitted:
            at = self.service[one]
            usd = self.outage_usd[at][week]
            shares[at] += self.worth[one] - self.cost_usd[one] - self.minutes[one] * usd
            if not touched[at]:
                touched[at] = True
                shares[at] -= self.setup_usd[at] + self.setup_minutes[at] * usd
        self._look()
        return sum(shares), shares, minutes

    def _admit(self, bids: list[float]) -> tuple[list[int], float]:
        """Admit bids from the highest on; what goes in, and its minutes."""
        week, after, service = self.week, self.after, self.service
        hours, money = self.weekly_hours[week], self.money
        keys = [bid if may and bid > 0 else -math.inf for bid, may in zip(bids, self.ready, strict=True)]
        for later in self.chained:
            if self.plan[after[later]] >= week:
                keys[later] = min(keys[later], keys[after[later]])
        able = [
            one for one, key in enumerate(keys)
            if key > -math.inf and self.hours[one] <= hours and self.cost_usd[one] <= money
        ]  # fmt: skip
        able.sort(key=lambda one: (-keys[one], self.depth[one]))
        window, used = self.estate["window_minutes"], 0.0
        room = [min(left, window) for left in self.minutes_left]
        is_set_up, admitted = [False] * self.n_services, []
        for one in able:
            at, first = service[one], after[one]
            needs = (self.hours[one], self.cost_usd[one], self.minutes[one])
            if not is_set_up[at]:
                set_up = (self.setup_hours[at], self.setup_usd[at], self.setup_minutes[at])
                needs = (needs[0] + set_up[0], needs[1] + set_up[1], needs[2] + set_up[2])
            fits = needs[0] <= hours and needs[1] <= money and needs[2] <= room[at]
            if fits and (first == NONE or self.plan[first] <= week):
                hours, money, used = hours - needs[0], money - needs[1], used + needs[2]
                room[at] -= needs[2]
                self.minutes_left[at] -= needs[2]
                is_set_up[at], self.plan[one] = True, week
                admitted.append(one)
        self.money = money
        self.week += 1
        return admitted, used

    def features(self) -> list[list[float]]:
        """(S, 14) what the services see; once all weeks are over, of the last one."""
        week = min(self.week, self.n_weeks - 1)
        kept, _, hastened = self.bids
        value, minutes = [0.0] * self.n_services, [0.0] * self.n_services
        cost, out, above = [0.0] * self.n_services, [False] * self.n_services, [0] * self.n_services
        hours_wanted = 0.0
        for one, at in enumerate(self.service):
            if kept[one] > 0:
                hours_wanted += self.hours[one]
                above[at] += 1
            if hastened[one] > 0:
                value[at] += self._worth(one, week)
                cost[at] += self.cost_usd[one]
                minutes[at] += self.minutes[one]
                out[at] = out[at] or self.exploited[one] <= week
        left, money = 1 - week / self.n_weeks, self.money / max(self.budget_usd, 1.0)
        estate = [
            left, money, math.log(max(money, 1e-3) / left),
            math.log1p(hours_wanted / max(self.weekly_hours[week], 1e-9)),
            math.log1p(min(sum(cost) / max(self.money, 1.0), 1e3)), _bent(sum(value)),
        ]  # fmt: skip
        return [
            [_bent(value[at]), _bent(cost[at] + self.setup_usd[at]),
             _bent(self.outage_usd[at][week] * minutes[at]), math.log1p(self.worthy[at]),
             math.log1p(above[at]), float(out[at]), self.ahead_open[at][week],
             self.dear[at][week] + self.minutes_left[at] / max(self.minutes_allowed[at], 1.0) - 1, *estate]
            for at in range(self.n_services)
        ]  # fmt: skip


def _bent(usd: float) -> float:
    return math.log1p(max(usd, 0.0) / SMALL_USD) / 4


class PlainEnv(ParallelEnv):
    """One estate of a given list in PettingZoo, a new one at random after each reset.

    Parameters
    ----------
    masks : whether agents are shown what they may do; without it what they may not do counts as keep.
    """

    metadata = {"name": "plain", "render_modes": [], "is_parallelizable": True}  # noqa: RUF012
    render_mode = None

    def __init__(self, estates: Sequence[Lists], price: Mapping[str, float], masks: bool = True) -> None:
        self._estates, self._price, self._masks = estates, price, masks
        self._rng: np.random.Generator | None = None
        self.possible_agents = [f"agent_{at}" for at in range(len(estates[0]["open"]))]
        self.agents: list[str] = []
        box = spaces.Box(-np.inf, np.inf, (N_FEATURES,), np.float32)
        shown = spaces.Dict({"observation": box, "action_mask": spaces.Box(0, 1, (N_ACTIONS,), np.int8)})
        self.observation_spaces = dict.fromkeys(self.possible_agents, shown if masks else box)
        self.action_spaces = {agent: spaces.Discrete(N_ACTIONS) for agent in self.possible_agents}

    def observation_space(self, agent: str) -> spaces.Space:
        """The same for all."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        """The same for all."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None):
        """Begin a quarter; option `estate` says of which one."""
        if seed is not None or self._rng is None:
            self._rng = np.random.default_rng(seed)
        which = (options or {}).get("estate")
        which = int(self._rng.integers(len(self._estates))) if which is None else which
        self.planning = PlainPlanning(self._estates[which], self._price)
        self.agents = list(self.possible_agents)
        return self._seen(), {agent: {} for agent in self.agents}

    def step(self, actions: Mapping[str, int]):
        """Let all agents act."""
        acting = self.agents
        _, shares, minutes = self.planning.step([int(actions[agent]) for agent in acting])
        ended = self.planning.done
        rewards = dict(zip(acting, shares, strict=True))
        self.agents = [] if ended else acting
        infos = {agent: {"costs": [minutes]} for agent in acting}
        return self._seen(), rewards, dict.fromkeys(acting, ended), dict.fromkeys(acting, False), infos

    def _seen(self) -> dict[str, Any]:
        features = np.array(self.planning.features(), dtype=np.float32)
        if not self._masks:
            return dict(zip(self.possible_agents, features, strict=True))
        masks = np.array(self.planning.mask(), dtype=np.int8)
        return {
            agent: {"observation": features[at], "action_mask": masks[at]}
            for at, agent in enumerate(self.possible_agents)
        }

"""The closed loop's world of firms as an agent-based model in Mesa 3: a peer of the vectorised world.

The rules are those of `dti_core.studies.closed_loop.model.world.simulate`, written as one does in Mesa: a
firm is an agent that asks, develops and responds, and the model deals what there is. One model follows one
draw of sizes. `closed_loop_world.py` checks that both give equal levels. Needs mesa, and nothing of the
project.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import mesa
import numpy as np


class Arrow(NamedTuple):
    """An arrow of feedback: the node that it tells of, how strongly, and how it tells it to each class."""

    start: int
    size: float
    signal: tuple[str, ...]
    of_money: bool


class Firm(mesa.Agent):
    """A firm: where it stands, what it has learned, and what it asks for.

    Parameters
    ----------
    base : its size at the start. large : whether it is of the large ones. news : by quarter and node.
    """

    def __init__(self, model: "LoopModel", base: float, large: bool, news: list[list[float]]) -> None:
        super().__init__(model)
        self.base, self.large, self.news = base, large, news
        self.level = [0.0] * model.n_nodes
        for node in model.causes:
            self.level[node] = news[0][node]
        self.learned = dict.fromkeys(model.into_technology, 0.0)
        self.level_at_start: list[float] = []
        self.heard: Firm = self
        self.other: Firm = self

    def ask(self) -> None:
        """How much development and resources it wants, and what money alone makes of development."""
        heard = {
            "closed": self.heard.level, "frozen": self.level_at_start, "permuted": self.other.level,
            "off": self.model.nothing,
        }  # fmt: skip
        kind = int(self.large)
        self.wanted, self.paid, self.asked = {}, {}, {}
        for technology, arrows in self.model.into_technology.items():
            wanted = paid = 0.0
            for arrow in arrows:
                told = arrow.size * heard[arrow.signal[kind]][arrow.start]
                wanted += told
                if arrow.of_money:
                    paid += told
            self.wanted[technology], self.paid[technology] = wanted, paid
        for resource, arrows in self.model.into_resource.items():
            self.asked[resource] = sum(
                arrow.size * heard[arrow.signal[kind]][arrow.start] for arrow in arrows
            )

    def develop(self) -> None:
        """Learn from what it was dealt, and use its resources."""
        model = self.model
        known = {node: self.level[node] for node in self.wanted}
        for technology, wanted in self.wanted.items():
            developed = model.rate_of_development + wanted
            self.learned[technology] += model.habits.learning * (developed - self.learned[technology])
            spilt = sum(size * known[start] for start, size in model.spilt[technology])
            self.level[technology] = self.learned[technology] + model.habits.push * model.quarter + spilt
        for resource, asked in self.asked.items():
            self.level[resource] = model.rate_of_resource[resource] + asked

    def respond(self) -> None:
        """Move outcomes a part of the way to where their causes and the firm's own news put them."""
        model, level, news = self.model, self.level, self.news[self.model.quarter]
        targets = {
            node: news[node] + sum(size * level[start] for start, size in causes)
            for node, causes in model.causes.items()
        }
        for node, target in targets.items():
            level[node] += model.habits.adjustment * (target - level[node])
        for node, value in enumerate(level):
            if abs(value) > model.habits.bound:
                level[node] = math.copysign(model.habits.bound, value)
                model.n_clipped += 1


class LoopModel(mesa.Model):
    """A world of firms under one draw of sizes.

    Parameters
    ----------
    loop : roles by node; kinds, starts and ends by arrow. sizes : by arrow. signals : by class and arrow, in
    words. shocks : base, classes, own, heard and mixed of `draw_shocks`. habits : of `Habits`.
    counted : nodes whose totals are told.
    """

    def __init__(
        self,
        loop: Any,
        sizes: Sequence[float],
        shocks: Any,
        signals: Sequence[Sequence[str]],
        habits: Any,
        counted: Sequence[int],
    ) -> None:
        super().__init__(seed=0)
        self.habits, self.n_clipped, self.n_nodes = habits, 0, len(loop.roles)
        self.counted = counted
        self.n_quarters, self.nothing = len(shocks.own), [0.0] * self.n_nodes
        self.hears, self.mixed = shocks.heard.tolist(), shocks.mixed.tolist()
        self._wire(loop, sizes, signals)
        Firm.create_agents(
            self, len(shocks.base), base=shocks.base.tolist(), large=(shocks.classes == 1).tolist(),
            news=shocks.own.transpose(1, 0, 2).tolist(),
        )  # fmt: skip
        self.firms: list[Firm] = list(self.agents)
        self.groups = [self.agents.select(lambda firm: not firm.large), self.agents.select(lambda f: f.large)]
        for group in self.groups:
            mean = mean_level(group, self.n_nodes)
            for firm in group:
                firm.level_at_start = mean
        self.datacollector = mesa.DataCollector({"levels": total_levels})

    @property
    def quarter(self) -> int:
        """The quarter that goes on; mesa counts a step when it begins."""
        return self.steps - 1

    def step(self) -> None:
        """A quarter: all ask, the model deals, all develop and respond."""
        told = zip(self.firms, self.hears[self.quarter], self.mixed[self.quarter], strict=True)
        for firm, heard, other in told:
            firm.heard, firm.other = self.firms[heard], self.firms[other]
        self.agents.do("ask")
        self.deal()
        self.agents.do("develop")
        self.agents.do("respond")
        self.datacollector.collect(self)

    def deal(self) -> None:
        """Logarithms of what a unit of what is wanted gets, so that totals are what there is."""
        there_is = wanted = 0.0
        for firm in self.agents:
            there_is += firm.base * sum(math.exp(paid) for paid in firm.paid.values())
            wanted += firm.base * sum(math.exp(one) for one in firm.wanted.values())
        self.rate_of_development = math.log(there_is / wanted) if wanted else 0.0
        usual = sum(firm.base for firm in self.agents)
        self.rate_of_resource = {
            resource: math.log(
                usual / sum(firm.base * math.exp(firm.asked[resource]) for firm in self.agents)
            )
            for resource in self.into_resource
        }

    def run(self) -> np.ndarray:
        """(n_quarters, n_groups, n_counted) levels of small, large and all firms."""
        for _ in range(self.n_quarters):
            self.step()
        return np.array(self.datacollector.model_vars["levels"])

    def clipped(self) -> float:
        """Share of cells that met the bound."""
        return self.n_clipped / (self.n_quarters * len(self.firms) * self.n_nodes)

    def _wire(self, loop: Any, sizes: Sequence[float], signals: Sequence[Sequence[str]]) -> None:
        """Arrows by the node that they lead to, without those that are off or of size 0."""
        nodes = {
            role: [n for n, one in enumerate(loop.roles) if one == role] for role in dict.fromkeys(loop.roles)
        }
        self.causes: dict[int, list[tuple[int, float]]] = {
            node: [] for role in ("need", "money") for node in nodes.get(role, ())
        }
        self.into_technology: dict[int, list[Arrow]] = {node: [] for node in nodes.get("technology", ())}
        self.into_resource: dict[int, list[Arrow]] = {node: [] for node in nodes.get("resource", ())}
        self.spilt: dict[int, list[tuple[int, float]]] = {node: [] for node in self.into_technology}
        moved = self.causes | self.spilt
        feedback: Mapping[int, list[Arrow]] = self.into_technology | self.into_resource
        arrows = zip(loop.kinds, loop.starts, loop.ends, sizes, zip(*signals, strict=True), strict=True)
        for kind, start, end, size, signal in arrows:
            if kind in ("technology", "nature") and size:
                moved[int(end)].append((int(start), float(size)))
            elif kind in ("need", "money", "deal") and size and set(signal) != {"off"}:
                feedback[int(end)].append(Arrow(int(start), float(size), signal, kind == "money"))


def mean_level(group: Iterable[Firm], n_nodes: int) -> list[float]:
    """Mean by node over firms, by their size."""
    base = sum(firm.base for firm in group)
    return [sum(firm.base * firm.level[node] for firm in group) / base for node in range(n_nodes)]


def total_levels(model: LoopModel) -> list[list[float]]:
    """Logarithm of each group's total over its base, by node, of small, large and all firms."""
    bases, totals = [], []
    for group in model.groups:
        bases.append(sum(firm.base for firm in group))
        total = [0.0] * len(model.counted)
        for firm in group:
            for place, node in enumerate(model.counted):
                total[place] += firm.base * math.exp(firm.level[node])
        totals.append(total)
    bases.append(sum(bases))
    totals.append([sum(parts) for parts in zip(*totals, strict=True)])
    return [[math.log(x / base) for x in total] for base, total in zip(bases, totals, strict=True)]

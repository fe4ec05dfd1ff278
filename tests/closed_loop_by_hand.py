"""The world of firms of study closed_loop once more, in plain Python: one draw, firm and arrow at a time.

Written from what the world says of itself, so that a slip in array arithmetic there is not made here as well.
"""

from dataclasses import dataclass, field
from math import exp, log

GROUPS = ((0,), (1,), (0, 1))
FEEDBACK = ("need", "money", "deal")


@dataclass
class Seen:
    """levels[quarter][group][node]; what is dealt in each quarter; cells at the bound, of how many."""

    levels: list = field(default_factory=list)
    developed: list = field(default_factory=list)
    wanted_total: list = field(default_factory=list)
    resources: list = field(default_factory=list)
    dealt: list = field(default_factory=list)
    clipped: int = 0
    cells: int = 0


class World:
    """One world of firms under one draw of sizes."""

    def __init__(self, loop, sizes, shocks, signals, habits):
        self.loop, self.shocks, self.signals, self.habits = loop, shocks, signals, habits
        self.arrows = [
            (int(start), int(end), kind, float(size), place)
            for place, (start, end, kind, size) in enumerate(
                zip(loop.starts, loop.ends, loop.kinds, sizes, strict=True)
            )
        ]
        self.firms, self.nodes = range(len(shocks.base)), range(len(loop.nodes))
        own = shocks.own[0]
        self.state = [
            [float(own[f][n]) if loop.roles[n] in ("need", "money") else 0.0 for n in self.nodes]
            for f in self.firms
        ]
        self.learned = {(f, n): 0.0 for f in self.firms for n in self.nodes}
        self.start = [[self._class_mean(f, n) for n in self.nodes] for f in self.firms]

    def _class_mean(self, firm, node):
        mates = [f for f in self.firms if self.shocks.classes[f] == self.shocks.classes[firm]]
        return sum(self.shocks.base[f] * self.state[f][node] for f in mates) / sum(
            self.shocks.base[f] for f in mates
        )

    def signal(self, firm, place, node, quarter):
        """What an arrow tells of a firm."""
        way = self.signals[self.shocks.classes[firm]][place]
        if way == 0:
            return self.state[self.shocks.heard[quarter][firm]][node]
        if way == 1:
            return self.start[firm][node]
        if way == 2:
            return self.state[self.shocks.mixed[quarter][firm]][node]
        return 0.0

    def draw(self, firm, node, quarter, kinds):
        """Sum of size x signal over the arrows of these kinds into a node."""
        return sum(
            size * self.signal(firm, place, start, quarter)
            for start, end, kind, size, place in self.arrows
            if end == node and kind in kinds
        )

    def of_role(self, *roles):
        return [n for n in self.nodes if self.loop.roles[n] in roles]

    def quarter(self, number, seen):
        base, habits = self.shocks.base, self.habits
        technologies, resources = self.of_role("technology"), self.of_role("resource")
        wanted = {(f, k): self.draw(f, k, number, FEEDBACK) for f in self.firms for k in technologies}
        money = sum(
            base[f] * exp(self.draw(f, k, number, ("money",))) for f in self.firms for k in technologies
        )
        pulled = sum(base[f] * exp(wanted[f, k]) for f in self.firms for k in technologies)
        dealt = {(f, k): money * base[f] * exp(wanted[f, k]) / pulled for f, k in wanted}
        shared = {}
        for r in resources:
            pull = [base[f] * exp(self.draw(f, r, number, FEEDBACK)) for f in self.firms]
            for f in self.firms:
                shared[f, r] = sum(base) * pull[f] / sum(pull)
        seen.developed.append(sum(dealt.values()))
        seen.wanted_total.append(money)
        seen.resources.append([sum(shared[f, r] for f in self.firms) for r in resources])
        seen.dealt.append({**dealt, **shared})
        heard_of = {(f, k): self.known_elsewhere(f, k) for f, k in wanted}
        for f, k in wanted:
            gap = log(dealt[f, k] / base[f]) - self.learned[f, k]
            self.learned[f, k] += habits.learning * gap
            self.state[f][k] = self.learned[f, k] + habits.push * number + heard_of[f, k]
        for (f, r), amount in shared.items():
            self.state[f][r] = log(amount / base[f])
        self.settle(number, seen)

    def known_elsewhere(self, firm, technology):
        """What spills over into a technology of what the firm knew of others a quarter before."""
        return sum(
            size * self.state[firm][start]
            for start, end, kind, size, _ in self.arrows
            if end == technology and kind == "technology"
        )

    def settle(self, number, seen):
        before = [list(row) for row in self.state]
        for f in self.firms:
            for n in self.of_role("need", "money"):
                target = float(self.shocks.own[number][f][n]) + sum(
                    size * before[f][start]
                    for start, end, kind, size, _ in self.arrows
                    if end == n and kind in ("technology", "nature")
                )
                self.state[f][n] += self.habits.adjustment * (target - before[f][n])
        bound = self.habits.bound
        for f in self.firms:
            for n in self.nodes:
                seen.cells += 1
                if abs(self.state[f][n]) > bound:
                    seen.clipped += 1
                    self.state[f][n] = max(-bound, min(bound, self.state[f][n]))

    def levels(self):
        base, classes = self.shocks.base, self.shocks.classes
        found = []
        for group in GROUPS:
            members = [f for f in self.firms if classes[f] in group]
            total = sum(base[f] for f in members)
            found.append(
                [log(sum(base[f] * exp(self.state[f][n]) for f in members) / total) for n in self.nodes]
            )
        return found


def follow_by_hand(loop, sizes, shocks, signals, habits):
    """What became of the world: `signals` is (n_classes, n_arrows) for this draw."""
    world, seen = World(loop, sizes, shocks, signals, habits), Seen()
    for number in range(len(shocks.own)):
        world.quarter(number, seen)
        seen.levels.append(world.levels())
    return seen

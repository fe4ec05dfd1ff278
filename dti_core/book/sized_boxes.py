"""The nodes of the loop by size: a box each, on the rim of the drawing, in the field that they belong to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from scipy.spatial import ConvexHull

from dti_core.book.arrows import NodeShown
from dti_core.lab.theme import wrap

Point = tuple[float, float]
SIZE = (720, 800)
#: Where the nodes of a field stand, spread evenly clockwise along a line on the rim; where its name stands.
RIMS: dict[str, tuple[Point, ...]] = {
    "commerce": ((100.0, 196.0), (256.0, 58.0), (464.0, 58.0), (620.0, 196.0)),
    "finance": ((620.0, 340.0), (620.0, 640.0), (438.0, 738.0)),
    "security": ((258.0, 738.0), (100.0, 640.0), (100.0, 346.0)),
}
NAMES = {
    "commerce": (10.0, 40.0, "start"),
    "finance": (710.0, 776.0, "end"),
    "security": (10.0, 776.0, "start"),
}
#: Roles in their order along the rim: what technology works on lies between it and what is left of the field.
_ORDER: dict[str, tuple[str, ...]] = {
    "commerce": ("resource", "need", "technology", "money"),
    "finance": ("money", "need", "technology", "resource"),
    "security": ("technology", "resource", "need", "money"),
}
_LETTER, _LINE, _LETTERS, _NARROWEST, _ROOM = 12.2, 27.0, 13, 136.0, 10.0


@dataclass(frozen=True, slots=True)
class Box:
    """A node of the drawing: its words, line by line, and the middle and the size of its box."""

    node: NodeShown
    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float

    def baseline(self, line: int) -> float:
        """Height at which a line of its words stands."""
        return self.y + (line - (len(self.lines) - 1) / 2) * _LINE + 8

    def holds(self, point: Point, margin: float) -> bool:
        """Whether a point lies in the box or within the margin around it."""
        across, down = abs(point[0] - self.x), abs(point[1] - self.y)
        return across < self.width / 2 + margin and down < self.height / 2 + margin

    def edge(self, margin: float) -> list[Point]:
        """Corners at this distance from the box, clockwise from the upper left one and back to it."""
        right, down = self.width / 2 + margin, self.height / 2 + margin
        signs = ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
        return [(self.x + x * right, self.y + y * down) for x, y in signs]

    def rim(self, toward: Point, margin: float) -> float:
        """Where a line from the middle crosses that edge, as the way along it."""
        right, down = self.width / 2 + margin, self.height / 2 + margin
        x, y = toward[0] - self.x, toward[1] - self.y
        share = 1 / max(abs(x) / right, abs(y) / down)
        x, y = x * share, y * share
        if abs(y) > down - 1e-9:
            return right + x if y < 0 else 3 * right + 2 * down - x
        return 2 * right + down + y if x > 0 else 4 * right + 3 * down - y


def boxes(nodes: Sequence[NodeShown]) -> dict[str, Box]:
    """A box a node, in the order of the rim."""
    found = {}
    for name, rim in RIMS.items():
        its = sorted(
            (one for one in nodes if one.field == name), key=lambda one: _ORDER[name].index(one.role)
        )
        for place, node in enumerate(its):
            share = place / (len(its) - 1) if len(its) > 1 else 0.5
            x, y = walk(rim, share * length(rim))
            lines = tuple(wrap(node.title, _LETTERS).split("<br>"))
            width = max(_NARROWEST, 26 + _LETTER * max(map(len, lines)))
            found[node.node] = Box(node, lines, x, y, width, 22 + _LINE * len(lines))
    return found


def outlines(placed: Sequence[Box]) -> dict[str, str]:
    """Around the boxes of each field a hull with some room, as SVG draws it."""
    found = {}
    for name in RIMS:
        corners = [corner for box in placed if box.node.field == name for corner in box.edge(_ROOM)]
        if corners:
            hull = (corners[place] for place in ConvexHull(corners).vertices)
            found[name] = f"M{'L'.join(f'{x:.1f} {y:.1f}' for x, y in hull)}Z"
    return found


def length(line: Sequence[Point]) -> float:
    """Length of a line through these points."""
    return sum(math.dist(one, other) for one, other in pairwise(line))


def walk(line: Sequence[Point], way: float) -> Point:
    """The point so far along a line."""
    for one, other in pairwise(line):
        step = math.dist(one, other)
        if way <= step:
            return one[0] + (other[0] - one[0]) * way / step, one[1] + (other[1] - one[1]) * way / step
        way -= step
    return line[-1]

"""The loop drawn by the size of its arrows: nodes on the rim in their fields, arrows bowed to the middle."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from dti_core.book.arrows import KINDS, Arrows, Card, NodeShown
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
    "security": ("technology", "need", "money", "resource"),
}
_CENTRE = (360.0, 420.0)
_LETTER, _LINE, _LETTERS = 12.2, 27.0, 13
_NARROWEST = 136.0
_ROOM = 10.0
_ROUND, _ASIDE, _NEAR, _STEPS = 7.0, 26.0, 260.0, 60
_PULLS = (0.52, 0.6, 0.7, 0.8, 0.95, 1.1, 1.3)
#: Widths of arrows, from sizes of a thousandth up to 1: pixels of the drawing.
WIDTHS, LEGEND = (2.5, 12.0), (0.001, 0.01, 0.1, 1.0)


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

    def rim(self, toward: Point, margin: float) -> float:
        """Where a line from the middle leaves the box, as the way along its edge."""
        half_width, half_height = self.width / 2 + margin, self.height / 2 + margin
        across, down = toward[0] - self.x, toward[1] - self.y
        share = 1 / max(abs(across) / half_width, abs(down) / half_height)
        return _way((across * share, down * share), half_width, half_height)

    def edge(self, margin: float) -> float:
        """Length of the edge at this distance from the box."""
        return 2 * (self.width + self.height + 4 * margin)

    def at(self, way: float, margin: float) -> Point:
        """The point so far along the edge, clockwise from the upper left corner."""
        width, height = self.width + 2 * margin, self.height + 2 * margin
        left, top, way = self.x - width / 2, self.y - height / 2, way % (2 * (width + height))
        if way < width:
            return left + way, top
        if way < width + height:
            return left + width, top + way - width
        if way < 2 * width + height:
            return left + width - (way - width - height), top + height
        return left, top + height - (way - 2 * width - height)


@dataclass(frozen=True, slots=True)
class Drawn:
    """An arrow of the drawing: its line, its tip, the width of the line and how that is dashed."""

    card: Card
    path: str
    tip: str
    width: float
    dashes: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole: outlines of the fields, boxes, arrows, and what the keys show."""

    arrows: tuple[Drawn, ...]
    boxes: tuple[Box, ...]
    fields: Mapping[str, str]
    titles: Mapping[str, str]
    size: tuple[int, int] = SIZE
    names: Mapping[str, tuple[float, float, str]] = field(default_factory=lambda: NAMES)

    @property
    def legend(self) -> list[tuple[str, str, float, str]]:
        """Words, class, width and grade of each width that the key shows."""
        return [(f"{size:g}", "", width_of(size), "observed") for size in LEGEND]

    @property
    def grades(self) -> list[tuple[str, str, float, str]]:
        """The same of each way to dash a line."""
        return [(grade, "", 7.0, grade) for grade in ("observed", "published", "assumed")]

    @property
    def kinds(self) -> list[tuple[str, str, float, str]]:
        """The same of each kind that occurs."""
        found = {one.card.kind for one in self.arrows}
        told = {"nature": "nature, and deals"} if "deal" in found else {}
        shown = [kind for kind in KINDS if kind in found and (kind != "deal" or not told)]
        return [(told.get(kind, kind), f"arrow-{kind}", 9.0, "observed") for kind in shown]


def draw_sized(arrows: Arrows) -> Drawing:
    """The drawing of these arrows."""
    placed = tuple(boxes(arrows.nodes).values())
    outlines = {name: _outline([one for one in placed if one.node.field == name]) for name in RIMS}
    return Drawing(tuple(draw(arrows.nodes, arrows.cards)), placed, outlines, arrows.titles)


def boxes(nodes: Sequence[NodeShown]) -> dict[str, Box]:
    """A box a node, in the order of the rim."""
    found = {}
    for name, rim in RIMS.items():
        its = sorted(
            (one for one in nodes if one.field == name), key=lambda one: _ORDER[name].index(one.role)
        )
        for place, node in enumerate(its):
            x, y = _along(rim, (place + 0.5) / len(its) if len(its) < 2 else place / (len(its) - 1))
            lines = tuple(wrap(node.title, _LETTERS).split("<br>"))
            width = max(_NARROWEST, 26 + _LETTER * max(map(len, lines)))
            found[node.node] = Box(node, lines, x, y, width, 22 + _LINE * len(lines))
    return found


def draw(nodes: Sequence[NodeShown], cards: Sequence[Card]) -> list[Drawn]:
    """The arrows, thin ones last so that no wide one hides them.

    Each is bowed inward, as little as keeps it off the boxes that it does not join.
    """
    placed, pulls = boxes(nodes), {card.arrow: 0 for card in cards}
    while True:
        bows = {
            card.arrow: _bow(placed[card.start], placed[card.end], _PULLS[pulls[card.arrow]])
            for card in cards
        }
        ports = _ports(placed, cards, bows)
        drawn = [_drawn(placed, card, bows[card.arrow], ports) for card in cards]
        blocked = [one.card.arrow for one in drawn if crossed(one, placed)]
        again = [arrow for arrow in blocked if pulls[arrow] < len(_PULLS) - 1]
        if not again:
            return sorted(drawn, key=lambda one: -one.width)
        pulls |= {arrow: pulls[arrow] + 1 for arrow in again}


def crossed(one: Drawn, placed: Mapping[str, Box]) -> list[str]:
    """Nodes whose boxes an arrow hides behind or touches, its own ends apart."""
    others = (box for name, box in placed.items() if name not in (one.card.start, one.card.end))
    return [box.node.node for box in others if any(box.holds(p, one.width / 2 + 2) for p in one.points)]


def width_of(size: float) -> float:
    """Width of an arrow of this size: even steps for every tenfold."""
    low, high = math.log10(LEGEND[0]), math.log10(LEGEND[-1])
    share = (math.log10(max(abs(size), LEGEND[0])) - low) / (high - low)
    return round(WIDTHS[0] + (WIDTHS[1] - WIDTHS[0]) * min(share, 1.0), 1)


def dashes_of(grade: str, width: float) -> str:
    """Observed is unbroken, published dashed, assumed dotted."""
    return {"observed": "", "published": f"{10 + width:g} {6 + width:g}"}.get(
        grade, f"0.1 {4 + 1.6 * width:g}"
    )


def _drawn(
    placed: Mapping[str, Box], card: Card, middle: Point, ports: Mapping[tuple[str, int], float]
) -> Drawn:
    width = width_of(card.middle)
    tip = 10 + width
    first, last = (
        placed[card.start].at(ports[card.arrow, 0], 2),
        placed[card.end].at(ports[card.arrow, 1], _ROUND - 3),
    )
    away = math.dist(middle, last)
    neck = tuple(b + (a - b) / away * tip for a, b in zip(middle, last, strict=True))
    half = 5 + 0.7 * width
    aside = ((last[1] - neck[1]) / tip * half, (neck[0] - last[0]) / tip * half)
    corners = (last, (neck[0] + aside[0], neck[1] + aside[1]), (neck[0] - aside[0], neck[1] - aside[1]))
    told = [f"{x:.1f} {y:.1f}" for x, y in (first, middle, neck, *corners)]
    points = tuple(_bezier(first, middle, (neck[0], neck[1])))
    path, head = f"M{told[0]}Q{told[1]} {told[2]}", f"M{'L'.join(told[3:])}Z"
    return Drawn(card, path, head, width, dashes_of(card.grade, width), points)


def _bow(a: Box, b: Box, pull: float) -> Point:
    """A point inward from the straight line, and to its own right, so that the way back is another."""
    across, down = b.x - a.x, b.y - a.y
    length = math.hypot(across, down)
    x, y = (a.x + b.x) / 2, (a.y + b.y) / 2
    pull *= min(1.0, _NEAR / length) ** 0.5
    x, y = x + pull * (_CENTRE[0] - x), y + pull * (_CENTRE[1] - y)
    return x - down / length * _ASIDE, y + across / length * _ASIDE


@dataclass(frozen=True, slots=True)
class _Port:
    """Where an arrow leaves (end 0) or enters (1) a box, as the way along its edge, and its room."""

    way: float
    room: float
    arrow: str
    end: int


def _ports(
    placed: Mapping[str, Box], cards: Iterable[Card], bows: Mapping[str, Point]
) -> dict[tuple[str, int], float]:
    """Where each arrow leaves (0) and enters (1), as ways along the edges, none upon another."""
    wanted: dict[str, list[_Port]] = defaultdict(list)
    for card in cards:
        for end, name in enumerate((card.start, card.end)):
            way = placed[name].rim(bows[card.arrow], _ROUND)
            room = width_of(card.middle) + (3, 11)[end]
            wanted[name].append(_Port(way, room, card.arrow, end))
    spread = (_apart(ports, placed[name].edge(_ROUND)) for name, ports in wanted.items())
    return {(port.arrow, port.end): port.way for ports in spread for port in ports}


def _apart(ports: Sequence[_Port], edge: float) -> list[_Port]:
    """Ports along an edge that closes on itself, pushed apart until each has the room that it wants."""
    cut = _widest_gap([port.way for port in ports], edge)
    order = sorted((replace(port, way=(port.way - cut) % edge) for port in ports), key=lambda port: port.way)
    ways, rooms = [port.way for port in order], [(a.room + b.room) / 2 for a, b in pairwise(order)]
    for _ in range(400):
        for k, room in enumerate(rooms):
            short = max(0.0, room - (ways[k + 1] - ways[k])) / 2
            ways[k], ways[k + 1] = ways[k] - short, ways[k + 1] + short
    return [replace(port, way=way + cut) for port, way in zip(order, ways, strict=True)]


def _widest_gap(ways: Iterable[float], edge: float) -> float:
    """The middle of the longest stretch of the edge without a port."""
    order = sorted(ways)
    gaps = [(after - before, before) for before, after in pairwise([*order, order[0] + edge])]
    length, start = max(gaps)
    return start + length / 2


def _way(point: Point, half_width: float, half_height: float) -> float:
    """The way along the edge of a box around 0 to a point of it, clockwise from its upper left corner."""
    x, y = point
    sides = {
        abs(y + half_height): x + half_width,
        abs(x - half_width): 2 * half_width + y + half_height,
        abs(y - half_height): 3 * half_width + 2 * half_height - x,
        abs(x + half_width): 4 * half_width + 3 * half_height - y,
    }
    return sides[min(sides)]


def _along(line: Sequence[Point], share: float) -> Point:
    """The point at this share of the length of a line."""
    left = share * sum(math.dist(a, b) for a, b in pairwise(line))
    for a, b in pairwise(line):
        length = math.dist(a, b)
        if left <= length + 1e-9:
            return a[0] + (b[0] - a[0]) * left / length, a[1] + (b[1] - a[1]) * left / length
        left -= length
    return line[-1]


def _bezier(start: Point, middle: Point, end: Point) -> Iterator[Point]:
    for k in range(_STEPS + 1):
        t = k / _STEPS
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t**2
        yield (
            a * start[0] + b * middle[0] + c * end[0],
            a * start[1] + b * middle[1] + c * end[1],
        )


def _outline(its: Sequence[Box]) -> str:
    """The hull of these boxes and some room around them, as SVG draws it."""
    corners = {
        (box.x + x * (box.width / 2 + _ROOM), box.y + y * (box.height / 2 + _ROOM))
        for box in its
        for x in (-1, 1)
        for y in (-1, 1)
    }
    hull = _hull(sorted(corners))
    return f"M{'L'.join(f'{x:.1f} {y:.1f}' for x, y in hull)}Z" if hull else ""


def _hull(points: Sequence[Point]) -> list[Point]:
    """Corners of the convex hull of points in order."""
    halves = []
    for run in (points, points[::-1]):
        half: list[Point] = []
        for x, y in run:
            while len(half) > 1 and _turn(half[-2], half[-1], (x, y)) <= 0:
                half.pop()
            half.append((x, y))
        halves += half[:-1]
    return halves


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

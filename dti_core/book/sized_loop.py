"""The loop drawn by the size of its arrows, which bow from box to box through the middle of the drawing."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from dti_core.book.arrows import KINDS, Arrows, Card, NodeShown
from dti_core.book.sized_boxes import NAMES, SIZE, Box, Point, boxes, length, outlines, walk

_CENTRE = (360.0, 420.0)
_ROUND, _ASIDE, _NEAR, _STEPS = 4.0, 26.0, 260.0, 60
_PULLS = (0.52, 0.6, 0.7, 0.8, 0.95, 1.1, 1.3)
#: Widths of arrows, from sizes of a thousandth up to 1: pixels of the drawing.
WIDTHS, LEGEND = (2.5, 12.0), (0.001, 0.01, 0.1, 1.0)


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
    drawn = tuple(draw(arrows.nodes, arrows.cards))
    return Drawing(drawn, placed, outlines(placed), arrows.titles)


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
        drawn = [_drawn(one, ports[one.arrow, 0], bows[one.arrow], ports[one.arrow, 1]) for one in cards]
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
    dotted = f"0.1 {4 + 1.6 * width:g}"
    return {"observed": "", "published": f"{10 + width:g} {6 + width:g}"}.get(grade, dotted)


def _drawn(card: Card, first: Point, middle: Point, last: Point) -> Drawn:
    """An arrow from the first point to the last, bowed to the middle one."""
    width = width_of(card.middle)
    tip, half, away = 10 + width, 5 + 0.7 * width, math.dist(middle, last)
    back_x, back_y = (middle[0] - last[0]) / away, (middle[1] - last[1]) / away
    neck = last[0] + back_x * tip, last[1] + back_y * tip
    wings = [(neck[0] + side * back_y * half, neck[1] - side * back_x * half) for side in (1, -1)]
    told = [f"{x:.1f} {y:.1f}" for x, y in (first, middle, neck, last, *wings)]
    path, head = f"M{told[0]}Q{told[1]} {told[2]}", f"M{'L'.join(told[3:])}Z"
    points = tuple(_bezier(first, middle, neck))
    return Drawn(card, path, head, width, dashes_of(card.grade, width), points)


def _bow(a: Box, b: Box, pull: float) -> Point:
    """A point inward from the straight line, and to its own right, so that the way back is another."""
    across, down = b.x - a.x, b.y - a.y
    away = math.hypot(across, down)
    x, y = (a.x + b.x) / 2, (a.y + b.y) / 2
    pull *= min(1.0, _NEAR / away) ** 0.5
    x, y = x + pull * (_CENTRE[0] - x), y + pull * (_CENTRE[1] - y)
    return x - down / away * _ASIDE, y + across / away * _ASIDE


@dataclass(frozen=True, slots=True)
class _Port:
    """Where an arrow leaves (end 0) or enters (1) a box, as the way along its edge, and its room."""

    way: float
    room: float
    arrow: str
    end: int


def _ports(
    placed: Mapping[str, Box], cards: Iterable[Card], bows: Mapping[str, Point]
) -> dict[tuple[str, int], Point]:
    """Where each arrow leaves (0) and enters (1) its boxes, none upon another."""
    wanted: dict[str, list[_Port]] = defaultdict(list)
    for card in cards:
        for end, name in enumerate((card.start, card.end)):
            way = placed[name].rim(bows[card.arrow], _ROUND)
            room = width_of(card.middle) + (3, 11)[end]
            wanted[name].append(_Port(way, room, card.arrow, end))
    found = {}
    for name, ports in wanted.items():
        edge = placed[name].edge(_ROUND)
        whole = length(edge)
        for port in _apart(ports, whole):
            found[port.arrow, port.end] = walk(edge, port.way % whole)
    return found


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
    gap, start = max(gaps)
    return start + gap / 2


def _bezier(start: Point, middle: Point, end: Point) -> Iterator[Point]:
    for k in range(_STEPS + 1):
        t = k / _STEPS
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t**2
        x, y = (a * start[axis] + b * middle[axis] + c * end[axis] for axis in (0, 1))
        yield x, y

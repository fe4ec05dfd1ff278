"""The loop of the review as a drawing: each arrow is a bar of the verdicts on the claims that speak of it."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import get_args

from dti_core.lab.record import Verdict, VerdictWord
from dti_core.lab.register import Arrow, Register

WORDS: tuple[VerdictWord, ...] = get_args(VerdictWord)
#: Verdicts that decide a claim; an arrow is striped where its claims have another.
DECIDED: tuple[VerdictWord, ...] = ("supported", "refuted")
SIZE, _RADIUS = (700, 532), 240.0
_CENTRE = (350.0, 280.0)
_STRIPE, _GAP = 3.0, 3.5
#: Space between an arrow and what it joins, with room for its tip, and beside the arrow of the way back.
_BEFORE, _AFTER, _APART = 8.0, 24.0, 12.0
_STAGES = {"demand": -90, "technology": 40, "use": 140}
_STAGE_SIZE, _FIELD_SIZE = (190.0, 60.0), (158.0, 52.0)
_FIELDS = {"commerce": (350.0, 168.0), "finance": (470.0, 318.0), "security": (230.0, 318.0)}


@dataclass(frozen=True, slots=True)
class Node:
    """A stage or a field: its name, the middle and the size of its box."""

    name: str
    x: float
    y: float
    width: float
    height: float

    def holds(self, x: float, y: float, margin: float) -> bool:
        """Whether a point lies in the box or within the margin around it."""
        return abs(x - self.x) <= self.width / 2 + margin and abs(y - self.y) <= self.height / 2 + margin


@dataclass(frozen=True, slots=True)
class Stripe:
    """The part of an arrow that shows one verdict: how its stroke is dashed."""

    word: VerdictWord
    dashes: str


@dataclass(frozen=True, slots=True)
class ArrowShown:
    """An arrow with how often each verdict occurs on it; `path` is '' where it has no ends."""

    key: str
    arrow: Arrow
    counts: dict[VerdictWord, int]
    path: str = ""
    stripes: tuple[Stripe, ...] = ()

    @property
    def total(self) -> int:
        """How many claims speak of it."""
        return sum(self.counts.values())

    @property
    def decided(self) -> int:
        """How many of these are supported or refuted."""
        return sum(self.counts.get(word, 0) for word in DECIDED)

    @property
    def words(self) -> str:
        """The same for who cannot see it: "Feedback: 15 claims, 1 refuted, 14 not yet tested"."""
        found = ", ".join(f"{count} {word}" for word, count in self.counts.items())
        return f"{self.arrow.title}: {self.total} {'claim' if self.total == 1 else 'claims'}, {found}"


def nodes() -> dict[str, Node]:
    """Boxes of the stages, on a ring, and of the fields within it."""
    turns = {name: math.radians(angle) for name, angle in _STAGES.items()}
    ring = {name: Node(name, *_on_ring(turn), *_STAGE_SIZE) for name, turn in turns.items()}
    return ring | {name: Node(name, *middle, *_FIELD_SIZE) for name, middle in _FIELDS.items()}


def counts_of(verdicts: Iterable[Verdict]) -> dict[VerdictWord, int]:
    """How often each verdict occurs, those that do, in their usual order."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    return {word: counts[word] for word in WORDS if counts[word]}


def draw_loop(register: Register, verdicts: Sequence[Verdict]) -> list[ArrowShown]:
    """The arrows of the register with their verdicts, in its order."""
    shown = []
    for key, arrow in register.arrows.items():
        counts = counts_of(one for one in verdicts if key in register.claims[one.claim].arrows)
        path, length = _path(_points(arrow), curved=arrow.start in _STAGES)
        shown.append(ArrowShown(key, arrow, counts, path, tuple(_stripes(counts, length))))
    return shown


def _points(arrow: Arrow) -> list[tuple[float, float]]:
    """The line of an arrow, from the edge of one box to the edge of the other."""
    if arrow.start is None or arrow.end is None:
        return []
    boxes = nodes()
    start, end = boxes[arrow.start], boxes[arrow.end]
    line = _arc(arrow.start, arrow.end) if arrow.start in _STAGES else _straight(start, end)
    return [point for point in line if not start.holds(*point, _BEFORE) and not end.holds(*point, _AFTER)]


def _arc(start: str, end: str) -> list[tuple[float, float]]:
    first = _STAGES[start]
    return [_on_ring(math.radians(angle)) for angle in range(first, first + (_STAGES[end] - first) % 360)]


def _straight(start: Node, end: Node, steps: int = 200) -> list[tuple[float, float]]:
    """A line beside that of the way back, as traffic keeps to its side."""
    across, down = end.x - start.x, end.y - start.y
    aside_x, aside_y = (_APART * part / math.hypot(across, down) for part in (-down, across))
    return [
        (start.x + across * k / steps + aside_x, start.y + down * k / steps + aside_y) for k in range(steps)
    ]


def _on_ring(turn: float) -> tuple[float, float]:
    return _CENTRE[0] + _RADIUS * math.cos(turn), _CENTRE[1] + _RADIUS * math.sin(turn)


def _path(points: Sequence[tuple[float, float]], *, curved: bool) -> tuple[str, float]:
    """The line through the points as SVG draws it, and its length."""
    if not points:
        return "", 0.0
    first, last = (f"{x:.1f} {y:.1f}" for x, y in (points[0], points[-1]))
    way = f"A{_RADIUS:g} {_RADIUS:g} 0 0 1 " if curved else "L"
    return f"M{first}{way}{last}", sum(math.dist(one, other) for one, other in pairwise(points))


def _stripes(counts: dict[VerdictWord, int], length: float) -> Iterator[Stripe]:
    """One part of the line a verdict, as long as its share; those that decide nothing are striped."""
    start, total = 0.0, sum(counts.values())
    for word, count in counts.items():
        part = length * count / total
        dashes = [0.0, start, part] if word in DECIDED else [0.0, start, *_hatched(part)]
        yield Stripe(word, " ".join(f"{round(dash, 1):g}" for dash in [*dashes, 2 * length]))
        start += part


def _hatched(part: float) -> list[float]:
    n = max(1, int(part // (_STRIPE + _GAP)))
    return [*[_STRIPE, _GAP] * (n - 1), _STRIPE]

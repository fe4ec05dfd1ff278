"""The arrows of the loop as the book shows them: nodes and cards of the frozen synthesis, what they imply.

With M[i, j] = d ln(i) / d ln(j), b the arrows out of a technology, c those into it and A the rest, its
return ratio is L = c (I - A)^-1 b (Bode 1945, Mason 1953). dti-loop.js computes it for moved arrows.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dti_core.lab.errors import RunError
from dti_core.lab.kept import read_series
from dti_core.lab.record import Record
from dti_core.lab.say import number

#: The study whose frozen series hold the loop, and their names.
SYNTHESIS, NODES, CARDS = "closed_loop", "nodes", "cards"
#: Claims that ask for more than GOAL, of which number, and which part of the outcomes that is the largest of.
RULES, GOAL = (
    (
        ("C34", "the largest return ratio of a technology", "ratio"),
        ("C1", "the largest part of one through all three fields, knowledge included", "three_known"),
    ),
    0.1,
)
#: Ways back into a technology, and the kinds of last arrows that do not count for each; what a field knows
#: already is no news when it comes back, unless knowledge is included.
_FED: tuple[str, ...] = ("technology",)
_ROUTES = (("need", ("money", *_FED)), ("money", ("need", *_FED)))
#: Kinds of arrows in the order of the page, each with what it is.
KINDS = {
    "technology": "what a technology does",
    "need": "an unmet need draws development",
    "money": "money draws development",
    "nature": "there without any technology",
    "deal": "who gets how much of a fixed total",
}
#: Parts of a return ratio that add up to it, in two ways.
PARTS = {
    "ratio": "Return ratio L, by need and money",
    "one": "within its own field",
    "two": "through two fields",
    "three": "through all three",
    "need": "back by an unmet need",
    "money": "back by money",
    "known": "L with knowledge that comes back",
    "three_known": "through all three fields",
}


@dataclass(frozen=True, slots=True)
class NodeShown:
    """Something that moves; `role` is technology, need, money or resource."""

    node: str
    title: str
    field: str
    role: str
    better: str


@dataclass(frozen=True, slots=True)
class Card:
    """An arrow between two nodes with the middle and the ends of its size, as its card says them."""

    arrow: str
    start: str
    end: str
    kind: str
    grade: str
    paper: str
    middle: float
    low: float
    high: float
    source: str

    @property
    def open(self) -> bool:
        """Whether the range holds 0, so that there may be no such arrow."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the loop does to a technology: return ratio with its parts, and how many percent that changes."""

    title: str
    percent: float
    parts: Mapping[str, float]

    @property
    def says(self) -> str:
        """The same in a sentence."""
        title = self.title
        inside = title if title[1:2].isupper() else title[:1].lower() + title[1:]
        start = f"Closing the loop changes what {inside} achieves"
        if not self.parts["ratio"] < 1:
            return f"{start} without end: it runs away."
        word = "damps" if self.percent < 0 else "amplifies"
        word = word if round(self.percent, 2) else "does next to nothing"
        return f"{start} by {minus(self.percent, 2)} %: it {word}."


@dataclass(frozen=True, slots=True)
class Arrows:
    """Nodes and cards of one loop."""

    nodes: tuple[NodeShown, ...]
    cards: tuple[Card, ...]

    @property
    def titles(self) -> dict[str, str]:
        """Titles of the nodes by name."""
        return {one.node: one.title for one in self.nodes}

    @property
    def counted(self) -> tuple[Card, ...]:
        """Arrows that take part in a return ratio: no totals are dealt in it."""
        fixed = {one.node for one in self.nodes if one.role == "resource"}
        return tuple(one for one in self.cards if not {one.start, one.end} & fixed)

    def groups(self) -> dict[str, list[Card]]:
        """Counted arrows by kind."""
        found = {kind: [one for one in self.counted if one.kind == kind] for kind in KINDS}
        return {kind: cards for kind, cards in found.items() if cards}

    def page_data(self) -> dict[str, object]:
        """What the page's script computes with."""
        nodes = [one for one in self.nodes if one.role != "resource"]
        return {
            "nodes": [{"name": n.node, "title": n.title, "field": n.field, "role": n.role} for n in nodes],
            "arrows": [
                {"name": c.arrow, "start": c.start, "end": c.end, "kind": c.kind,
                 "middle": c.middle, "low": c.low, "high": c.high}
                for c in self.counted
            ],
        }  # fmt: skip

    def outcomes(self) -> list[Outcome]:
        """What closing the loop does to each technology, all sizes at their middles."""
        return [self._outcome(one) for one in self.nodes if one.role == "technology"]

    def _outcome(self, one: NodeShown) -> Outcome:
        ratio, home, two = self._by_fields(one, _FED)
        known, home_known, two_known = self._by_fields(one, ())
        fields = {node.field for node in self.nodes}
        routes = {route: self._ratio(one, fields, without) for route, without in _ROUTES}
        parts = {"ratio": ratio, "one": home, "two": two, "three": ratio - home - two, **routes,
                 "known": known, "three_known": known - home_known - two_known}  # fmt: skip
        return Outcome(one.title, 100 * ratio / (1 - ratio) if ratio < 1 else math.nan, parts)

    def _by_fields(self, one: NodeShown, without: Collection[str]) -> tuple[float, float, float]:
        """The whole, the part within the technology's own field, and what each other field adds to that."""
        fields = {node.field for node in self.nodes}
        home = self._ratio(one, {one.field}, without)
        pairs = [self._ratio(one, {one.field, other}, without) for other in fields - {one.field}]
        return self._ratio(one, fields, without), home, sum(pair - home for pair in pairs)

    def _ratio(self, technology: NodeShown, fields: Collection[str], without: Collection[str]) -> float:
        """Return ratio through nodes of these fields, no arrow of the kinds `without` leading back."""
        own = technology.node
        inside = [one.node for one in self.nodes if one.field in fields and one.node != own]
        place = {name: number for number, name in enumerate([own, *inside])}
        found = np.zeros((len(place), len(place)))
        for card in self.counted:
            if {card.start, card.end} <= set(place) and not (card.kind in without and card.end == own):
                found[place[card.end], place[card.start]] = card.middle
        moved = np.linalg.solve(np.eye(len(inside)) - found[1:, 1:], found[1:, 0])
        return float(found[0, 1:] @ moved)


def arrows_of(nodes: pd.DataFrame, cards: pd.DataFrame) -> Arrows:
    """The arrows that two tables tell of, a row each."""
    return Arrows(
        tuple(NodeShown(*map(str, row)) for row in nodes[list(NodeShown.__slots__)].itertuples(index=False)),
        tuple(Card(*row) for row in cards[list(Card.__slots__)].itertuples(index=False)),
    )


def frozen_arrows(records: Mapping[str, Record], store: Path) -> Arrows | None:
    """The arrows of the synthesis, whose series lie in `store`; None without such a chapter.

    Raises
    ------
    RunError if the record tells of them and they cannot be read.
    """
    record = records.get(SYNTHESIS)
    if record is None or not {NODES, CARDS} <= set(record.series):
        return None
    try:
        tables = read_series(store, (NODES, CARDS))
    except (OSError, ValueError) as error:
        raise RunError(f"{SYNTHESIS}: the cards behind the loop cannot be read ({error}).") from error
    return arrows_of(tables[NODES], tables[CARDS])


def minus(value: float, decimals: int) -> str:
    """A number with its sign, a true minus among them."""
    return number(value, decimals, "+").replace("-", "−")


def short(value: float, digits: int = 3) -> str:
    """A size with its sign, in few digits and no powers of ten."""
    told = f"{float(f'{value:.{digits}g}'):+.10f}".rstrip("0").rstrip(".")
    return told.replace("-", "−") if value else "0"


def shown_of(arrows: Arrows | None) -> dict[str, object]:
    """What the templates show of the arrows; nothing of them without a chapter."""
    if arrows is None:
        return {"arrows_sized": None}
    outcomes = arrows.outcomes()
    largest = {part: max(one.parts[part] for one in outcomes) for *_, part in RULES}
    return {
        "arrows_sized": arrows, "outcomes": outcomes, "largest": largest, "sized_rules": RULES, "goal": GOAL,
        "parts": PARTS, "kinds_of_arrows": KINDS, "minus": minus, "short": short,
    }  # fmt: skip

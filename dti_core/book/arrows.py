"""The arrows of the loop as the book shows them: nodes and cards of the frozen synthesis, what they imply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dti_core.lab.errors import RunError
from dti_core.lab.kept import read_series
from dti_core.lab.record import Record
from dti_core.studies.closed_loop.data.loop import Loop
from dti_core.studies.closed_loop.model.ratio import (
    by_fields,
    by_routes,
    gain_percent,
    matrices,
    return_ratio,
)

#: The study whose frozen series hold the loop, and their names.
SYNTHESIS, NODES, CARDS = "closed_loop", "nodes", "cards"
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
    "one": "within its own field",
    "two": "through two fields",
    "three": "through all three",
    "need": "back by an unmet need",
    "money": "back by money",
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
    """What the loop does to a technology: its return ratio, in parts, and how many percent it changes."""

    title: str
    ratio: float
    percent: float
    parts: Mapping[str, float]


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
        loop = self._as_loop()
        sizes = loop.middle[None]
        elasticities, found = matrices(loop, sizes), []
        for technology in loop.role("technology"):
            ratio = return_ratio(elasticities, technology)
            parts = by_fields(loop, elasticities, technology) | by_routes(loop, sizes, technology)
            told = {name: float(part[0]) for name, part in parts.items()}
            percent = float(gain_percent(ratio)[0])
            found.append(Outcome(loop.titles[technology], float(ratio[0]), percent, told))
        return found

    def _as_loop(self) -> Loop:
        place = {one.node: number for number, one in enumerate(self.nodes)}
        nodes, cards = self.nodes, self.cards
        return Loop(
            nodes=tuple(one.node for one in nodes), titles=tuple(one.title for one in nodes),
            fields=tuple(one.field for one in nodes), roles=tuple(one.role for one in nodes),
            better=tuple(one.better for one in nodes), arrows=tuple(one.arrow for one in cards),
            kinds=tuple(one.kind for one in cards), grades=tuple(one.grade for one in cards),
            papers=tuple(one.paper for one in cards),
            starts=np.array([place[one.start] for one in cards], dtype=np.int64),
            ends=np.array([place[one.end] for one in cards], dtype=np.int64),
            middle=np.array([one.middle for one in cards]), low=np.array([one.low for one in cards]),
            high=np.array([one.high for one in cards]),
        )  # fmt: skip


def arrows_of(nodes: pd.DataFrame, cards: pd.DataFrame) -> Arrows:
    """The arrows that two tables tell of, a row each."""
    return Arrows(
        tuple(NodeShown(*map(str, row)) for row in nodes[list(NodeShown.__slots__)].itertuples(index=False)),
        tuple(Card(*row) for row in cards[list(Card.__slots__)].itertuples(index=False)),
    )


def frozen_arrows(records: Mapping[str, Record], studies: Path) -> Arrows | None:
    """The arrows of the synthesis whose series lie in `studies`; None without such a chapter.

    Raises
    ------
    RunError if the record tells of them and they cannot be read.
    """
    record = records.get(SYNTHESIS)
    if record is None or not {NODES, CARDS} <= set(record.series):
        return None
    try:
        tables = read_series(studies / SYNTHESIS, (NODES, CARDS))
    except (OSError, ValueError) as error:
        raise RunError(f"{SYNTHESIS}: the cards behind the loop cannot be read ({error}).") from error
    return arrows_of(tables[NODES], tables[CARDS])


def lowered(title: str) -> str:
    """A title as it stands within a sentence: "ESG rating", but "patch planning"."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def largest(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """The largest return ratio of any technology, and the largest part of one through all three fields."""
    return {
        "ratio": max(one.ratio for one in outcomes),
        "three": max(one.parts["three"] for one in outcomes),
    }

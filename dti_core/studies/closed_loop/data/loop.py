"""The loop as arrays: what the model takes, made from cards and from the records that they borrow from."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.borrowed import borrow
from dti_core.lab.errors import DataError
from dti_core.studies.closed_loop.data.cards import LARGEST_SIZE, ArrowCard, Cards

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Loop:
    """Nodes and arrows in the order of their file.

    nodes, fields, roles, better : (n_nodes,) words; better is "" for what is no outcome. arrows, kinds,
    grades, papers, sources : (n_arrows,) words; an arrow without a paper has its own name. starts, ends :
    (n_arrows,) places among the nodes. middle, low, high : (n_arrows,) elasticities; middle is that of a
    record, else the middle of the range.
    """

    nodes: tuple[str, ...]
    titles: tuple[str, ...]
    fields: tuple[str, ...]
    roles: tuple[str, ...]
    better: tuple[str, ...]
    arrows: tuple[str, ...]
    kinds: tuple[str, ...]
    grades: tuple[str, ...]
    papers: tuple[str, ...]
    sources: tuple[str, ...]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    middle: Array
    low: Array
    high: Array

    def role(self, *words: str) -> list[int]:
        """Places of the nodes with one of these roles."""
        return [place for place, role in enumerate(self.roles) if role in words]

    def kind(self, *words: str) -> NDArray[np.bool_]:
        """(n_arrows,) whether each arrow is of one of these kinds."""
        return np.isin(self.kinds, words)

    def title(self, arrow: str) -> str:
        """Start and end of an arrow in words."""
        place = self.arrows.index(arrow)
        return f"{self.titles[self.starts[place]]} → {self.titles[self.ends[place]]}"

    def moved_by(self, arrow: str) -> str:
        """What moves an arrow through its range: its paper, if others move with it, else the arrow itself."""
        paper = self.papers[self.arrows.index(arrow)]
        return paper if self.papers.count(paper) > 1 else self.title(arrow)

    def crosses(self) -> NDArray[np.bool_]:
        """(n_arrows,) whether each arrow leads from one field to another."""
        fields = np.array(self.fields)
        return np.asarray(fields[self.starts] != fields[self.ends])


def loop_of(cards: Cards, off: Collection[str] = ()) -> Loop:
    """The loop that cards tell of, with the sizes of the records that they name; arrows in `off` are left
    out.

    Raises
    ------
    DataError for an arrow in `off` that there is not, or a record without such an estimate.
    """
    if unknown := [name for name in off if name not in cards.arrows]:
        raise DataError(f"arrows_off: no arrow '{unknown[0]}'. There are {', '.join(cards.arrows)}.")
    arrows = {name: card for name, card in cards.arrows.items() if name not in off}
    places = {name: place for place, name in enumerate(cards.nodes)}
    sizes = np.array([size_of(name, card) for name, card in arrows.items()]).reshape(-1, 3)
    nodes = tuple(cards.nodes.values())
    return Loop(
        tuple(cards.nodes), tuple(one.title for one in nodes), tuple(one.field for one in nodes),
        tuple(one.role for one in nodes), tuple(one.better or "" for one in nodes), tuple(arrows),
        tuple(one.kind for one in arrows.values()), tuple(one.grade for one in arrows.values()),
        tuple(one.paper or name for name, one in arrows.items()),
        tuple(one.source for one in arrows.values()),
        _places(places, arrows, "start"),
        _places(places, arrows, "end"), *sizes.T,
    )  # fmt: skip


def size_of(name: str, card: ArrowCard) -> tuple[float, float, float]:
    """Middle and ends of the range of an arrow."""
    if card.record is None:
        low, high = float(card.low or 0), float(card.high or 0)
        return (low + high) / 2, low, high
    try:
        found = borrow(card.record.study, card.record.key)
    except DataError as error:
        raise DataError(f"arrows.{name}.record: {error}") from error
    low, high = sorted((card.record.scale * found.low, card.record.scale * found.high))
    if max(-low, high) > LARGEST_SIZE:
        raise DataError(f"arrows.{name}.record: no elasticity beyond {LARGEST_SIZE:g} in size is read")
    return card.record.scale * found.value, low, high


def _places(places: Mapping[str, int], arrows: Mapping[str, ArrowCard], word: str) -> NDArray[np.int64]:
    return np.array([places[getattr(card, word)] for card in arrows.values()], dtype=np.int64)

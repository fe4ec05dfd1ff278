"""What a reader must know of a data set before believing a figure made from it."""

from dataclasses import dataclass, replace
from typing import Literal

Origin = Literal["packaged", "published", "frozen", "yours", "simulated"]


@dataclass(frozen=True, slots=True)
class DataCard:
    """What a reader must know of a data set before believing a figure made from it.

    `badge` is the short warning that every figure carries, such as "Simulated data".
    """

    name: str
    title: str
    origin: Origin
    badge: str
    source: str
    licence: str
    rows: int
    columns: int
    sha256: str
    caveat: str

    def _repr_markdown_(self) -> str:
        facts = f"{self.rows:,} rows x {self.columns} columns, {self.origin}, licence: {self.licence}"
        return f"**{self.title}** ({facts}). {self.source} {self.caveat} `sha256 {self.sha256[:12]}`"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a user's file, and what to do; a warning does not block the study."""

    text: str
    blocks: bool = True


def simulated_card(card: DataCard, world: str, what: str) -> DataCard:
    """The card of data simulated from, or in place of, the data of `card`; says so on every figure."""
    return replace(card, name=f"{card.name}:{world}", origin="simulated", badge=f"Simulated data: {what}")

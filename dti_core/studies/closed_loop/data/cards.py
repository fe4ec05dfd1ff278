"""What a file of arrow cards may say: nodes and arrows with sizes, grades and sources, judged as a whole."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationError,
    model_validator,
)

Domain = Literal["commerce", "finance", "security"]
Role = Literal["technology", "need", "money", "resource"]
Kind = Literal["technology", "need", "money", "deal", "nature"]
CardGrade = Literal["observed", "published", "assumed"]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
FIELDS: tuple[Domain, ...] = ("commerce", "finance", "security")
#: Largest elasticity that a card may claim, and most nodes and arrows of a file.
LARGEST_SIZE, MOST_NODES, MOST_ARROWS = 100.0, 60, 400
#: Kinds of arrows that a person can switch off; those of nature exist without any technology.
SWITCHED: tuple[Kind, ...] = ("technology", "need", "money", "deal")


class _Card(BaseModel):
    """A part of a file that people write: fixed, and without fields that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NodeCard(_Card):
    """Something that moves; `better` says which way is good, for what counts as an outcome."""

    title: Text
    field: Domain
    role: Role
    better: Literal["more", "less"] | None = None


class Borrowed(_Card):
    """An estimate of a frozen record, and what it is multiplied by to make an elasticity."""

    study: Name
    key: Text
    scale: FiniteFloat


class ArrowCard(_Card):
    """An arrow: its ends, what kind it is, its range of sizes and what that rests on.

    A range is given by `low` and `high`, or is the interval of the estimate that `record` names.
    """

    start: Text = Field(alias="from")
    end: Text = Field(alias="to")
    kind: Kind
    grade: CardGrade
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    record: Borrowed | None = None
    source: Text
    paper: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,59}$")] | None = None

    @model_validator(mode="after")
    def _is_sized(self) -> "ArrowCard":
        given = [end is not None for end in (self.low, self.high)]
        if any(given) if self.record else not all(given):
            raise ValueError("needs either low and high, or record")
        if self.record is None and self.grade == "observed":
            raise ValueError("is observed, so it names the record that it was read from")
        if self.low is not None and self.high is not None:
            if self.low > self.high:
                raise ValueError(f"low {self.low:g} lies above high {self.high:g}")
            if max(-self.low, self.high) > LARGEST_SIZE:
                raise ValueError(f"no elasticity beyond {LARGEST_SIZE:g} in size is read")
        return self


class Cards(_Card):
    """All nodes and arrows of a loop."""

    nodes: Mapping[Name, NodeCard] = Field(min_length=2, max_length=MOST_NODES)
    arrows: Mapping[Name, ArrowCard] = Field(min_length=1, max_length=MOST_ARROWS)

    def technologies(self) -> list[str]:
        """Nodes that are technologies, in their order."""
        return [name for name, node in self.nodes.items() if node.role == "technology"]


#: What the ends of each kind of arrow must be: roles of start and of end.
_ENDS: dict[Kind, tuple[tuple[Role, ...], tuple[Role, ...]]] = {
    "technology": (("technology",), ("need", "money", "technology")),
    "need": (("need",), ("technology",)),
    "money": (("money",), ("technology",)),
    "deal": (("need", "money"), ("resource",)),
    "nature": (("need", "money", "resource"), ("need", "money")),
}


def problems_of(content: Any, name: str) -> list[str]:
    """All that is wrong with what a YAML file of cards says, each with the place; nothing if it is fit."""
    try:
        cards = Cards.model_validate(content)
    except ValidationError as error:
        return [f"{name}: {_located(one)}" for one in error.errors()]
    return [f"{name}: {text}" for text in _contradictions(cards)]


def _contradictions(cards: Cards) -> Iterator[str]:
    for key, arrow in cards.arrows.items():
        known = True
        for word, node in (("from", arrow.start), ("to", arrow.end)):
            if node not in cards.nodes:
                known = False
                yield f"arrows.{key}.{word}: no node '{node}'; there are {', '.join(cards.nodes)}"
        if known:
            yield from _wrong_ends(key, arrow, cards)
    pairs = Counter((arrow.start, arrow.end) for arrow in cards.arrows.values())
    yield from (f"arrows: two from {a} to {b}; make them one" for (a, b), n in pairs.items() if n > 1)
    if not cards.technologies():
        yield "nodes: none has the role technology, so that there is no loop through one"
    if not any(node.better for node in cards.nodes.values()):
        yield "nodes: none says `better: more` or `better: less`, so that nothing counts as an outcome"


def _wrong_ends(key: str, arrow: ArrowCard, cards: Cards) -> Iterator[str]:
    for word, node, allowed in zip(("from", "to"), (arrow.start, arrow.end), _ENDS[arrow.kind], strict=True):
        if (role := cards.nodes[node].role) not in allowed:
            yield (
                f"arrows.{key}.{word}: {node} is a {role}; an arrow of kind {arrow.kind} takes "
                f"{' or '.join(allowed)} there"
            )
    if arrow.start == arrow.end:
        yield f"arrows.{key}: leads from {arrow.start} to itself"


def _located(item: Any) -> str:
    place = ".".join(str(part) for part in item["loc"])
    return f"{place or 'file'}: {str(item['msg']).removeprefix('Value error, ')}"

"""The picture of the bridges: who uses which, and what that is worth where it was measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dti_core.book.bridge_map import Bridge
from dti_core.lab.record import OBSERVED, Estimate, Record
from dti_core.lab.say import sign_of

#: The study that carries bridges to other fields: of its estimates `at` a bridge, method, source and target
#: field those named `gain_` and the method are what a bridge is worth there.
MEASURED_BY = "spillover"
#: Pixels: a row, where a bridge's box ends and where a study's begins.
_ROW, _LEFT, _RIGHT = 46, 136, 266


@dataclass(frozen=True, slots=True)
class Worth:
    """What a bridge is worth in a field: the best of `n_uses` ways to carry it there."""

    field: str
    best: Estimate
    n_uses: int


@dataclass(frozen=True, slots=True)
class Arrow:
    """One use of a bridge by a study: its worth by field where that is measured, and its sign in a word."""

    bridge: str
    study: str
    path: str
    worth: tuple[Worth, ...]
    sign: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Heights of the boxes by name, arrows between them, and the height of the picture."""

    bridges: Mapping[str, float]
    studies: Mapping[str, float]
    arrows: tuple[Arrow, ...]
    height: int


def draw_graph(bridges: Sequence[Bridge], studies: Iterable[str], records: Mapping[str, Record]) -> Graph:
    """Bridges on the left, `studies` and all who use a bridge on the right, an arrow a use."""
    users = sorted({slug for bridge in bridges for slug in bridge.users})
    names = list(dict.fromkeys([*studies, *users]))
    height = _ROW * max(len(names), len(bridges), 1)
    left, right = _spread([one.name for one in bridges], height), _spread(names, height)
    worth = _worth(records.get(MEASURED_BY))
    arrows = []
    for bridge, slug in [(one.name, slug) for one in bridges for slug in names if slug in one.users]:
        found = worth.get(bridge, ()) if slug == MEASURED_BY else ()
        arrows.append(Arrow(bridge, slug, _path(left[bridge], right[slug]), found, _sign(found)))
    return Graph(left, right, tuple(arrows), height)


def _spread(names: Sequence[str], height: float) -> dict[str, float]:
    """The middle of each box when all share the height evenly."""
    return {name: height * (place + 0.5) / len(names) for place, name in enumerate(names)}


def _path(start: float, end: float) -> str:
    """A curve from the right side of a bridge to the left side of a study."""
    middle = (_LEFT + _RIGHT) / 2
    return f"M{_LEFT} {start:g}C{middle:g} {start:g} {middle:g} {end:g} {_RIGHT - 6} {end:g}"


def _worth(record: Record | None) -> dict[str, tuple[Worth, ...]]:
    """By bridge, what it is worth in each field that it was carried to, fields in the order of the record."""
    uses: dict[str, dict[str, list[Estimate]]] = {}
    for one in record.estimates if record else ():
        crosses = one.at.get("source") != one.at.get("target")
        if one.world == OBSERVED and crosses and one.name == f"gain_{one.at.get('method')}":
            uses.setdefault(str(one.at["bridge"]), {}).setdefault(str(one.at["target"]), []).append(one)
    return {
        bridge: tuple(
            Worth(field, max(many, key=lambda one: one.value), len(many)) for field, many in fields.items()
        )
        for bridge, fields in uses.items()
    }


def _sign(worth: Sequence[Worth]) -> str:
    """A gain if one field surely has one, a loss if all surely have none, else open."""
    if not worth:
        return "unmeasured"
    signs = {sign_of(one.best, "gain", "loss", "open") for one in worth}
    return "gain" if "gain" in signs else "loss" if signs == {"loss"} else "open"

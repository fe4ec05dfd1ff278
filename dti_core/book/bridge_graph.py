"""The picture of the bridges: who uses which, and what that is worth where it was measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dti_core.book.bridge_map import Bridge
from dti_core.lab.record import OBSERVED, Estimate, Record
from dti_core.lab.say import sign_of

#: The study that measures arrows: its estimates `at` {"bridge": ..., "study": ...} are their worth.
MEASURED_BY = "spillover"
#: Pixels: a row, where a bridge's box ends and where a study's begins.
_ROW, _LEFT, _RIGHT = 46, 136, 266


@dataclass(frozen=True, slots=True)
class Arrow:
    """One use of a bridge by a study. `worth` is None until it is measured; `sign` names its colour."""

    bridge: str
    study: str
    path: str
    worth: Estimate | None
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
        found, path = worth.get((bridge, slug)), _path(left[bridge], right[slug])
        sign = sign_of(found, "gain", "loss", "open") if found else "unmeasured"
        arrows.append(Arrow(bridge, slug, path, found, sign))
    return Graph(left, right, tuple(arrows), height)


def _spread(names: Sequence[str], height: float) -> dict[str, float]:
    """The middle of each box when all share the height evenly."""
    return {name: height * (place + 0.5) / len(names) for place, name in enumerate(names)}


def _path(start: float, end: float) -> str:
    """A curve from the right side of a bridge to the left side of a study."""
    middle = (_LEFT + _RIGHT) / 2
    return f"M{_LEFT} {start:g}C{middle:g} {start:g} {middle:g} {end:g} {_RIGHT - 6} {end:g}"


def _worth(record: Record | None) -> dict[tuple[str, str], Estimate]:
    found = [one for one in record.estimates if one.world == OBSERVED] if record else []
    named = [one for one in found if {"bridge", "study"} <= one.at.keys()]
    return {(str(one.at["bridge"]), str(one.at["study"])): one for one in named}

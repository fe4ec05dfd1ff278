"""Small loops written down in a line an arrow, for tests of study closed_loop."""

from collections.abc import Mapping, Sequence

import numpy as np

from dti_core.studies.closed_loop.data import Loop

ROLES = ("technology", "technology", "technology", "need", "money", "need", "money", "resource")
FIELDS = ("commerce", "finance", "security")
Row = tuple[str, str, str, float] | tuple[str, str, str, float, float]


def made(
    nodes: Mapping[str, tuple[str, str, str]], rows: Sequence[Row], papers: Mapping[int, str] | None = None
) -> Loop:
    """A loop of nodes (field, role, better) and arrows (start, end, kind, size, or low and high)."""
    names, order = tuple(f"{row[0]}>{row[1]}" for row in rows), list(nodes)
    low, high = (np.array([float(row[end]) for row in rows]) for end in (3, -1))
    fields, roles, better = zip(*nodes.values(), strict=True)
    starts, ends = (np.array([order.index(row[side]) for row in rows], dtype=np.int64) for side in (0, 1))
    told = tuple((papers or {}).get(place, name) for place, name in enumerate(names))
    return Loop(
        tuple(order), tuple(order), fields, roles, better, names, tuple(row[2] for row in rows),
        ("assumed",) * len(rows), told, ("",) * len(rows), starts, ends, (low + high) / 2, low, high,
    )  # fmt: skip


def ranges(pairs: Sequence[tuple[float, float]], papers: Mapping[int, str] | None = None) -> Loop:
    """Arrows of nature between as many pairs of nodes, with these ranges."""
    nodes = {"t": ("commerce", "technology", "")}
    nodes |= {f"{side}{k}": ("commerce", "need", "less") for k in range(len(pairs)) for side in "ab"}
    rows = [(f"a{k}", f"b{k}", "nature", low, high) for k, (low, high) in enumerate(pairs)]
    return made(nodes, rows, papers)


def random_loop(rng: np.random.Generator, strength: float = 0.4) -> Loop:
    """Three technologies, two needs, two moneys and a resource, in three fields, with arrows by chance.

    About half of all arrows that the rules of cards allow are there, with sizes up to `strength`.
    """
    nodes = {f"n{k}": (FIELDS[k % 3], role, "more") for k, role in enumerate(ROLES)}
    rows: list[Row] = []
    for a, start in enumerate(ROLES):
        for b, end in enumerate(ROLES):
            kind = kind_between(start, end)
            if a != b and kind and rng.random() < 0.5:
                rows.append((f"n{a}", f"n{b}", kind, float(rng.uniform(-strength, strength))))
    return made(nodes, rows)


def kind_between(start: str, end: str) -> str:
    """The kind that an arrow from one role to another has, "" where there is none."""
    if start == "technology":
        return "" if end == "resource" else "technology"
    if end == "technology":
        return start if start in ("need", "money") else ""
    if end == "resource":
        return "deal" if start != "resource" else ""
    return "nature"

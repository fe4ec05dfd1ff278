"""Loops of control worlds: the cards' sizes where they mean nothing, and loops that close for certain."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dti_core.studies.closed_loop.data.loop import Loop

#: Strength of the money arrows of the planted ring, little more than what must be found, and how far the
#: range of a planted arrow reaches to both sides of its middle.
RING, REACH = (0.16, 0.22), 0.15
#: Nodes of the planted loop: field and role; and which way is good for those that count.
_NODES: Mapping[str, tuple[str, str, str]] = {
    "privacy_technology": ("commerce", "technology", ""),
    "forecast_technology": ("finance", "technology", ""),
    "patch_technology": ("security", "technology", ""), "ad_error": ("commerce", "need", "less"),
    "sales": ("commerce", "money", "more"), "esg": ("finance", "need", "more"),
    "cash": ("finance", "money", "more"), "flaws": ("security", "need", "less"),
    "breaches": ("security", "need", "less"),
}  # fmt: skip


def dealt_anew(loop: Loop, rng: np.random.Generator) -> Loop:
    """The ranges of a kind dealt to other arrows of that kind, each with a sign by toss of a coin."""
    order = np.arange(len(loop.arrows))
    for kind in dict.fromkeys(loop.kinds):
        members = np.flatnonzero(loop.kind(kind))
        order[members] = rng.permutation(members)
    turned = rng.random(len(order)) < 0.5
    low, high, middle = loop.low[order], loop.high[order], loop.middle[order]
    return replace(
        loop, low=np.where(turned, -high, low), high=np.where(turned, -low, high),
        middle=np.where(turned, -middle, middle), papers=loop.arrows,
    )  # fmt: skip


def reinforcing(rng: np.random.Generator) -> Loop:
    """A ring of money through all three fields: every technology's return ratio is above .1 and below 1."""
    back = rng.uniform(*RING)
    return _planted(
        {
            ("privacy_technology", "sales", "technology"): 1.0,
            ("sales", "privacy_technology", "money"): back,
            ("sales", "cash", "nature"): 1.0,
            ("forecast_technology", "cash", "technology"): 1.0,
            ("cash", "forecast_technology", "money"): back,
            ("cash", "patch_technology", "money"): back,
            ("patch_technology", "flaws", "technology"): -1.0,
            ("flaws", "breaches", "nature"): 1.0,
            ("breaches", "sales", "nature"): -1.0,
        }
    )


def responsive(rng: np.random.Generator) -> Loop:
    """Needs are met where they are told, and money that follows sales makes more sales: both help by much."""
    need, money = rng.uniform(0.8, 1.2), rng.uniform(0.8, 1.0)
    return _planted(
        {
            ("privacy_technology", "ad_error", "technology"): -1.0,
            ("ad_error", "privacy_technology", "need"): need,
            ("privacy_technology", "sales", "technology"): 1.0,
            ("sales", "privacy_technology", "money"): money,
            ("forecast_technology", "esg", "technology"): 1.0,
            ("forecast_technology", "cash", "technology"): 0.5,
            ("cash", "forecast_technology", "money"): money / 2,
            ("patch_technology", "breaches", "technology"): -1.0,
            ("breaches", "patch_technology", "need"): need,
            ("privacy_technology", "breaches", "technology"): -0.5,
            ("patch_technology", "flaws", "technology"): -0.5,
            ("flaws", "patch_technology", "need"): need / 2,
        }
    )


def bridging(rng: np.random.Generator) -> Loop:
    """Technology helps in other fields and hardly in its own, and needs are met where they are told."""
    need, abroad = rng.uniform(0.8, 1.2), rng.uniform(0.6, 1.0)
    return _planted(
        {
            ("privacy_technology", "breaches", "technology"): -abroad,
            ("privacy_technology", "esg", "technology"): abroad,
            ("forecast_technology", "ad_error", "technology"): -abroad,
            ("patch_technology", "esg", "technology"): abroad,
            ("privacy_technology", "ad_error", "technology"): -0.02,
            ("patch_technology", "breaches", "technology"): -0.02,
            ("forecast_technology", "esg", "technology"): 0.02,
            ("breaches", "patch_technology", "need"): 0.1,
            ("ad_error", "privacy_technology", "need"): need,
            ("sales", "cash", "nature"): 1.0,
            ("ad_error", "sales", "nature"): -0.5,
            ("flaws", "breaches", "nature"): 0.2,
        }
    )


def _planted(sizes: Mapping[tuple[str, str, str], float]) -> Loop:
    places = {name: place for place, name in enumerate(_NODES)}
    fields, roles, better = zip(*_NODES.values(), strict=True)
    names = tuple(f"{start}_to_{end}" for start, end, _ in sizes)
    found = np.array(list(sizes.values()))
    starts, ends = (np.array([places[pair[side]] for pair in sizes], dtype=np.int64) for side in (0, 1))
    return Loop(
        tuple(_NODES), tuple(_NODES), fields, roles, better, names, tuple(kind for *_, kind in sizes),
        ("assumed",) * len(names), names, ("",) * len(names), starts, ends, found,
        found - REACH * np.abs(found), found + REACH * np.abs(found),
    )  # fmt: skip

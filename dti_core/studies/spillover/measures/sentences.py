"""What all cells together say: how often a part helps, in which fields, which bridge most."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations

import numpy as np

from dti_core.lab.intervals import Interval, share
from dti_core.lab.record import Estimate
from dti_core.studies.spillover.measures.cells import UNIT, over_draws
from dti_core.studies.spillover.methods import Cell
from dti_core.studies.spillover.model.gains import MOST_CELLS, Gains, Outcome, least
from dti_core.studies.spillover.model.losses import WITH

FIELDS = ("commerce", "finance", "security")
#: Bridges that the review calls privacy technology, and those it calls modular AI.
PRIVACY, MODULAR = ("privacy", "secure_sum", "federated"), ("forecaster", "pooling", "policies")
#: Panels of sales among the targets of the forecaster.
SALES = ("stocks_to_grocer", "stocks_to_departments", "stocks_to_shops")
_Found = Mapping[str, tuple[Cell, Gains]]


def mean_of(many: Sequence[Interval]) -> Interval:
    """Mean of independent gains; its interval is as wide for its error as that of the widest of them.

    Degrees of freedom by Welch would be more; errors of neighbouring periods that hang together make fewer.
    """
    value = sum(one.value for one in many) / len(many)
    error = math.sqrt(sum(one.std_error**2 for one in many)) / len(many)
    factor = max((one.high - one.value) / one.std_error for one in many if one.std_error > 0)
    margin = factor * error
    how = f"mean of {len(many)} cells, independent"
    return Interval(value, value - margin, value + margin, error, len(many), how)


def largest_of(many: Sequence[Gains]) -> Interval:
    """The largest of several gains: its lower end holds for all at once, its upper end is the largest of all.

    That one of many gains at all is found at a stricter level; that none gains so much needs none, as each
    must be found to gain less.

    Source: Berger (1982), intersection-union, for the upper end; Bonferroni for the lower one.
    """
    value, high = (max(getattr(one.lesser, end) for one in many) for end in ("value", "high"))
    low, error = (
        max(one.lesser_for(MOST_CELLS).low for one in many),
        max(one.lesser.std_error for one in many),
    )
    return Interval(value, low, high, error, len(many), f"largest of {len(many)}, lower end simultaneous")


def smallest_of(many: Sequence[Gains]) -> Interval:
    """The smallest of several gains: its upper end holds for all at once, its lower one is the least."""
    value, low = (min(getattr(one.lesser, end) for one in many) for end in ("value", "low"))
    high = min(one.lesser_for(len(many)).high for one in many)
    error = max(one.lesser.std_error for one in many)
    return Interval(value, low, high, error, len(many), f"smallest of {len(many)}, upper end simultaneous")


def share_of_pairs(found: _Found) -> Interval:
    """Share of ordered pairs of fields of which a part helps: surely, by its value, and possibly.

    The ends count pairs whose largest gain lies above 0, and reaches above 0; see `largest_of`.
    """
    counts = {"value": 0, "low": 0, "high": 0}
    pairs = list(permutations(FIELDS, 2))
    for source, target in pairs:
        here = [one for cell, one in found.values() if (cell.source, cell.target) == (source, target)]
        best = largest_of(here) if here else None
        for end in counts:
            counts[end] += best is not None and getattr(best, end) > 0
    value, low, high = (counts[end] / len(pairs) for end in ("value", "low", "high"))
    return Interval(value, low, high, 0.0, len(pairs), "largest gain of each pair")


def best_in(field: str, found: _Found) -> Interval | None:
    """The gain of the part that helps a field most, of those that come from another; None without any."""
    many = [one for cell, one in found.values() if cell.target == field]
    return largest_of(many) if many else None


def least_of_bridges(bridges: Sequence[str], found: _Found) -> Interval | None:
    """The gain of the bridges of a kind in the cell in which they gain least; None without any."""
    many = [one for cell, one in found.values() if cell.bridge in bridges]
    return smallest_of(many) if many else None


def privacy_over_others(found: _Found) -> Interval | None:
    """Best gain of privacy technology less the best of any other bridge, mean over fields that have both.

    Source: Zou and Donner (2008), an interval of a difference from those of its parts, taken as independent.
    """
    gaps = []
    for field in FIELDS:
        here = [(cell.bridge in PRIVACY, one) for cell, one in found.values() if cell.target == field]
        ours, others = ([one for private, one in here if private is kind] for kind in (True, False))
        if ours and others:
            gaps.append((largest_of(ours), largest_of(others)))
    if not gaps:
        return None
    value = sum(ours.value - others.value for ours, others in gaps) / len(gaps)
    down = math.hypot(*(end for a, b in gaps for end in (a.value - a.low, b.high - b.value))) / len(gaps)
    up = math.hypot(*(end for a, b in gaps for end in (a.high - a.value, b.value - b.low))) / len(gaps)
    how = "difference of the largest gains, independent"
    return Interval(value, value - down, value + up, (down + up) / 4, len(gaps), how)


def stocks_help_sales(found: _Found) -> Interval | None:
    """Mean gain over panels of sales of the forecaster of stocks: beyond its placebo and the best rivals."""
    if not (cells := _sales(found)):
        return None
    return least((mean_of([one.carried for one in cells]), mean_of([one.worth for one in cells])))


def networks_forecast_sales(found: _Found) -> Interval | None:
    """By how much networks beat last week's sales, mean over panels, with the part or without, the better."""
    return mean_of([one.own for one in cells]) if (cells := _sales(found)) else None


def _sales(found: _Found) -> list[Gains]:
    """Gains of the forecaster of stocks on every panel of sales; none if one of them is lacking."""
    return [found[name][1] for name in SALES] if set(SALES) <= set(found) else []


def plans_help(found: _Found) -> Interval:
    """The gain of patching's policies, used as they are, in the field where they gain least."""
    return smallest_of([one for _, one in found.values()])


def share_of_instances(found: Mapping[str, Outcome]) -> Interval:
    """Share of drawn budgets on which policies used as they are lose less than the best rival does."""
    won = 0
    n = 0
    for name, one in found.items():
        table = one.series[f"{name}_instances"]
        won += int((table[WITH] < table[one.observed.rival]).sum())
        n += len(table)
    return share(won, n)


def feedback_helps(found: _Found) -> Interval:
    """Mean gain over streams of what happened: beyond no feedback and beyond false feedback."""
    cells = [one for _, one in found.values()]
    return least((mean_of([one.added for one in cells]), mean_of([one.carried for one in cells])))


def share_of_settings(found: Mapping[str, Outcome]) -> Interval:
    """Share of other rules under which each region's own gain over strictest and wrong ones in all fields."""
    tables = [one.series[f"{name}_settings"].set_index("setting") for name, one in found.items()]
    gained = [(table["worth"] > 0) & (table["carried"] > 0) for table in tables]
    everywhere = np.logical_and.reduce(gained)
    return share(int(everywhere.sum()), len(everywhere))


#: Name -> unit and what it is over cells that cross fields on real data.
SENTENCES: Mapping[str, tuple[str, Callable[[_Found], Interval | None]]] = {
    "share_of_pairs_helped": ("share of ordered pairs of fields", share_of_pairs),
    **{
        f"best_gain_in_{field}": (UNIT, lambda found, field=field: best_in(field, found))  # type: ignore[misc]
        for field in FIELDS
    },
    "least_gain_of_privacy": (UNIT, lambda found: least_of_bridges(PRIVACY, found)),
    "least_gain_of_modules": (UNIT, lambda found: least_of_bridges(MODULAR, found)),
    "privacy_over_other_bridges": (UNIT, privacy_over_others),
    "stocks_help_sales": (UNIT, stocks_help_sales),
    "networks_forecast_sales": (UNIT, networks_forecast_sales),
}


#: Sentences of what holds in every cell: only cells that find what is planted in them can tell.
EVERYWHERE = ("least_gain_of_privacy", "least_gain_of_modules")


def say(
    name: str, unit: str, of: Callable[[_Found], Interval | None], cells: Mapping[str, Cell],
    found: Mapping[str, Outcome], planted: Callable[[Cell], bool] = lambda _: True,
) -> list[Estimate]:  # fmt: skip
    """A sentence's estimate on real data, and over the draws of both control worlds; none without its cells.

    planted : in which cells transfer is planted in the positive one; the others carry nothing there.
    """
    observed = of({key: (cells[key], one.observed) for key, one in found.items()}) if found else None
    if observed is None:
        return []
    n_draws = min(len(one.null) for one in found.values())
    estimates = [observed.estimate(name, unit)]
    for world in ("null", "planted"):
        many = []
        for k in range(n_draws):
            drawn = {
                key: (
                    cells[key],
                    (one.planted if world == "planted" and planted(cells[key]) else one.null)[k],
                )
                for key, one in found.items()
            }
            if (one_draw := of(drawn)) is not None:
                many.append(one_draw)
        estimates.append(over_draws(name, unit, world, many, {}))
    return estimates

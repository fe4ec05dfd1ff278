"""What all cells together say: how often a part helps, in which fields, which bridge most."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations

from dti_core.lab.intervals import Interval, share
from dti_core.lab.record import Estimate
from dti_core.studies.spillover.measures.cells import UNIT, over_draws
from dti_core.studies.spillover.methods import Cell
from dti_core.studies.spillover.model.gains import Gains, Outcome, least
from dti_core.studies.spillover.model.losses import NAIVE, WITH, WITHOUT

FIELDS = ("commerce", "finance", "security")
#: Bridges that the review calls privacy technology, and those it calls modular AI.
PRIVACY, MODULAR = ("privacy", "secure_sum", "federated"), ("forecaster", "pooling", "policies")
#: Profiles of regions with a law of their own.
LAWFUL = ("eu", "california", "china")
#: Panels of sales among the targets of the forecaster.
SALES = ("stocks_to_grocer", "stocks_to_departments", "stocks_to_shops")
_Found = Mapping[str, tuple[Cell, Gains]]


def mean_of(many: Sequence[Interval]) -> Interval:
    """Mean of independent gains; its interval is as wide for its error as that of the widest of them."""
    value = sum(one.value for one in many) / len(many)
    error = math.sqrt(sum(one.std_error**2 for one in many)) / len(many)
    factor = max((one.high - one.value) / one.std_error for one in many if one.std_error > 0)
    margin = factor * error
    how = f"mean of {len(many)} cells, independent"
    return Interval(value, value - margin, value + margin, error, len(many), how)


def largest_of(many: Sequence[Interval]) -> Interval:
    """The largest of several gains, each at a level that holds for all at once."""
    value, low, high = (max(getattr(one, end) for one in many) for end in ("value", "low", "high"))
    error = max(one.std_error for one in many)
    return Interval(value, low, high, error, len(many), f"largest of {len(many)}, simultaneous")


def share_of_pairs(found: _Found) -> Interval:
    """Share of ordered pairs of fields of which a part helps: surely, by its value, and possibly.

    The ends count pairs with a cell whose simultaneous interval lies above 0, and that reaches above 0.
    """
    counts = {"value": 0, "low": 0, "high": 0}
    pairs = list(permutations(FIELDS, 2))
    for source, target in pairs:
        gains = [one.strict for cell, one in found.values() if (cell.source, cell.target) == (source, target)]
        for end in counts:
            counts[end] += any(getattr(one, end) > 0 for one in gains)
    value, low, high = (counts[end] / len(pairs) for end in ("value", "low", "high"))
    return Interval(
        value, min(low, value), max(high, value), 0.0, len(pairs), "simultaneous intervals of cells"
    )


def best_in(field: str, found: _Found) -> Interval:
    """The gain of the part that helps a field most, of those that come from another."""
    return largest_of([one.strict for cell, one in found.values() if cell.target == field])


def least_of_bridges(bridges: Sequence[str], found: _Found) -> Interval:
    """The gain of the bridges of a kind in the cell in which they gain least."""
    return least(*(one.lesser for cell, one in found.values() if cell.bridge in bridges))


def privacy_over_others(found: _Found) -> Interval:
    """Best gain of privacy technology less the best of any other bridge, mean over fields that have both."""
    gaps = []
    for field in FIELDS:
        here = [(cell.bridge in PRIVACY, one.strict) for cell, one in found.values() if cell.target == field]
        ours, others = ([one for private, one in here if private is kind] for kind in (True, False))
        if ours and others:
            gaps.append((largest_of(ours), largest_of(others)))
    value = sum(ours.value - others.value for ours, others in gaps) / len(gaps)
    low = sum(ours.low - others.high for ours, others in gaps) / len(gaps)
    high = sum(ours.high - others.low for ours, others in gaps) / len(gaps)
    return Interval(value, low, high, (high - low) / 4, len(gaps), "difference of simultaneous intervals")


def stocks_help_sales(found: _Found) -> Interval:
    """Mean gain over panels of sales of the forecaster of stocks: beyond its placebo and the best rivals."""
    cells = [found[name][1] for name in SALES if name in found]
    return least(mean_of([one.carried for one in cells]), mean_of([one.worth for one in cells]))


def networks_forecast_sales(found: _Found) -> Interval:
    """By how much networks beat last week's sales, mean over panels, with the part or without, the better."""
    cells = [found[name][1] for name in SALES if name in found]
    gained = [one.losses[NAIVE] - min(one.losses[WITH], one.losses[WITHOUT]) for one in cells]
    value = sum(gained) / len(gained)
    return Interval(value, min(gained), max(gained), 0.0, len(gained), "mean and range of panels")


def plans_help(found: _Found) -> Interval:
    """The gain of patching's policies, used as they are, in the field where they gain least."""
    return least(*(one.lesser for _, one in found.values()))


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
    return least(mean_of([one.added for one in cells]), mean_of([one.carried for one in cells]))


def share_of_profiles(found: Mapping[str, Outcome]) -> Interval:
    """Share of fields and regions with a law whose own rules gain over the strictest and over wrong ones."""
    rows = [
        row
        for name, one in found.items()
        for _, row in one.series[f"{name}_profiles"].iterrows()
        if row["profile"] in LAWFUL
    ]
    return share(sum(bool(row["worth"] > 0 and row["carried"] > 0) for row in rows), len(rows))


#: Name -> unit and what it is over cells that cross fields on real data.
SENTENCES: Mapping[str, tuple[str, Callable[[_Found], Interval]]] = {
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


def say(
    name: str, unit: str, of: Callable[[_Found], Interval], cells: Mapping[str, Cell],
    found: Mapping[str, Outcome], planted: Callable[[Cell], bool] = lambda _: True,
) -> list[Estimate]:  # fmt: skip
    """A sentence's estimate on real data, and over the draws of both control worlds.

    planted : in which cells transfer is planted in the positive one; the others carry nothing there.
    """
    n_draws = min(len(one.null) for one in found.values())
    estimates = [of({key: (cells[key], one.observed) for key, one in found.items()}).estimate(name, unit)]
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
            many.append(of(drawn))
        estimates.append(over_draws(name, unit, world, many, {}))
    return estimates

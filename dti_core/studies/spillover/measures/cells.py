"""The gains of each cell, in every world, and the table behind the figure of all cells."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import NormalDist

import numpy as np
import pandas as pd

from dti_core.lab.bars import POWER
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval
from dti_core.lab.record import Estimate
from dti_core.studies.spillover.methods import Cell
from dti_core.studies.spillover.model.gains import Gains, Outcome
from dti_core.studies.spillover.model.losses import OURS

UNIT = "% of the naive loss"
KINDS = ("added", "carried", "worth")


def measure_cell(name: str, cell: Cell, found: Outcome) -> Findings:
    """Estimates of one cell: what the part adds, carries and is worth, and the lesser of the last two."""
    at = {"method": name, "bridge": cell.bridge, "source": cell.source, "target": cell.target}
    findings = Findings(series=dict(found.series))
    for kind in KINDS:
        one: Interval = getattr(found.observed, kind)
        findings.estimates.append(one.estimate(f"{kind}_{name}", UNIT, **at))
    findings.estimates.append(deciding(found.observed, cell).estimate(f"gain_{name}", UNIT, **at))
    for world, draws in (("null", found.null), ("planted", found.planted)):
        many = [deciding(one, cell) for one in draws]
        findings.estimates.append(over_draws(f"gain_{name}", UNIT, world, many, at))
    findings.estimates += list(found.estimates)
    return findings


def deciding(found: Gains, cell: Cell) -> Interval:
    """What decides a cell: beyond placebo and rival; of feedback, beyond none and beyond a false one."""
    return found.learned if cell.about and not cell.crosses else found.lesser


def over_draws(
    name: str, unit: str, world: str, many: Sequence[Interval], at: Mapping[str, str | float]
) -> Estimate:
    """Mean over draws of a world with the 95 % range of its draws, and the interval of each."""
    values = np.array([one.value for one in many])
    low, high = (float(end) for end in np.quantile(values, [0.025, 0.975]))
    return Estimate(
        name, float(values.mean()), low, high, unit, len(many), world=world, at=dict(at),
        how=f"quantiles of {len(many)} draws", draws=tuple((one.low, one.high) for one in many),
    )  # fmt: skip


def table_of(found: Mapping[str, tuple[Cell, Outcome]]) -> pd.DataFrame:
    """A row a cell: fields, bridge, gains and their ends, smallest gain found in 80 %, losses of arms."""
    rows = []
    for name, (cell, outcome) in found.items():
        seen = outcome.observed
        row: dict[str, object] = {
            "cell": name, "title": cell.title, "bridge": cell.bridge, "source": cell.source,
            "target": cell.target, "grade": cell.grade, "unit": cell.unit, "loss": cell.loss,
            "rival": seen.rival,
        }  # fmt: skip
        for kind in KINDS:
            one: Interval = getattr(seen, kind)
            row |= {kind: one.value, f"{kind}_low": one.low, f"{kind}_high": one.high}
        decided = deciding(seen, cell)
        row |= {"gain": decided.value, "gain_low": decided.low, "gain_high": decided.high}
        row["findable"] = findable(seen.carried)
        row["false"] = share_above(outcome.null, cell)
        row["found"] = share_above(outcome.planted, cell)
        row |= {f"loss of {arm}": seen.losses[arm] for arm in OURS if arm in seen.losses}
        row["loss of rival"] = seen.losses[seen.rival]
        row["own method works"] = seen.works
        rows.append(row)
    return pd.DataFrame(rows)


def share_above(draws: Iterable[Gains], cell: Cell) -> float:
    """Share of draws in which the cell is found to help."""
    found = [deciding(one, cell).low > 0 for one in draws]
    return float(np.mean(found))


def finds_planted(found: Outcome, cell: Cell) -> bool:
    """Whether a cell passes its own positive control; one that does not can be open, and refutes nothing."""
    return share_above(found.planted, cell) >= POWER


def findable(one: Interval) -> float:
    """Smallest gain that an interval this wide would tell from none in 80 % of repetitions."""
    return one.high - one.value + NormalDist().inv_cdf(POWER) * one.std_error

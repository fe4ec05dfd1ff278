"""The panel of a run as the estimators take it: one table, one measure of constraint, what else is there."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.data import FirmPanel
from dti_core.studies.esg_constraint.model.indices import INDICES, compute_index, missing_columns
from dti_core.studies.esg_constraint.model.overlap import Overlap, diagnose_overlap
from dti_core.studies.esg_constraint.model.panel import CONTROLS, Panel
from dti_core.studies.esg_constraint.rectangles import Rectangles, to_rectangles

Array = NDArray[np.float64]

#: The panel's own column for a constraint that is known or that the user computed.
OWN = "constraint"
#: What `measure="auto"` takes, the first that the columns allow; SA never, it is collinear with size.
PREFERENCE = (OWN, "WW", "KZ", "FC")


@dataclass(frozen=True, slots=True)
class Sample:
    """A rated panel ready for estimation.

    panel : one draw; treatment is `measure`. measures : name -> (1, n_firms, n_years), in sd, higher = more
    constrained. controls : names of the controls that the table has. overlaps : by index, those that can
    be computed. laid : all columns of the table.
    """

    panel: Panel
    measure: str
    measures: dict[str, Array]
    controls: tuple[str, ...]
    overlaps: dict[str, Overlap]
    laid: Rectangles

    def with_measure(self, name: str) -> Panel:
        """The panel with another measure of constraint as its treatment."""
        return replace(self.panel, treatment=self.measures[name])


def sample_of(data: FirmPanel, measure: str) -> Sample:
    """Lay out a rated table; an index is divided by its sd, the panel's own column is taken as it is.

    Raises
    ------
    DataError if no measure can be made, or if `measure` says nothing beyond size and fixed effects.
    """
    table = data.table
    laid = to_rectangles(table, data.numbers)
    columns = laid.columns
    overlaps = {
        name: diagnose_overlap(name, _first(columns), laid.observed[0])
        for name in INDICES
        if not missing_columns(name, columns)
    }
    measures = {OWN: columns[OWN]} if OWN in columns else {}
    measures |= {name: _scaled(compute_index(name, columns)) for name in overlaps}
    chosen = _choose(measure, measures, overlaps)
    controls = tuple(name for name in CONTROLS if name in columns)
    stacked = [columns[name] for name in controls]
    shape = laid.observed.shape
    panel = Panel(
        outcome=columns["rating_a"], treatment=measures[chosen],
        controls=np.stack(stacked, axis=3) if stacked else np.zeros((*shape, 0)),
        exists=laid.observed, industry=_industries(columns.get("industry"), shape),
        cohort=_cohorts(columns.get("cohort"), laid), second_rating=columns.get("rating_b"),
        excluded=columns.get("index_member"),
    )  # fmt: skip
    return Sample(panel, chosen, measures, controls, overlaps, laid)


def firm_constant(values: Array) -> Array:
    """(1, n_firms) first known value of each firm, NaN where it has none."""
    known = np.isfinite(values)
    first = np.argmax(known, axis=2)
    found = np.take_along_axis(values, first[..., None], axis=2)[..., 0]
    return np.where(known.any(axis=2), found, np.nan)


def _choose(wanted: str, measures: dict[str, Array], overlaps: dict[str, Overlap]) -> str:
    usable = [name for name in PREFERENCE if name in measures]
    chosen = usable[0] if wanted == "auto" and usable else wanted
    if chosen not in measures:
        known = ", ".join(measures) or "none; see which columns each index needs"
        raise DataError(f"measure '{chosen}' cannot be made from this panel. It has {known}.")
    if chosen in overlaps and overlaps[chosen].collinear:
        raise DataError(f"measure '{chosen}': {overlaps[chosen].text} Choose {' or '.join(usable)}.")
    return chosen


def _first(columns: dict[str, Array]) -> dict[str, Array]:
    return {name: values[0] for name, values in columns.items()}


def _scaled(values: Array) -> Array:
    return np.asarray(values / np.nanstd(values))


def _industries(values: Array | None, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """(1, n_firms) codes from 0; firms without one share a code of their own."""
    if values is None:
        return np.zeros(shape[:2], dtype=np.int64)
    codes, _ = pd.factorize(firm_constant(values)[0], sort=True)
    return np.where(codes < 0, codes.max() + 1, codes)[None].astype(np.int64)


def _cohorts(values: Array | None, laid: Rectangles) -> NDArray[np.int64] | None:
    """(1, n_firms) index of the policy's year, -1 for never; None if no firm was reached."""
    if values is None:
        return None
    year = np.nan_to_num(firm_constant(values))
    cohort = np.where(year > 0, year - laid.years[0], -1).astype(np.int64)
    return cohort if ((cohort > 0) & (cohort < len(laid.years))).any() else None

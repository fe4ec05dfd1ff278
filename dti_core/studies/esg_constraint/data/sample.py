"""The panel of a run as the estimators take it: one table, one measure of constraint, what else is there."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.data import FirmPanel
from dti_core.studies.esg_constraint.data.layout import Rectangle, lay_out
from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask
from dti_core.studies.esg_constraint.model.indices import INDICES, compute_index, missing_columns
from dti_core.studies.esg_constraint.model.overlap import Overlap, diagnose_overlap
from dti_core.studies.esg_constraint.model.panel import CONTROLS, Panel, small_firms

#: The panel's own column for a constraint that is known or that the user computed.
OWN = "constraint"
#: Columns that play another part than that of a control.
NO_CONTROLS = ("rating_a", "rating_b", OWN, "cohort", "industry", "country", "weight", "index_member")
#: What `measure="auto"` takes, the first that the columns allow; SA never, it is collinear with size.
PREFERENCE = (OWN, "WW", "KZ", "FC")


@dataclass(frozen=True, slots=True)
class Sample:
    """A rated panel ready for estimation.

    panel : one draw; treatment is `measure`. measures : name -> (1, n_firms, n_years), in sd, higher = more
    constrained. overlaps : by index, those that can be computed. laid : all columns of the table. controls :
    names of the panel's controls.
    """

    panel: Panel
    measure: str
    measures: dict[str, Array]
    overlaps: dict[str, Overlap]
    laid: Rectangle
    controls: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The unit of an effect: rating points a unit of the measure of last year."""
        return f"grades a unit of {self.measure}"

    @property
    def turned(self) -> str:
        """The unit of a reverse effect."""
        return f"{self.measure} a grade"


def sample_of(data: FirmPanel, measure: str, controls: str = "") -> Sample:
    """Lay out a rated table; an index is divided by its sd, the panel's own column is taken as it is.

    Parameters
    ----------
    controls : names of columns, commas between; empty takes those of `CONTROLS` that are there.

    Raises
    ------
    DataError if no measure can be made, or if `measure` says nothing beyond size and fixed effects.
    """
    laid = lay_out(data.table, data.numbers)
    columns, seen = laid.columns, laid.observed
    possible = [name for name in INDICES if not missing_columns(name, columns)]
    overlaps = {name: diagnose_overlap(name, columns, seen) for name in possible}
    indices = {name: compute_index(name, columns) for name in possible}
    measures = {OWN: columns[OWN]} if OWN in columns else {}
    measures |= {name: np.asarray(values / np.nanstd(values)) for name, values in indices.items()}
    chosen = _choose(measure, measures, overlaps)
    names = own_controls(controls, columns) or tuple(name for name in CONTROLS if name in columns)
    panel = Panel(
        outcome=columns["rating_a"], treatment=measures[chosen],
        controls=laid.stack(names) if names else np.zeros((*seen.shape, 0)), exists=seen,
        industry=_industries(columns.get("industry")), cohort=_cohorts(columns.get("cohort"), laid.years),
        second_rating=columns.get("rating_b"), excluded=columns.get("index_member"),
        small=_small(columns, seen), country=_industries(columns.get("country")),
        weight=columns.get("weight"),
    )  # fmt: skip
    return Sample(panel, chosen, measures, overlaps, laid, names)


def own_controls(text: str, columns: Mapping[str, Array]) -> tuple[str, ...]:
    """The user's list of controls, "leverage, tobin_q", each a column of the analysis.

    Raises
    ------
    DataError for a name that is no column, or one that plays another part.
    """
    names = tuple(dict.fromkeys(filter(None, (name.strip() for name in text.split(",")))))
    possible = [name for name in columns if name not in NO_CONTROLS]
    if wrong := [name for name in names if name not in possible]:
        raise DataError(f"controls: {', '.join(wrong)} cannot be one. This panel has {', '.join(possible)}.")
    return names


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


def _small(columns: Mapping[str, Array], seen: Mask) -> Mask | None:
    """(1, n_firms) the lowest third by assets in the year before the first rating, or when first seen."""
    if "log_assets" not in columns:
        return None
    rated = np.isfinite(columns["rating_a"]).any(axis=(0, 1))
    return small_firms(columns["log_assets"], seen, max(0, int(np.argmax(rated)) - 1))


def _industries(values: Array | None) -> Integers | None:
    """(1, n_firms) codes from 0; firms without one share a code of their own; None if there is but one."""
    if values is None:
        return None
    codes, _ = pd.factorize(firm_constant(values)[0], sort=True)
    codes = np.where(codes < 0, codes.max() + 1, codes)[None].astype(np.int64)
    return codes if codes.max() > 0 else None


def _cohorts(values: Array | None, years: Integers) -> Integers | None:
    """(1, n_firms) index of the policy's year, -1 for never; None if no firm was reached.

    A firm reached before the panel begins is reached in all of it, index 0, and no example of never.
    """
    if values is None:
        return None
    year = np.nan_to_num(firm_constant(values))
    cohort = np.where(year > 0, np.maximum(year - years[0], 0), -1).astype(np.int64)
    return cohort if ((cohort > 0) & (cohort < len(years))).any() else None

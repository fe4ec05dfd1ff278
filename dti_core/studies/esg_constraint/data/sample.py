"""The panel of a run as the estimators take it: one table, one measure of constraint, what else is there."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dti_core.lab.errors import DataError
from dti_core.studies.esg_constraint.data import FirmPanel
from dti_core.studies.esg_constraint.data.layout import Rectangle, lay_out
from dti_core.studies.esg_constraint.data.winsorise import AS_READ
from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask
from dti_core.studies.esg_constraint.model.indices import INDICES, compute_index, missing_columns
from dti_core.studies.esg_constraint.model.overlap import Overlap, diagnose_measure, diagnose_overlap
from dti_core.studies.esg_constraint.model.panel import CONTROLS, SMALL_SHARE, Panel, size_rank

#: The panel's own column for a constraint that is known or that the user computed.
OWN = "constraint"
#: Columns that play another part than that of a control.
NO_CONTROLS = (
    "rating_a", "rating_b", OWN, "cohort", "industry", "country", "weight", "index_member", AS_READ,
)  # fmt: skip
#: Fewer values of an index are no index.
MIN_CELLS = 10
#: What `measure="auto"` takes, the first that the columns allow; SA never, it is collinear with size.
PREFERENCE = (OWN, "WW", "KZ", "FC")


class NoMeasureError(DataError):
    """No measure of constraint that says more than size and the controls can be had from a panel."""


@dataclass(frozen=True, slots=True)
class Measures:
    """All measures of constraint that a panel gives, and what each shares with other columns.

    values : name -> (1, n_firms, n_years), indices in sd, higher = more constrained. overlaps : by index,
    with the controls that it contains. with_size : by measure, with functions of size and the controls.
    """

    values: dict[str, Array]
    overlaps: dict[str, Overlap]
    with_size: dict[str, Overlap]

    def refused(self, name: str) -> str:
        """Why no effect of that measure may be printed; empty if one may."""
        found = [one for one in (self.with_size.get(name), self.overlaps.get(name)) if one is not None]
        return next((one.text for one in found if one.collinear), "")


@dataclass(frozen=True, slots=True)
class Sample:
    """A rated panel ready for estimation.

    panel : one draw; treatment is `measure`, one of `made`. laid : all columns of the table. controls :
    names of the panel's controls.
    """

    panel: Panel
    measure: str
    made: Measures
    laid: Rectangle
    controls: tuple[str, ...] = ()

    @property
    def measures(self) -> dict[str, Array]:
        """Name -> (1, n_firms, n_years), in sd, higher = more constrained."""
        return self.made.values

    @property
    def overlaps(self) -> dict[str, Overlap]:
        """By index, those that can be computed."""
        return self.made.overlaps

    @property
    def unit(self) -> str:
        """The unit of an effect: rating points a unit of the measure of last year."""
        return f"grades a unit of {self.measure}"

    @property
    def turned(self) -> str:
        """The unit of a reverse effect."""
        return f"{self.measure} a grade"


def measures_of(laid: Rectangle) -> Measures:
    """Every measure of constraint that the columns give: the own one as it is, an index divided by its sd."""
    columns, seen = laid.columns, laid.observed
    values = {OWN: columns[OWN]} if OWN in columns else {}
    for name in INDICES:
        if not missing_columns(name, columns):
            index = compute_index(name, columns)
            if np.isfinite(index).sum() > MIN_CELLS and (spread := float(np.nanstd(index))) > 0:
                values[name] = np.asarray(index / spread)
    overlaps, with_size = {}, {}
    for name, made in values.items():
        with suppress(DataError):  # too few firm-years hold it and the controls
            with_size[name] = diagnose_measure(name, made, columns, seen, CONTROLS)
            if name in INDICES:
                overlaps[name] = diagnose_overlap(name, columns, seen)
    return Measures({name: values[name] for name in values if name in with_size}, overlaps, with_size)


def sample_of(data: FirmPanel, measure: str, controls: str = "") -> Sample:
    """Lay out a rated table and choose the measure of constraint, as `choose_sample`."""
    laid = lay_out(data.table, data.numbers)
    return choose_sample(laid, measures_of(laid), measure, controls)


def choose_sample(laid: Rectangle, made: Measures, measure: str, controls: str = "") -> Sample:
    """A rated panel with the measure that is asked for, or the first of PREFERENCE for "auto".

    Parameters
    ----------
    controls : names of columns, commas between; empty takes those of `CONTROLS` that are there.

    Raises
    ------
    NoMeasureError if no measure can be made, or none that says more than size and the controls. A measure
    that was asked for by name is never replaced; neither is the panel's own column, by an index.
    DataError if the measure that is asked for cannot be made or says nothing beyond them.
    """
    columns, seen = laid.columns, laid.observed
    chosen = _choose(measure, made)
    names = own_controls(controls, columns) or tuple(name for name in CONTROLS if name in columns)
    panel = Panel(
        outcome=columns["rating_a"], treatment=made.values[chosen],
        controls=laid.stack(names) if names else np.zeros((*seen.shape, 0)), exists=seen,
        industry=codes_of(columns.get("industry")), cohort=_cohorts(columns.get("cohort"), laid.years),
        second_rating=columns.get("rating_b"), excluded=columns.get("index_member"),
        small=_small(laid), country=codes_of(columns.get("country")), weight=columns.get("weight"),
        size=columns["log_assets"] if "log_assets" in names else None,
    )  # fmt: skip
    return Sample(panel, chosen, made, laid, names)


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


def small_firms(laid: Rectangle) -> Array | None:
    """(1, n_firms) 1 for the lowest third by `ranks_of`, 0 for others; None without both kinds."""
    small = _small(laid)
    return None if small is None or small.all() or not small.any() else small.astype(np.float64)


def ranks_of(laid: Rectangle) -> Array | None:
    """(1, n_firms) `size_rank` by assets as they were read; None without assets.

    The year is that before the first rating of anyone, or when a firm is first seen if that is later.
    """
    size = laid.columns.get(AS_READ, laid.columns.get("log_assets"))
    if size is None:
        return None
    rated = laid.observed & np.isfinite(laid.columns.get("rating_a", np.array(np.nan)))
    return size_rank(size, laid.observed, max(0, int(np.argmax(rated.any(axis=(0, 1)))) - 1), rated)


def _small(laid: Rectangle) -> Mask | None:
    ranks = ranks_of(laid)
    return None if ranks is None else np.asarray(ranks < SMALL_SHARE)


def _choose(wanted: str, made: Measures) -> str:
    usable = [name for name in PREFERENCE if name in made.values and not made.refused(name)]
    if wanted != "auto":
        if wanted not in made.values:
            known = ", ".join(made.values) or "none; see which columns each index needs"
            raise DataError(f"measure '{wanted}' cannot be made from this panel. It has {known}.")
        if why := made.refused(wanted):
            raise DataError(f"measure '{wanted}': {why} Choose {' or '.join(usable) or 'no measure'}.")
        return wanted
    if why := made.refused(OWN):
        instead = "".join(f" measure={name} takes an index." for name in usable[:1])
        raise NoMeasureError(f"{why}{instead}")
    if not usable:
        told = [made.refused(name) or f"{name} is taken only if asked for." for name in made.values]
        raise NoMeasureError(" ".join(told) or "no column constraint, and no index can be made")
    return usable[0]


def codes_of(values: Array | None) -> Integers | None:
    """(1, n_firms) codes from 0 of a firm's first known value; firms without one share a code of their own.

    None if there is but one code.
    """
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
    since = np.maximum(year - years[0], 0)  # reached before the first year: never a comparison
    cohort = np.where(year > 0, since, -1).astype(np.int64)
    return cohort if ((cohort > 0) & (cohort < len(years))).any() else None

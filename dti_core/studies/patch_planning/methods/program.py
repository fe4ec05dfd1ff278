"""The mixed-integer program behind a plan: which bundle in which week, under every limit at once."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from dti_core.studies.patch_planning.model.estates import NONE, Array, Estates, Flags, Ints
from dti_core.studies.patch_planning.model.weeks import Quarter


@dataclass(frozen=True)
class Program:
    """Greatest gain @ x, x 0 or 1, rows @ x <= limits.

    Columns are patches (a bundle in a week), then set-ups (a service in a week). bundle, week : of each
    patch. gain_usd : of each column. rows, limits : the limits. hours_rows : (T,) and budget_row : which rows
    hold weekly hours and money.
    """

    bundle: Ints
    week: Ints
    gain_usd: Array
    rows: csr_array
    limits: Array
    hours_rows: Ints
    budget_row: int

    @property
    def n_columns(self) -> int:
        """Patches and set-ups."""
        return len(self.gain_usd)

    def plan(self, x: Array, quarter: Quarter) -> Ints:
        """(B,) weeks of the bundles; what was patched before stays."""
        weeks, chosen = quarter.plan[0].copy(), x[: len(self.bundle)] > 0.5
        weeks[self.bundle[chosen]] = self.week[chosen]
        return weeks


class _Rows:
    """Rows of a program, block after block."""

    def __init__(self) -> None:
        self.n_rows = 0
        self.blocks: list[tuple[Ints, Ints, Array]] = []
        self.limits: list[Array] = []

    def add(self, limits: Array, *entries: tuple[Ints, Ints, Array]) -> Ints:
        """As many rows as `limits`; entries are (row, column, factor). Returns their numbers."""
        start = self.n_rows
        self.blocks += [(row + start, column, factor) for row, column, factor in entries]
        self.limits.append(limits)
        self.n_rows += len(limits)
        return np.arange(start, self.n_rows)

    def matrix(self, n_columns: int) -> csr_array:
        """(n_rows, n_columns) of all entries; those of the same place are added."""
        row, column, factor = (np.concatenate(part) for part in zip(*self.blocks, strict=True))
        return csr_array(coo_array((factor, (row, column)), shape=(self.n_rows, n_columns)))


def build(estate: Estates, worth_usd: Array, quarter: Quarter, price: float) -> Program:
    """The program of one estate from the quarter's week on.

    Left out are closed windows, and patches that earn nothing and for which nothing waits. A patch needs its
    set-up: x <= y each, which is tighter than one row for all.

    Parameters
    ----------
    worth_usd : (B, T) loss avoided by patching in each week. price : of a dollar, above itself.
    """
    outage = estate.outage_usd[0][estate.service[0]]
    gain = worth_usd - (1 + price) * estate.cost_usd[0][:, None] - estate.minutes[0][:, None] * outage
    bundle, week = np.nonzero(_usable(estate, gain, quarter))
    cell, at = np.unique(estate.service[0, bundle] * estate.n_weeks + week, return_inverse=True)
    service, when = cell // estate.n_weeks, cell % estate.n_weeks
    set_up_usd = (1 + price) * estate.setup_usd[0, service]
    set_up_usd = set_up_usd + estate.setup_minutes[0, service] * estate.outage_usd[0, service, when]
    patch, set_up = np.arange(len(bundle)), len(bundle) + np.arange(len(cell))
    rows, one = _Rows(), np.ones(len(bundle))
    rows.add(np.ones(estate.n_bundles), (bundle, patch, one))
    rows.add(np.zeros(len(bundle)), (patch, patch, one), (patch, set_up[at], -one))
    hours_rows = rows.add(
        estate.weekly_hours[0], (week, patch, estate.hours[0, bundle]),
        (when, set_up, estate.setup_hours[0, service]),
    )  # fmt: skip
    budget_row = rows.add(
        quarter.money_usd, (0 * patch, patch, estate.cost_usd[0, bundle]),
        (0 * set_up, set_up, estate.setup_usd[0, service]),
    )  # fmt: skip
    spare = estate.setup_minutes[0, service] - estate.window_minutes
    rows.add(
        np.zeros(len(cell)), (at, patch, estate.minutes[0, bundle]), (set_up - len(bundle), set_up, spare)
    )
    rows.add(
        quarter.minutes_left[0], (estate.service[0, bundle], patch, estate.minutes[0, bundle]),
        (service, set_up, estate.setup_minutes[0, service]),
    )  # fmt: skip
    _add_order(rows, estate, bundle, week, quarter)
    return Program(
        bundle, week, np.concatenate([gain[bundle, week], -set_up_usd]),
        rows.matrix(len(bundle) + len(cell)), np.concatenate(rows.limits), hours_rows, int(budget_row[0]),
    )  # fmt: skip


def _usable(estate: Estates, gain: Array, quarter: Quarter) -> Flags:
    """(B, T) whether a patch may be made then, and is of any use: it earns, or something waits for it."""
    weeks = np.arange(estate.n_weeks)
    may = quarter.open_bundles[0][:, None] & estate.open[0][estate.service[0]]
    may &= weeks >= np.maximum(estate.known[0], quarter.week)[:, None]
    wanted, after = (may & (gain > 0)).any(axis=1), estate.after[0]
    for _ in range(estate.n_bundles):
        waits = np.zeros(estate.n_bundles, dtype=bool)
        waits[after[(after != NONE) & wanted]] = True
        if not (waits & ~wanted).any():
            break
        wanted |= waits
    return may & ((gain > 0) | waits[:, None])


def _add_order(rows: _Rows, estate: Estates, bundle: Ints, week: Ints, quarter: Quarter) -> None:
    """A bundle is in by a week only if its predecessor is: in the same week, only for the same service."""
    after, service = estate.after[0], estate.service[0]
    waits = np.flatnonzero((after[bundle] != NONE) & quarter.open_bundles[0, after[bundle]])
    first = after[bundle[waits]]
    until = week[waits] - (service[bundle[waits]] != service[first])
    own_row, own = _until(estate, bundle, week, bundle[waits], week[waits])
    its_row, its = _until(estate, bundle, week, first, until)
    rows.add(
        np.zeros(len(waits)), (own_row, own, np.ones(len(own))), (its_row, its, -np.ones(len(its)))
    )  # fmt: skip


def _until(estate: Estates, bundle: Ints, week: Ints, whose: Ints, last: Ints) -> tuple[Ints, Ints]:
    """(row, column) of the patches, in the order of bundles and weeks, of bundle `whose` by week `last`."""
    places = bundle * estate.n_weeks + week
    start = np.searchsorted(places, whose * estate.n_weeks)
    end = np.searchsorted(places, whose * estate.n_weeks + last, side="right")
    row = np.repeat(np.arange(len(whose)), end - start)
    before = np.cumsum(end - start) - (end - start)
    return row, np.arange(len(row)) - before[row] + start[row]

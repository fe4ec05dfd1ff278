"""Whether flaws and incidents come as the simulated worlds assume: one by one, at an even rate.

A count that comes so (Poisson, thinned or not) has a variance as large as its mean. What is above 1 within a
year is no drift of the rate: several come at once.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd

from dti_core.lab.errors import DataError, one_line
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, block_bootstrap, share
from dti_core.lab.record import OBSERVED
from dti_core.studies.patch_planning.data import arrivals, incidents
from dti_core.studies.patch_planning.data.arrivals import FILLED, counted
from dti_core.studies.patch_planning.data.cadence import END, START
from dti_core.studies.patch_planning.model.estates import NEVER, Array
from dti_core.studies.patch_planning.worlds.draws import setting_of
from dti_core.studies.patch_planning.worlds.simulate import simulate_estates

LISTS: Mapping[str, Callable[[], pd.DataFrame]] = {
    "debian": arrivals.load_debian, "kev": arrivals.load_kev, "php": arrivals.load_php,
    "rust": arrivals.load_rust,
}  # fmt: skip
SPREAD, CHECKS = "variance over mean", "99 % quantile over median"
#: Whole months in which breaches had to be reported and all reports are listed, and months of which nearly
#: all starts are, since that list was made a year later; weeks begin on the first Monday.
REPORTED = (date(2010, 1, 1), date(2015, 2, 1))
STARTED = (date(2010, 1, 1), date(2013, 7, 1))
MONDAYS = {"reported": (date(2010, 1, 4), date(2015, 1, 26)), "started": (date(2010, 1, 4), date(2013, 7, 1))}
#: Units of a year, over which a rate is taken as even.
A_YEAR = {"W": 52, "M": 12}
#: The world that is compared, and its estates and services.
WORLD, ESTATES, SERVICES = "arrive", 200, 11


class _Told:
    """Estimates with bootstrap intervals from one stream of random numbers."""

    def __init__(self, seeds: np.random.SeedSequence, n_resamples: int) -> None:
        self.found, self.rng, self._n = Findings(), np.random.default_rng(seeds), n_resamples

    def interval(self, statistic: Callable[..., float], *series: Array, block: int | None = 1) -> Interval:
        """Rows are taken as independent (blocks of 1) unless `block` is None: as long as suits them then."""
        return block_bootstrap(statistic, *series, rng=self.rng, n_resamples=self._n, block=block)

    def tell(self, name: str, unit: str, one: Interval, world: str = OBSERVED, **at: str) -> None:
        self.found.estimates.append(one.estimate(f"arrivals_{name}", unit, world, **at))


def study_arrivals(seeds: np.random.SeedSequence, n_resamples: int) -> Findings:
    """Variance over mean of weekly and monthly counts, delays, the tail of losses and the shape of checks.

    Raises
    ------
    DataError if the breaches are not on this machine; lists of flaws that are not are left out, with the
    command that brings them.
    """
    told = _Told(seeds, n_resamples)
    rows: list[dict[str, object]] = []
    for name, load in LISTS.items():
        try:
            rows += _flaws(told, name, load())
        except DataError as error:
            told.found.left_out.append((f"arrivals of flaws: {name}", one_line(error, 200)))
    try:
        _delays(told, arrivals.load_published_days())
    except DataError as error:
        told.found.left_out.append(("delay of fixes", one_line(error, 200)))
    rows += _breaches(told)
    rows += _worlds(told)
    told.found.series["arrivals"] = pd.DataFrame(rows)
    return told.found


def dispersion(counts: Array) -> float:
    """Variance over mean, 1 for a Poisson count of even rate."""
    return float(counts.var(ddof=1) / counts.mean())


def around_rate(counts: Array, a_year: int) -> Array:
    """What each count adds to the variance over the mean around the rate of its year; their mean is 1 for a
    Poisson count whose rate changes from year to year only.

    Units left over at the end belong to the last year. Pearson's statistic over its degrees of freedom.
    """
    n_years = max(1, len(counts) // a_year)
    year = np.minimum(np.arange(len(counts)) // a_year, n_years - 1)
    rate = (np.bincount(year, counts) / np.bincount(year))[year]
    squared = (counts - rate) ** 2 / np.where(rate > 0, rate, 1.0)
    return squared * len(counts) / (len(counts) - n_years)


def hill(sizes: Array, part: float = 0.1) -> float:
    """Exponent of a power tail from the largest `part` (Hill, 1975); below 1 there is no finite mean."""
    largest = np.sort(sizes)[::-1]
    k = max(2, int(part * len(largest)))
    return float(1 / np.mean(np.log(largest[:k] / largest[k])))


def largest_share(sizes: Array, part: float = 0.01) -> float:
    """What the largest `part` of all holds of their sum."""
    largest = np.sort(sizes)[::-1]
    return float(largest[: max(1, int(part * len(largest)))].sum() / largest.sum())


def tail_over_middle(values: Array) -> float:
    """The 99 % quantile over the median: 6.6 for waiting times without memory."""
    middle, tail = np.quantile(values, [0.5, 0.99])
    return float(tail / middle)


def _flaws(told: _Told, name: str, flaws: pd.DataFrame) -> list[dict[str, object]]:
    """Flaws, and upgrades that mend them: what one owner gets in one week counts once there."""
    first, end = START, END
    if name == "kev":  # until the last week that the catalogue holds whole
        first = FILLED
        end = first + timedelta(weeks=((flaws["day"].max().date() - first).days + 1) // 7)
    weeks = flaws["day"].dt.to_period("W")
    upgrades = flaws[~pd.DataFrame({"week": weeks, "owner": flaws["owner"]}).duplicated()]
    return [
        _spread(told, f"flaws_{name}", counted(flaws["day"], "W", first, end), "W"),
        _spread(told, f"upgrades_{name}", counted(upgrades["day"], "W", first, end), "W"),
    ]


def _spread(told: _Told, what: str, counts: Array, unit: str) -> dict[str, object]:
    whole = told.interval(dispersion, counts, block=None)
    within = told.interval(np.mean, around_rate(counts, A_YEAR[unit]), block=None)
    told.tell(what, SPREAD, whole, measure="dispersion", count=what)
    told.tell(f"{what}_within_year", SPREAD, within, measure="dispersion within a year", count=what)
    return {
        "count": what, "by": {"W": "week", "M": "month"}[unit], "units": len(counts), "mean": counts.mean(),
        "variance over mean": whole.value, "variance over mean low": whole.low,
        "variance over mean high": whole.high, "within a year": within.value,
        "within a year low": within.low, "within a year high": within.high,
    }  # fmt: skip


def _delays(told: _Told, published_days: pd.Series) -> None:
    """Days from publication to a fix where both are told, drawn by upgrade; negative if it came first."""
    for name in ("debian", "php"):
        flaws = LISTS[name]().dropna(subset="cve").drop_duplicates("cve")
        flaws = flaws.assign(published=flaws["cve"].map(published_days)).dropna(subset="published")
        days = (flaws["day"].dt.normalize() - flaws["published"]).dt.days
        grouped = pd.DataFrame({"days": days, "before": days <= 0, "n": 1}).groupby(
            [flaws["owner"], flaws["day"]]
        )
        sums = grouped.sum().astype(float)
        delay, before = (
            told.interval(_ratio, sums[one].to_numpy(), sums["n"].to_numpy()) for one in ("days", "before")
        )
        told.tell(f"fix_delay_{name}", "days", delay, measure="delay of fixes", list=name)
        told.tell(f"fixed_before_{name}", "share of flaws", before, measure="fixed by publication", list=name)


def _ratio(above: Array, below: Array) -> float:
    return float(above.sum() / below.sum())


def _breaches(told: _Told) -> list[dict[str, object]]:
    """Incidents by report and by start, how late and how long they are, and the tail of what they cost."""
    reports, starts = incidents.load_reports(), incidents.load_starts()
    both, ended = incidents.matched(reports, starts), starts.dropna(subset="ended")
    lag, lasted = (both["reported"] - both["started"]).dt.days, (ended["ended"] - ended["started"]).dt.days
    for name, days in (("report_lag", lag), ("breach_length", lasted)):
        one = told.interval(np.median, days.to_numpy(np.float64))
        told.tell(f"{name}_days", "days", one, measure=name)
    first = share(int((starts["started"].dt.day == 1).sum()), len(starts))
    told.tell("started_on_first", "share of breaches", first, measure="starts on the first of a month")
    records = reports["records"].to_numpy(np.float64)
    told.tell("loss_tail", "exponent of the tail", told.interval(hill, records), measure="tail of losses")
    largest = told.interval(largest_share, records)
    told.tell("loss_largest", "share of all records", largest, measure="largest hundredth")
    checks = told.interval(tail_over_middle, incidents.load_check_seconds().to_numpy(np.float64))
    told.tell("check_spread", CHECKS, checks, measure="length of checks")
    days = {"reported": reports["reported"], "started": starts["started"]}
    months = {"reported": REPORTED, "started": STARTED}
    return [_spread(told, f"breaches_{one}", counted(days[one], "M", *months[one]), "M") for one in days] + [
        _spread(told, f"breaches_{one}_weekly", counted(days[one], "W", *MONDAYS[one]), "W") for one in days
    ]


def _worlds(told: _Told) -> list[dict[str, object]]:
    """The same of simulated estates: upgrades that come to be known after the first week, and their hours."""
    drawn = simulate_estates(setting_of(WORLD), ESTATES, SERVICES, told.rng)
    weeks = range(1, setting_of(WORLD).n_weeks)
    counts = np.stack([(drawn.known == week).sum(axis=1) for week in weeks], axis=1).ravel().astype(float)
    spread = told.interval(dispersion, counts)
    told.tell("upgrades", SPREAD, spread, world=WORLD, measure="dispersion", count="upgrades")
    hours = told.interval(tail_over_middle, drawn.hours[drawn.known < NEVER])
    told.tell("check_spread", CHECKS, hours, world=WORLD, measure="length of checks")
    return [{
        "count": "upgrades of simulated estates", "by": "week", "units": len(counts), "mean": counts.mean(),
        "variance over mean": spread.value, "variance over mean low": spread.low,
        "variance over mean high": spread.high,
    }]  # fmt: skip

"""What a table of survivors hides: deaths planted in its prices, and how selective twenty survivors are.

The deaths are simulated, and so is what they cost. How many members of an index stayed in it is real.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from dti_core.lab import intervals
from dti_core.lab.record import Estimate
from dti_core.studies.lstm_portfolio.data.listing import Status
from dti_core.studies.lstm_portfolio.measures.report import SHARPE_UNIT
from dti_core.studies.lstm_portfolio.methods.portfolios import BENCHMARK
from dti_core.studies.lstm_portfolio.model import Array, Days
from dti_core.studies.lstm_portfolio.model.backtest import hold

#: Simulated histories behind an interval.
N_HISTORIES = 100
#: Trading days of the return by which losers are told, and the share of shares that are.
PAST_DAYS, LOSERS = 252, 0.2
#: Years from whose members it is counted how many are left at the end of the packaged prices.
MEMBERS_OF, LAST_DAY = (1996, 2000, 2008), pd.Timestamp("2022-12-28")


@dataclass(frozen=True, slots=True)
class Deaths:
    """How shares die: `a_year` of them on average, each with a last return; only losers do, or any.

    The default is the rate at which members of 1996 left the S&P 500 for the first time until 2022,
    1 - 0.32^(1/27). Many left by merger, so that a last return of -30 % for each (Shumway 1997) is a hard
    case.
    """

    a_year: float = 0.042
    last_return: float = -0.30
    losers_only: bool = True


def bias_estimates(
    returns: Array, days: Days, deaths: Deaths, cost_bps: float, periods_per_year: float,
    rng: np.random.Generator,
) -> Iterator[Estimate]:  # fmt: skip
    """Return and Sharpe ratio of equal weights over those who lived, less those over all who were there.

    In each history shares die at random; who looks back at its end finds the survivors only. Histories in
    which fewer than two are left say nothing and are drawn again.

    Parameters
    ----------
    returns : (n_days, n_assets) simple returns, no NaN. days : (n_decisions,) rows of it.
    """
    drawn: list[list[float]] = []
    while len(drawn) < N_HISTORIES:
        dead = plant_deaths(returns, days, deaths, periods_per_year, rng)
        if (alive := dead == len(returns)).sum() >= 2:
            honest = equal_weights_of(returns, days, dead, deaths.last_return, cost_bps)
            seen = equal_weights_of(returns[:, alive], days, dead[alive], 0.0, cost_bps)
            gaps = [
                (seen.mean() - honest.mean()) * periods_per_year,
                (seen.mean() / seen.std() - honest.mean() / honest.std()) * np.sqrt(periods_per_year),
                float(alive.mean()),
            ]
            drawn.append(gaps)
    units = {"return": "share a year", "sharpe": SHARPE_UNIT, "survivors": "share of shares"}
    for (what, unit), values in zip(units.items(), np.array(drawn).T, strict=True):
        low, high = np.quantile(values, [0.025, 0.975])
        yield Estimate(
            f"survivorship_{what}_{BENCHMARK}", float(values.mean()), float(low), float(high), unit,
            N_HISTORIES, how=f"2.5 and 97.5 % of {N_HISTORIES} histories with simulated deaths",
            std_error=float(values.std(ddof=1)), at={"measure": f"survivorship_{what}", "method": BENCHMARK},
        )  # fmt: skip


def plant_deaths(
    returns: Array, days: Days, deaths: Deaths, periods_per_year: float, rng: np.random.Generator
) -> Days:
    """(n_assets,) row of each share's last return; n_days for those who live on.

    At each decision a share dies with the same chance, or that chance is dealt to the fifth whose past year
    was worst. It dies between two decisions.
    """
    n_days, n_assets = returns.shape
    dead = np.full(n_assets, n_days, dtype=np.int64)
    total = np.cumsum(np.log1p(returns), axis=0)
    for day, until in pairwise(days):
        alive = np.flatnonzero(dead == n_days)
        chance = np.full(len(alive), deaths.a_year * (until - day) / periods_per_year)
        if deaths.losers_only:
            past = total[day, alive] - total[max(0, day - PAST_DAYS), alive]
            worst = rankdata(past) <= max(1, round(LOSERS * len(alive)))
            chance = chance * worst / worst.mean()
        dies = alive[rng.random(len(alive)) < chance]
        dead[dies] = rng.integers(day + 1, until + 1, size=len(dies))
    return dead


def equal_weights_of(returns: Array, days: Days, dead: Days, last_return: float, cost_bps: float) -> Array:
    """(n_days_held,) returns of equal weights over whoever lives, with the last return of whoever dies."""
    rows = np.arange(len(returns))[:, None]
    earned = np.where(rows == dead, last_return, returns)
    earned[rows > dead] = np.nan
    states = np.where(rows < dead, Status.TRADED, Status.OUT).astype(np.int8)
    alive = states[days] == Status.TRADED
    weights = alive / alive.sum(axis=1, keepdims=True)
    return hold(weights, earned, days, cost_bps, states=states).returns


def membership_estimates(spells: pd.DataFrame) -> Iterator[Estimate]:
    """Of an index's members of some years, which never left it until the packaged prices end, and which are
    in it on that day, still or again.

    Parameters
    ----------
    spells : ticker, start_date and end_date, empty if the spell lasts; a change of ticker ends one, so that
        both shares are a little too low.
    """
    start, end = (pd.to_datetime(spells[f"{name}_date"]) for name in ("start", "end"))
    lasts = end.isna() | (end > LAST_DAY)
    there = spells["ticker"].isin(spells["ticker"][(start <= LAST_DAY) & lasts])
    for year in MEMBERS_OF:
        first = max(start.min(), pd.Timestamp(year, 1, 2))
        members = (start <= first) & (end.isna() | (end > first))
        for what, counted in {"in_2022": there, "never_left_until_2022": lasts}.items():
            found = intervals.share(int((members & counted).sum()), int(members.sum()))
            name, at = f"members_of_{year}_{what}", {"measure": f"members_{what}"}
            yield found.estimate(name, "share of members", year=float(year), **at)

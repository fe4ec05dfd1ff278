"""What do accounts alone say of a rating? Size, debt and profit of last year, between and inside firms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from dti_core.studies.esg_constraint.data.layout import Rectangle
from dti_core.studies.esg_constraint.data.sample import codes_of, small_firms
from dti_core.studies.esg_constraint.measures.findings import Findings
from dti_core.studies.esg_constraint.measures.persistence import persistence
from dti_core.studies.esg_constraint.model.arrays import Array, Mask
from dti_core.studies.esg_constraint.model.effects import within_sd
from dti_core.studies.esg_constraint.model.fit import Fit
from dti_core.studies.esg_constraint.model.panel import CONTROLS
from dti_core.studies.esg_constraint.model.regression import least_squares, shifted

UNIT = "sd of score a sd"
MEASURE = "score on accounts"
#: Share of values at each end that are moved to the next one kept.
WINSORISED = 0.01
WANTED_POWER = 0.80
#: Standard errors that an effect must measure to be found at 5 % with WANTED_POWER.
REACH = float(stats.norm.ppf(0.975) + stats.norm.ppf(WANTED_POWER))


@dataclass(frozen=True, slots=True)
class Accounts:
    """A score and accounts of last year, winsorised and in sd, ready for regression.

    score : (1, n_firms, n_years). accounts : name -> same shape. groups : (1, n_firms, n_years, k) dummies of
    country and industry. small : (1, n_firms), None where size is unknown. used : firm-years with all.
    """

    score: Array
    accounts: dict[str, Array]
    groups: Array
    small: Array | None
    used: Mask


def study_score(laid: Rectangle, rng: np.random.Generator, prefix: str = "score") -> Findings:
    """Rating on last year's size, leverage and profitability: pooled, inside firms, small against large ones.

    Pooled: dummies of year, country and industry; inside: firm and year effects; errors by firm in all. The
    smallest effect that such a panel finds with 80 % stands beside each effect inside firms.
    """
    found = Findings()
    for name, one in persistence(laid.columns["rating_a"], laid.observed, rng).items():
        ends = (one.low, one.high)
        found.keep(f"{prefix}_{name}", one.value, ends, "share", one.n, one.how, measure=name, of=prefix)
    score_on_accounts(laid, prefix, found)
    return found


def score_on_accounts(laid: Rectangle, prefix: str, found: Findings) -> None:
    """The regressions of `study_score`, or what they lack, into `found`."""
    if not (names := [name for name in CONTROLS if name in laid.columns]):
        needed = "needs assets, leverage or net_income"
        found.left_out.append((f"{MEASURE} ({prefix})", needed))
        return
    found.attempt(f"{MEASURE} ({prefix})", lambda: _regressions(ready(laid, names), prefix, found))


def ready(laid: Rectangle, names: Sequence[str], lag: int = 1) -> Accounts:
    """Score and accounts of `lag` years before, winsorised and divided by their sd.

    Raises
    ------
    ValueError if no firm-year has them all.
    """
    raw = np.where(laid.observed, laid.columns["rating_a"], np.nan)
    before = {name: shifted(laid.columns[name], lag) for name in names}
    used = np.isfinite(raw) & np.all([np.isfinite(values) for values in before.values()], axis=0)
    if not used.any():
        raise ValueError("no firm-year has a rating and the accounts of the year before")
    kept = {name: in_sd(values, used) for name, values in before.items()}
    codes = [codes_of(laid.columns.get(name)) for name in ("country", "industry")]
    dummies = [np.eye(int(code.max()) + 1)[code][..., 1:] for code in codes if code is not None]
    groups = np.concatenate([np.zeros((*used.shape[:2], 0)), *dummies], axis=2)[:, :, None]
    spread = np.broadcast_to(groups, (*used.shape, groups.shape[3]))
    return Accounts(in_sd(raw, used), kept, spread, small_firms(laid), used)


def in_sd(values: Array, used: Mask) -> Array:
    """`values` winsorised at WINSORISED and divided by their sd over the cells in use.

    Raises
    ------
    ValueError if nothing is left that varies.
    """
    low, high = np.quantile(values[used], [WINSORISED, 1 - WINSORISED])
    clipped = np.clip(values, low, high)
    if not (spread := float(clipped[used].std())) > 0:
        raise ValueError("a column does not vary over the firm-years in use")
    return np.asarray(clipped / spread)


def _regressions(made: Accounts, prefix: str, found: Findings) -> None:
    x = np.stack(list(made.accounts.values()), axis=3)
    pooled = least_squares(made.score, np.concatenate([x, made.groups], axis=3), made.used, ("year",))
    within = least_squares(made.score, x, made.used)
    rows = []
    for place, name in enumerate(made.accounts):
        _add(found, prefix, name, "pooled", pooled, place)
        _add(found, prefix, name, "within", within, place)
        rows.append([name, *_cells(pooled, place), *_cells(within, place), _left(made, name)])
        smallest, n = REACH * float(within.std_error[0, place]), int(within.n_obs[0])
        at = {"measure": "smallest effect found with 80 %", "of": prefix, "account": name}
        how = f"{REACH:.2f} standard errors, no interval"
        found.keep(f"{prefix}_{name}_detectable", smallest, (smallest, smallest), UNIT, n, how, **at)
    names = ["pooled", "pooled_low", "pooled_high", "within", "within_low", "within_high", "left_within"]
    found.series[f"{prefix}_table"] = pd.DataFrame(rows, columns=["account", *names])
    if made.small is None:
        found.left_out.append((f"small against large firms ({prefix})", "needs assets of both kinds of firm"))
        return
    inside = made.small[..., None, None]
    both = least_squares(made.score, np.concatenate([x * inside, x], axis=3), made.used)
    for place, name in enumerate(made.accounts):
        _add(found, prefix, name, "small_minus_large", both, place)


def _add(found: Findings, prefix: str, name: str, how: str, fit: Fit, place: int) -> None:
    at = {"measure": MEASURE, "of": prefix, "account": name, "firms": how}
    found.add(f"{prefix}_{name}_{how}", fit, UNIT, place, **at)


def _cells(fit: Fit, place: int) -> list[float]:
    low, high = (float(end[0, place]) for end in fit.interval())
    return [float(fit.coef[0, place]), low, high]


def _left(made: Accounts, name: str) -> float:
    """Share of an account's sd that firm and year effects leave."""
    return float(within_sd(made.accounts[name], made.used)[0])

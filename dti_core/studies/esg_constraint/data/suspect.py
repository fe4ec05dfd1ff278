"""What a file may hold that no rule forbids and that still turns every answer wrong, each with its remedy."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from dti_core.lab.data import Problem
from dti_core.studies.esg_constraint.data.schema import RATINGS
from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask

#: Codes that stand for "missing" in files of other programs.
SENTINELS = frozenset(sign * code for code in (99, 999, 9999, 99999, 999999) for sign in (-1, 1)) | {-9, -1}
#: Logs of assets have an sd a tenth of what their own logs would have; real assets spread far more.
LOG_MAX, LOG_SPREAD = 40.0, 0.35
#: From this correlation on, two columns are one.
SAME = 0.9999
MIN_CELLS = 20


def check_suspects(ours: pd.DataFrame, firms: Integers, numbers: Mapping[str, Array]) -> Iterator[Problem]:
    """Codes for missing values, logs, columns that are one, dummies for years, what changes inside firms.

    Parameters
    ----------
    ours : the table under our names. firms : (n,) code of each row's firm, -1 without. numbers : its numeric
    columns, each (n,).
    """
    yield from _check_sentinels(numbers)
    yield from _check_logs(numbers)
    yield from _check_twins(numbers)
    yield from _check_cohort(numbers)
    yield from _check_constant_inside(ours, firms)
    yield from _check_spelling(ours["firm"])


def _check_sentinels(numbers: Mapping[str, Array]) -> Iterator[Problem]:
    for name, values in numbers.items():
        if name in ("year", "cohort", "index_member"):
            continue
        finite = values[np.isfinite(values)]
        codes = np.isin(finite, list(SENTINELS))
        rest = finite[~codes]
        if not codes.any() or len(rest) < MIN_CELLS:
            continue
        low, high = float(rest.min()), float(rest.max())
        for code in np.unique(finite[codes]):
            beyond = max(low - code, code - high)
            below_all = code < 0 <= low
            if not below_all and beyond <= high - low:
                continue
            n = int((finite == code).sum())
            what = (
                f"{name}: {code:g} stands {n} time{'s' * (n > 1)}, far from the others ({low:g} to {high:g})"
            )
            advice = "If it is a code for a missing value, leave those cells empty."
            yield Problem(f"{what}. {advice}", blocks=name in RATINGS or n > 1)


def _check_logs(numbers: Mapping[str, Array]) -> Iterator[Problem]:
    assets = numbers.get("assets", np.empty(0))
    known = assets[np.isfinite(assets) & (assets > 0)]
    if len(known) < MIN_CELLS or known.max() > LOG_MAX:
        return
    if (spread := float(np.log(known).std())) < LOG_SPREAD and known.std() > 0:
        what = f"assets run from {known.min():.3g} to {known.max():.3g} (sd of their logs {spread:.2f})"
        yield Problem(f"{what}, as logarithms do. Give amounts in millions: exp of logarithms of millions.")


def _check_twins(numbers: Mapping[str, Array]) -> Iterator[Problem]:
    """A constraint that is the rating, or that is size turned round, decides its own answer."""
    if (constraint := numbers.get("constraint")) is None:
        return
    for name in RATINGS:
        if name in numbers and abs(_correlation(constraint, numbers[name])) > SAME:
            what = f"constraint is {name} in other units, so an effect of one on the other says nothing"
            yield Problem(f"{what}. Give a measure made from accounts.")
    if "assets" in numbers:
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.log(numbers["assets"])
        if abs(_correlation(constraint, size)) > SAME:
            what = "constraint is the logarithm of assets in other units: an effect of it is one of size"
            advice = "No effect will be printed; give a measure that holds more than size."
            yield Problem(f"{what}. {advice}", blocks=False)


def _correlation(one: Array, other: Array) -> float:
    both = np.isfinite(one) & np.isfinite(other)
    if both.sum() < MIN_CELLS or not one[both].std() > 0 or not other[both].std() > 0:
        return 0.0
    return float(np.corrcoef(one[both], other[both])[0, 1])


def _check_cohort(numbers: Mapping[str, Array]) -> Iterator[Problem]:
    if (cohort := numbers.get("cohort")) is None:
        return
    known = cohort[np.isfinite(cohort)]
    odd: Mask = (known != 0) & (known < 1900)
    if odd.any():
        shown = ", ".join(f"{value:g}" for value in np.unique(known[odd])[:3])
        what = f"cohort holds {shown}, which is no year" + (" but a 0/1 dummy" if shown == "1" else "")
        advice = "Write for each firm the year in which the policy reached it, 0 = never."
        yield Problem(f"{what}. {advice}")


def _check_constant_inside(ours: pd.DataFrame, firms: Integers) -> Iterator[Problem]:
    """Of a cohort or an industry the first known value of a firm counts for all of its years."""
    for name in ("cohort", "industry", "ownership"):
        if name not in ours:
            continue
        codes = pd.Series(pd.factorize(ours[name])[0])
        groups = codes[(codes >= 0) & (firms >= 0)].groupby(firms[(codes >= 0) & (firms >= 0)])
        moving = groups.min() != groups.max()
        if n := int(moving.sum()):
            first = ours["firm"][np.flatnonzero(firms == moving.index[moving][0])[0]]
            what = f"{name} changes inside {n} firm{'s' * (n > 1)} (first: {first})"
            yield Problem(
                f"{what}. The first known value is taken for all years; give one a firm.", blocks=False
            )


def _check_spelling(names: pd.Series) -> Iterator[Problem]:
    if pd.api.types.is_numeric_dtype(names):
        return
    written = pd.Series(names.dropna().astype(str).unique())
    plain = written.str.casefold().str.split().str.join(" ")
    twice = plain[plain.duplicated(keep=False)]
    if n := int(twice.nunique()):
        shown = ", ".join(repr(name) for name in written[plain == twice.iloc[0]][:3])
        what = f"{n} firm{'s' * (n > 1)} written in several ways that differ by case or spaces only ({shown})"
        yield Problem(f"{what}. They count as different firms; write each in one way.", blocks=False)

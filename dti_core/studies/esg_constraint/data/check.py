"""Judge a user's firm-year panel: all problems at once, each with an example and a remedy."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.data import Problem
from dti_core.studies.esg_constraint.data.schema import (
    GRADES,
    RATINGS,
    SCHEMA,
    TEXT_COLUMNS,
    analyses,
    our_names,
)
from dti_core.studies.esg_constraint.model.indices import INDICES

MIN_FIRMS, MIN_YEARS = 10, 3
#: Half of the firms hold more assets than this only if they are not in millions (a trillion), or less if in
#: billions.
MAX_MEDIAN_ASSETS, MIN_MEDIAN_ASSETS = 1e6, 1.0
#: Debt above one and a half times assets in half of the rows means per cent.
MAX_MEDIAN_LEVERAGE = 1.5
#: A money column whose typical size is further than this factor from assets has another unit.
MAX_MONEY_RATIO = 50.0
MOSTLY_MISSING = 0.5
#: Below this share of firms whose rating ever changes, firm effects leave next to nothing.
MIN_MOVING_FIRMS = 0.10


def check_panel(table: pd.DataFrame, mapping: Mapping[str, str] | None = None) -> list[Problem]:
    """All problems of a long firm-year table, those that block first; an empty list means a clean panel.

    Parameters
    ----------
    table : a row a firm-year. mapping : names in the file -> names in SCHEMA, for names that differ.
    """
    mapping = dict(mapping or {})
    named = our_names(table.columns, mapping)
    problems = list(_check_names(table, mapping, named))
    if {"firm", "year"} <= set(named.values()):
        ours = table[list(named)].set_axis(list(named.values()), axis=1)
        numbers = {name: numbers_of(ours[name], name) for name in ours if name not in TEXT_COLUMNS}
        problems += _check_keys(ours, numbers["year"])
        problems += _check_cells(ours, numbers)
        problems += _check_units(numbers)
        problems += _check_columns(ours, numbers)
        problems += _check_ratings(ours, numbers)
    return sorted(problems, key=lambda problem: not problem.blocks)


def numbers_of(column: pd.Series, name: str) -> NDArray[np.float64]:
    """(n,) numbers of a column, NaN where unreadable; letter grades of a rating become 1 to 9."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if name in RATINGS:
        grades = column.astype("string").str.strip().str.upper().map({g: i + 1 for i, g in enumerate(GRADES)})
        column = grades.astype("object").where(grades.notna(), column)
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)


def owned_by_state(column: pd.Series) -> NDArray[np.float64]:
    """(n,) 1 = state, 0 = private, NaN where neither can be read."""
    words = column.astype("string").str.strip().str.lower()
    codes = {
        "1": 1,
        "1.0": 1,
        "state": 1,
        "soe": 1,
        "true": 1,
        "0": 0,
        "0.0": 0,
        "private": 0,
        "false": 0,
        "non-soe": 0,
    }
    return words.map(codes).to_numpy(dtype=np.float64, na_value=np.nan)


def _check_names(
    table: pd.DataFrame, mapping: Mapping[str, str], named: Mapping[object, str]
) -> Iterator[Problem]:
    present = {str(column) for column in table.columns}
    if absent := [theirs for theirs in mapping if theirs not in present]:
        yield Problem(f"map names columns that the file lacks: {_few(absent)}. It has {_few(present, 8)}.")
    lost = [key for key in ("firm", "year") if key not in named.values()]
    if lost:
        yield Problem(
            f"no column '{lost[0]}'{' or ' + repr(lost[1]) if lost[1:] else ''} among {_few(present, 8)}. "
            f"Rename it, or map it: --map theirs={lost[0]}."
        )
    possible = {name: [c for c in needed if c not in named.values()] for name, needed in analyses().items()}
    closed = [f"{name} (needs {', '.join(lacking)})" for name, lacking in possible.items() if lacking]
    open_ = [name for name, lacking in possible.items() if not lacking]
    no_index = "constraint" not in named.values() and all(possible[f"{name} index"] for name in INDICES)
    if closed and not lost:
        needed = "" if "rating_a" in named.values() else " Without rating_a the question cannot be asked."
        needed += " Without any index or a column 'constraint' there is no regressor." if no_index else ""
        yield Problem(
            f"missing columns close {'; '.join(closed)}. Possible: {', '.join(open_) or 'nothing'}.{needed} "
            f"Add the columns or map them.",
            blocks=bool(needed),
        )


def _check_keys(ours: pd.DataFrame, year: NDArray[np.float64]) -> Iterator[Problem]:
    firm = ours["firm"]
    if n := int(firm.isna().sum()):
        yield Problem(f"{n} rows have no firm (first: row {_first(firm.isna())}). Fill in or remove them.")
    wrong = ~((year >= SCHEMA["year"].low) & (year <= SCHEMA["year"].high) & (year % 1 == 0))
    if wrong.any():
        shown = _few(ours["year"][wrong].unique()[:4])
        yield Problem(
            f"{int(wrong.sum())} years cannot be read ({shown}; first in row {_first(wrong)}). "
            f"Write whole calendar years such as 2015."
        )
    good = ~wrong & firm.notna().to_numpy()
    codes, names = pd.factorize(firm[good])
    years = year[good].astype(np.int64)
    n_firms, n_years = len(names), len(np.unique(years))
    if n_firms < MIN_FIRMS or n_years < MIN_YEARS:
        yield Problem(
            f"{n_firms} firms and {n_years} years, but firm and year effects need at least {MIN_FIRMS} firms "
            f"and {MIN_YEARS} years. Add rows."
        )
    if good.any():
        yield from _check_spacing(codes, years, np.asarray(names, dtype=object))


def _check_spacing(
    codes: NDArray[np.int64], years: NDArray[np.int64], names: NDArray[np.object_]
) -> Iterator[Problem]:
    order = np.lexsort((years, codes))
    firm, year = codes[order], years[order]
    same = firm[1:] == firm[:-1]
    step = np.diff(year)
    if (twice := same & (step == 0)).any():
        shown = [f"firm {names[firm[i]]} in {year[i]}" for i in np.flatnonzero(twice)[:3]]
        yield Problem(
            f"{int(twice.sum())} rows repeat a firm-year ({_few(shown)}). Keep one row a firm and year."
        )
    if (gap := same & (step > 1)).any():
        shown = [f"firm {names[firm[i]]} {year[i]} to {year[i + 1]}" for i in np.flatnonzero(gap)[:3]]
        yield Problem(
            f"{int(gap.sum())} gaps between years ({_few(shown)}). Lags over a gap count as missing; "
            f"add the years if there are any.",
            blocks=False,
        )


def _check_cells(ours: pd.DataFrame, numbers: Mapping[str, NDArray[np.float64]]) -> Iterator[Problem]:
    for name, values in numbers.items():
        if name == "year":
            continue
        column, spec = ours[name], SCHEMA[name]
        filled = column.notna().to_numpy()
        if (odd := filled & np.isnan(values)).any():
            rule = f"Write plain numbers{' or grades C to AAA' if name in RATINGS else ''}, without commas."
            yield Problem(f"{name}: {_count(odd)} not a number ({_few(column[odd].unique()[:3])}). {rule}")
        if (infinite := np.isinf(values)).any():
            yield Problem(
                f"{name}: {_count(infinite)} infinite (first in row {_first(infinite)}). Leave them empty."
            )
        finite = np.isfinite(values)
        below = values <= spec.low if name == "assets" else values < spec.low
        if (never := finite & (below | (values > spec.high))).any():
            yield Problem(
                f"{name}: {_count(never)} impossible (such as {values[never][0]:g} in row {_first(never)}); "
                f"it is {spec.unit}. Correct or remove them."
            )
    if "ownership" in ours:
        column = ours["ownership"]
        odd = column.notna().to_numpy() & np.isnan(owned_by_state(column))
        if odd.any():
            yield Problem(
                f"ownership: {_count(odd)} unknown ({_few(column[odd].unique()[:3])}). Write 1 or 0."
            )


def _check_units(numbers: Mapping[str, NDArray[np.float64]]) -> Iterator[Problem]:
    assets = _typical(numbers.get("assets"))
    if assets > MAX_MEDIAN_ASSETS or 0 < assets < MIN_MEDIAN_ASSETS:
        factor = "single units or thousands" if assets > 1 else "billions, or a logarithm"
        yield Problem(
            f"assets are apparently not in millions: half of them exceed {assets:,.3g}, "
            f"which looks like {factor}. SA and WW need millions; convert all money columns alike."
        )
    leverage = _typical(numbers.get("leverage"))
    if leverage > MAX_MEDIAN_LEVERAGE:
        yield Problem(
            f"leverage has a median of {leverage:.3g}, apparently per cent. Give a ratio such as 0.45."
        )
    for name, values in numbers.items():
        if not SCHEMA[name].money or name == "assets" or not assets > 0:
            continue
        ratio = _typical(values) / assets
        if ratio > MAX_MONEY_RATIO:
            yield Problem(f"{name} is typically {ratio:,.0f} times assets. Give both in millions.")


def _check_columns(ours: pd.DataFrame, numbers: Mapping[str, NDArray[np.float64]]) -> Iterator[Problem]:
    for name in ours:
        column = ours[name]
        missing = float(column.isna().mean())
        if name not in ("firm", "year") and missing > MOSTLY_MISSING:
            yield Problem(
                f"{name}: {missing:.0%} of the rows are empty. Analyses that need it use the rest only.",
                blocks=False,
            )
        values = numbers.get(str(name))
        levels = values[np.isfinite(values)] if values is not None else column.dropna()
        if name not in ("firm", "year") and len(levels) > 1 and _is_constant(levels):
            yield Problem(
                f"{name} is constant ({pd.Series(levels).iloc[0]}), so it says nothing. Give its values.",
                blocks=name in RATINGS,
            )
    if "age" in numbers:
        yield from _check_age(ours["firm"], numbers["year"], numbers["age"])


def _check_age(firm: pd.Series, year: NDArray[np.float64], age: NDArray[np.float64]) -> Iterator[Problem]:
    codes = pd.factorize(firm)[0]
    order = np.lexsort((year, codes))
    same = np.diff(codes[order]) == 0
    falls = same & (np.diff(year[order]) > 0) & (np.diff(age[order]) < 0)
    if falls.any():
        row = order[np.flatnonzero(falls)[0] + 1]
        yield Problem(
            f"age falls from one year to the next {int(falls.sum())} times (first: firm {firm.iloc[row]}). "
            f"Count from one fixed year of listing or foundation.",
            blocks=False,
        )


def _check_ratings(ours: pd.DataFrame, numbers: Mapping[str, NDArray[np.float64]]) -> Iterator[Problem]:
    codes = pd.factorize(ours["firm"])[0]
    for name in RATINGS:
        known = numbers[name][np.isfinite(numbers[name])] if name in numbers else np.empty(0)
        if not known.size or _is_constant(known):
            continue
        groups = pd.Series(numbers[name]).groupby(codes)
        several = groups.count() > 1
        moving = float(((groups.max() > groups.min()) & several).sum() / max(1, several.sum()))
        if moving < MIN_MOVING_FIRMS:
            yield Problem(
                f"{name} changes within {moving:.0%} of the firms only. Firm effects leave "
                f"{'nothing' if moving == 0 else 'next to nothing'} to explain; check that it is yearly.",
                blocks=moving == 0,
            )
    if all(name in numbers for name in RATINGS):
        pair = (
            pd.DataFrame({name: numbers[name] for name in RATINGS})
            .replace([np.inf, -np.inf], np.nan)
            .dropna()
        )
        if len(pair) > 30 and (agree := float(pair.corr(method="spearman").iloc[0, 1])) < -0.1:
            yield Problem(
                f"the two ratings are in opposite order (rank correlation {agree:.2f}). "
                f"Higher must mean better in both; turn one around."
            )


def _is_constant(values: pd.Series | NDArray[np.float64]) -> bool:
    return bool(pd.Series(values).nunique() == 1)


def _typical(values: NDArray[np.float64] | None) -> float:
    """Median absolute value of the finite cells; 0 if there are none."""
    finite = np.abs(values[np.isfinite(values)]) if values is not None else np.empty(0)
    return float(np.median(finite)) if finite.size else 0.0


def _first(flags: pd.Series | NDArray[np.bool_]) -> int:
    """Row of the first mark, counted from 1."""
    return int(np.argmax(np.asarray(flags))) + 1


def _count(flags: NDArray[np.bool_]) -> str:
    n = int(flags.sum())
    return f"{n} value{'' if n == 1 else 's'}"


def _few(items: object, n: int = 3) -> str:
    texts = [" ".join(str(item).split())[:40] for item in items]  # type: ignore[attr-defined]
    return ", ".join(texts[:n]) + (f", and {len(texts) - n} more" if len(texts) > n else "")

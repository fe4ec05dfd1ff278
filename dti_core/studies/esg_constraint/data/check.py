"""Judge a user's firm-year panel: all problems at once, each with an example and a remedy."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd

from dti_core.lab.data import Problem
from dti_core.studies.esg_constraint.data import schema
from dti_core.studies.esg_constraint.data.schema import (
    GRADES,
    RATINGS,
    SCHEMA,
    TEXT_COLUMNS,
    our_names,
    plain_name,
)
from dti_core.studies.esg_constraint.data.suspect import check_suspects
from dti_core.studies.esg_constraint.model.arrays import Array, Integers, Mask
from dti_core.studies.esg_constraint.model.indices import INDICES

MIN_FIRMS, MIN_YEARS = 10, 3
#: Half of the firms hold more assets (a trillion) only if they are not in millions, or less if in billions.
MAX_MEDIAN_ASSETS, MIN_MEDIAN_ASSETS = 1e6, 1.0
#: Debt above one and a half times assets in half of the rows means per cent.
MAX_MEDIAN_LEVERAGE = 1.5
#: A money column whose typical size is further than this factor from assets has another unit.
MAX_MONEY_RATIO = 50.0
MOSTLY_MISSING = 0.5
#: Below this share of firms whose rating ever changes, firm effects leave next to nothing.
MIN_MOVING_FIRMS = 0.10
#: Both ratings of fewer firm-years say nothing of their order.
MIN_PAIRS, OPPOSITE_ORDER = 30, -0.1
_OWNERS = dict.fromkeys(("1", "1.0", "state", "soe", "true"), 1)
_OWNERS |= dict.fromkeys(("0", "0.0", "private", "false", "non-soe"), 0)

#: A problem that does not stop the study.
_warning = partial(Problem, blocks=False)


def check_panel(table: pd.DataFrame, mapping: Mapping[str, str] | None = None) -> list[Problem]:
    """All problems of a long firm-year table, those that block first; an empty list means a clean panel.

    Parameters
    ----------
    table : a row a firm-year. mapping : names in the file -> names in SCHEMA, for names that differ.
    """
    mapping = dict(mapping or {})
    named = our_names(table.columns, mapping)
    problems = list(_check_names(table, mapping, set(named.values())))
    if {"firm", "year"} <= set(named.values()):
        ours = table[list(named)].set_axis(list(named.values()), axis=1).reset_index(drop=True)
        numbers = {name: numbers_of(ours[name], name) for name in ours if name not in TEXT_COLUMNS}
        firms = pd.factorize(ours["firm"])[0]
        problems += _check_keys(ours, firms, numbers["year"])
        problems += _check_cells(ours, numbers)
        problems += _check_units(numbers)
        problems += _check_columns(ours, numbers)
        problems += _check_order(ours["firm"], firms, numbers)
        problems += _check_ratings(firms, numbers)
        problems += check_suspects(ours, firms, numbers)
    return sorted(problems, key=lambda problem: not problem.blocks)


def numbers_of(column: pd.Series, name: str) -> Array:
    """(n,) numbers of a column, NaN where unreadable; letter grades of a rating become 1 to 9."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if name in RATINGS:
        grades = column.astype("string").str.strip().str.upper().map({g: i + 1 for i, g in enumerate(GRADES)})
        column = grades.astype("object").where(grades.notna(), column)
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)


def owned_by_state(column: pd.Series) -> Array:
    """(n,) 1 = state, 0 = private, NaN where neither can be read."""
    words = column.astype("string").str.strip().str.lower()
    return words.map(_OWNERS).to_numpy(dtype=np.float64, na_value=np.nan)


def _check_names(table: pd.DataFrame, mapping: Mapping[str, str], ours: set[str]) -> Iterator[Problem]:
    present = [str(column) for column in table.columns]
    if absent := [theirs for theirs in mapping if theirs not in present]:
        yield Problem(f"map names columns that the file lacks: {few(absent)}. It has {few(present, 8)}.")
    alike: dict[str, list[str]] = {}
    for column in present:
        alike.setdefault(plain_name(column), []).append(column)
    for name, columns in alike.items():
        if len(columns) > 1 and name in SCHEMA and name not in mapping.values():
            advice = f"Remove or rename all but one, or say which: --map {columns[0]}={name}."
            yield Problem(f"columns {few(map(repr, columns))} all read as {name}. {advice}")
    if lost := [key for key in ("firm", "year") if key not in ours]:
        keys, advice = " or ".join(map(repr, lost)), f"Rename it, or map it: --map theirs={lost[0]}."
        if len(present) == 1 and (mark := next((mark for mark in ";\t|" if mark in present[0]), "")):
            advice = (
                f"Its columns are parted by {mark!r}: save it as CSV with commas, and points in decimals."
            )
        yield Problem(f"no column {keys} among {few(present, 8)}. {advice}")
        return
    lacking = {name: [c for c in needed if c not in ours] for name, needed in schema.analyses().items()}
    closed = [f"{name} (needs {', '.join(columns)})" for name, columns in lacking.items() if columns]
    if not closed:
        return
    possible = ", ".join(name for name, columns in lacking.items() if not columns) or "nothing"
    what = f"missing columns close {'; '.join(closed)}. Possible: {possible}."
    needed, stops = _what_remains(ours, lacking)
    yield Problem(f"{what}{needed} Add the columns or map them.", blocks=stops)


def _what_remains(ours: set[str], lacking: Mapping[str, list[str]]) -> tuple[str, bool]:
    """What a file without a rating, or without a measure of constraint, can still be asked; if nothing."""
    measured = "constraint" in ours or not all(lacking[f"{name} index"] for name in INDICES)
    invests = not lacking[schema.SENSITIVITY]
    if "rating_a" not in ours:
        if measured or invests:
            return " Without rating_a only the side of constraints is studied.", False
        return " Without rating_a the question cannot be asked.", True
    if measured:
        return "", False
    if {"assets", "leverage"} & ours:
        return " Without any index or a column 'constraint' only size, debt and profit can explain it.", False
    return " Without any index or a column 'constraint' there is no regressor.", True


def _readable(year: Array) -> Mask:
    return (year >= SCHEMA["year"].low) & (year <= SCHEMA["year"].high) & (year % 1 == 0)


def _check_keys(ours: pd.DataFrame, firms: Integers, year: Array) -> Iterator[Problem]:
    good, nobody = _readable(year), firms < 0
    if n := int(nobody.sum()):
        yield Problem(f"{n} rows have no firm (first: row {_first(nobody)}). Fill in or remove them.")
    if n := int((~good).sum()):
        shown = f"{few(ours['year'][~good].unique())}; first in row {_first(~good)}"
        yield Problem(f"{n} years cannot be read ({shown}). Write whole calendar years such as 2015.")
    n_firms, n_years = (len(np.unique(values[good & ~nobody])) for values in (firms, year))
    if n_firms < MIN_FIRMS or n_years < MIN_YEARS:
        least, have = f"{MIN_FIRMS} firms and {MIN_YEARS} years", f"{n_firms} firms and {n_years} years"
        yield Problem(f"{have}, but firm and year effects need at least {least}. Add rows.")


def _check_order(names: pd.Series, firms: Integers, numbers: Mapping[str, Array]) -> Iterator[Problem]:
    """Rows of one firm, by year: repeated, with gaps between them, or growing younger."""
    age = numbers.get("age", np.full(len(firms), np.nan))
    rows = pd.DataFrame({"firm": firms, "year": numbers["year"], "age": age})
    rows = rows[_readable(numbers["year"]) & (firms >= 0)].sort_values(["firm", "year"])
    step = rows.diff()
    step = step[step["firm"] == 0]
    if n := int((twice := step["year"] == 0).sum()):
        shown = [f"firm {names[row]} in {rows['year'][row]:.0f}" for row in step.index[twice][:3]]
        yield Problem(f"{n} rows repeat a firm-year ({few(shown)}). Keep one row a firm and year.")
    if n := int((gap := step["year"] > 1).sum()):
        since, until = rows["year"] - step["year"], rows["year"]
        shown = [f"firm {names[row]} {since[row]:.0f} to {until[row]:.0f}" for row in step.index[gap][:3]]
        advice = "Lags over a gap count as missing; add the years if there are any."
        yield _warning(f"{n} gaps between years ({few(shown)}). {advice}")
    if n := int((falls := (step["year"] > 0) & (step["age"] < 0)).sum()):
        times = f"{n} times (first: firm {names[step.index[falls][0]]})"
        advice = "Count from one fixed year of listing or foundation."
        yield _warning(f"age falls from one year to the next {times}. {advice}")


def _check_cells(ours: pd.DataFrame, numbers: Mapping[str, Array]) -> Iterator[Problem]:
    for name, values in numbers.items():
        if name == "year":
            continue
        column, spec = ours[name], SCHEMA[name]
        if (odd := column.notna().to_numpy() & np.isnan(values)).any():
            rule = f"Write plain numbers{' or grades C to AAA' if name in RATINGS else ''}, without commas."
            yield Problem(f"{name}: {_values(odd)} not a number ({few(column[odd].unique())}). {rule}")
        if (infinite := np.isinf(values)).any():
            what = f"{_values(infinite)} infinite (first in row {_first(infinite)})"
            yield Problem(f"{name}: {what}. Leave them empty.")
        below = values <= spec.low if name == "assets" else values < spec.low
        if (never := np.isfinite(values) & (below | (values > spec.high))).any():
            what = f"{_values(never)} impossible (such as {values[never][0]:g} in row {_first(never)})"
            yield Problem(f"{name}: {what}; it is {spec.unit}. Correct or remove them.")
    if "ownership" in ours:
        column = ours["ownership"]
        if (odd := column.notna().to_numpy() & np.isnan(owned_by_state(column))).any():
            yield Problem(f"ownership: {_values(odd)} unknown ({few(column[odd].unique())}). Write 1 or 0.")


def _check_units(numbers: Mapping[str, Array]) -> Iterator[Problem]:
    typical = {name: _typical(values) for name, values in numbers.items()}
    assets, leverage = typical.get("assets", 0.0), typical.get("leverage", 0.0)
    if assets > MAX_MEDIAN_ASSETS or 0 < assets < MIN_MEDIAN_ASSETS:
        like = "single units or thousands" if assets > 1 else "billions, or a logarithm"
        what = f"half of them exceed {assets:,.3g}, which looks like {like}"
        advice = "SA and WW need millions; convert all money columns alike."
        yield Problem(f"assets are apparently not in millions: {what}. {advice}")
    if leverage > MAX_MEDIAN_LEVERAGE:
        what = f"leverage has a median of {leverage:.3g}, apparently per cent"
        yield Problem(f"{what}. Give a ratio such as 0.45.")
    for name, size in typical.items():
        if SCHEMA[name].money and 0 < MAX_MONEY_RATIO * assets < size:
            yield Problem(f"{name} is typically {size / assets:,.0f} times assets. Give both in millions.")


def _check_columns(ours: pd.DataFrame, numbers: Mapping[str, Array]) -> Iterator[Problem]:
    for name in ours.columns.difference(["firm", "year"], sort=False):
        if (missing := float(ours[name].isna().mean())) > MOSTLY_MISSING:
            advice = "Analyses that need it use the rest only."
            none = name == "rating_a" and missing == 1.0
            yield Problem(f"{name}: {missing:.0%} of the rows are empty. {advice}", blocks=none)
        values = pd.Series(numbers[name] if name in numbers else ours[name])
        levels = values[values.notna() & ~values.isin([np.inf, -np.inf])]
        if len(levels) > 1 and (levels == levels.iloc[0]).all():
            what = f"{name} is constant ({levels.iloc[0]}), so it says nothing"
            yield Problem(f"{what}. Give its values.", blocks=name in RATINGS)


def _check_ratings(firms: Integers, numbers: Mapping[str, Array]) -> Iterator[Problem]:
    known = {name: numbers[name] for name in RATINGS if name in numbers}
    ratings = pd.DataFrame(known, index=range(len(firms))).replace([np.inf, -np.inf], np.nan)
    groups = ratings.groupby(firms)
    several, moves = groups.count() > 1, groups.max() > groups.min()
    for name in ratings:
        share = float((moves & several)[name].sum() / max(1, several[name].sum()))
        if ratings[name].nunique() > 1 and share < MIN_MOVING_FIRMS:
            left = "nothing" if share == 0 else "next to nothing"
            what = (
                f"{name} changes within {share:.0%} of the firms only. Firm effects leave {left} to explain"
            )
            yield Problem(f"{what}; check that it is yearly.", blocks=share == 0)
    pairs = ratings.dropna()
    if len(known) == len(RATINGS) and len(pairs) > MIN_PAIRS:
        agree = float(pairs.corr(method="spearman").iloc[0, 1])
        if agree < OPPOSITE_ORDER:
            what = f"the two ratings are in opposite order (rank correlation {agree:.2f})"
            yield Problem(f"{what}. Higher must mean better in both; turn one around.")


def _typical(values: Array) -> float:
    """Median absolute value of the finite cells; 0 if there are none."""
    finite = np.abs(values[np.isfinite(values)])
    return float(np.median(finite)) if finite.size else 0.0


def _values(flags: Mask) -> str:
    n = int(flags.sum())
    return f"{n} value{'' if n == 1 else 's'}"


def few(items: Iterable[object], n: int = 3) -> str:
    """The first `n` items, each cut to 40 characters, and how many more there are."""
    everything = list(items)
    texts = [" ".join(str(item).split())[:40] for item in everything[:n]]
    return ", ".join(texts) + (f", and {len(everything) - n} more" if len(everything) > n else "")


def _first(flags: pd.Series | Mask) -> int:
    """Row of the first mark, counted from 1."""
    return int(np.argmax(np.asarray(flags))) + 1

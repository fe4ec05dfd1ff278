"""Judge a user's table of a campaign: all problems at once, each with an example and a remedy."""

import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from dti_core.lab.data import Problem
from dti_core.studies.private_lift.data import schema
from dti_core.studies.private_lift.data.schema import (
    MOST_STEPS,
    OUTCOMES,
    SPEND_STEP,
    channels_of,
    is_number,
    labels,
    numbers,
)

MAX_ARMS, MAX_CHANNELS = 50, 10
#: Assignment is called unbalanced at this level, as is usual for sample ratios: one trial in a thousand.
BALANCE_LEVEL = 1e-3
#: Variance of the discrete Laplace noise of epsilon 1 on a count to which a user adds one.
NOISE_VARIANCE = 2 * math.exp(-1) / (1 - math.exp(-1)) ** 2
#: Share of the cells of ten to thirteen digits that must be possible numbers before they are called so.
MOSTLY = 0.9
_MAIL = re.compile(r"[\w.+'-]+(?:@|\uff20|%40)(?:[\w-]+\.)+(?:xn--[a-z0-9-]+|[^\W\d_]{2,})", re.IGNORECASE)
_CALL = re.compile(
    r"((?:\+|00)[1-9]|\(\d{2,4}\))[\d\s().-]{6,}|\d{3}[-. ]\d{3,4}[-. ]\d{4}|0\d[\d\s/-]{6,13}"
)
_DIGITS = re.compile(r"1?[2-9]\d{2}[2-9]\d{6}|(44|49|33|34|39|86|91)\d{9,10}|1[3-9]\d{9}")
_DIALLED = re.compile(r"(?<![\w.])[+(]?\d(?:[\s()./-]{0,2}\d){8,}(?!\w)")

#: A problem that does not stop the study.
_warning = partial(Problem, blocks=False)


def check_campaign(
    table: pd.DataFrame,
    mapping: Mapping[str, str],
    control: str = "",
    shares: Mapping[str, float] | None = None,
) -> list[Problem]:
    """All problems of a table of users, those that block first; an empty list means a clean table.

    Parameters
    ----------
    table : a row a user. mapping : names in the file -> names in SCHEMA, for names that differ. control : the
    arm without advertising, "" looks for a usual name. shares : planned share of an arm, or of those assigned
    to a channel; without it equal shares are compared, and a difference only warned of.
    """
    named = schema.our_names(table.columns, mapping)
    problems = list(_check_names(table, mapping, list(named.values())))
    problems += _check_identities(table)
    ours = table[list(named)].set_axis(list(named.values()), axis=1).reset_index(drop=True)
    problems += _check_cells(ours)
    problems += _check_users(ours)
    if groups := groups_of(ours):
        problems += _check_arms(ours, control)
        problems += _check_shares(groups, shares or {})
        problems += _check_balance(ours, groups)
        problems += _check_exposure(ours, control)
        problems += _check_sizes(ours, groups)
    told = [Problem(masked(problem.text), blocks=problem.blocks) for problem in problems]
    return sorted(told, key=lambda problem: not problem.blocks)


def groups_of(ours: pd.DataFrame) -> dict[str, pd.Series]:
    """What each assignment divided users by: {"arm": names of arms}, or by channel "held out" and itself."""
    if channels := channels_of(ours.columns, "assigned_"):
        flags = {one: pd.Series(numbers(ours[f"assigned_{one}"]), dtype="Float64") for one in channels}
        return {one: flag.map({1.0: one, 0.0: "held out"}).astype("string") for one, flag in flags.items()}
    return {"arm": labels(ours["arm"])} if "arm" in ours else {}


def _check_names(table: pd.DataFrame, mapping: Mapping[str, str], ours: list[str]) -> Iterator[Problem]:
    present = [str(column) for column in table.columns]
    if absent := [theirs for theirs in mapping if theirs not in present]:
        yield Problem(f"map names columns that the file lacks: {few(absent)}. It has {few(present, 8)}.")
    plain = [schema.plain_name(column) for column in present]
    if twice := sorted({one for one in plain if plain.count(one) > 1 and one in ours}):
        yield Problem(f"more than one column reads as {few(twice)}. Rename all but one.")
    channels = channels_of(ours, "assigned_")
    if not channels and "arm" not in ours:
        yield Problem(
            f"no randomisation: neither a column 'arm' nor 'assigned_CHANNEL' among {few(present, 8)}. "
            "Without it no effect can be known; map it: --map theirs=arm."
        )
    elif channels and "arm" in ours:
        yield Problem("both 'arm' and 'assigned_...' say who was assigned. Keep the one that was randomised.")
    if len(channels) > MAX_CHANNELS:
        yield Problem(f"{len(channels)} channels; at most {MAX_CHANNELS} are read. Join some.")
    if not set(OUTCOMES) & set(ours):
        yield Problem(f"no outcome: none of {', '.join(OUTCOMES)}. Map one: --map theirs=conversion.")
    if channels and (loose := [one for one in channels_of(ours, "exposed_") if one not in channels]):
        yield _warning(
            f"exposed_{loose[0]} has no assigned_{loose[0]}: exposure that was not randomised is left out."
        )


def _check_identities(table: pd.DataFrame) -> Iterator[Problem]:
    """Anything that reaches a person, in any column: such a file must not be here at all."""
    if n := sum(bool(_MAIL.search(str(column)) or _CALL.fullmatch(str(column))) for column in table.columns):
        yield Problem(f"names of {n} columns look like e-mail addresses or telephone numbers. Rename them.")
    for place, column in enumerate(table.columns, 1):
        cells = table[column].dropna()
        if pd.api.types.is_numeric_dtype(cells):
            counted = cells if cells.dtype.kind in "iuf" and (cells.abs() > 1e9).mean() >= MOSTLY else []
            found = {"telephone numbers": _to_call(pd.Series(counted).map("{:.0f}".format))}
        else:
            text = cells.astype("string").str.strip()
            mail = text[text.str.contains("@|\uff20|%40")].str.contains(_MAIL)
            call = int(text.str.fullmatch(_CALL).sum()) or _to_call(text)
            found = {"e-mail addresses": int(mail.sum()), "telephone numbers": call}
        for what, n in found.items():
            if n:
                advice = "Replace each by a keyed hash (HMAC-SHA-256 with a secret key) before it leaves you."
                shown = f"number {place}" if _MAIL.search(str(column)) else repr(column)
                yield Problem(f"column {shown}: {n} cells look like {what}. {advice}")


def _to_call(text: pd.Series) -> int:
    """How many cells of bare digits can be called; 0 if few are, or most cells as long cannot."""
    words = text.astype("string")
    n, long = int(words.str.fullmatch(_DIGITS).sum()), int(words.str.fullmatch(r"\d{10,13}").sum())
    return n if n >= min(len(words), max(3, 0.01 * len(words))) and n >= MOSTLY * long else 0


def _check_cells(ours: pd.DataFrame) -> Iterator[Problem]:
    for name in map(str, ours):
        column = ours[name]
        empty = (column.isna() if is_number(name) else labels(column).isna()).to_numpy()
        if n := int(empty.sum()):
            soft = name in ("region", "size") or (name.startswith("covariate_") and n < len(empty))
            advice = "They are read as unknown, or as the mean." if soft else "Fill in or remove these rows."
            what = f"{name}: {n} cells are empty (first: row {int(np.argmax(empty)) + 1})"
            yield Problem(f"{what}. {advice}", blocks=not soft)
        if not (schema.is_flag(name) or is_number(name)):
            continue
        values = numbers(column)
        good = np.isin(values, (0.0, 1.0)) if schema.is_flag(name) else np.isfinite(values)
        if (odd := ~empty & ~good).any():
            wanted = "not 0 or 1" if schema.is_flag(name) else "no numbers"
            yield Problem(
                f"{name}: {odd.sum()} values are {wanted} ({few(column[odd].unique())}). Correct them."
            )
        if name == "spend" and (below := values < 0).any():
            advice = "Take returns off in another column, or set them to 0."
            yield Problem(f"spend: {below.sum()} values are negative (as {values[below][0]:g}). {advice}")
        with np.errstate(over="ignore"):
            total = float(values[np.isfinite(values)].sum()) if name == "spend" else 0.0
        if total >= (most := MOST_STEPS * SPEND_STEP):
            advice = "Correct slips, or count in a larger unit of money."
            yield Problem(f"spend: its sum of {total:.3g} passes {most:.3g} and cannot be exact. {advice}")


def _check_users(ours: pd.DataFrame) -> Iterator[Problem]:
    if "user" in ours and (twice := ours["user"].dropna().duplicated(keep="first")).any():
        advice = "Add up what each did, a row a user: a guarantee a user needs it."
        yield Problem(
            f"user: {int(twice.sum())} rows repeat a user (row {few(twice[twice].index + 1)}). {advice}"
        )


def _check_arms(ours: pd.DataFrame, control: str) -> Iterator[Problem]:
    for name, group in groups_of(ours).items():
        known = sorted(group.dropna().unique())
        if len(known) > MAX_ARMS:
            advice = "It looks like an identifier; map the column of arms."
            yield Problem(f"arm: {len(known)} different values. {advice}")
            return
        if len(known) == 1:
            yield Problem(
                f"{name}: everybody is {known[0]!r}, so there is nothing to compare. Add the others."
            )
        elif name == "arm" and schema.find_control(known, control) is None:
            what = f"no arm is named {control!r}" if control else "no arm looks like a control"
            yield Problem(f"arm: {what} among {few(known, 8)}. Name it: --map 'THAT ARM=control'.")


def _check_shares(groups: Mapping[str, pd.Series], shares: Mapping[str, float]) -> Iterator[Problem]:
    """The test of sample ratios: chi-squared against the planned shares, or against equal ones."""
    for name, group in groups.items():
        counts = group.value_counts().sort_index()
        if not 2 <= len(counts) <= MAX_ARMS:
            continue
        planned = _planned(name, list(counts.index), shares)
        if planned is None:
            yield Problem(
                f"shares: {few(shares)} do not name every arm ({few(counts.index, 8)}), or do not sum to 1."
            )
            continue
        p = float(stats.chisquare(counts, planned * counts.sum()).pvalue)
        if p < BALANCE_LEVEL:
            stated = name in shares or bool(set(shares) & set(counts.index))
            found = ", ".join(f"{arm} {n / counts.sum():.4f}" for arm, n in counts.items())
            against = "the planned shares" if stated else "equal shares"
            advice = (
                "Assignment or logging is broken, and no effect can be trusted."
                if stated
                else "If other shares were planned, state them (shares=arm=0.9, ...); if not, it is broken."
            )
            yield Problem(
                f"{name}: {found} differ from {against} (chi-squared p {p:.1g}). {advice}", blocks=stated
            )


def _planned(name: str, arms: list[str], shares: Mapping[str, float]) -> NDArray[np.float64] | None:
    """Planned share of each arm, equal ones if none are stated; None if those stated do not fit."""
    if name in shares:
        return np.array([shares[name] if arm == name else 1 - shares[name] for arm in arms])
    if not shares or (name != "arm" and not set(shares) & set(arms)):
        return np.full(len(arms), 1 / len(arms))
    if set(shares) != set(arms) or abs(sum(shares.values()) - 1) > 1e-6:
        return None
    return np.array([shares[arm] for arm in arms])


def _check_balance(ours: pd.DataFrame, groups: Mapping[str, pd.Series]) -> Iterator[Problem]:
    """Whether what was known before differs between arms by more than chance, over all tests together."""
    known = [str(name) for name in ours if name in ("region", "size") or str(name).startswith("covariate_")]
    for arm, group in groups.items():
        for name in known:
            p = _difference(ours[name], group, numeric=name.startswith("covariate_"))
            if p < BALANCE_LEVEL / (len(known) * len(groups)):
                advice = "Chance alone would hardly do that; look how users were assigned."
                yield _warning(f"{name} differs between the groups of {arm} (p {p:.1g}). {advice}")


def _difference(column: pd.Series, group: pd.Series, *, numeric: bool) -> float:
    """p-value of one variable between groups, 1 where it cannot be tested."""
    if not numeric:
        crossed = pd.crosstab(labels(column).fillna(""), group)
        return float(stats.chi2_contingency(crossed).pvalue) if min(crossed.shape) > 1 else 1.0
    values = pd.Series(numbers(column)).replace([np.inf, -np.inf], np.nan)
    parts = [one.dropna() for _, one in values.groupby(group.to_numpy(dtype=object)) if one.count() > 1]
    if len(parts) < 2 or values.nunique() < 2 or len(parts) > MAX_ARMS:
        return 1.0
    with warnings.catch_warnings(action="ignore"):
        p = float(stats.f_oneway(*parts).pvalue)
    return p if np.isfinite(p) else 1.0


def _check_exposure(ours: pd.DataFrame, control: str) -> Iterator[Problem]:
    for name in [one for one in map(str, ours) if one == "exposed" or one.startswith("exposed_")]:
        assigned = f"assigned_{name.removeprefix('exposed_')}"
        if assigned in ours:
            held = numbers(ours[assigned]) == 0
        elif "arm" in ours:
            held = (
                labels(ours["arm"]) == schema.find_control(labels(ours["arm"]).dropna().unique(), control)
            ).to_numpy(bool, na_value=False)
        else:
            continue
        if n := int((held & (numbers(ours[name]) == 1)).sum()):
            advice = "Either the holdout leaked or the log is wrong; correct it, or leave the column out."
            yield Problem(f"{name}: {n} users of the holdout were exposed. {advice}")


def _check_sizes(ours: pd.DataFrame, groups: Mapping[str, pd.Series]) -> Iterator[Problem]:
    """Arms that are too small for any report with noise: it would outweigh the sampling error."""
    for outcome in [name for name in ("visit", "conversion") if name in ours]:
        rate = float(np.mean(numbers(ours[outcome]) == 1))
        if rate in (0.0, 1.0):
            yield _warning(f"{outcome}: all users have {rate:.0f}, so there is no effect to measure.")
            continue
        needed = least_users(rate)
        for name, group in groups.items():
            counts = group.value_counts()
            if 1 < len(counts) <= MAX_ARMS and (few_users := counts[counts < needed]).size:
                shown = ", ".join(f"{arm} {n}" for arm, n in few_users.items())
                formula = "V (p^2 + (1 - p)^2) / (p (1 - p)), V = 2 e^-1 / (1 - e^-1)^2 = 1.84"
                yield _warning(
                    f"{name}: too few users for any epsilon up to 1 ({shown}): at a rate p of {outcome} of "
                    f"{rate:.4g} the noise exceeds the sampling error below {needed:,} users, {formula}. "
                    "Join campaigns, or read its private rows as empty."
                )


def least_users(rate: float) -> int:
    """Users of an arm from which on the noise of epsilon 1 is below the sampling error of a rate."""
    return math.ceil(NOISE_VARIANCE * (rate**2 + (1 - rate) ** 2) / (rate * (1 - rate)))


def masked(text: str) -> str:
    """`text` without what reaches a person: addresses, and nine digits or more as they are dialled."""
    return _DIALLED.sub("***", _MAIL.sub("***", text))


def few(items: Iterable[object], n: int = 3) -> str:
    """The first `n` items, each cut to 40 characters, and how many more there are."""
    everything = list(items)
    texts = [masked(" ".join(str(item).split()))[:40] for item in everything[:n]]
    return ", ".join(texts) + (f", and {len(everything) - n} more" if len(everything) > n else "")

"""From groups of findings to an order of work: expected loss that an hour's work removes, and why."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.studies.vuln_priority.data.services import DECAY, UNREACHED, Services

Floats = NDArray[np.float64]
COLUMNS = (
    "rank", "group", "service", "owner", "place", "cwe", "family", "tools", "p_real", "p_real_low",
    "p_real_high", "p_exploit", "reach", "impact_usd", "risk_usd", "risk_low_usd", "risk_high_usd",
    "effort_hours", "why",
)  # fmt: skip
#: Least work of a finding, in hours: five minutes.
LEAST_HOURS = 1 / 12
#: Part of a rank's reason that is worth telling: a factor of this much above or below the middle.
_TOLD = 1.25


def rank(
    groups: pd.DataFrame, p_real: Floats, services: Services, p_exploit: Floats, hours: Floats
) -> pd.DataFrame:
    """The worklist: a row a group that is not suppressed, by expected loss an hour of work, largest first.

    Risk is P(real) x P(exploit) x reach x impact. Reach is `DECAY` for each call between the internet and the
    service. Ties: the larger risk, then the name of the group.

    Parameters
    ----------
    groups : as of `Groups.table`. p_real : (n, 3) chance that each is real, with bounds. p_exploit : (n,)
    chance that it is exploited if it is real. hours : (n,) work.

    Raises
    ------
    ValueError if an array has another length, or a chance lies outside [0, 1].
    """
    n = len(groups)
    if p_real.shape != (n, 3) or p_exploit.shape != (n,) or hours.shape != (n,):
        raise ValueError(f"{n} groups, but arrays {p_real.shape}, {p_exploit.shape} and {hours.shape}")
    if not all(((one >= 0) & (one <= 1)).all() for one in (p_real, p_exploit)):
        raise ValueError("chances must lie within [0, 1]")
    at = services.index.get_indexer(pd.Index(groups["service"].astype("str")))
    if (at < 0).any():
        raise ValueError(f"unknown service {groups['service'].iloc[int(np.argmin(at))]!r}")
    reach = (DECAY ** services.hops.astype(float))[at]
    impact = np.array([one.loss_usd for one in services.each])[at]
    work = np.maximum(hours, LEAST_HOURS)
    worth = p_exploit * reach * impact
    risk = p_real * worth[:, None]
    kept = ~groups["suppressed"].to_numpy(dtype=bool)
    name = groups["group"].to_numpy(dtype=object).astype("S16")
    order = np.lexsort((name, -risk[:, 0], -risk[:, 0] / work))
    order = order[kept[order]]
    owners = np.array([one.owner for one in services.each], dtype=object)[at]
    table = pd.DataFrame({
        "rank": np.arange(1, len(order) + 1), "group": groups["group"].array[order],
        "service": groups["service"].array[order], "owner": pd.array(owners[order], dtype="str"),
        "place": places(groups.iloc[order]), "cwe": groups["cwe"].array[order],
        "family": groups["family"].array[order], "tools": groups["tools"].array[order],
        "p_real": p_real[order, 0], "p_real_low": p_real[order, 1], "p_real_high": p_real[order, 2],
        "p_exploit": p_exploit[order], "reach": reach[order], "impact_usd": impact[order],
        "risk_usd": risk[order, 0], "risk_low_usd": risk[order, 1], "risk_high_usd": risk[order, 2],
        "effort_hours": work[order],
    })  # fmt: skip
    table["why"] = pd.array(reasons(table), dtype="str")
    return table[list(COLUMNS)]


def places(groups: pd.DataFrame) -> Sequence[str]:
    """(n,) where each group lies, in words: file:line, METHOD /route parameter, or package version."""
    columns = ("file", "line", "route", "method", "parameter", "package", "version", "cve")
    rows = zip(*(groups[name].tolist() for name in columns), strict=True)
    return pd.array([_place(*row) for row in rows], dtype="str")


def _place(
    file: str, line: int, route: str, method: str, parameter: str, package: str, version: str, cve: str
) -> str:
    code = f"{file}:{line}" if line else file
    endpoint = f"{method} {route} {parameter}".strip() if route else ""
    upgrade = f"{package} {version} {cve}".replace("  ", " ").strip() if package else ""
    return ", ".join(filter(None, (upgrade or code, endpoint))) or "no place told"


def reasons(table: pd.DataFrame) -> list[str]:
    """(n,) a sentence a row: the factors that lift it most above the middle of the list, or hold it down."""
    if table.empty:
        return []
    factors = np.column_stack([
        table["p_real"], table["p_exploit"], table["reach"], table["impact_usd"], 1 / table["effort_hours"],
    ]).astype(float)  # fmt: skip
    logs = np.log(np.maximum(factors, 1e-12))
    lift = logs - np.median(logs, axis=0)
    up, down = np.argsort(-lift, axis=1, kind="stable")[:, :2], np.argsort(lift, axis=1, kind="stable")[:, :2]
    upper = np.arange(len(table)) < (len(table) + 1) // 2
    chosen = np.where(upper[:, None], up, down)
    size = np.take_along_axis(np.where(upper[:, None], lift, -lift), chosen, axis=1)
    words = [_words(column, row) for column, row in zip(_NAMES, factors.T, strict=True)]
    words[0] = [f"{said} ({tools})" for said, tools in zip(words[0], table["tools"], strict=True)]
    told = []
    for high, pair, much in zip(upper.tolist(), chosen.tolist(), size.tolist(), strict=True):
        named = [which for which, one in zip(pair, much, strict=True) if one > np.log(_TOLD)]
        told.append((high, named))
    return [_sentence(row, high, named, words) for row, (high, named) in enumerate(told)]


_NAMES = ("p_real", "p_exploit", "reach", "impact_usd", "effort_hours")


def _sentence(row: int, high: bool, named: list[int], words: list[list[str]]) -> str:
    if not named:
        return "Stands in the middle: nothing about it is far from the others."
    work = "little work" if high else "much work"
    parts = " and ".join(words[which][row].replace("WORK", work, 1) for which in named)
    return f"Stands {'high' if high else 'low'} for {parts}."


def _words(name: str, values: Floats) -> list[str]:
    """(n,) a factor in words; equal values are worded once."""
    distinct, at = np.unique(values, return_inverse=True)
    hops = np.rint(np.log(np.maximum(distinct, 1e-12)) / np.log(DECAY)).astype(int)
    match name:
        case "p_real":
            said = [f"a chance of {one:.0%} that it is real" for one in distinct]
        case "p_exploit":
            said = [f"a chance of {_share(one)} that it is exploited" for one in distinct]
        case "reach":
            said = [_reached(int(one)) for one in hops]
        case "impact_usd":
            said = [f"a loss of {one:,.0f} USD if it is exploited" for one in distinct]
        case _:
            said = [f"WORK ({1 / one:.1f} hours)" for one in distinct]
    return [said[one] for one in at.tolist()]


def _share(value: float) -> str:
    return f"{value:.0%}" if value >= 0.1 else f"{value:.2g}" if value < 0.001 else f"{value:.1%}"


def _reached(hops: int) -> str:
    if hops >= UNREACHED:
        return "a service that nothing from the internet calls"
    return f"{hops} call{'s' * (hops > 1)} from the internet" if hops else "a service open to the internet"

"""From groups of findings to an order of work: expected loss that an hour's work removes, and why."""

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from packaging.version import InvalidVersion, Version

from dti_core.studies.vuln_priority.data.same import PACKAGE, work_of
from dti_core.studies.vuln_priority.data.services import DECAY, UNREACHED, Services
from dti_core.studies.vuln_priority.model.evidence import Flags, Floats, Ints

CHANCES = ("p_real", "p_real_low", "p_real_high")
COLUMNS = (
    "rank", "in_week", "group", "service", "owner", "place", "cwe", "family", "tools", *CHANCES, "p_exploit",
    "reach", "impact_usd", "risk_usd", "risk_low_usd", "risk_high_usd",
    "effort_hours", "severity", "fix_version", "n_flaws", "members", "cves", "labelled", "message", "why",
)  # fmt: skip
#: What is each flaw's own, not that of the upgrade that mends several.
OWN = ("group", "cwe", "family", "tools", "message", "severity", *CHANCES, "p_exploit")
#: Least work of a finding, in hours: five minutes. Characters of a tool's message that the list keeps.
LEAST_HOURS, MOST_MESSAGE = 1 / 12, 200
#: Part of a rank's reason that is worth telling: a factor of this much above or below the middle.
_TOLD = 1.25
#: Severity where a tool gives none.
SEVERITY = {"error": 8.0, "warning": 5.0, "note": 2.0, "none": 1.0}


def rank(
    groups: pd.DataFrame, p_real: Floats, services: Services, p_exploit: Floats, hours: Floats,
    truth: Floats | None = None, weekly_hours: float = 40.0,
) -> pd.DataFrame:  # fmt: skip
    """The worklist: a row a flaw or an upgrade, by expected loss an hour of work, largest first.

    Risk is P(real) x P(exploit) x reach x impact. Reach is `DECAY` for each call between the internet and the
    service. All flaws of a package in a service are one upgrade, whose hours count once. What is suppressed
    or labelled as not real is left out. Equal ranks stand by severity, family, service and place.

    Parameters
    ----------
    groups : as of `Groups.table`. p_real : (n, 3) chance that each is real, with bounds. p_exploit : (n,)
    chance that it is exploited if it is real. hours : (n,) work. truth : (n,) labels, nan without.
    weekly_hours : for `in_week`: rows from the first on that fit into a week.

    Raises
    ------
    ValueError if an array has another length, or a chance lies outside [0, 1].
    """
    n = len(groups)
    if p_real.shape != (n, 3) or p_exploit.shape != (n,) or hours.shape != (n,):
        raise ValueError(f"{n} groups, but arrays {p_real.shape}, {p_exploit.shape} and {hours.shape}")
    if not all(((one >= 0) & (one <= 1)).all() for one in (p_real, p_exploit)):
        raise ValueError("chances must lie within [0, 1]")
    told = np.full(n, np.nan) if truth is None else truth
    kept = ~groups["suppressed"].to_numpy(dtype=bool) & (told != 0)
    table, of = _rows(groups[kept])
    at = services.index.get_indexer(pd.Index(table["service"].astype("str")))
    if (at < 0).any():
        raise ValueError(f"unknown service {table['service'].iloc[int(np.argmin(at))]!r}")
    labelled = told[kept] == 1
    real, chance = _together(p_real[kept], p_exploit[kept], labelled, of, len(table))
    work, severity = np.zeros(len(table)), np.zeros(len(table))
    np.maximum.at(work, of, np.maximum(hours[kept], LEAST_HOURS))
    np.maximum.at(severity, of, severity_of(groups[kept]))
    reach = (DECAY ** services.hops.astype(float))[at]
    impact = np.array([one.loss_usd for one in services.each])[at]
    risk = chance * (reach * impact)[:, None]
    names = (*CHANCES, "risk_usd", "risk_low_usd", "risk_high_usd")
    table = table.assign(
        owner=pd.array(np.array([one.owner for one in services.each], dtype=object)[at], dtype="str"),
        **dict(zip(names, np.hstack([real, risk]).T, strict=True)),
        p_exploit=chance[:, 0] / np.where(real[:, 0] > 0, real[:, 0], 1.0), reach=reach, impact_usd=impact,
        effort_hours=work, severity=severity, labelled=np.bincount(of[labelled], minlength=len(table)) > 0,
        worth=np.round(np.log(np.maximum(risk[:, 0] / work, 1e-300)), 9),
    )  # fmt: skip
    keys = ["worth", "severity", "family", "service", "place", "group"]
    table = table.sort_values(keys, ascending=[False, False, *[True] * 4], ignore_index=True)
    table["rank"] = table["worth"].rank(method="min", ascending=False).astype("int64")
    table["in_week"] = table["effort_hours"].cumsum() <= weekly_hours
    table["why"] = pd.array(reasons(table), dtype="str")
    return table[list(COLUMNS)]


def severity_of(groups: pd.DataFrame) -> Floats:
    """(g,) severity as tools say, else that of their level."""
    return groups["severity"].fillna(groups["level"].map(SEVERITY)).to_numpy(float)


def expected_loss(worklist: pd.DataFrame) -> float:
    """Expected loss of a year in USD, each service lost at most once, however many flaws it has."""
    none = np.log1p(-np.minimum(worklist["p_real"] * worklist["p_exploit"] * worklist["reach"], 1 - 1e-12))
    service = worklist["service"]
    lost = -np.expm1(none.groupby(service).sum()) * worklist["impact_usd"].groupby(service).first()
    return float(lost.sum())


def each_flaw(worklist: pd.DataFrame, groups: pd.DataFrame, chances: pd.DataFrame) -> pd.DataFrame:
    """A row a flaw in the order of the list: what the list says of its work, with chances of its own.

    Parameters
    ----------
    groups : the table of groups. chances : group, p_real with its ends, and p_exploit.
    """
    flaws = worklist.assign(member=worklist["members"].str.split(" ")).explode("member", ignore_index=True)
    flaws = flaws.rename(columns={"group": "work", "member": "name"}).drop(columns=list(OWN[1:]))
    own = groups[list(OWN[:6])].merge(chances, on="group")
    flaws = flaws.merge(own, left_on="name", right_on="group", how="left").drop(columns="name")
    worth = flaws["p_exploit"] * flaws["reach"] * flaws["impact_usd"]
    return flaws.assign(**{f"risk{end}_usd": flaws[f"p_real{end}"] * worth for end in ("", "_low", "_high")})


def latest(versions: Iterable[str]) -> str:
    """The highest version, which mends all flaws of a package; "" if none can be compared."""
    found = []
    for one in versions:
        with suppress(InvalidVersion):
            found.append(Version(one))
    return str(max(found, default=""))


def _rows(groups: pd.DataFrame) -> tuple[pd.DataFrame, Ints]:
    """Rows of the list without numbers, and (g,) the row of each group."""
    of, names = pd.factorize(work_of(groups))
    table = groups.iloc[np.unique(of, return_index=True)[1]].reset_index(drop=True)
    table["members"], table["place"], table["cves"] = table["group"], places(table), table["cve"]
    table["fix_version"], table["n_flaws"] = table["fixed_in"], np.bincount(of, minlength=len(table))
    table["group"], table["message"] = names.astype("str"), table["message"].str.slice(0, MOST_MESSAGE)
    packaged = (groups["package"] != "").to_numpy()
    flaws: dict[int, list[dict[Any, Any]]] = {}
    columns = ["group", "package", "version", "cve", "fixed_in", "tools"]
    for row, one in zip(of[packaged].tolist(), groups.loc[packaged, columns].to_dict("records"), strict=True):
        flaws.setdefault(row, []).append(one)
    upgrades = pd.DataFrame([_upgrade(each) for each in flaws.values()], index=list(flaws), dtype="str")
    table.loc[list(flaws), list(upgrades)] = upgrades
    table.loc[list(flaws), ["family", "cwe"]] = [PACKAGE, 0]
    return table, of.astype(np.int64)


def _upgrade(flaws: list[dict[Any, Any]]) -> dict[str, str]:
    """What the row of an upgrade says."""
    told = {key: sorted({one[key] for one in flaws} - {""}) for key in ("version", "cve")}
    fix, n = latest(one["fixed_in"] for one in flaws), len(flaws)
    aim = f"to {fix}" if fix else "(no fix is told)"
    counted = f"{n} flaws" if n > 1 else " ".join(told["cve"]) or "1 flaw"
    tools = sorted({tool for one in flaws for tool in one["tools"].split(", ")})
    return {
        "place": " ".join(["upgrade", flaws[0]["package"], *told["version"][:3], aim]) + f": {counted}",
        "members": " ".join(sorted(one["group"] for one in flaws)), "cves": " ".join(told["cve"]),
        "tools": ", ".join(tools), "fix_version": fix,
    }  # fmt: skip


def _together(p_real: Floats, p_exploit: Floats, labelled: Flags, of: Ints, n: int) -> tuple[Floats, Floats]:
    """(n, 3) chances that a row is real, and that it is real and exploited, with bounds.

    Flaws of a package are real together, since what tells is whether a service uses it; each is exploited by
    itself: q x (1 - product of 1 - p). Those that are labelled real are so for sure.
    """
    none = np.log1p(-np.minimum(p_exploit, 1 - 1e-12))
    every = -np.expm1(np.bincount(of, none, n))[:, None]
    sure = -np.expm1(np.bincount(of, none * labelled, n))[:, None]
    n_open = np.maximum(np.bincount(of, ~labelled, n), 1.0)[:, None]
    sums: Floats = np.column_stack([np.bincount(of, one * ~labelled, n) for one in p_real.T]).astype(float)
    mean = sums / n_open
    real: Floats = np.where(np.bincount(of, labelled, n)[:, None] > 0, 1.0, mean)
    return real, mean * every + (1 - mean) * sure


def places(groups: pd.DataFrame) -> Sequence[str]:
    """(n,) where each group lies, in words: file:line, METHOD /route parameter."""
    columns = ("file", "line", "route", "method", "parameter")
    rows = zip(*(groups[name].tolist() for name in columns), strict=True)
    return pd.array([_place(*row) for row in rows], dtype="str")


def _place(file: str, line: int, route: str, method: str, parameter: str) -> str:
    code = f"{file}:{line}" if line else file
    endpoint = f"{method} {route} {parameter}".strip() if route else ""
    return ", ".join(filter(None, (code, endpoint))) or "no place told"


def reasons(table: pd.DataFrame) -> list[str]:
    """(n,) a sentence a row: the factors that lift it most above the middle of the list, or hold it down."""
    if table.empty:
        return []
    factors = np.column_stack([
        table["p_real"], table["p_exploit"], table["reach"], table["impact_usd"], 1 / table["effort_hours"],
    ]).astype(float)  # fmt: skip
    logs = np.log(np.maximum(factors, 1e-12))
    lift = logs - np.median(logs, axis=0)
    lift[table["labelled"].to_numpy(), 0] = 0.0
    lift[lift[:, 0] * lift[:, -1] < 0, -1] = 0.0  # work that is little since nothing may be there to mend
    upper = np.arange(len(table)) < (len(table) + 1) // 2
    lift = np.where(upper[:, None], lift, -lift)
    best = np.argsort(-lift, axis=1, kind="stable")[:, :2]
    chosen = np.where(np.take_along_axis(lift, best, axis=1) > np.log(_TOLD), best, -1).tolist()
    words = [_words(say, row) for say, row in zip(_SAYINGS, factors.T, strict=True)]
    words[0] = [f"{said} ({tools})" for said, tools in zip(words[0], table["tools"], strict=True)]
    told = []
    for row, (high, known, which) in enumerate(zip(upper, table["labelled"], chosen, strict=True)):
        parts = " and ".join(words[one][row] for one in which if one >= 0)
        parts = parts.replace("WORK", "little work" if high else "much work", 1)
        middle = "Stands in the middle: nothing about it is far from the others."
        said = f"Stands {'high' if high else 'low'} for {parts}." if parts else middle
        told.append(f"You labelled it real. {said}" if known else said)
    return told


def _words(say: Callable[[float], str], values: Floats) -> list[str]:
    """(n,) a factor in words; equal values are worded once."""
    distinct, at = np.unique(values, return_inverse=True)
    said = [say(one) for one in distinct.tolist()]
    return [said[one] for one in at.tolist()]


def _share(value: float) -> str:
    return f"{value:.0%}" if value >= 0.1 else f"{value:.2g}" if value < 0.001 else f"{value:.1%}"


def _reached(reach: float) -> str:
    hops = round(math.log(max(reach, 1e-12)) / math.log(DECAY))
    if hops >= UNREACHED:
        return "a service that nothing from the internet calls"
    return f"{hops} call{'s' * (hops > 1)} from the internet" if hops else "a service open to the internet"


#: The factors of a rank in words.
_SAYINGS: tuple[Callable[[float], str], ...] = (
    lambda one: f"a chance of {one:.0%} that it is real",
    lambda one: f"a chance of {_share(one)} that it is exploited", _reached,
    lambda one: f"a loss of {one:,.0f} USD if it is exploited", lambda one: f"WORK ({1 / one:.1f} hours)",
)  # fmt: skip

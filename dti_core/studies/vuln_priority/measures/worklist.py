"""The worklist of the scans at hand: what is real with which chance, what it may cost, what to mend first."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dti_core.lab.errors import DataError
from dti_core.lab.findings import Findings
from dti_core.lab.record import Estimate
from dti_core.studies.vuln_priority.data.epss import of_a_year
from dti_core.studies.vuln_priority.data.records import load_kev
from dti_core.studies.vuln_priority.data.same import work_of
from dti_core.studies.vuln_priority.data.scans import Scans
from dti_core.studies.vuln_priority.data.services import Hours
from dti_core.studies.vuln_priority.data.yours import OwnScans
from dti_core.studies.vuln_priority.methods.carried import OTHER, SOURCES, Worth, chances, worth_of_kinds
from dti_core.studies.vuln_priority.methods.fusion import KINDS, TOOLS
from dti_core.studies.vuln_priority.methods.worklist import CHANCES, expected_loss, rank, severity_of
from dti_core.studies.vuln_priority.model.evidence import Flags, Floats

#: Rows of the list that a Result keeps.
MOST_ROWS = 20_000
#: Chance of a year that a real flaw of middle severity is exploited, how much a point of severity multiplies
#: it, and its bounds. EPSS has no score for flaws in own code; no source fixes these.
EXPLOIT, MIDDLE, A_POINT, BOUNDS = 0.03, 5.0, 1.4, (0.001, 0.5)
#: The same of what CISA lists as exploited; without the list on the machine severity alone tells.
KNOWN = 0.5


def study_worklist(scans: Scans, weekly_hours: float, rng: np.random.Generator) -> Findings:
    """The ranked list, what each kind of test is worth on it, and how far a week's hours go."""
    own, groups = scans.own, scans.own.groups.table
    if groups.empty:
        return Findings(left_out=[("worklist", "the scans report nothing")])
    flags, packages = _flags(own), (groups["package"] != "").to_numpy()
    truth, families = np.where(np.isfinite(own.truth), own.truth, np.nan), groups["family"].tolist()
    worth = worth_of_kinds(scans.lab.evidence, flags, families, np.where(packages, np.nan, truth), rng)
    upgrades = pd.Series(truth[packages]).groupby(work_of(groups[packages]).to_numpy()).max().dropna()
    used = np.r_[scans.lab.packages["real"].to_numpy(bool), upgrades.to_numpy() == 1]
    p_real = chances(worth, flags, families, packages, used, truth, rng)
    p_exploit, hours = _exploit(groups, own.epss), _hours(own.services.hours, packages, p_real[:, 0], truth)
    listed = rank(groups, p_real, own.services, p_exploit, hours, truth, weekly_hours)
    each = groups[["group"]].assign(**dict(zip(CHANCES, p_real.T, strict=True)), p_exploit=p_exploit)
    found = Findings(series={"worklist": listed.head(MOST_ROWS), "worth": _worth_table(worth, flags)})
    kept = " ".join(listed["members"].head(MOST_ROWS)).split()
    found.series["worklist_flaws"] = each[each["group"].isin(kept)].reset_index(drop=True)
    loss, after = expected_loss(listed), expected_loss(listed[~listed["in_week"]])
    real, low, high = (float(listed[name].sum()) for name in CHANCES)
    n = len(listed)
    found.estimates += [
        _count("worklist_findings", float(len(own.findings)), "findings", len(groups)),
        _count("worklist_flaws", float(len(groups)), "flaws", len(groups)),
        _count("worklist_rows", float(n), "flaws and upgrades", n),
        Estimate("worklist_real", real, low, high, "flaws and upgrades", n,
                 how="sums of the ends of each row's 95 % range"),
        _count("worklist_hours", float(listed["effort_hours"].sum()), "hours", n),
        _count("worklist_loss", loss, "USD a year, each service lost at most once", n),
        _count("worklist_week", 1 - after / loss if loss else 0.0, "share of expected loss", n),
    ]  # fmt: skip
    return found


def _flags(own: OwnScans) -> dict[str, Flags]:
    """Source -> (g,) whether it reports each flaw; of a source without a scan silence says nothing."""
    other = np.where(own.findings["tool"].isin(TOOLS), "", OTHER)
    sources, n = other + own.findings["kind"].to_numpy(dtype=object), len(own.groups.table)
    seen = {source: own.groups.of[sources == source] for source in SOURCES}
    return {source: np.bincount(rows, minlength=n) > 0 for source, rows in seen.items() if len(rows)}


def _exploit(groups: pd.DataFrame, epss: Mapping[str, float]) -> Floats:
    """(g,) chance of a year that a flaw is exploited if it is real: as it is listed, by EPSS or severity."""
    by_severity = np.clip(EXPLOIT * A_POINT ** (severity_of(groups) - MIDDLE), *BOUNDS)
    told = of_a_year(groups["cve"].map(epss).astype(float)).to_numpy(float)
    told = np.where(np.isfinite(told), told, by_severity)
    return np.where(groups["cve"].isin(_listed()), np.maximum(KNOWN, told), told)


def _listed() -> list[str]:
    """Names that CISA lists as exploited; none where the list is not on this machine."""
    try:
        return [str(name) for name in load_kev()["cve"]]
    except DataError:
        return []


def _hours(told: Hours, packages: Flags, chance: Floats, truth: Floats) -> Floats:
    """(g,) expected work: to look into what has no label, and to mend it if it is real; or to upgrade."""
    check = np.where(np.isfinite(truth), 0.0, told.triage_hours)
    return np.where(packages, told.upgrade_hours, check + chance * told.mend_hours)


def _worth_table(worth: Worth, flags: Mapping[str, Flags]) -> pd.DataFrame:
    """Of kinds of test by tools of our lab, and of others that the scans hold."""
    rows = []
    for source in (one for one in SOURCES if one in KINDS or one in flags):
        for what, drawn in (("real", worth.real[source]), ("safe", worth.safe[source])):
            low, high = np.quantile(drawn, (0.025, 0.975))
            rows.append({"kind": source, "of": what, "reported": drawn.mean(), "low": low, "high": high})
    return pd.DataFrame(rows)


def _count(name: str, value: float, unit: str, n: int) -> Estimate:
    return Estimate(name, value, value, value, unit, n, how="counted")

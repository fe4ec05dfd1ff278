"""The worklist of the scans at hand: what is real with which chance, what it may cost, what to mend first."""

import numpy as np
import pandas as pd

from dti_core.lab.errors import DataError
from dti_core.lab.findings import Findings
from dti_core.lab.record import Estimate
from dti_core.studies.vuln_priority.data.records import load_kev
from dti_core.studies.vuln_priority.data.scans import Scans
from dti_core.studies.vuln_priority.methods.carried import Worth, chances, worth_of_kinds
from dti_core.studies.vuln_priority.methods.fusion import KINDS
from dti_core.studies.vuln_priority.methods.worklist import rank
from dti_core.studies.vuln_priority.model.evidence import Flags, Floats
from dti_core.studies.vuln_priority.worlds.assumptions import Assumptions

#: Rows of the list that a Result keeps.
MOST_ROWS = 20_000
#: Chance of a year that a real flaw of middle severity is exploited, how much a point of severity multiplies
#: it, and its bounds. EPSS has no score for flaws in own code; no source fixes these.
EXPLOIT, MIDDLE, A_POINT, BOUNDS = 0.03, 5.0, 1.4, (0.001, 0.5)
#: The same of what CISA lists as exploited; without the list on the machine severity alone tells.
KNOWN = 0.5
#: Severity where a tool gives none, and hours of an upgrade.
SEVERITY = {"error": 8.0, "warning": 5.0, "note": 2.0, "none": 1.0}
UPGRADE_HOURS = 3.0
PACKAGES = "sca"


def study_worklist(scans: Scans, weekly_hours: float, rng: np.random.Generator) -> Findings:
    """The ranked list, what each kind of test is worth on it, and how far a week's hours go."""
    groups = scans.own.groups.table
    if groups.empty:
        return Findings(left_out=[("worklist", "the scans report nothing")])
    flags, packages = _flags(scans), (groups["package"] != "").to_numpy()
    truth = np.where(np.isfinite(scans.own.truth), scans.own.truth, np.nan)
    worth = worth_of_kinds(scans.lab.evidence, flags, np.where(packages, np.nan, truth), rng)
    real = scans.lab.packages["real"].to_numpy(bool)
    p_real = chances(worth, flags, packages, real, truth, rng)
    listed = rank(groups, p_real, scans.own.services, _exploit(groups), _hours(packages, p_real[:, 0]))
    found = Findings(series={"worklist": listed.head(MOST_ROWS), "worth": _worth_table(worth)})
    risk, hours = listed["risk_usd"].to_numpy(), listed["effort_hours"].to_numpy()
    week = float(np.interp(weekly_hours, np.r_[0.0, hours.cumsum()], np.r_[0.0, risk.cumsum()]))
    low, high = p_real[:, 1].sum(), p_real[:, 2].sum()
    found.estimates += [
        _count("worklist_findings", float(len(scans.own.findings)), "findings", len(groups)),
        _count("worklist_flaws", float(len(groups)), "flaws", len(groups)),
        Estimate("worklist_real", float(p_real[:, 0].sum()), float(low), float(high), "flaws", len(groups),
                 how="sums of the ends of each flaw's 95 % range"),
        _count("worklist_hours", float(hours.sum()), "hours", len(groups)),
        _count("worklist_week", week / max(risk.sum(), 1e-12), "share of expected loss", len(groups)),
    ]  # fmt: skip
    return found


def _flags(scans: Scans) -> dict[str, Flags]:
    """Kind of test -> (g,) whether it reports each flaw; of a kind without a scan silence says nothing."""
    of, kinds = scans.own.groups.of, scans.own.findings["kind"].to_numpy()
    n = len(scans.own.groups.table)
    seen = {kind: of[kinds == kind] for kind in KINDS}
    return {kind: np.bincount(rows, minlength=n) > 0 for kind, rows in seen.items() if len(rows)}


def _exploit(groups: pd.DataFrame) -> Floats:
    """(g,) chance of a year that a flaw is exploited if it is real: by severity, or as it is listed."""
    told = groups["severity"].fillna(groups["level"].map(SEVERITY)).to_numpy(float)
    by_severity = np.clip(EXPLOIT * A_POINT ** (told - MIDDLE), *BOUNDS)
    return np.where(groups["cve"].isin(_listed()), np.maximum(KNOWN, by_severity), by_severity)


def _listed() -> list[str]:
    """Names that CISA lists as exploited; none where the list is not on this machine."""
    try:
        return [str(name) for name in load_kev()["cve"]]
    except DataError:
        return []


def _hours(packages: Flags, chance: Floats) -> Floats:
    """(g,) expected work: to look into it, and to mend it if it is real."""
    middle = Assumptions()
    return np.where(packages, UPGRADE_HOURS, middle.triage_hours + chance * middle.fix_hours)


def _worth_table(worth: Worth) -> pd.DataFrame:
    rows = []
    for kind in KINDS:
        for what, drawn in (("real", worth.real[kind]), ("safe", worth.safe[kind])):
            low, high = np.quantile(drawn, (0.025, 0.975))
            rows.append({"kind": kind, "of": what, "reported": drawn.mean(), "low": low, "high": high})
    return pd.DataFrame(rows)


def _count(name: str, value: float, unit: str, n: int) -> Estimate:
    return Estimate(name, value, value, value, unit, n, how="counted")

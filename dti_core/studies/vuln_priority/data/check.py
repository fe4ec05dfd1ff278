"""Judge a user's scans: all problems of all files at once, each with its place and a remedy."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dti_core.lab.data import Problem
from dti_core.studies.vuln_priority.data.services import UNASSIGNED
from dti_core.studies.vuln_priority.data.yours import OwnScans
from dti_core.studies.vuln_priority.methods.fusion import KINDS, TOOLS
from dti_core.studies.vuln_priority.worlds.assumptions import SPANS

#: Places that are named as examples.
_NAMED, _MOST_TOOLS = 3, 10


def check(own: OwnScans) -> list[Problem]:
    """All problems, those that block first; none means that everything can be ranked as it stands."""
    notes = [Problem(note, blocks=False) for scan in own.scans for note in scan.notes]
    found = [*own.problems, *notes, *_findings(own), *_tools(own), *_labels(own)]
    return sorted(dict.fromkeys(found), key=lambda problem: not problem.blocks)


def _findings(own: OwnScans) -> Iterator[Problem]:
    """What the findings are, taken together."""
    table, blocked = own.findings, any(problem.blocks for problem in own.problems)
    if table.empty and not blocked:
        what = "the scans hold no finding" if own.scans else "no scan is among the files"
        yield Problem(f"{what}, so there is nothing to rank. Export the findings as SARIF 2.1.0.")
    lost = table["service"] == UNASSIGNED
    if lost.any() and len(own.services.each) > 1:
        places = (table["file"].where(table["file"] != "", table["route"]))[lost].unique()
        yield _warning(
            f"in no service, so ranked as open to the internet with the middle impact of your services "
            f"({own.services.each[-1].loss_usd:,.0f} USD): {_count(lost)} ({_some(places)}). Give their "
            "services `paths`, `hosts` or `repository`."
        )
    nowhere = (table[["file", "route", "package"]] == "").all(axis=1)
    if nowhere.any():
        examples = f"{_count(nowhere)} ({_some(table.loc[nowhere, 'origin'])})"
        yield _warning(f"without file, route and package: {examples}.")
    nameless = (table["cwe"] == 0) & (table["cve"] == "")
    if nameless.any():
        examples = _some(table.loc[nameless, "rule"].unique())
        yield _warning(f"without a CWE, so joined with the same rule alone: {_count(nameless)} ({examples}).")
    if table["suppressed"].any():
        yield _warning(f"suppressed in their scans, so not ranked: {_count(table['suppressed'])}.")


def _tools(own: OwnScans) -> Iterator[Problem]:
    """Whom to believe how surely, and what is known of exploitation."""
    tools = own.findings[["tool", "kind"]].drop_duplicates().sort_values("tool")
    base = f"{100 * SPANS['prevalence'].low:.0f} to {100 * SPANS['prevalence'].high:.0f} %"
    for tool in tools.loc[tools["kind"] == "unknown", "tool"].head(_MOST_TOOLS):
        yield _warning(
            f"{_some([tool])} is not known here: its findings keep the base rate of {base} until you label "
            "some; name its kind under `tools:` in services.yaml."
        )
    others = tools.loc[tools["kind"].isin(list(KINDS)) & ~tools["tool"].isin(TOOLS), "tool"].unique()
    if len(others):
        yield _warning(
            f"not among the tools of our lab ({', '.join(TOOLS)}): {', '.join(others[:_MOST_TOOLS])}. What "
            "they report is believed less surely until you label some of it."
        )
    if own.epss:
        n = int(own.groups.table["cve"].isin(list(own.epss)).sum())
        yield _warning(f"EPSS is at hand for {n:,} flaws; p of 30 days is 1 - (1 - p)^(365/30) of a year.")


def _labels(own: OwnScans) -> Iterator[Problem]:
    """What the labels are, beside the findings."""
    if own.labels.empty or own.findings.empty:
        return
    n_differ, n_told = int(np.isinf(own.truth).sum()), int(np.isfinite(own.truth).sum())
    if n_differ:
        yield _warning(f"labels differ within {n_differ:,} flaws, which count as not labelled. Correct them.")
    if not n_told + n_differ:
        yield _warning("no label fits a finding. Take `fingerprint` from an exported worklist.")


def _warning(text: str) -> Problem:
    return Problem(text, blocks=False)


def _count(asked: pd.Series) -> str:
    n = int(asked.sum())
    return f"{n:,} finding{'s' * (n != 1)}"


def _some(values: object) -> str:
    shown = [str(one)[:60] or "no place" for one in list(values)[:_NAMED]]  # type: ignore[call-overload]
    return ", ".join(shown)

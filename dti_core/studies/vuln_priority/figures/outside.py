"""What others published of five scanners on another lab, computed again; no estimate rests on it."""

import json
from typing import Any

from dti_core.lab.paths import project_root
from dti_core.lab.tables import Cell, Number, Span, Table, show_table

SCORECARD = "experiments/data/vuln_priority/owasp/owasp_scorecard.json"
TOOLS = {
    "FBwFindSecBugs": "FindSecBugs 1.4.6", "FindBugs": "FindBugs", "OWASP_ZAP": "ZAP 2015",
    "PMD": "PMD", "SonarQube_Java_Plugin": "SonarQube 3.14",
}  # fmt: skip
VOTES = {"any": "any of the five", "two": "two of the five"}
SPLITS = {"rows": "10 folds of cases", "kinds": "each kind of flaw held out"}


def owasp_table() -> Table:
    """Scorecards of the OWASP Benchmark as published and as computed, and what a fusion adds there."""
    told = json.loads((project_root() / SCORECARD).read_bytes())
    rows: dict[tuple[str, str], dict[str, Cell]] = {}
    for name, title in TOOLS.items():
        rows["scorecards", title] = _card(told["cards"][name]) | {
            "published": Number(told["published"][name][2], 2)
        }
    for name, title in VOTES.items():
        rows["scorecards", title] = _card(told["votes"][name])
    for split, words in SPLITS.items():
        rows["all five, logistic", words] = _contest(told["contests"][split]["logistic"])
    return show_table(
        rows, name="owasp", title="Another lab: 2,740 Java cases of the OWASP Benchmark 1.2", stub="who",
        note="Score: share of flaws found less share of safe cases reported, mean over eleven kinds. Below: "
        "area under "
        "the ROC beyond the best tool alone, calibrated alike, and false reports at that tool's recall less "
        "its own, in "
        "points; bootstrap of kinds. The cases stay with their makers (GPL-2.0); `owasp_scorecard.py` "
        "computes this "
        "from a checkout.",
    )  # fmt: skip


def _card(card: Any) -> dict[str, Cell]:
    found, false, score = card["overall"]
    return {"found, %": Number(found, 2), "false, %": Number(false, 2), "score": Number(score, 2)}


def _contest(contest: Any) -> dict[str, Cell]:
    gaps = contest["gaps"]
    return {
        "area gained": Span(*gaps["area"]),
        "false reports, points": Span(*(100 * one for one in gaps["false_share"])),
    }

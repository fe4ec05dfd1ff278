"""A known answer: the scorecards of the OWASP Benchmark, computed again, and what a fusion makes of them.

The cases, and what eleven tools said of each, stand in github.com/OWASP-Benchmark/BenchmarkJava (GPL-2.0).
None of it is kept here, only our numbers. On a machine with the network:

    git clone https://github.com/OWASP-Benchmark/BenchmarkJava
    git -C BenchmarkJava checkout 79b9bd6177e07991a9c11dc19e457c840e229931
    python experiments/data/vuln_priority/owasp/owasp_scorecard.py BenchmarkJava
"""

import csv
import json
import os
import platform
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from dti_core.lab.errors import DataError
from dti_core.studies.vuln_priority.model import scores
from dti_core.studies.vuln_priority.model.evidence import (
    Evidence,
    Flags,
    Floats,
    Ints,
    flow_folds,
    row_folds,
    splits,
)
from dti_core.studies.vuln_priority.model.learners import LEARNERS, held_out

TITLE = "OWASP Benchmark: the published scorecards, computed again from each case"
COMMAND = "python experiments/data/vuln_priority/owasp/owasp_scorecard.py BenchmarkJava"
SOURCE = {"repository": "https://github.com/OWASP-Benchmark/BenchmarkJava", "license": "GPL-2.0",
          "commit": "79b9bd6177e07991a9c11dc19e457c840e229931"}  # fmt: skip
#: TPR, FPR and score in percent on the repository's own pages: means over kinds of flaw.
PUBLISHED: dict[str, dict[str, tuple[float, float, float]]] = {
    "1.2": {
        "FBwFindSecBugs": (96.84, 57.74, 39.10),  # 1.4.6
        "FindBugs": (5.12, 5.19, -0.07),  # 3.0.1
        "OWASP_ZAP": (18.03, 0.04, 17.99),  # 2015-08-24
        "PMD": (0.0, 0.0, 0.0),  # 5.2.3
        "SonarQube_Java_Plugin": (50.36, 17.02, 33.34),  # 3.14
    },
    "1.1": {
        "SAST-01": (28.96, 12.22, 16.74), "SAST-02": (56.13, 25.53, 30.60), "SAST-03": (46.33, 21.44, 24.89),
        "SAST-04": (61.45, 28.81, 32.64), "SAST-05": (47.74, 29.03, 18.71), "SAST-06": (85.02, 52.09, 32.93),
    },
}  # fmt: skip
#: The tool that reports most, which the others and the fusion are compared with at its recall.
LOUDEST = "FBwFindSecBugs"
N_FOLDS, N_DRAWS, SEED = 10, 400, 20_261_130


def read_results(path: Path) -> dict[str, tuple[str, bool, bool]]:
    """Case -> (kind of flaw, whether it is real, whether the tool reports it). DataError names a bad row."""
    if not path.is_file():
        raise DataError(f"{path}: no file. Give the folder of a checkout of {SOURCE['repository']}.")
    found = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file, skipinitialspace=True):
            if not row or row[0].startswith("#"):
                continue
            if len(row) != 6 or {row[3], row[4]} - {"true", "false"} or row[0] in found:
                raise DataError(f"{path}: {row}: six fields are needed, true or false twice, each case once.")
            if (row[5] == "pass") != (row[3] == row[4]):
                raise DataError(f"{path}: {row[0]} is said to {row[5]}, which its other fields deny.")
            found[row[0]] = (row[1], row[3] == "true", row[4] == "true")
    return found


def read_release(checkout: Path, release: str) -> Evidence:
    """All cases of a release, its tools as columns, kinds of flaw as family and flow. DataError if torn."""
    folder, tools = checkout / "scorecard", tuple(PUBLISHED[release])
    told = [read_results(folder / f"Benchmark_v{release}_Scorecard_for_{tool}.csv") for tool in tools]
    cases = {case: row[:2] for case, row in told[0].items()}
    for tool, one in zip(tools, told, strict=True):
        if {case: row[:2] for case, row in one.items()} != cases:
            raise DataError(f"{folder}: {tool} and {tools[0]} tell of different cases. Check out the commit.")
    if release == "1.2":
        with (checkout / "expectedresults-1.2.csv").open(encoding="utf-8") as file:
            expected = {row[0]: (row[1], row[2] == "true") for row in csv.reader(file) if row[0][:1] != "#"}
        if expected != cases:
            raise DataError(f"{checkout}: expectedresults-1.2.csv disagrees with the scorecards.")
    kinds = sorted({kind for kind, _ in cases.values()})
    family = np.array([kinds.index(kind) for kind, _ in cases.values()])
    flags = np.array([[one[case][2] for one in told] for case in cases])
    real = np.array([real for _, real in cases.values()])
    return Evidence(
        tools, tuple(kinds), tuple(kinds), flags, flags.astype(float), family, family, family, real
    )


def rates(flags: Flags, real: Flags, family: Ints) -> Floats:
    """(2, n_kinds) percent of the real cases of each kind that are reported, and of its safe ones."""
    kinds = np.unique(family)
    return np.array([[100 * flags[(family == one) & (real == truth)].mean() for one in kinds]
                     for truth in (True, False)])  # fmt: skip


def card(flags: Flags, cases: Evidence) -> dict[str, list[float]]:
    """TPR, FPR and score of the scorecard, plain means over kinds of flaw, and both rates by kind."""
    true, false = rates(flags, cases.real, cases.family)
    overall = np.array([true.mean(), false.mean(), (true - false).mean()])
    return {"overall": _rounded(overall), "tpr": _rounded(true), "fpr": _rounded(false)}


def additive(cases: Evidence, folds: Ints) -> Floats:
    """Chances by a logistic fit on tools and kinds of flaw that trusts a tool alike in all kinds."""
    chances, told = np.zeros(cases.n), np.hstack([cases.flags, np.eye(len(cases.families))[cases.family]])
    for seen, held in splits(folds):
        fit = LogisticRegression(max_iter=1000).fit(told[seen], cases.real[seen])
        chances[held] = fit.predict_proba(told[held])[:, 1]
    return chances


def contest(cases: Evidence, learner: Callable[[Evidence, Ints], Floats], folds: Ints) -> dict[str, Any]:
    """Fusion and single tools, learnt alike: areas, and share of safe cases reported at the loudest's recall.

    `gaps` are fusion less the single tool with the fewest false reports; their intervals draw kinds of flaw.
    `dismissed`: by kind, safe cases that the loudest tool reports and the fusion at its recall does not.
    """
    weights = scores.cluster_weights([cases.family], N_DRAWS, np.random.default_rng(SEED))
    flags, real = cases.flags[:, cases.tools.index(LOUDEST)], cases.real
    recall = (weights * (flags & real)).sum(axis=1) / (weights * real).sum(axis=1)
    told = {tool: learner(cases.of((tool,)), folds) for tool in cases.tools} | {
        "fusion": learner(cases, folds)}  # fmt: skip
    drawn = {who: {"area": scores.area(chances, real, weights),
                   "average_precision": scores.average_precision(chances, real, weights),
                   "false_share": scores.false_share_at(chances, real, weights, recall)}
             for who, chances in told.items()}  # fmt: skip
    best = min(cases.tools, key=lambda tool: float(drawn[tool]["false_share"][0]))
    gaps = {name: values - drawn[best][name] for name, values in drawn["fusion"].items()}
    least = np.sort(told["fusion"][real])[::-1][(flags & real).sum() - 1]
    dismissed = cases.family[flags & ~real & (told["fusion"] < least)]
    seen = {who: {name: _rounded(values[:1])[0] for name, values in of.items()} for who, of in drawn.items()}
    return seen | {
        "best_single": best,
        "gaps": {name: _rounded(np.r_[gap[0], np.quantile(gap[1:], [0.025, 0.975])])
                 for name, gap in gaps.items()},
        "dismissed": {cases.families[one]: int((dismissed == one).sum()) for one in np.unique(dismissed)},
    }  # fmt: skip


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 4) + 0.0 for value in values]


def _on_a_line(found: re.Match[str]) -> str:
    return found[0][0] + " ".join(found[0][1:-1].split()) + found[0][-1]


def main(checkout: Path) -> None:
    """Compute everything and write the report. RuntimeError if a published figure is missed."""
    releases = {release: read_release(checkout, release) for release in PUBLISHED}
    cases = releases["1.2"]
    cards = {tool: card(told.flags[:, place], told) for told in releases.values()
             for place, tool in enumerate(told.tools)}  # fmt: skip
    published = {tool: row for one in PUBLISHED.values() for tool, row in one.items()}
    missed = [tool for tool, row in published.items() if tuple(np.round(cards[tool]["overall"], 2)) != row]
    if missed:
        raise RuntimeError(f"not as published: {missed}")
    folds = {"kinds": flow_folds(cases), "rows": row_folds(cases, N_FOLDS, np.random.default_rng(SEED))}
    learners = {name: partial(held_out, name) for name in LEARNERS} | {"additive": additive}
    report = {
        "title": TITLE, "date": datetime.now(UTC).date().isoformat(), "command": COMMAND, "source": SOURCE,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
        "n_cases": {release: told.n for release, told in releases.items()},
        "n_real": {release: int(told.real.sum()) for release, told in releases.items()},
        "kinds": cases.families, "published": published, "cards": cards,
        "votes": {name: card(cases.flags.sum(axis=1) >= needed, cases)
                  for name, needed in (("any", 1), ("two", 2))},
        "contests": {split: {name: contest(cases, learner, fold) for name, learner in learners.items()}
                     for split, fold in folds.items()},
    }  # fmt: skip
    text = re.sub(r"[\[{][^\[\]{}]*[\]}]", _on_a_line, json.dumps(report, indent=1))
    Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))

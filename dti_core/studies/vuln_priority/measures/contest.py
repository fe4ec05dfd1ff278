"""Whose word tells real flaws best, on flows that were never learnt from and on rows at random."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, share
from dti_core.lab.methods import Method
from dti_core.lab.parallel import run_keyed
from dti_core.studies.vuln_priority.methods.fusion import FAVOURITE, METHODS, TITLES, TOOLS, Told
from dti_core.studies.vuln_priority.model.evidence import Evidence, Flags, Floats, Ints, flow_folds, row_folds
from dti_core.studies.vuln_priority.model.scores import (
    area,
    average_precision,
    brier,
    calibration_error,
    cluster_weights,
    false_share_at,
)

Score = Callable[[Floats, Flags, Floats], Floats]
#: name -> (what it is, score, whether more is better).
SCORES: dict[str, tuple[str, Score, bool]] = {
    "ap": ("average precision", average_precision, True),
    "auc": ("area under the ROC", area, True),
    "brier": ("mean squared error", brier, False),
    "ece": ("calibration error", calibration_error, False),
}
#: How cases are held out: whole flows (what a new code base is like), or rows of flows that were seen.
SPLITS = {"flows": "flows held out", "rows": "rows held out"}
ROW_FOLDS = 10
#: What a share can be.
SHARE = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """One method on one split."""

    method: str
    evidence: Evidence
    folds: Ints


@dataclass(frozen=True, slots=True)
class Contest:
    """Chances of every method on every split, and the clusters' weights that intervals rest on."""

    evidence: Evidence
    chances: Mapping[tuple[str, str], Floats]
    weights: Floats

    def interval(self, drawn: Floats, least: float = -np.inf, most: float = np.inf) -> Interval:
        """Of a statistic by `weights`: its value on all cases, Student t on its spread.

        least, most : ends of what the statistic can be.
        """
        flows, sinks = (len(np.unique(one)) for one in (self.evidence.flow, self.evidence.sink))
        value, spread = float(drawn[0]), float(np.nanstd(drawn[1:], ddof=1))
        margin = float(stats.t.ppf(0.975, min(flows, sinks) - 1)) * spread
        how = f"bootstrap of {flows} flows and {sinks} calls, Student t, {len(drawn) - 1} resamples"
        low, high = max(least, value - margin), min(most, value + margin)
        return Interval(value, low, high, spread, self.evidence.n, how)


def chance_of(asked: Asked) -> Floats:
    """(n,) what a method says of each case from what it learnt on the other folds."""
    return METHODS[asked.method].run(asked.evidence, asked.folds)


def hold_contest(
    evidence: Evidence, seeds: np.random.SeedSequence, n_resamples: int, methods: Mapping[str, Method[Told]]
) -> Contest:
    """All methods on both splits."""
    rng = np.random.default_rng(seeds)
    folds = {"flows": flow_folds(evidence), "rows": row_folds(evidence, ROW_FOLDS, rng)}
    tasks = {
        (name, split): Asked(name, evidence, folds[split])
        for name, split in product(methods, SPLITS)
        if set(methods[name].needs) <= set(evidence.tools)
    }
    chances = run_keyed(chance_of, tasks, "fusions")
    return Contest(evidence, chances, cluster_weights([evidence.flow, evidence.sink], n_resamples, rng))


def study_contest(contest: Contest) -> Findings:
    """Scores of each method, what the fusion adds to the best single tool, and what each tool brings."""
    found = Findings()
    scored = {
        (name, method, split): score(chances, contest.evidence.real, contest.weights)
        for (method, split), chances in contest.chances.items()
        for name, (_, score, _) in SCORES.items()
    }
    for (name, method, split), drawn in scored.items():
        found.estimates.append(
            contest.interval(drawn).estimate(f"{name}_{method}_{split}", SCORES[name][0], method=method,
                                             split=split, score=name)
        )  # fmt: skip
    for (name, (unit, _, more)), split in product(SCORES.items(), SPLITS):
        singles = {tool: scored[name, tool, split] for tool in TOOLS if (name, tool, split) in scored}
        best = (max if more else min)(singles, key=lambda tool: singles[tool][0])
        for rival in (*METHODS, "best_single"):
            if rival == FAVOURITE or ((name, rival, split) not in scored and rival != "best_single"):
                continue
            other = singles[best] if rival == "best_single" else scored[name, rival, split]
            gap = contest.interval(scored[name, FAVOURITE, split] - other)
            at = {"rival": rival, "split": split, "score": name} | (
                {"best": best} if rival == "best_single" else {}
            )
            found.estimates.append(gap.estimate(f"{name}_over_{rival}_{split}", unit, **at))
    found.add(_false_reports(contest))
    found.add(_alone(contest))
    return found


def _false_reports(contest: Contest) -> Findings:
    """False reports at the recall of each tool as it comes: the tool, the tool calibrated, and the fusion."""
    found, evidence, weights = Findings(), contest.evidence, contest.weights
    for place, tool in enumerate(evidence.tools):
        flags = evidence.flags[:, place]
        recall = (weights * (flags & evidence.real)).sum(axis=1) / (weights * evidence.real).sum(axis=1)
        raw = (weights * (flags & ~evidence.real)).sum(axis=1) / (weights * ~evidence.real).sum(axis=1)
        found.estimates += [
            contest.interval(recall, *SHARE).estimate(f"recall_{tool}", "share of real flaws", tool=tool),
            contest.interval(raw, *SHARE).estimate(f"false_share_{tool}", "share of safe cases", tool=tool),
        ]
        for split in SPLITS:
            told = {
                who: false_share_at(contest.chances[method, split], evidence.real, weights, recall)
                for who, method in (("calibrated", tool), (FAVOURITE, FAVOURITE))
            }
            for who, drawn in told.items():
                found.estimates.append(
                    contest.interval(drawn, *SHARE).estimate(
                        f"false_share_at_{tool}_{who}_{split}", "share of safe cases", tool=tool, who=who,
                        split=split)
                )  # fmt: skip
            rivals = {"raw": raw, "calibrated": told["calibrated"]}
            for rival, other in rivals.items():
                found.estimates.append(
                    contest.interval(other - told[FAVOURITE]).estimate(
                        f"false_fall_{tool}_{rival}_{split}",
                        "share of safe cases",
                        tool=tool,
                        rival=rival,
                        split=split,
                    )
                )
                if other.min() > 0:
                    fall = contest.interval(1 - told[FAVOURITE] / other, most=1.0)
                    found.estimates.append(
                        fall.estimate(
                            f"relative_fall_{tool}_{rival}_{split}", "share of the rival's false reports",
                            tool=tool, rival=rival, split=split)
                    )  # fmt: skip
    return found


def _alone(contest: Contest) -> Findings:
    """What each tool finds that no other does, what a naive union costs, and each kind of flaw by itself."""
    found, evidence = Findings(), contest.evidence
    weights, real = contest.weights, evidence.real
    for place, tool in enumerate(evidence.tools):
        others = np.delete(evidence.flags, place, axis=1).any(axis=1)
        only = contest.interval(_share_of(evidence.flags[:, place] & ~others & real, real, weights), *SHARE)
        found.estimates.append(only.estimate(f"only_{tool}", "share of real flaws", tool=tool))
    for needed, name in ((1, "any_of"), (2, "majority")):
        voted = evidence.flags.sum(axis=1) >= needed
        told = {"recall": (real, "share of real flaws"), "precision": (voted, "share of reports")}
        for what, (among, unit) in told.items():
            one = contest.interval(_share_of(voted & real, among, weights), *SHARE)
            found.estimates.append(one.estimate(f"{what}_{name}", unit, rule=name))
    found.series["kinds"] = table_of_kinds(evidence)
    return found


def _share_of(some: Flags, among: Flags, weights: Floats) -> Floats:
    """(n_draws,) weight of some cases as a share of that of the cases among which they are."""
    total = (weights * among).sum(axis=1)
    return np.divide((weights * some).sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0)


def table_of_kinds(evidence: Evidence) -> pd.DataFrame:
    """One row a tool and kind of flaw: shares of real and safe cases reported, Wilson intervals."""
    rows = []
    for (place, tool), (kind, family) in product(enumerate(evidence.tools), enumerate(evidence.families)):
        mine = evidence.family == kind
        for what, among in (("found", mine & evidence.real), ("false", mine & ~evidence.real)):
            if n := int(among.sum()):
                told = share(int(evidence.flags[among, place].sum()), n)
                rows.append({"tool": TITLES.get(tool, tool), "kind": family, "what": what, "n": n,
                             "share": told.value, "low": told.low, "high": told.high})  # fmt: skip
    return pd.DataFrame(rows)

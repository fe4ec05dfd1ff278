"""How many labels the fusion needs before it is worth more than votes and than one tool's word."""

from dataclasses import dataclass

import numpy as np

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import mean_over_seeds
from dti_core.lab.parallel import run_keyed
from dti_core.studies.vuln_priority.methods.fusion import FAVOURITE, TOOLS
from dti_core.studies.vuln_priority.model.evidence import Evidence
from dti_core.studies.vuln_priority.model.learners import calibrated
from dti_core.studies.vuln_priority.model.scores import average_precision, brier

#: Labelled places that are learnt from.
SIZES = (25, 50, 100, 200, 300)


@dataclass(frozen=True, slots=True)
class Draw:
    """One dealing of flows into those that are learnt from and those that judge."""

    evidence: Evidence
    single: str
    seed: np.random.SeedSequence


def study_labels(evidence: Evidence, single: str, seeds: np.random.SeedSequence, n_draws: int) -> Findings:
    """Scores by number of labels, of places drawn from half of the flows, judged on the other half."""
    tasks = {k: Draw(evidence, single, seed) for k, seed in enumerate(seeds.spawn(max(2, n_draws)))}
    drawn, found = list(run_keyed(learn_from_few, tasks, "labels").values()), Findings()
    for name in drawn[0]:
        score, who, size = name.split()
        one = mean_over_seeds([each[name] for each in drawn])
        label = f"{score}_{who}_with_{size}_labels"
        unit = "average precision" if score == "ap" else "mean squared error"
        found.estimates.append(one.estimate(label, unit, method=who, score=score, labels=int(size)))
    return found


def learn_from_few(draw: Draw) -> dict[str, float]:
    """Scores of fusion and single tool by number of labels; votes need none."""
    rng = np.random.default_rng(draw.seed)
    flows = rng.permutation(np.unique(draw.evidence.flow))
    teaches = np.isin(draw.evidence.flow, flows[: len(flows) // 2])
    judge, pool = draw.evidence.at(~teaches), rng.permutation(np.flatnonzero(teaches))
    one = np.ones((1, judge.n))
    votes = judge.flags.sum(axis=1) / judge.flags.shape[1]
    found = {"ap votes 0": float(average_precision(votes, judge.real, one)[0])}
    for size in SIZES:
        learn = draw.evidence.at(pool[:size])
        for who, tools in ((FAVOURITE, TOOLS), (draw.single, (draw.single,))):
            told = calibrated("logistic", learn.of(tools), judge.of(tools))
            found[f"ap {who} {size}"] = float(average_precision(told, judge.real, one)[0])
            found[f"brier {who} {size}"] = float(brier(told, judge.real, one)[0])
    return found

"""Real paths, where nothing was randomised: how far rules lie apart, and what a private answer moves."""

from itertools import combinations

import numpy as np
import pandas as pd

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, mean_over_seeds
from dti_core.lab.methods import left_out
from dti_core.studies.private_lift.measures.attribution import CREDIT, PRIVATE
from dti_core.studies.private_lift.measures.reports import Plan, Question, Report, guarantee
from dti_core.studies.private_lift.measures.telling import At, keep, laplace_variance
from dti_core.studies.private_lift.methods.attribution import METHODS, STEPS, Evidence
from dti_core.studies.private_lift.model.cells import Array
from dti_core.studies.private_lift.model.journeys import Journeys
from dti_core.studies.private_lift.model.lift import Measured, normal, shares
from dti_core.studies.private_lift.model.payouts import misallocated

#: Whom a guarantee on real paths protects: the log tells paths, not who walked them.
UNIT = "path"
#: What is called so: the part of a budget that noise moves from where the rule itself puts it.
MOVED = "moved by noise"


def study_paths(journeys: Journeys, rng: np.random.Generator, n_resamples: int) -> Findings:
    """How far rules lie apart on real paths, where nothing was randomised and no truth is known.

    Distances are halves of summed absolute differences of shares: the part of a budget that moves.
    """
    lacking = left_out(METHODS, ())
    found = Findings(
        left_out=[(f"{one} on real paths", f"needs {', '.join(why)}") for one, why in lacking.items()]
    )
    names = [name for name in METHODS if name not in lacking and name not in PRIVATE]
    won, missed = (np.vstack([one, rng.poisson(one, (n_resamples, len(one)))])
                   for one in (journeys.converted, journeys.missed))  # fmt: skip
    evidence = Evidence(Journeys(journeys.steps, won, missed, journeys.n_channels), np.inf)
    made = [METHODS[name].run(evidence, rng) for name in names]
    table = {name: one / one.sum(axis=-1, keepdims=True) for name, one in zip(names, made, strict=True)}
    n = int(journeys.n_users)
    found.series["attribution_rules"] = pd.DataFrame([
        {"method": name, "title": METHODS[name].title, "channel": channel, "share": one.value,
         "low": one.low, "high": one.high}
        for name in names for channel in range(journeys.n_channels)
        for one in [_bootstrapped(table[name][:, channel], n)]
    ])  # fmt: skip
    pairs = {(a, b): misallocated(table[a], table[b]) for a, b in combinations(names, 2)}
    for pair, values in pairs.items():
        if "last_touch" in pair:
            rival = pair[pair[0] == "last_touch"]
            keep(
                found, f"rules_apart_last_touch_{rival}", _bootstrapped(values, n), CREDIT, {"method": rival}
            )
    keep(found, "rules_apart_mean", _bootstrapped(np.mean(list(pairs.values()), axis=0), n), CREDIT, {})
    return found


def _bootstrapped(values: Array, n: int) -> Interval:
    error, how = (
        float(values[1:].std(ddof=1)),
        f"Poisson bootstrap of users, {len(values) - 1} resamples, normal",
    )
    return Interval(values[0], values[0] - 1.96 * error, values[0] + 1.96 * error, error, n, how)


def study_private_paths(journeys: Journeys, plan: Plan) -> Findings:
    """Shares of credit by each rule that one histogram can tell, without noise and with it.

    Each rule at each epsilon is a release of its own. Also kept: the part of a budget that noise moves.
    """
    report, n = Report(plan, costs=False), int(journeys.converted.sum())
    for rule in (one.removesuffix("_private") for one in PRIVATE if not METHODS[one].needs):
        plain = credit_shares(rule, journeys, np.inf, 1, plan.stream(rule))
        asked = [
            Question(f"paths_{rule}", f"channel_{c + 1}", METHODS[rule].title, "% of the credit", UNIT, n)
            for c in range(journeys.n_channels)
        ]
        for c, one in enumerate(asked):
            report.add(one, None, plain[:, c])
        for epsilon in plan.epsilons:
            noisy = credit_shares(rule, journeys, epsilon, plan.n_draws, plan.stream(rule, f"{epsilon:g}"))
            for c, one in enumerate(asked):
                report.add(one, epsilon, noisy[:, c], plain[:, c])
            moved = mean_over_seeds(misallocated(noisy.value, plain.value))
            name = f"paths_moved_{rule}_eps{epsilon:g}".replace(".", "_")
            at: At = {"method": f"{rule}_private", "measure": MOVED, "epsilon": epsilon}
            keep(report.found, name, moved, CREDIT, {**at, "guarantee": guarantee(epsilon, UNIT).text})
    return report.gathered("paths")


def credit_shares(
    rule: str, journeys: Journeys, epsilon: float, n_draws: int, rng: np.random.Generator
) -> Measured:
    """Shares of credit, (n_draws, C), and their standard errors, from what is released and nothing else.

    Epsilon is of `UNIT`, add or remove one, pure; infinite is no noise. A path gives one conversion away, so
    that the variance of a channel's credit is its sum where a path credits one channel, and less where it
    credits several, for which errors are too wide rather than too narrow.
    """
    won = np.broadcast_to(journeys.converted, (n_draws, len(journeys.converted)))
    many = Journeys(journeys.steps, won, journeys.missed, journeys.n_channels)
    name = f"{rule}_private" if np.isfinite(epsilon) else rule
    counts = METHODS[name].run(Evidence(many, epsilon), rng) * many.n_users[:, None]
    spread = np.maximum(counts, 0.0) + laplace_variance(epsilon / STEPS) / STEPS**2
    return normal(*shares(counts, spread[..., None] * np.eye(journeys.n_channels)))

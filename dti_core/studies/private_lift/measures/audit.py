"""Does the noise keep what its epsilon claims, and would an audit notice if it did not?"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from dti_core.bridges.privacy import (
    Guarantee,
    discrete_laplace,
    gaussian_mu_bound,
    gaussian_sigma,
    one_run_bound,
    two_world_bound,
)
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, mean_over_seeds, share
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.private_lift.model.faults import FAULTS, HONEST, MECHANISMS, one_run, two_worlds

EPSILON, DELTA = 1.0, 1e-6
#: Epsilons at which the plain geometric mechanism is audited as tightly as the runs allow.
TIGHT = (0.5, 1.0, 2.0)
#: How many times more runs the tight audit takes, and on how many seeds it is done.
TIGHT_RUNS, TIGHT_SEEDS = 20, 5
N_CANARIES = 1_000
#: A fault counts as caught if this share of audits flag it.
CAUGHT = 0.95
ONE_RUN = "one_run"
#: What each auditor bounds from below, and how it goes about it.
BOUNDS = {"geometric": "epsilon", "gaussian": "mu", ONE_RUN: "epsilon"}
HOW = {
    "geometric": "geometric noise, many runs in two worlds",
    "gaussian": "Gaussian noise, the same, held to its mu",
    ONE_RUN: f"Gaussian noise, one run with {N_CANARIES:,} canaries",
}
#: The one-run audit adds or removes canaries, so that it cannot see this.
UNSEEN = "wrong_adjacency"
Task = tuple[np.random.SeedSequence, int]


def claims() -> dict[str, Guarantee]:
    """What each audited mechanism claims, all rounds together and one of two aggregators corrupt."""
    return {
        "geometric": Guarantee("user", "replace one", EPSILON, 0.0, "pure"),
        "gaussian": Guarantee("user", "replace one", EPSILON, DELTA, "analytic"),
        ONE_RUN: Guarantee("user", "add or remove one", EPSILON, DELTA, "analytic"),
    }


def claimed_bound(auditor: str) -> float:
    """The number that an honest mechanism's lower bound stays below: epsilon, or mu of its Gaussian noise."""
    return 1 / gaussian_sigma(EPSILON, DELTA) if BOUNDS[auditor] == "mu" else EPSILON


def study_audits(seeds: Sequence[np.random.SeedSequence], n_runs: int) -> Findings:
    """Audit honest and faulty releases, and the geometric mechanism as tightly as may be.

    Parameters
    ----------
    seeds : one an audit, at least two. n_runs : runs in each of the two worlds.

    Returns
    -------
    Estimates `audit_flagged_<auditor>_<fault>` (share of audits whose lower bound exceeds the claim),
    `audit_bound_...` (mean lower bound) and `audit_tight_...` (bound over epsilon); tables "audits" and
    "audit_tightness".
    """
    tasks: dict[int, Task] = {place: (seed, n_runs) for place, seed in enumerate(seeds)}
    done = run_keyed(audit_once, tasks, "audits")
    found = Findings()
    rows = []
    for auditor, fault in done[0]:
        bounds = np.array([bound[auditor, fault] for bound in done.values()])
        rows.append(_row(auditor, fault, bounds))
        at = {"measure": "audit", "auditor": auditor, "fault": fault}
        flagged = share(int(rows[-1]["n_flagged"]), len(bounds))
        found.estimates.append(flagged.estimate(f"audit_flagged_{auditor}_{fault}", "share of audits", **at))
        unit = f"lower bound of {BOUNDS[auditor]}"
        mean = mean_over_seeds(bounds).estimate(f"audit_bound_{auditor}_{fault}", unit, **at)
        found.estimates.append(mean)
    found.series["audits"] = table = pd.DataFrame(rows)
    found.estimates += list(_summary(table))
    found.left_out.append((f"one-run audit of {UNSEEN}", "canaries come and go, none is replaced"))
    _tightness(found, {place: task for place, task in tasks.items() if place < TIGHT_SEEDS})
    return found


def audit_once(task: Task) -> dict[tuple[str, str], float]:
    """(auditor, fault) -> lower bound, each from random numbers of its own."""
    seed, n_runs = task
    bounds: dict[tuple[str, str], float] = {}
    streams = iter(_children(seed, (len(MECHANISMS) + 1) * len(FAULTS)))
    for mechanism in MECHANISMS:
        for fault in FAULTS:
            scores = two_worlds(mechanism, EPSILON, DELTA, fault, n_runs, next(streams))
            judge = two_world_bound if mechanism == "geometric" else gaussian_mu_bound
            bounds[mechanism, fault] = judge(*scores)
    for fault in FAULTS:
        rng = next(streams)
        if fault != UNSEEN:
            scores_, included = one_run(EPSILON, DELTA, fault, N_CANARIES, rng)
            level = 1 - 0.05 / scores_.shape[1]
            bounds[ONE_RUN, fault] = max(one_run_bound(s, included, DELTA, level) for s in scores_.T)
    return bounds


def tight_once(task: Task) -> list[float]:
    """Lower bound over epsilon of one count with discrete Laplace noise, at each epsilon of `TIGHT`."""
    seed, n_runs = task
    ratios = []
    for epsilon, rng in zip(TIGHT, _children(seed, len(TIGHT), "tight"), strict=True):
        without, with_user = (discrete_laplace(1 / epsilon, n_runs, rng) + user for user in (0, 1))
        ratios.append(two_world_bound(without.astype(float), with_user.astype(float)) / epsilon)
    return ratios


def _summary(table: pd.DataFrame) -> Iterator[Estimate]:
    """How many of the planted faults each auditor catches, and how often an honest release is flagged."""
    honest = table["fault"] == HONEST
    flagged, n = (int(table.loc[honest, column].sum()) for column in ("n_flagged", "n_audits"))
    yield share(flagged, n).estimate("audit_false_alarms", "share of audits", measure="audit_false_alarms")
    for auditor, rows in table[~honest].groupby("auditor", sort=False):
        caught = float(rows["caught"].sum())
        yield Estimate(
            f"audit_faults_caught_{auditor}", caught, caught, caught, f"of {len(FAULTS) - 1} faults",
            int(rows["n_audits"].iloc[0]), how="count, no interval",
            at={"measure": "audit_faults_caught", "auditor": str(auditor)},
        )  # fmt: skip


def _tightness(found: Findings, tasks: dict[int, Task]) -> None:
    larger = {place: (seed, TIGHT_RUNS * n_runs) for place, (seed, n_runs) in tasks.items()}
    done = np.array(list(run_keyed(tight_once, larger, "tight audits").values()))
    for epsilon, ratios in zip(TIGHT, done.T, strict=True):
        low, high, spread = float(ratios.min()), float(ratios.max()), float(ratios.std())
        span = Interval(float(ratios.mean()), low, high, spread, next(iter(larger.values()))[1], "all audits")
        found.estimates.append(
            span.estimate(f"audit_tight_eps{epsilon:g}".replace(".", "_"), "bound over epsilon",
                          measure="audit_tightness", epsilon=epsilon)
        )  # fmt: skip
    columns = [f"epsilon {epsilon:g}" for epsilon in TIGHT]
    found.series["audit_tightness"] = pd.DataFrame(done, columns=columns)


def _row(auditor: str, fault: str, bounds: np.ndarray) -> dict[str, str | float | bool]:
    unit, claimed = BOUNDS[auditor], claimed_bound(auditor)
    flagged = int((bounds > claimed).sum())
    return {
        "auditor": auditor, "fault": fault, "means": FAULTS[fault], "bounds": unit, "claimed": claimed,
        "bound_low": float(np.median(bounds)), "bound_least": float(bounds.min()),
        "bound_most": float(bounds.max()), "n_flagged": flagged, "n_audits": len(bounds),
        "caught": flagged >= CAUGHT * len(bounds), "guarantee": claims()[auditor].text,
    }  # fmt: skip


def _children(seed: np.random.SeedSequence, n: int, *names: str) -> list[np.random.Generator]:
    """Generators that depend on the seed alone, however often it is asked."""
    key = (*seed.spawn_key, *(sum(map(ord, name)) for name in names))
    return [
        np.random.default_rng(one) for one in np.random.SeedSequence(seed.entropy, spawn_key=key).spawn(n)
    ]

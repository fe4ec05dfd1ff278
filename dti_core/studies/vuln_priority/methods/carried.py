"""Chance that a user's finding is real: what a kind of test is worth in our lab, with its uncertainty.

Labels of the user's own move it. A tool of unknown kind says nothing of what is real: its findings keep the
rate of all findings.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from dti_core.studies.vuln_priority.methods.fusion import KINDS
from dti_core.studies.vuln_priority.model.evidence import Evidence, Flags, Floats, Ints
from dti_core.studies.vuln_priority.worlds.assumptions import SPANS

#: Draws of what a kind of test is worth; bounds of how many cases our lab's word counts for elsewhere.
DRAWS, LEAST_CASES, MOST_CASES = 400, 2.0, 50.0


@dataclass(frozen=True, slots=True)
class Worth:
    """Shares of real and of safe cases that a kind of test reports, DRAWS values of each, by kind."""

    real: Mapping[str, Floats]
    safe: Mapping[str, Floats]


def worth_of_kinds(
    lab: Evidence, flags: Mapping[str, Flags], truth: Floats, rng: np.random.Generator
) -> Worth:
    """Worth of each kind of test in our lab, moved by labels of the user's.

    The lab counts for as many cases as its flows are alike: were they all alike, for many; the more they
    differ, the fewer (a Beta whose spread is that of rates between flows).

    Parameters
    ----------
    flags : kind -> (g,) whether it reports each of the user's groups. truth : (g,) 1, 0, or nan without
    label.
    """
    real: dict[str, Floats] = {}
    safe: dict[str, Floats] = {}
    for kind, tools in KINDS.items():
        reported = lab.of([tool for tool in tools if tool in lab.tools]).flags
        seen = np.asarray(reported.any(axis=1))
        for found, among, label in ((real, lab.real, 1.0), (safe, ~lab.real, 0.0)):
            rate, cases = _rate_between(seen[among], lab.flow[among])
            own = (
                flags.get(kind, np.zeros(len(truth), bool))[truth == label] if kind in flags else np.zeros(0)
            )
            yes, n = float(own.sum()), len(own)
            found[kind] = rng.beta(rate * cases + yes, (1 - rate) * cases + n - yes, size=DRAWS)
    return Worth(real, safe)


def chances(
    worth: Worth, flags: Mapping[str, Flags], packages: Flags, package_real: Flags, truth: Floats,
    rng: np.random.Generator,
) -> Floats:  # fmt: skip
    """(g, 3) chance that each group is real, with the ends of its 95 % range; labels are kept.

    The share of findings that are real is drawn from the span of the study, or fitted to the user's labels.

    Parameters
    ----------
    packages : (g,) whether a group is of a package; these take the share of `package_real` of our lab, or of
    the user's labels.
    """
    n = len(packages)
    odds = np.zeros((DRAWS, n))
    for kind, seen in flags.items():
        if kind in worth.real:
            yes, no = worth.real[kind][:, None], worth.safe[kind][:, None]
            odds += np.where(seen, np.log(yes / no), np.log((1 - yes) / (1 - no)))
    base = np.array([logit(SPANS["prevalence"].draw(rng)) for _ in range(DRAWS)])
    known = np.isfinite(truth) & ~packages
    if 0 < truth[known].sum() < known.sum():
        share = rng.beta(1 + truth[known].sum(), 1 + (1 - truth[known]).sum(), size=DRAWS)
        base = np.array([_shift(one, wanted) for one, wanted in zip(odds[:, known], share, strict=True)])
    drawn = expit(odds + base[:, None])
    told = truth[packages & np.isfinite(truth)]
    yes = package_real.sum() + told.sum()
    drawn[:, packages] = rng.beta(1 + yes, 1 + len(package_real) + len(told) - yes, size=(DRAWS, 1))
    found = np.column_stack([drawn.mean(axis=0), *np.quantile(drawn, (0.025, 0.975), axis=0)])
    labelled = np.isfinite(truth)
    found[labelled] = truth[labelled, None]
    return found


def _rate_between(seen: Flags, flow: Ints) -> tuple[float, float]:
    """Rate over flows, and for how many cases it counts in another place: by the spread between flows.

    What the spread would be by chance alone, were all flows alike, is taken off.
    """
    each = [seen[flow == one] for one in np.unique(flow)]
    rates, sizes = np.array([one.mean() for one in each]), np.array([len(one) for one in each])
    rate = float(np.clip(seen.mean(), 0.01, 0.99))
    by_chance = rate * (1 - rate) * float(np.mean(1 / sizes))
    spread = max(float(rates.var(ddof=1)) - by_chance, rate * (1 - rate) / (MOST_CASES + 1))
    return rate, float(np.clip(rate * (1 - rate) / spread - 1, LEAST_CASES, MOST_CASES))


def _shift(odds: Floats, share: float) -> float:
    """What must be added to log odds so that their mean chance is a share."""
    return float(brentq(lambda shift: expit(odds + shift).mean() - share, -40.0, 40.0))

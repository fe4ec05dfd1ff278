"""Chance that a user's finding is real: what a kind of test is worth in our lab, with its uncertainty.

Labels of the user's own move it. A tool that our lab has not tried is believed less surely; one of unknown
kind says nothing of what is real: its findings keep the rate of all findings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from dti_core.studies.vuln_priority.methods.fusion import KINDS
from dti_core.studies.vuln_priority.model.evidence import Evidence, Flags, Floats, Ints
from dti_core.studies.vuln_priority.worlds.assumptions import SPANS

#: Draws of what a kind of test is worth; bounds of how many cases our lab's word counts for elsewhere.
DRAWS, LEAST_CASES, MOST_CASES = 2_000, 2.0, 50.0
#: What a kind of test is called if tools do it that our lab has not tried, and for how many cases the lab's
#: word, moved half-way towards a test that tells nothing, counts for them.
OTHER, OTHER_CASES = "other ", 4.0
SOURCES = tuple(prefix + kind for kind in KINDS for prefix in ("", OTHER))
#: What a kind of test says of a place: nothing, or reported or silent, by tools of the lab or by others.
_NOTHING, _LAB, _LAB_SILENT, _OTHER, _OTHER_SILENT = range(5)


@dataclass(frozen=True, slots=True)
class Worth:
    """What a source, a kind of test by tools of the lab or by others, reports; DRAWS values by source.

    real, safe : shares of real and of safe places that it reports. speaks : kind -> families of flaws that it
    ever reports in our lab; the shares are of these, and elsewhere its silence says nothing.
    """

    real: Mapping[str, Floats]
    safe: Mapping[str, Floats]
    speaks: Mapping[str, frozenset[str]]


def worth_of_kinds(
    lab: Evidence, flags: Mapping[str, Flags], families: Sequence[str], truth: Floats,
    rng: np.random.Generator,
) -> Worth:  # fmt: skip
    """Worth of each source in our lab, moved by labels of the user's.

    The lab counts for as many cases as its flows are alike: were they all alike, for many; the more they
    differ, the fewer (a Beta whose spread is that of rates between flows).

    Parameters
    ----------
    flags : source -> (g,) whether it reports each of the user's groups. families : (g,) kind of flaw of each.
    truth : (g,) 1, 0, or nan without label.
    """
    real, safe, speaks = dict[str, Floats](), dict[str, Floats](), dict[str, frozenset[str]]()
    for kind, tools in KINDS.items():
        seen = np.asarray(lab.of([tool for tool in tools if tool in lab.tools]).flags.any(axis=1))
        spoken = np.isin(lab.family, lab.family[seen])
        names = frozenset(lab.families[one] for one in np.unique(lab.family[spoken]).tolist())
        speaks[kind] = names
        among = (lab.real & spoken, ~lab.real & spoken)
        rates = [_rate_between(seen[one], lab.flow[one]) for one in among]
        for source in (kind, OTHER + kind):
            told = flags.get(source, np.zeros(len(truth), bool))
            reported = {family for family, one in zip(families, told, strict=True) if one}
            asked = np.isin(np.asarray(families, dtype=object), list(names | reported)) & (source in flags)
            for found, (rate, cases), label in zip((real, safe), rates, (1.0, 0.0), strict=True):
                if source != kind:
                    rate, cases = (rate + (rates[0][0] + rates[1][0]) / 2) / 2, OTHER_CASES
                own = told[asked & (truth == label)]
                yes, n = float(own.sum()), len(own)
                found[source] = rng.beta(rate * cases + yes, (1 - rate) * cases + n - yes, size=DRAWS)
    return Worth(real, safe, speaks)


def chances(
    worth: Worth, flags: Mapping[str, Flags], families: Sequence[str], packages: Flags, package_real: Flags,
    truth: Floats, rng: np.random.Generator,
) -> Floats:  # fmt: skip
    """(g, 3) chance that each group is real, with the ends of its 95 % range; labels are kept.

    The share of findings that are real is drawn from the span of the study, or fitted to the user's labels.

    Parameters
    ----------
    flags, families : as of `worth_of_kinds`. packages : (g,) whether a group is of a package; these take the
    share of `package_real`: packages of our lab, and those that the user has labelled.
    """
    said = np.column_stack([_said(kind, worth, flags, families) for kind in worth.speaks])
    patterns, of = np.unique(said, axis=0, return_inverse=True)
    of = of.reshape(-1)
    odds = np.zeros((DRAWS, len(patterns)))
    for kind, column in zip(worth.speaks, patterns.T, strict=True):
        told = [np.zeros(DRAWS)]
        for source in (kind, OTHER + kind):
            yes, no = worth.real[source], worth.safe[source]
            told += [np.log(yes / no), np.log((1 - yes) / (1 - no))]
        odds += np.column_stack(told)[:, column]
    base = np.array([logit(SPANS["prevalence"].draw(rng)) for _ in range(DRAWS)])
    known = np.isfinite(truth) & ~packages
    if 0 < truth[known].sum() < known.sum():
        share = rng.beta(1 + truth[known].sum(), 1 + (1 - truth[known]).sum(), size=DRAWS)
        weight = np.bincount(of[known], minlength=len(patterns)) / known.sum()
        base = np.array([_shift(one, weight, wanted) for one, wanted in zip(odds, share, strict=True)])
    found = _ranges(expit(odds + base[:, None]))[of]
    yes = package_real.sum()
    found[packages] = _ranges(rng.beta(1 + yes, 1 + len(package_real) - yes, size=(DRAWS, 1)))
    labelled = np.isfinite(truth)
    found[labelled] = truth[labelled, None]
    return found


def _said(kind: str, worth: Worth, flags: Mapping[str, Flags], families: Sequence[str]) -> Ints:
    """(g,) what a kind of test says of each group: the lab's tools first, then others, then silence."""
    silent = np.isin(np.asarray(families, dtype=object), list(worth.speaks[kind]))
    said = np.full(len(silent), _NOTHING)
    for source, states in ((OTHER + kind, (_OTHER, _OTHER_SILENT)), (kind, (_LAB, _LAB_SILENT))):
        if source in flags:
            quiet = np.where((said != _OTHER) & silent, states[1], said)
            said = np.where(flags[source], states[0], quiet)
    return said


def _ranges(drawn: Floats) -> Floats:
    """(n, 3) mean and ends of the middle 95 % of each column."""
    return np.column_stack([drawn.mean(axis=0), *np.quantile(drawn, (0.025, 0.975), axis=0)])


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


def _shift(odds: Floats, weight: Floats, share: float) -> float:
    """What must be added to log odds so that their mean chance is a share."""
    return float(brentq(lambda shift: weight @ expit(odds + shift) - share, -40.0, 40.0))

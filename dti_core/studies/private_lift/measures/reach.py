"""Does a private report meet the criteria for cross-media reach and frequency of the industry's framework?

Source: World Federation of Advertisers, cardinality and frequency estimation evaluation framework (2020):
its scenarios, sizes, epsilons and criteria, with five publishers. Users are counted by how often they saw the
campaign on any publisher, so that reach across publishers is one sum of buckets.
"""

import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.stats import binom, nbinom, poisson

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import share
from dti_core.studies.private_lift.measures.campaigns import word
from dti_core.studies.private_lift.methods.noise import METHODS
from dti_core.studies.private_lift.model.cells import Array, Counts

PUBLISHERS, RATE, MOST = 5, 0.1, 15
EPSILONS = (2 * math.log(3), math.log(3), 0.5, 0.25, 0.1)
SIZES = (3_000, 30_000, 300_000, 3_000_000, 30_000_000, 300_000_000)
#: Largest relative error of reach in 95 % of runs; largest shuffle distance of frequency in 80 %.
REACH, FREQUENCY = (0.05, 0.95), (0.20, 0.80)
#: Four kinds of users and how much likelier than the mean each is to be reached (Koehler et al. 2016).
KINDS, LIKELIER = (0.164, 0.388, 0.312, 0.136), (0.065, 0.4274, 1.275, 3.140)
TOLD = ("central", "two_noises", "skellam", "local")


def _binomial(rate: float) -> Array:
    return binom.pmf(np.arange(PUBLISHERS + 1), PUBLISHERS, rate)


def _point(reached_by: int, share_of_users: float) -> Array:
    """That share of users is reached by so many publishers, the others by none."""
    chance = np.zeros(PUBLISHERS + 1)
    chance[reached_by], chance[0] = share_of_users, 1 - share_of_users
    return chance


def _sequential(repeated: float) -> Array:
    """Each publisher takes this share of its users from those whom earlier ones reached."""
    chance = _point(1, RATE)
    for _ in range(PUBLISHERS - 1):
        again = repeated * RATE / chance[1:].sum()
        moved = again * chance[1:]
        chance[1:] -= moved
        chance[2:] += moved[:-1]
        fresh = RATE * (1 - repeated)
        chance[0], chance[1] = chance[0] - fresh, chance[1] + fresh
    return chance


#: Chance that a user is reached by 0, 1, ... publishers, each of which reaches RATE of all users.
REACHED: Mapping[str, Array] = {
    "1 independent": _binomial(RATE),
    "2 remarketing list": 0.2 * _binomial(RATE / 0.2) + 0.8 * np.eye(PUBLISHERS + 1)[0],
    "3a heterogeneous, independent": _binomial(RATE),
    "3b heterogeneous, correlated": sum(
        (part * _binomial(RATE * more) for part, more in zip(KINDS, LIKELIER, strict=True)), np.zeros(1)
    ),
    "4 full overlap": _point(PUBLISHERS, RATE),
    "4 disjoint": _point(1, PUBLISHERS * RATE),
    "5 sequential, 10 %": _sequential(0.1),
    "5 sequential, 50 %": _sequential(0.5),
}
#: Chance of 0, 1, ... impressions beyond the first of each of k publishers who reach a user.
FREQUENCIES: Mapping[str, Callable[[int], Array]] = {
    "1 homogeneous": lambda k: poisson.pmf(np.arange(MOST * 8) - k, k),
    "2 heterogeneous": lambda k: nbinom.pmf(np.arange(MOST * 8) - k, k, 0.5),
    "3 constant": lambda k: np.eye(MOST * 8)[3 * k],
}


def seen(reached: str, frequency: str = "1 homogeneous") -> Array:
    """(MOST + 1,) chance that a user saw the campaign 0, 1, ..., MOST or more times."""
    chance = np.zeros(MOST * 8)
    for k, part in enumerate(REACHED[reached]):
        chance += part * (FREQUENCIES[frequency](k) if k else np.eye(MOST * 8)[0])
    return np.append(chance[:MOST], chance[MOST:].sum())


def study_reach(seeds: np.random.SeedSequence, n_runs: int = 100) -> Findings:
    """Share of runs within the criteria, by scenario, size, epsilon and method; failures named.

    Parameters
    ----------
    n_runs : a scenario, size, epsilon and method; the framework asks for 100.
    """
    chances = {("reach", name): seen(name) for name in REACHED}
    chances |= {("frequency", name): seen("1 independent", name) for name in FREQUENCIES}
    rng, rows = np.random.default_rng(seeds), []
    for (question, scenario), chance in chances.items():
        for size in SIZES:
            counts = rng.multinomial(round(size / RATE), chance / chance.sum(), size=n_runs)
            for name in TOLD:
                for epsilon in EPSILONS:
                    noisy = METHODS[name].run(counts, epsilon, rng).counts
                    error, (most, wanted) = ((_reach_error(noisy, counts), REACH) if question == "reach"
                                             else (shuffle_distance(noisy, counts), FREQUENCY))  # fmt: skip
                    good = float((error <= most).mean())
                    rows.append((question, scenario, size, name, epsilon, good, good >= wanted))
    names = ["question", "scenario", "size", "method", "epsilon", "good", "met"]
    table = pd.DataFrame(rows, columns=names)
    return _summary(table)


def _reach_error(noisy: Array, counts: Array | Counts) -> Array:
    """(n,) relative error of the number of users who saw the campaign at all."""
    true = counts[:, 1:].sum(axis=1)
    return np.abs(noisy[:, 1:].sum(axis=1) - true) / true


def shuffle_distance(noisy: Array, counts: Array | Counts) -> Array:
    """(n,) half the absolute difference of the frequencies of users who saw the campaign; 1 without any."""
    kept = np.clip(noisy[:, 1:], 0, None)
    some = kept.sum(axis=1, keepdims=True)
    found = np.divide(kept, some, out=np.zeros_like(kept), where=some > 0)
    true = counts[:, 1:] / counts[:, 1:].sum(axis=1, keepdims=True)
    return np.where(some[:, 0] > 0, 0.5 * np.abs(found - true).sum(axis=1), 1.0)


def _summary(table: pd.DataFrame) -> Findings:
    found = Findings(series={"wfa": table[~table["met"]].reset_index(drop=True)})
    for (question, name, epsilon), rows in table.groupby(["question", "method", "epsilon"]):
        met = share(int(rows["met"].sum()), len(rows))
        found.estimates.append(
            met.estimate(f"wfa_{question}_met_{name}_eps{word(epsilon)}", "share of scenarios and sizes",
                         measure=f"{question} criterion met", method=name, epsilon=epsilon)
        )  # fmt: skip
    for (question, scenario, name), rows in table[~table["met"]].groupby(["question", "scenario", "method"]):
        worst = "; ".join(
            f"epsilon {epsilon:.3g} to {part['size'].max():,} users"
            for epsilon, part in rows.groupby("epsilon")
        )
        found.missed.append((f"WFA {question}, scenario {scenario}, {name}", f"missed: {worst}"))
    return found

"""A released histogram as an attacker sees it, honest or with one planted fault."""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.privacy import (
    Adjacency,
    discrete_gaussian,
    discrete_gaussian_sigma,
    discrete_laplace,
    sensitivity,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mechanism = Literal["geometric", "gaussian"]
MECHANISMS: tuple[Mechanism, ...] = ("geometric", "gaussian")
HONEST = "honest"
#: Each is a mistake that was made in deployed systems, and leaves the output looking right.
FAULTS = {
    HONEST: "as claimed",
    "no_clipping": "a user's five reports count as five, though noise is for one",
    "noise_over_root_two": "noise with half its variance",
    "noise_added_once": "one of two aggregators adds noise, and that one is corrupt",
    "reused_seed": "the second round's noise is the first one's",
    "wrong_adjacency": "noise for adding a user, though replacing one is claimed",
}
#: Rounds released, and reports that the attacked user sends in each where one is allowed.
ROUNDS, REPORTS = 2, 5


def noise_scale(mechanism: Mechanism, epsilon: float, delta: float, fault: str = HONEST) -> float:
    """Scale (geometric) or sigma (Gaussian) of each aggregator's noise in each bucket and round.

    The claim is (epsilon, delta) for all rounds together, a user replaced, one aggregator corrupt; the
    geometric mechanism has delta 0.
    """
    adjacency: Adjacency = "add or remove one" if fault == "wrong_adjacency" else "replace one"
    if mechanism == "geometric":
        scale = ROUNDS * sensitivity("l1", adjacency) / epsilon
    else:
        moved = 1 if adjacency == "add or remove one" else 2
        scale = discrete_gaussian_sigma(epsilon, delta, n_counts=ROUNDS * moved)
    return scale / math.sqrt(2) if fault == "noise_over_root_two" else scale


def noise(
    mechanism: Mechanism, scale: float, fault: str, shape: tuple[int, ...], rng: np.random.Generator
) -> Ints:
    """(n_runs, ROUNDS, n_buckets) noise of the honest aggregator; the attacker knows the corrupt one's."""
    if fault == "noise_added_once":
        return np.zeros(shape, dtype=np.int64)
    drawn = (discrete_laplace if mechanism == "geometric" else discrete_gaussian)(scale, shape, rng)
    if fault == "reused_seed":
        drawn[:, 1:] = drawn[:, :1]
    return drawn


def two_worlds(
    mechanism: Mechanism, epsilon: float, delta: float, fault: str, n_runs: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Scores of an attacker in two worlds in which one user's reports differ; all other users are known.

    In one world the user reports bucket 0 in the first round and 1 in the second, in the other the reverse.
    The scores are the likelihood ratio under the claim, the difference between rounds, and the first round.

    Returns
    -------
    Two arrays (n_runs, 3).
    """
    scale = noise_scale(mechanism, epsilon, delta, fault)
    sent = REPORTS if fault == "no_clipping" else 1
    worlds = np.eye(2, dtype=np.int64), np.eye(2, dtype=np.int64)[::-1]
    scores = []
    for world in worlds:
        seen = sent * world + noise(mechanism, scale, fault, (n_runs, ROUNDS, 2), rng)
        if mechanism == "geometric":
            ratio = (np.abs(seen - worlds[0]) - np.abs(seen - worlds[1])).sum(axis=(1, 2))
        else:
            ratio = (seen * (worlds[1] - worlds[0])).sum(axis=(1, 2))
        scores.append(np.column_stack([ratio, seen[:, 0, 0] - seen[:, 1, 0], seen[:, 0, 0]]).astype(float))
    return scores[0], scores[1]


def one_run(
    epsilon: float, delta: float, fault: str, n_canaries: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_]]:
    """One Gaussian release with a canary user a bucket, in or out of the first round by a fair coin.

    The claim is for adding or removing a user, so that the fault of adjacency cannot show.

    Returns
    -------
    (n_canaries, 2) scores, of the first round and of the difference to the second; (n_canaries,) inclusion.
    """
    scale = discrete_gaussian_sigma(epsilon, delta, n_counts=ROUNDS)
    scale /= math.sqrt(2) if fault == "noise_over_root_two" else 1
    included = rng.random(n_canaries) < 0.5
    seen = noise("gaussian", scale, fault, (1, ROUNDS, n_canaries), rng)[0].astype(float)
    seen[0] += included * (REPORTS if fault == "no_clipping" else 1)
    return np.column_stack([seen[0], seen[0] - seen[1]]), included

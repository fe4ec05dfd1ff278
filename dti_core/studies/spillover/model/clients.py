"""Clients who keep their rows and are told by one logistic rule learnt together, or each by its own."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, xlogy

from dti_core.bridges.federated import (
    Clients,
    FederatedSettings,
    Logistic,
    Protect,
    Training,
    fine_tune,
    gaussian_noise,
    train,
)
from dti_core.bridges.privacy import noise_multiplier_for
from dti_core.lab.intervals import Interval
from dti_core.studies.spillover.model.gains import Gains
from dti_core.studies.spillover.model.losses import NAIVE, PLACEBO, WITH, WITHOUT, Array, Losses

Codes = NDArray[np.int64]
Rng = np.random.Generator
Scheme = Literal["fedavg", "central", "alone"]
BASE, OWN = "base_rate", "own_rate"
ALONE: Scheme = "alone"
#: Told rows of a client above which it weighs no more, as in the cells of pooling.
FULL_WEIGHT = 100.0
#: Rounds of a client alone, whom more of them make worse, and of FedAvg where each must be paid for in noise.
FEW_ROUNDS = 10
#: Penalties of a client's own rule, of which the best on the told rows counts, and of the common rule.
RIDGES, RIDGE = (0.01, 0.1, 1.0), 0.01
SETTINGS = FederatedSettings(
    unit="site", rounds=60, local_steps=5, sampling_rate=1.0, learning_rate=1.0, clipping_norm=None,
    precision="float32", chunk_rows=4_096,
)  # fmt: skip
#: Bound on a client's update where noise protects it, and the chance that the guarantee leaves.
CLIPPING_NORM, DELTA = 0.5, 1e-3
#: Features beyond so many standard deviations are drawn in.
_REACH = 4.0


@dataclass(frozen=True, slots=True)
class Records:
    """Rows of clients with a 0/1 label; n of them.

    features : (n, n_features), known before the label. labels : (n,). owner : (n,) codes of clients. period :
    (n,) -1 of rows that are learnt from, and from 0 on of those that are told. guess : mean and strength, in
    rows, of the prior under which a client's own rate stands.
    """

    features: Array
    labels: Array
    owner: Codes
    period: Codes
    guess: tuple[float, float]

    @property
    def learnt(self) -> NDArray[np.bool_]:
        """Rows (n,) that are learnt from."""
        return self.period < 0

    @property
    def n_clients(self) -> int:
        """Number of clients."""
        return int(self.owner.max()) + 1

    def scaled(self) -> "Records":
        """The same with features of mean 0 and standard deviation 1 where they are learnt from."""
        known = self.features[self.learnt]
        spread = np.maximum(known.std(axis=0), 1e-9)
        features = np.clip((self.features - known.mean(axis=0)) / spread, -_REACH, _REACH)
        return replace(self, features=features)

    def clients(self) -> Clients:
        """What the clients learn from."""
        seen = self.learnt
        return Clients.from_table(self.features[seen], self.labels[seen], self.owner[seen], self.n_clients)

    def shuffled(self, rng: Rng) -> "Records":
        """Labels of learnt rows dealt anew within each client: of a client only its rate is left to learn."""
        rows, labels = np.flatnonzero(self.learnt), self.labels.copy()
        at = rows[np.argsort(self.owner[rows], kind="stable")]
        labels[at] = self.labels[rows[np.lexsort((rng.random(len(rows)), self.owner[rows]))]]
        return replace(self, labels=labels)

    def destroyed(self, rng: Rng) -> "Records":
        """Labels dealt anew among all rows, learnt or told: nothing but the rate of all is left."""
        return replace(self, labels=rng.permutation(self.labels))


def log_loss(records: Records, chance: Array) -> Array:
    """Mean log loss (n_clients, n_periods) of told rows, in nats, by chances (n_rows,); 0 without rows."""
    told = ~records.learnt
    p, y = chance[told], records.labels[told]
    each = -(xlogy(y, p) + xlogy(1 - y, 1 - p))
    total = _sums(records, each)
    loss: Array = total / np.maximum(n_told(records), 1.0)
    return loss


def n_told(records: Records) -> Array:
    """Rows (n_clients, n_periods) that are told of clients that have something to learn from."""
    known = np.bincount(records.owner[records.learnt], minlength=records.n_clients) > 0
    return _sums(records, np.ones(int((~records.learnt).sum()))) * known[:, None]


def _sums(records: Records, values: Array) -> Array:
    told, n_periods = ~records.learnt, int(records.period.max()) + 1
    flat = records.owner[told] * n_periods + records.period[told]
    table = np.zeros((records.n_clients, n_periods))
    table.ravel()[:] = np.bincount(flat, weights=values, minlength=table.size)
    return table


def chances(records: Records, training: Training) -> Array:
    """Chances (n_rows,) by the common rule, or by each client's own."""
    weights = training.weights
    own = weights[records.owner] if weights.ndim == 2 else np.broadcast_to(weights, (1, len(weights)))
    logits = np.einsum("nd,nd->n", records.features, np.broadcast_to(own[:, :-1], records.features.shape))
    chance: Array = expit(logits + own[:, -1])
    return chance


def learn(
    records: Records, scheme: Scheme, rng: Rng, ridge: float = RIDGE, epsilon: float | None = None
) -> Array:
    """Log losses (n_clients, n_periods) by a common rule or one a client, which starts from the guessed rate.

    Parameters
    ----------
    epsilon : of the noise that protects clients in FedAvg; None adds none.
    """
    settings, protect = (SETTINGS, None) if epsilon is None else _protected(epsilon)
    model, clients = Logistic(records.features.shape[1], ridge), records.clients()
    start = np.append(np.zeros(model.n_features), logit(records.guess[0]))
    if scheme == ALONE:
        untrained = Training(model, start, settings, {})
        training = fine_tune(untrained, clients, settings, rng, FEW_ROUNDS * settings.local_steps)
    else:
        those = clients if scheme == "fedavg" else clients.pooled()
        present = np.count_nonzero(those.n_rows(np.arange(those.n_clients)))
        settings = replace(settings, expected_cohort=float(present))
        training = train(model, those, settings, rng, protect, start=start)
    return log_loss(records, chances(records, training))


def _protected(epsilon: float) -> tuple[FederatedSettings, Protect]:
    """Settings and noise of central differential privacy of a client, add or remove one, at `DELTA`."""
    settings = replace(SETTINGS, clipping_norm=CLIPPING_NORM, rounds=FEW_ROUNDS)
    multiplier = noise_multiplier_for(epsilon, settings.sampling_rate, settings.rounds, DELTA)
    return settings, gaussian_noise(multiplier, settings)


def client_losses(records: Records, rng: Rng, n_deals: int) -> Losses:
    """Losses of a common rule by FedAvg, of clients alone, and of rates.

    The placebo is FedAvg of as many rounds on labels dealt anew within each client, its loss the mean over
    `n_deals`. Alone, a client takes the fewer steps with which it does better, under the penalty that does
    best on these very rows, which flatters it. Rivals: that, its own rate under a prior nobody learnt, and
    the rate of all (naive). Rows are weights: those told of a client, scaled down to `FULL_WEIGHT` in all.
    """
    rows = n_told(records)
    rows = rows * np.minimum(1.0, FULL_WEIGHT / np.maximum(rows.sum(axis=1, keepdims=True), 1.0))
    alone = [learn(records, ALONE, rng, ridge) for ridge in RIDGES]
    best = min(alone, key=lambda loss: float(np.sum(rows * loss)))
    base, own = _rates(records)
    found: Mapping[str, Array] = {
        WITH: learn(records, "fedavg", rng), WITHOUT: best, NAIVE: base, BASE: base, OWN: own, ALONE: best,
        PLACEBO: np.mean([learn(records.shuffled(rng), "fedavg", rng) for _ in range(n_deals)], axis=0),
    }  # fmt: skip
    return Losses({name: loss[None] for name, loss in found.items()}, rows)


def luck_of_learning(records: Records, losses: Losses, rng: Rng, n_deals: int) -> float:
    """Standard deviation, in % of the naive loss, of the mean loss of one FedAvg over deals of its labels.

    All told rows share the rule that was learnt, so that an interval over clients and periods, which takes
    the rule as given, lacks it.

    Assumes: the luck of the true labels is as large as that of labels dealt anew within clients.
    """
    deals = [learn(records.shuffled(rng), "fedavg", rng) for _ in range(n_deals)]
    share = losses.rows / losses.rows.sum()
    return 100.0 * float(np.std([np.sum(share * one) for one in deals], ddof=1)) / losses.mean(NAIVE)


def with_luck(found: Gains, luck: float, n_deals: int) -> Gains:
    """The same gains, their intervals widened by the luck of the rule learnt and of `n_deals` placebos."""
    return replace(
        found, added=_wider(found.added, luck), worth=_wider(found.worth, luck), own=_wider(found.own, luck),
        carried=_wider(found.carried, luck * math.sqrt(1 + 1 / n_deals)),
    )  # fmt: skip


def _wider(one: Interval, luck: float) -> Interval:
    wider = math.hypot(one.std_error, luck) / one.std_error
    return replace(
        one, low=one.value - wider * (one.value - one.low), high=one.value + wider * (one.high - one.value),
        std_error=wider * one.std_error, how=f"{one.how}, and luck of learning",
    )  # fmt: skip


def _rates(records: Records) -> tuple[Array, Array]:
    """Log losses by the rate of all clients together, and by the own rate of each."""
    seen, n = records.learnt, records.n_clients
    ones = np.bincount(records.owner[seen], weights=records.labels[seen], minlength=n)
    many = np.bincount(records.owner[seen], minlength=n)
    mean, strength = records.guess
    base = np.full(n, (ones.sum() + 0.5) / (many.sum() + 1.0))
    own = (ones + mean * strength) / (many + strength)
    first, second = (log_loss(records, rate[records.owner]) for rate in (base, own))
    return first, second

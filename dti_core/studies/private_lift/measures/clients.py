"""What a few broken clients do to a private report, and what its sample ratio tells of those who drop out."""

from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import norm

from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, share
from dti_core.studies.private_lift.model.cells import Array, Counts, Flags, bits
from dti_core.studies.private_lift.model.lift import intent_to_treat
from dti_core.studies.private_lift.worlds import MARKETS
from dti_core.studies.private_lift.worlds.regions import eligible_cells

#: A user (add or remove one), delta 0, pure.
EPSILON = 1.0
CHANNEL = 2
#: What a broken client sends instead of one 1 among 64 buckets: bucket -> number. The last bucket holds users
#: who are eligible for all channels and convert, the second those who are eligible for none and convert.
MALFORMED = {"two_hot": {62: 1, 63: 1}, "negative": {1: -1}, "thousandfold": {63: 1000}}
BROKEN = (1, 10, 100)
#: Shares of eligible users whose reports are lost, of all such users or of those who convert.
LOST, ALARM_LEVEL = (0.0, 0.01, 0.02, 0.05), 0.01


def is_one_hot(reports: Counts) -> Flags:
    """Which rows of (n, buckets) hold a single 1 and zeros: the check of the client's own library.

    Assumes: the client runs it. An aggregator that sees only shares cannot; who means harm leaves it out.
    """
    return (reports >= 0).all(axis=1) & (reports.sum(axis=1) == 1)


def sample_ratio_p(counts: Array, holdout: float, noise_variance: float = 0.0) -> Array:
    """(..., C) p-value that users were held out of each channel at the designed rate; counts (..., 2^C, 2).

    Small values mean that reports were lost on one side. Source: Fabijan et al. (2019), with the noise added.
    """
    users = counts.sum(axis=-1)
    held, total = users @ ~bits(users.shape[-1].bit_length() - 1), users.sum(axis=-1, keepdims=True)
    noise = users.shape[-1] * noise_variance * (holdout**2 + (1 - holdout) ** 2)
    spread = np.sqrt(np.maximum(total, 1) * holdout * (1 - holdout) + noise)
    return 2 * norm.sf(np.abs(held - holdout * total) / spread)


def study_clients(seeds: np.random.SeedSequence, *, n_users: int, n_campaigns: int) -> Findings:
    """How far broken clients move the lift of one channel, and how often lost reports raise an alarm."""
    found, market = Findings(), MARKETS["campaign"].settings
    cells, variance = eligible_cells(market), 1 / (2 * np.sinh(EPSILON / 2) ** 2)
    found.series["broken_reports"] = malformed_shifts(n_users * cells, variance)
    for row in found.series["broken_reports"].itertuples():
        exact = Interval(row.shift, row.shift, row.shift, 0.0, 1, "exact, on expected counts")
        name = f"clients_shift_{row.kind}_k{row.broken}" + "_checked" * row.checked
        found.estimates.append(exact.estimate(name, "standard errors", kind=row.kind, broken=row.broken))
    rng, rows = np.random.default_rng(seeds), []
    truth = intent_to_treat(cells * n_users).value[CHANNEL]
    for among in ("all", "converters"):
        for lost in LOST:
            kept = np.ones_like(cells)
            kept[bits(len(market.channels))[:, CHANNEL], int(among == "converters") :] -= lost
            cell = np.append(cells * kept, (cells * (1 - kept)).sum())
            counts = rng.multinomial(n_users, cell, n_campaigns)[:, :-1].reshape(-1, *cells.shape)
            noisy = (counts + discrete_laplace(1 / EPSILON, counts.shape, rng)).astype(float)
            p = sample_ratio_p(noisy, market.holdout, variance)[:, CHANNEL]
            alarms = share(int((p < ALARM_LEVEL).sum()), n_campaigns)
            name, unit = f"clients_alarm_{among}_lost{100 * lost:.0f}", "share of campaigns"
            found.estimates.append(alarms.estimate(name, unit, among=among, lost=lost))
            moved = intent_to_treat(cells * kept * n_users).value[CHANNEL] / truth - 1
            rows.append((among, lost, alarms.value, alarms.low, alarms.high, moved))
    columns = ["among", "lost", "alarms", "low", "high", "bias"]
    found.series["lost_reports"] = pd.DataFrame(rows, columns=columns)
    return found


def malformed_shifts(counts: Array, variance: float) -> pd.DataFrame:
    """Shift of the ITT by broken clients, in standard errors of the private estimate, checked or not."""
    plain, rows = intent_to_treat(counts, variance), []
    for kind, sent in MALFORMED.items():
        report = np.zeros((1, counts.size), dtype=np.int64)
        report[0, list(sent)] = list(sent.values())
        for n_broken, checked in product(BROKEN, (False, True)):
            passes = not checked or bool(is_one_hot(report)[0])
            moved = intent_to_treat(counts + n_broken * passes * report.reshape(counts.shape)).value
            shift = float(((moved - plain.value) / plain.std_error)[CHANNEL])
            rows.append((kind, n_broken, checked, shift))
    return pd.DataFrame(rows, columns=["kind", "broken", "checked", "shift"])

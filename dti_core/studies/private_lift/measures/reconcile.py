"""What it brings to reconcile event-level with summary-level reports, and what not being negative costs."""

import numpy as np
import pandas as pd

from dti_core.bridges.privacy import randomised_response_rate
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, mean_over_seeds
from dti_core.studies.private_lift.measures.telling import At, keep
from dti_core.studies.private_lift.model.cells import Array, Counts
from dti_core.studies.private_lift.model.reconcile import (
    event_view,
    reconcile,
    reconcile_positive,
    summary_view,
    tree,
)

#: Channels, campaigns a channel, creators a campaign; users who report, and the share of them who bought.
BRANCHES, N_USERS, BOUGHT = (3, 3, 4), 20_000, 0.1
#: Epsilons of the event report and of the totals.
SPENT = ((1.0, 1.0), (2.0, 1.0), (4.0, 1.0), (8.0, 1.0))
GUARANTEE = "unit user, replace one, delta 0, basic composition of event report and totals"
ONE = "one histogram, all epsilon"
#: Published rates of randomised response: choices of an event report and epsilon.
RATE_GUARANTEE = "unit event report, replace one, delta 0, pure epsilon"
PUBLISHED_RATES = {"clicks": (2925, 14.0), "views": (3, 14.0)}


def study_reconcile(seeds: np.random.SeedSequence, n_draws: int) -> Findings:
    """Gain in mean squared error of creators' conversions over the better single view, and bias."""
    found, rows, design = Findings(), [], tree(*BRANCHES)
    leaves = _leaves(design.shape[1])
    for (event, summary), seed in zip(SPENT, seeds.spawn(len(SPENT)), strict=True):
        rng = np.random.default_rng(seed)
        reports, noise = event_view(np.append(leaves, N_USERS - leaves.sum()), event, n_draws, rng)
        totals, spread = summary_view(design.astype(np.int64) @ leaves, summary, len(BRANCHES), n_draws, rng)
        both = np.vstack([np.eye(len(leaves)), design])
        seen = np.hstack([reports[:, :-1], totals])
        variance = np.repeat([noise, spread], [len(leaves), len(design)])
        alone, _ = summary_view(leaves, event + summary, 1, n_draws, rng)
        views = {
            "events": reports[:, :-1], "totals": totals[:, -len(leaves):],
            "totals made consistent": reconcile(design, totals, variance[len(leaves):])[0],
            "reconciled": reconcile(both, seen, variance)[0],
            "reconciled, none negative": reconcile_positive(both, seen, variance),
            ONE: alone,
        }  # fmt: skip
        rows += _told(found, views, leaves, event, summary)
    found.series["reconcile"] = pd.DataFrame(rows)
    for kind, (k, epsilon) in PUBLISHED_RATES.items():
        keep(found, f"event_noise_rate_{kind}", randomised_response_rate(k, epsilon), "share of reports",
             {"k": k, "epsilon": epsilon, "guarantee": RATE_GUARANTEE})  # fmt: skip
    return found


def _leaves(n: int) -> Counts:
    """Conversions by creator: few have most of them."""
    rank = np.argsort(np.argsort(-np.sin(np.arange(1, n + 1) * 2.4)))
    weight = 1.0 / (1 + rank) ** 2
    return np.asarray(np.round(N_USERS * BOUGHT * weight / weight.sum()), dtype=np.int64)


def _told(
    found: Findings, views: dict[str, Array], leaves: Counts, event: float, summary: float
) -> list[dict[str, object]]:
    small, spent = leaves <= np.quantile(leaves, 0.25), f"eps{event:g}_{summary:g}"
    errors = {name: ((view - leaves) ** 2).mean(axis=1) for name, view in views.items()}
    best = min(("events", "totals"), key=lambda name: errors[name].mean())
    biases = {name: _bias((view - leaves)[:, small]) for name, view in views.items()}
    told = {
        "gain": (_ratio(errors[best] - errors["reconciled"], errors[best]), "share of the squared error"),
        "over_one": (_ratio(errors["reconciled"], errors[ONE]), "times its squared error"),
        "bias": (biases["reconciled"], "standard deviations"),
        "bias_positive": (biases["reconciled, none negative"], "standard deviations"),
    }
    at: At = {"epsilon": event + summary, "epsilon_event": event, "epsilon_summary": summary,
              "better_view": best, "guarantee": GUARANTEE}  # fmt: skip
    for label, (one, unit) in told.items():
        keep(found, f"reconcile_{label}_{spent}", one, unit, at)
    return [{"epsilon_event": event, "epsilon_summary": summary, "view": name,
             "rmse": float(np.sqrt(errors[name].mean())), "bias_small": biases[name].value,
             "low": biases[name].low, "high": biases[name].high} for name in views]  # fmt: skip


def _bias(errors: Array) -> Interval:
    """Mean error of small creators' counts, in standard deviations of one of them."""
    return mean_over_seeds(errors.mean(axis=1) / errors.std(axis=0, ddof=1).mean())


def _ratio(ours: Array, rival: Array) -> Interval:
    """Ratio of means over draws, by the delta method."""
    ratio = ours.mean() / rival.mean()
    return mean_over_seeds(ratio + (ours - ratio * rival) / rival.mean())

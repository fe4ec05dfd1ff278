"""What looking early and unequal samples do to reports, on 78 real online experiments."""

import numpy as np
import pandas as pd
from scipy import stats

from dti_core.lab.findings import Findings
from dti_core.lab.intervals import mean_over_seeds, share
from dti_core.lab.record import Estimate
from dti_core.studies.private_lift.data.asos import METRICS, load_asos
from dti_core.studies.private_lift.data.check import BALANCE_LEVEL
from dti_core.studies.private_lift.measures.reports import Plan, Z, guarantee, noise_variance


def study_peeking(plan: Plan) -> Findings:
    """Shares of tests that are significant at the end, and at any look; and samples that do not fit."""
    found, (table, _) = Findings(), load_asos()
    last = table[table["metric"] == METRICS[0]].groupby("test").tail(1)
    users = last[["users_c", "users_t"]].to_numpy(np.float64)
    p = stats.chisquare(users, users.sum(axis=1, keepdims=True) / 2, axis=1).pvalue
    unequal = share(int((p < BALANCE_LEVEL).sum()), len(p))
    name, unit = "asos_sample_ratio_mismatch", "share of tests"
    found.estimates.append(unequal.estimate(name, unit, measure="unequal", level=BALANCE_LEVEL))
    rows = []
    for metric in METRICS:
        looks = table[table["metric"] == metric].dropna(subset=["variance_c", "variance_t"])
        noise = (looks["variance_t"] / looks["users_t"] + looks["variance_c"] / looks["users_c"]) ** 0.5
        clear = ((looks["mean_t"] - looks["mean_c"]).abs() > Z * noise).groupby(looks["test"])
        for when, each in (("end", clear.last()), ("any_look", clear.any())):
            one = share(int(each.sum()), len(each))
            name = f"asos_significant_{when}_metric_{metric}"
            found.estimates.append(one.estimate(name, unit, metric=metric, when=when))
            ends = {"share": one.value, "low": one.low, "high": one.high}
            rows.append({"metric": metric, "when": when} | ends)
    found.series["peeking"] = pd.DataFrame(rows)
    rates = table[(table["metric"] == METRICS[0]) & (table[["users_c", "users_t"]] > 0).all(axis=1)]
    found.estimates += _without_effect(rates, plan)
    _privately(found, rates[(rates[["mean_c", "mean_t"]] > 0).all(axis=1)], plan)
    return found


def _without_effect(looks: pd.DataFrame, plan: Plan) -> list[Estimate]:
    """The same looks at tests that do nothing: users arrive as they did, and means differ by chance alone."""
    rng = plan.stream("asos", "no_effect")
    ends, anywhere = [], []
    for _, users in looks.groupby("test")[["users_c", "users_t"]]:
        told = 1 / (1 / users["users_c"] + 1 / users["users_t"]).to_numpy(np.float64)
        steps = np.sqrt(np.maximum(np.diff(told, prepend=0.0), 0.0))
        clear = np.abs((rng.normal(size=(plan.n_draws, len(told))) * steps).cumsum(axis=1)) > Z * np.sqrt(
            told
        )
        ends.append(clear[:, -1])
        anywhere.append(clear.any(axis=1))
    found = []
    for when, draws in (("end", ends), ("any_look", anywhere)):
        one = mean_over_seeds(np.mean(draws, axis=0))
        name = f"asos_significant_{when}_metric_{METRICS[0]}"
        found.append(one.estimate(name, "share of tests", "no_effect", metric=METRICS[0], when=when))
    return found


def _privately(found: Findings, looks: pd.DataFrame, plan: Plan) -> None:
    """Looks at the 0/1 metric when all looks at a test must share one epsilon: how much wider they are.

    Each user stands in a cell of a look, and in one of every later look, so that epsilon is split over looks.
    """
    n_looks = looks.groupby("test")["day"].transform("size").to_numpy(np.float64)
    users = looks[["users_c", "users_t"]].to_numpy(np.float64)
    rate = looks[["mean_c", "mean_t"]].to_numpy(np.float64)
    first = ~looks["test"].duplicated().to_numpy()
    sampling = (rate * (1 - rate) / users).sum(axis=1)
    for epsilon in plan.epsilons:
        for what, splits in (("one_look", np.ones_like(n_looks)), ("all_looks", n_looks)):
            scale = splits / epsilon
            variance = np.array([noise_variance(one) for one in scale])
            noise = (variance[:, None] * (rate**2 + (1 - rate) ** 2) / users**2).sum(axis=1)
            wider = np.sqrt(1 + noise / sampling)[first]
            name = f"asos_wider_first_look_{what}_eps{epsilon:g}".replace(".", "_")
            at = {"measure": "wider", "looks": what, "guarantee": guarantee(epsilon, "user").text}
            found.estimates.append(mean_over_seeds(wider).estimate(name, "width over plain width", **at))

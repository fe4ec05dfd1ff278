"""Private sums of commerce in security: who mends or is exploited next month, and who reads whose report."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.bridges.secure_sum import secure_histogram
from dti_core.lab.intervals import Interval
from dti_core.lab.record import Estimate
from dti_core.studies.spillover.data.exploits import N_DAYS, load_exploits
from dti_core.studies.spillover.data.fixes import N_WEEKS, load_fixes
from dti_core.studies.spillover.methods.draws import (
    DRAW_SEEDS,
    by_bootstrap,
    drawn_estimate,
    draws_of,
    gains_row,
    named,
    promised,
)
from dti_core.studies.spillover.methods.task import Task
from dti_core.studies.spillover.model.attacker import (
    View,
    bound,
    exact_advantage,
    sampled_share,
    secret_advantage,
)
from dti_core.studies.spillover.model.gains import Gains, Outcome, gains, null_gains
from dti_core.studies.spillover.model.losses import PLACEBO, WITH, WITHOUT, Losses
from dti_core.studies.spillover.model.months import (
    HISTORY,
    RATE,
    Months,
    forecasts_of,
    known_before_test,
    losses_of,
    months_of,
    warned,
    with_totals,
)
from dti_core.studies.spillover.model.sums import Release
from dti_core.studies.spillover.worlds.sums import planted_months

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
#: An advantage, and by how much that on a sample exceeds it.
Attack = tuple[float, float]
EPSILONS, MAIN_EPSILON = (0.5, 1.0, 2.0, 4.0, 8.0), 1.0
UNIT = "source and month"
#: Share of member-months that may be watched.
EFFORT = 0.15
#: As many members for each real one, in the world in which noise must hide one better than a sample does.
CROWD = 20
VIEWS: tuple[View, ...] = ("aggregator", "outsider")
ATTACKED = ("attacker_advantage", "attacker_gain")
N_MONTHS_SEEN = (1, 2, 4, 8, 16)


def fixes_months() -> Months:
    """Debian sources that mended in each four weeks, without those that number every defect."""
    fixes = load_fixes()
    return known_before_test(months_of(fixes.source, fixes.day, len(fixes.names), 7 * N_WEEKS))


def exploits_months() -> Months:
    """Vendors of whom CISA listed an exploited vulnerability in each four weeks."""
    names, vendor, day = load_exploits()
    return months_of(vendor, day, len(names), N_DAYS)


def released_totals(months: Months, epsilon: float, n_seeds: int, rng: np.random.Generator) -> Array:
    """Released totals (n_seeds, n_origins): a member reports 1 if it was active, with epsilon a month."""
    release = Release(epsilon, steps=1, unit=UNIT)
    return months.totals + release.noise((n_seeds, months.n_origins), rng)


def losses_in(months: Months, epsilon: float, n_seeds: int, rng: np.random.Generator) -> Losses:
    """Brier scores of all arms at this epsilon."""
    return losses_of(months, forecasts_of(months, released_totals(months, epsilon, n_seeds, rng), rng))


def null_draw(months: Months, rng: np.random.Generator) -> Gains:
    """Totals of other months in the part's place."""
    totals = released_totals(months, MAIN_EPSILON, DRAW_SEEDS, rng)
    arms = forecasts_of(months, rng.permuted(totals, axis=1), rng)
    return null_gains(losses_of(months, arms).resampled(rng))


def planted_draw(months: Months, rng: np.random.Generator) -> Gains:
    """As many simulated members and months, whose rates rise and fall together."""
    active = planted_months(months.active.shape, rng)
    drawn = Months(active, np.where(active > 0, 0.0, np.nan))
    return gains(losses_in(drawn, MAIN_EPSILON, DRAW_SEEDS, rng))


def _security_cell(task: Task, cell: str, months: Months, unit: str) -> Outcome:
    n_seeds = task.effort.n_instances
    if not np.array_equal(secure_histogram(months.active[:, :-1].astype(np.int64)), months.totals):
        raise ArithmeticError(f"{cell}: the aggregators' totals are not the plain ones")
    by_epsilon = {
        epsilon: gains(losses_in(months, epsilon, n_seeds, task.stream(cell, f"{epsilon}")))
        for epsilon in EPSILONS
    }
    draws = draws_of(
        task, cell, {"null": partial(null_draw, months), "planted": partial(planted_draw, months)}
    )
    outcome = Outcome(by_epsilon[MAIN_EPSILON], draws["null"], draws["planted"])
    exact = gains(losses_in(months, float("inf"), 1, task.stream(cell, "exact")))
    rows = [
        gains_row(one, epsilon=at) | promised(Release(at, 1, unit), months.n_origins)
        for at, one in [*by_epsilon.items(), (float("inf"), exact)]
    ]
    series = {f"{cell}_by_epsilon": pd.DataFrame(rows)}
    return replace(outcome, estimates=warning_estimates(task, cell, months), series=series)


def run_fixes(task: Task) -> Outcome:
    """Which Debian source mends in the next four weeks (C27), and who can tell one report (C56a).

    Brier scores by source and month; epsilon a source and month, add or remove one, delta 0, pure accounting.
    """
    months = fixes_months()
    outcome = _security_cell(task, "sums_fixes", months, UNIT)
    series = {**outcome.series, "sums_fixes_attacker": attacker_table(months)}
    return replace(outcome, estimates=outcome.estimates + attacker_estimates(task, months), series=series)


def run_exploits(task: Task) -> Outcome:
    """Which vendor has a vulnerability listed as exploited in the next four weeks (C27), by private sums."""
    return _security_cell(task, "sums_exploits", exploits_months(), "vendor and month")


def warning_estimates(task: Task, cell: str, months: Months) -> tuple[Estimate, ...]:
    """Coverage at the same effort and days of warning by arm, and what the part adds to each."""
    rng, arms = task.stream(cell, "warnings"), (WITH, WITHOUT, PLACEBO, RATE, HISTORY)
    n_seeds, n_members = min(task.effort.n_instances, 20), len(months.active)
    forecasts = forecasts_of(months, released_totals(months, MAIN_EPSILON, n_seeds, rng), rng)

    def both(seed: int, members: NDArray[np.int64]) -> Array:
        found = [warned(months, forecasts[arm][seed], EFFORT, members) for arm in arms]
        return np.asarray(found).T

    units = {f"{cell}_coverage": "share of active member-months", f"{cell}_warning": "days"}
    n_resamples = max(20, task.effort.n_draws)
    return by_bootstrap(both, units, arms, n_seeds, np.arange(n_members), n_resamples, rng)


def attack(months: Months, epsilon: float, view: View, kept: Codes, *, forgotten: bool = False) -> Attack:
    """The optimal test's advantage, and how far that on a plain sum of a sample of equal variance exceeds it.

    Parameters
    ----------
    kept : rows of the judged months, whose mean number of active members sets the sample's size. forgotten :
        a fault of the code, noise left out.
    """
    variance = Release(epsilon, steps=1, unit=UNIT).variance
    seen = 1.0 if forgotten else exact_advantage(epsilon, view)
    return seen, sampled_share(float(judged_totals(months)[kept].mean()), variance) - seen


def judged_totals(months: Months) -> Array:
    """Active members of the months from whose totals the judged forecasts are made."""
    return months.totals[~months.learning]


def attacked(
    months: Months, epsilon: float, view: View, every: Codes, n: int, rng: np.random.Generator,
    *, forgotten: bool = False,
) -> tuple[Interval, Interval]:  # fmt: skip
    """Both of `attack` on these months of the judged, with their range over `n` resamples of them."""
    value = attack(months, epsilon, view, every, forgotten=forgotten)
    boot = np.array([
        attack(months, epsilon, view, rng.choice(every, len(every)), forgotten=forgotten) for _ in range(n)
    ])  # fmt: skip
    how = f"exact; bootstrap of {len(every)} months, {n} resamples"
    ends, errors = np.quantile(boot, [0.025, 0.975], axis=0), boot.std(axis=0)
    first, second = (
        Interval(value[k], min(low, value[k]), max(high, value[k]), float(errors[k]), len(every), how)
        for k, (low, high) in enumerate(ends.T.tolist())
    )
    return first, second


def attacker_estimates(task: Task, months: Months) -> tuple[Estimate, ...]:
    """The attacker's advantage by epsilon and view, and what noise spares at equal variance of the total."""
    n, rng, found = max(20, 5 * task.effort.n_instances), task.stream("attacker"), list[Estimate]()
    every = np.arange(len(judged_totals(months)))
    for epsilon in EPSILONS:
        for view in VIEWS:
            for name, one in zip(ATTACKED, attacked(months, epsilon, view, every, n, rng), strict=True):
                main = (view, epsilon) == (VIEWS[0], MAIN_EPSILON)
                full = name if main else named(name, view, "eps", epsilon)
                found.append(one.estimate(full, "TPR - FPR", view=view, epsilon=epsilon))
        found += [secret_estimate(months, epsilon, every, n, rng), equal_error(task, months, epsilon)]
    at: dict[str, str | float] = {"view": "aggregator", "epsilon": MAIN_EPSILON}
    for world, those in (("null", months), ("planted", crowd(months))):
        draw = partial(attacked, those, MAIN_EPSILON, VIEWS[0], n=50, rng=rng, forgotten=world == "null")
        pairs = [draw(rng.choice(every, len(every))) for _ in range(task.effort.n_draws)]
        for place, name in enumerate(ATTACKED):
            found.append(drawn_estimate(name, "TPR - FPR", world, [one[place] for one in pairs], **at))
    return tuple(found)


def secret_estimate(
    months: Months, epsilon: float, every: Codes, n: int, rng: np.random.Generator
) -> Estimate:
    """How far the advantage on a sample that is drawn in secret exceeds that on noisy sums."""
    variance, seen = Release(epsilon, steps=1, unit=UNIT).variance, exact_advantage(epsilon, VIEWS[0])

    def gain(kept: Codes) -> float:
        active = judged_totals(months)[kept]
        return secret_advantage(active, sampled_share(float(active.mean()), variance)) - seen

    value, boot = gain(every), np.array([gain(rng.choice(every, len(every))) for _ in range(n)])
    low, high = np.quantile(boot, [0.025, 0.975])
    return Estimate(
        named("attacker_secret_gain_eps", epsilon), value, min(value, float(low)), max(value, float(high)),
        "TPR - FPR", len(every), how=f"exact; bootstrap of {len(every)} months, {n} resamples",
        at={"view": VIEWS[0], "epsilon": epsilon},
    )  # fmt: skip


def crowd(months: Months) -> Months:
    """The months with `CROWD` times the members, among whom noise hides one better than a sample does."""
    return Months(np.tile(months.active, (CROWD, 1)), np.tile(months.first, (CROWD, 1)))


def equal_error(task: Task, months: Months, epsilon: float) -> Estimate:
    """Brier score from plain sums of a sample less that from noisy sums, which ought to be near 0."""
    rng, n_seeds = task.stream("attacker", "error", f"{epsilon}"), task.effort.n_instances
    noisy = released_totals(months, epsilon, n_seeds, rng)
    share = sampled_share(float(judged_totals(months).mean()), Release(epsilon, steps=1).variance)
    sampled = rng.binomial(months.totals.astype(np.int64), share, noisy.shape) / share
    arms = {**forecasts_of(months, noisy, rng), "sample": with_totals(months, sampled)}
    apart = losses_of(months, arms).gain("sample", WITH)
    return apart.estimate(named("attacker_equal_error_eps", epsilon), "% of the naive error", epsilon=epsilon)


def attacker_table(months: Months) -> pd.DataFrame:
    """Exact advantage of the optimal test, by epsilon and months with a report of 1, and its bound."""
    n_active, rows = float(judged_totals(months).mean()), []
    for epsilon in EPSILONS:
        share = sampled_share(n_active, Release(epsilon, steps=1).variance)
        rows += [
            {
                "epsilon": epsilon, "months": n, "bound": bound(epsilon, n),
                **{view: exact_advantage(epsilon, view, n) for view in VIEWS},
                "sample anew": 1 - (1 - share) ** n, "sample once": share, "plain": 1.0, "coin": 0.0,
            }
            for n in N_MONTHS_SEEN
        ]  # fmt: skip
    return pd.DataFrame(rows)

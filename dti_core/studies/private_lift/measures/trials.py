"""Real randomised trials, measured plainly and with privacy: what was known, and what the noise cost."""

from functools import partial

import numpy as np
from statsmodels.regression.linear_model import WLS

from dti_core.bridges.privacy import discrete_laplace
from dti_core.lab.errors import DataError, one_line
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, share
from dti_core.studies.private_lift.data.hillstrom import load_hillstrom
from dti_core.studies.private_lift.data.trials import (
    ClusterTrial,
    load_clusters,
    load_count_trials,
    load_jobs,
)
from dti_core.studies.private_lift.measures.campaign import measure_campaign, word
from dti_core.studies.private_lift.measures.reports import (
    Plan,
    Question,
    Report,
    control_draws,
    difference,
    noise_variance,
    weighted,
)
from dti_core.studies.private_lift.model.cells import Array, Counts
from dti_core.studies.private_lift.model.lift import Measured, factorial_shapley, normal, shares
from dti_core.studies.private_lift.model.wald import sums_of

POINTS = "percentage points"
#: A step of the depression score, which is summed in whole numbers.
STEP = 0.01
_TURNOUT = "Turnout, TV advertisements by cable system"


def study_trials(plan: Plan) -> Findings:
    """Every trial that this machine holds, plainly and at each epsilon; the others are in `left_out`.

    Each answer is a release of its own: who publishes several spends the sum of their epsilons.
    """
    report = Report(plan)
    for what, step in (("trials inside packages", _packaged), ("hillstrom", _email)):
        try:
            step(report)
        except DataError as error:
            report.found.left_out.append((what, one_line(error, 200)))
    return report.gathered("trials")


def shapley_share(factor: int, cells: Counts, variance: float) -> Measured:
    """Share of a factor in the Shapley values of a factorial, from counts (n_draws, 2^C, 2)."""
    values, errors = shares(*factorial_shapley(cells.astype(float), variance))
    return normal(values[:, factor], errors[:, factor])


def fit_clusters(cells: Counts, trial: ClusterTrial, *, by_size: bool = False) -> tuple[float, float]:
    """Effect on the share of voters and its robust error, a cable system a row, dummies of strata.

    The noise of a system's counts lies in its residual, so that the robust error includes it.
    """
    people = np.maximum(cells.sum(axis=1), 1).astype(float)
    blocks = trial.stratum[:, None] == np.arange(trial.stratum.max() + 1)
    design = np.column_stack([trial.treated, blocks]).astype(float)
    weights = people if by_size else np.ones(len(people))
    fit = WLS(cells[:, 1] / people, design, weights=weights).fit(cov_type="HC1")
    return float(fit.params[0]), float(fit.bse[0])


def as_far(trial: ClusterTrial, n_draws: int, rng: np.random.Generator) -> int:
    """How many assignments, drawn anew within strata, have an effect at least as far from zero."""
    outcome = trial.cells[:, 1] / trial.cells.sum(axis=1)
    blocks = (trial.stratum[:, None] == np.arange(trial.stratum.max() + 1)).astype(float)

    def effect(treated: Array) -> Array:
        centred = treated - (treated @ blocks / blocks.sum(axis=0)) @ blocks.T
        found: Array = centred @ outcome / (centred**2).sum(axis=-1)
        return found

    # Places in the order of strata and chance: those of a stratum go to as many as were treated in it.
    order = np.argsort(rng.random((n_draws, len(outcome))) + trial.stratum, axis=1)
    in_order = trial.treated[np.lexsort((-trial.treated, trial.stratum))].astype(float)
    drawn = np.zeros((n_draws, len(outcome)))
    np.put_along_axis(drawn, order, np.broadcast_to(in_order, drawn.shape), axis=1)
    return int(np.sum(np.abs(effect(drawn)) >= abs(effect(trial.treated.astype(float))) - 1e-12))


def _packaged(report: Report) -> None:
    for name, trial in load_count_trials().items():
        for quantity, weights in trial.contrasts.items():
            asked = Question(name, quantity, trial.title, POINTS, trial.unit, int(trial.cells.sum()))
            report.counts(asked, trial.cells, partial(weighted, weights))
        if name == "resume_names":
            for factor, quantity in enumerate(("name_share", "quality_share")):
                asked = Question(name, quantity, trial.title, "% of both", trial.unit, int(trial.cells.sum()))
                report.counts(asked, trial.cells, partial(shapley_share, factor))
    _clusters(report, load_clusters())
    group, depression = load_jobs()
    sums = sums_of(group, depression, 1.0, 5.0, STEP, 3)
    flags = np.array([False, True, True]), np.array([False, False, True])
    for quantity, per_taker in (("invited", False), ("attended", True)):
        title, unit = "Depression, invitation to a seminar", "points of a score of 1 to 5"
        asked = Question("jobs", quantity, title, unit, "worker", len(group), scale=1.0)
        report.means(asked, sums, *flags, per_taker=per_taker)


def _clusters(report: Report, trial: ClusterTrial) -> None:
    name, n_people = "rock_the_vote", int(trial.cells.sum())
    naive = np.array([trial.cells[trial.treated == side].sum(axis=0) for side in (0, 1)])
    asked = Question(name, "as_if_people", f"{_TURNOUT}, people as independent", POINTS, "person", n_people)
    alone = difference(naive[None], 0.0)
    report.add(asked, None, alone)
    errors = {"as_if_people": float(alone.std_error[0]), "clustered": fit_clusters(trial.cells, trial)[1]}
    for quantity, one in errors.items():
        points = Interval(100 * one, 100 * one, 100 * one, 0.0, n_people, "exact, no interval")
        at = {"trial": name, "measure": "standard error"}
        report.found.estimates.append(points.estimate(f"{name}_error_{quantity}", POINTS, **at))
    for quantity, by_size in (("effect", False), ("by_size", True)):

        def answer(cells: Counts, _: float, by_size: bool = by_size) -> Measured:
            return normal(*np.array([fit_clusters(one, trial, by_size=by_size) for one in cells]).T)

        asked = Question(name, quantity, _TURNOUT, POINTS, "person", len(trial.treated))
        report.counts(asked, trial.cells, answer)
    n_drawn = 20 * report.plan.n_draws
    found = share(as_far(trial, n_drawn, report.plan.stream(name, "permuted")), n_drawn)
    at = {"trial": name, "measure": "permutation p"}
    report.found.estimates.append(found.estimate(f"{name}_permutation_p", "p-value", **at))


def _email(report: Report) -> None:
    campaign, _ = load_hillstrom()
    measure_campaign(report, campaign, "email", whole_only=True)
    _controls(report, campaign.cells("conversion")[:2], f"email_{word(campaign.arms[1])}_conversion_eps1")


def _controls(report: Report, cells: Counts, name: str) -> None:
    """Two arms of the e-mail trial, permuted, and with half as many conversions again in the second."""
    one = next((one for one in report.found.estimates if one.name == name), None)
    if one is None:
        return
    users, buyers, n_draws = cells.sum(axis=1), int(cells[:, 1].sum()), report.plan.n_draws
    for world, more in (("permuted_arms", 0.0), ("planted_effect", 0.5)):
        rng = report.plan.stream("email_conversion", world)
        bought = rng.multivariate_hypergeometric(users, buyers, size=n_draws)
        bought[:, 1] += rng.binomial(bought[:, 1], more)
        drawn = np.stack([users - bought, bought], axis=-1)
        drawn = drawn + discrete_laplace(1.0, drawn.shape, rng)
        answers = difference(drawn, noise_variance(1.0))
        report.found.estimates.append(control_draws(one, world, answers, 100.0))

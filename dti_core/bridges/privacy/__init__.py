"""Differential privacy: noise, its accounting, a budget ledger that survives kills, and audits of the claim.

Sampling for release is exact and takes its randomness from the operating system; sampling for simulation is
fast and takes it from a seeded generator. Every promise is a `Guarantee`, which names its unit, adjacency,
epsilon, delta and accountant.

Assumes: research code, not audited and not constant-time: who can time it may learn what noise hides.

Source: Dwork, Roth (2014); each function names its own.
"""

from dti_core.bridges.privacy.accounting import Accountant, epsilon_of, noise_multiplier_for
from dti_core.bridges.privacy.audit import clopper_pearson, gaussian_mu_bound, one_run_bound, two_world_bound
from dti_core.bridges.privacy.chain import LedgerError
from dti_core.bridges.privacy.clipping import clip_rows, gaussian_epsilon, gaussian_sigma, sensitivity
from dti_core.bridges.privacy.distributed import (
    skellam_epsilon,
    skellam_epsilon_bound,
    skellam_renyi,
    skellam_variance_for,
)
from dti_core.bridges.privacy.exact import (
    rational_at_least,
    release_discrete_gaussian,
    release_discrete_laplace,
)
from dti_core.bridges.privacy.guarantee import ACCOUNTANTS, ADJACENCIES, Adjacency, Guarantee, compose
from dti_core.bridges.privacy.ledger import MICRO, Charge, Ledger, deduction
from dti_core.bridges.privacy.local import (
    draw_oue_sums,
    estimate_oue,
    estimate_randomised_response,
    oue_encode,
    oue_variance,
    randomised_response,
    randomised_response_rate,
)
from dti_core.bridges.privacy.noise import (
    ARA_BUDGET,
    ara_noise_sd,
    discrete_gaussian,
    discrete_gaussian_pmf,
    discrete_gaussian_sigma,
    discrete_laplace,
    skellam,
)

__all__ = [
    "ACCOUNTANTS", "ADJACENCIES", "ARA_BUDGET", "MICRO", "Accountant", "Adjacency", "Charge", "Guarantee",
    "Ledger", "LedgerError", "ara_noise_sd", "clip_rows", "clopper_pearson", "compose", "deduction",
    "discrete_gaussian", "discrete_gaussian_pmf", "discrete_gaussian_sigma", "discrete_laplace",
    "draw_oue_sums", "epsilon_of",
    "estimate_oue", "estimate_randomised_response", "gaussian_epsilon", "gaussian_mu_bound", "gaussian_sigma",
    "noise_multiplier_for", "one_run_bound", "oue_encode", "oue_variance", "randomised_response",
    "randomised_response_rate", "rational_at_least", "release_discrete_gaussian", "release_discrete_laplace",
    "sensitivity", "skellam", "skellam_epsilon", "skellam_epsilon_bound", "skellam_renyi",
    "skellam_variance_for", "two_world_bound",
]  # fmt: skip

"""Partial pooling of small and large units: what a unit saw itself, drawn in towards what all units are like.

How far is learnt from the units: the less they differ, and the less one saw, the further. Rates take a beta
prior (`fit_beta`), means a normal one (`fit_normal`); `ESTIMATES` holds rates alone, in one pool, and partly
pooled, so that they compare on the same counts.

Assumes: units are exchangeable: before their data nothing tells one from another. Where something does (a
country, a size), make groups with priors of their own. Fitted priors are taken as known, so that intervals
are a little too narrow where units are few.

Source: Robbins (1956); Efron, Morris (1973, 1975); Skellam (1948); DerSimonian, Laird (1986).
"""

from dti_core.bridges.pooling.beta_binomial import BetaPrior, fit_beta, log_likelihood
from dti_core.bridges.pooling.normal import HOW, How, NormalPrior, fit_normal, james_stein, within_variance
from dti_core.bridges.pooling.rates import ESTIMATES, Estimate, lone_rates, pooled_rates

__all__ = [
    "ESTIMATES", "HOW", "BetaPrior", "Estimate", "How", "NormalPrior", "fit_beta", "fit_normal",
    "james_stein", "log_likelihood", "lone_rates", "pooled_rates", "within_variance",
]  # fmt: skip

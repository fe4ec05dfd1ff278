"""Ways to learn who books, from searches of many users on many sites; each predicts a chance."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from dti_core.bridges.federated import (
    SCHEMES,
    Clients,
    FederatedSettings,
    Logistic,
    RecordSettings,
    Tamper,
    gaussian_noise,
    train,
    train_record_level,
)
from dti_core.bridges.privacy import discrete_laplace, noise_multiplier_for
from dti_core.lab.methods import Method
from dti_core.studies.private_lift.methods.budget import DELTA, ROUNDS, SAMPLING_RATE, Budget
from dti_core.studies.private_lift.model.searches import Searches

Array = NDArray[np.float64]
#: Bound on the update of a user and on the gradient of a record, whose rows are about 1 long.
CLIPPING_NORM = 1.0
#: Rounds in which all sites take part, local steps, rows a step, and bound on a site's update under privacy.
SITE_ROUNDS, SITE_STEPS, SITE_BATCH, SITE_NORM = 30, 10, 64, 1.0
PRIVATE_SITE_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Fitted:
    """A learned model: `predict` gives chances (n,) of searches. epsilon : by opacus, if it ran."""

    predict: Callable[[Searches], Array]
    epsilon: float | None = None


@dataclass(frozen=True, slots=True)
class Learner:
    """How to learn, and the four candidates of its one tuned setting. unit : whom its privacy is for."""

    learn: Callable[[Searches, Budget, float, np.random.Generator], Fitted]
    candidates: tuple[float, ...]
    unit: str = ""
    pure: bool = False

    def __call__(
        self, searches: Searches, budget: Budget, setting: float, rng: np.random.Generator
    ) -> Fitted:
        """Learn from searches within a budget, at a candidate of the setting."""
        return self.learn(searches, budget, setting, rng)


@dataclass(frozen=True, slots=True)
class FromPrior(Logistic):
    """A logistic model that starts at the public share of bookings."""

    prior: float = 0.5

    def start(self, rng: np.random.Generator) -> Array:
        """Zeros, and the log-odds of the prior as intercept."""
        return np.append(np.zeros(self.n_features), logit(self.prior))


def model_of(searches: Searches) -> FromPrior:
    """The model of all gradient methods."""
    return FromPrior(searches.rows.shape[1], prior=searches.prior)


def central(searches: Searches, budget: Budget, setting: float, rng: np.random.Generator) -> Fitted:
    """All searches in one place, without privacy; `setting` is the inverse of the ridge penalty."""
    from sklearn.linear_model import LogisticRegression

    made = LogisticRegression(C=setting, solver="newton-cholesky").fit(searches.rows, searches.booked)
    return Fitted(lambda new: np.asarray(made.predict_proba(new.rows)[:, 1]))


def by_record(searches: Searches, budget: Budget, setting: float, rng: np.random.Generator) -> Fitted:
    """All searches in one place by opacus: the guarantee is for a search, of which a user has several."""
    import torch

    module = torch.nn.Linear(searches.rows.shape[1], 1)
    with torch.no_grad():
        module.weight.zero_()
        module.bias.fill_(float(logit(searches.prior)))
    settings = RecordSettings(
        budget.noise_multiplier, batch=math.ceil(len(searches.booked) * SAMPLING_RATE),
        epochs=round(ROUNDS * SAMPLING_RATE), learning_rate=setting, clipping_norm=CLIPPING_NORM, delta=DELTA,
    )  # fmt: skip
    trained = train_record_level(module, searches.rows, searches.booked, settings, int(rng.integers(2**31)))
    return Fitted(lambda new: trained.predict(new.rows), trained.epsilon)


def by_user(
    searches: Searches, budget: Budget, setting: float, rng: np.random.Generator, *,
    norm: float | None = CLIPPING_NORM, tamper: Tamper | None = None,
) -> Fitted:  # fmt: skip
    """Users as clients, one step of each a round; `setting` is the server's step."""
    clients = Clients.from_table(searches.rows, searches.booked, searches.user)
    settings = FederatedSettings(
        unit="user", rounds=ROUNDS, local_steps=1, sampling_rate=SAMPLING_RATE, learning_rate=1.0,
        server_rate=setting, clipping_norm=norm,
    )  # fmt: skip
    protect = gaussian_noise(budget.noise_multiplier, settings) if budget.private else None
    trained = train(model_of(searches), clients, settings, rng, protect, tamper)
    return Fitted(lambda new: trained.predict(new.rows))


def by_site(scheme: str) -> Callable[[Searches, Budget, float, np.random.Generator], Fitted]:
    """Sites as clients by a scheme of the bridge, without privacy; `setting` is the local step length."""

    def learn(searches: Searches, budget: Budget, setting: float, rng: np.random.Generator) -> Fitted:
        settings = FederatedSettings(
            unit="site", rounds=SITE_ROUNDS, local_steps=SITE_STEPS, sampling_rate=1.0, learning_rate=setting,
            clipping_norm=None, local_batch=SITE_BATCH,
            weighting="uniform" if scheme == "scaffold" else "rows",
        )  # fmt: skip
        trained = SCHEMES[scheme].run(model_of(searches), by_site_of(searches), settings, rng, None)
        own = trained.weights.ndim == 2
        return Fitted(lambda new: trained.predict(new.rows, new.site if own else None))

    return learn


def by_private_site(searches: Searches, budget: Budget, setting: float, rng: np.random.Generator) -> Fitted:
    """Sites as clients with a guarantee for a whole site: every site each round, analytic Gaussian noise.

    With so few sites a Poisson sample hides little, so none is drawn.
    """
    settings = FederatedSettings(
        unit="site", rounds=PRIVATE_SITE_ROUNDS, local_steps=SITE_STEPS, sampling_rate=1.0,
        learning_rate=setting, clipping_norm=SITE_NORM, local_batch=SITE_BATCH,
    )  # fmt: skip
    protect = None
    if budget.private:
        sigma = noise_multiplier_for(budget.epsilon, 1.0, PRIVATE_SITE_ROUNDS, DELTA)
        protect = gaussian_noise(sigma, settings)
    trained = train(model_of(searches), by_site_of(searches), settings, rng, protect)
    return Fitted(lambda new: trained.predict(new.rows))


def by_site_of(searches: Searches) -> Clients:
    """The searches, site by site."""
    return Clients.from_table(searches.rows, searches.booked, searches.site, searches.n_sites)


def channel_rates(searches: Searches, budget: Budget, setting: float, rng: np.random.Generator) -> Fitted:
    """One search of each user counted by channel and booking, with discrete Laplace noise.

    `setting` is the number of searches at the prior rate that each channel is given beforehand.
    """
    mixed = rng.permutation(len(searches.user))
    once = mixed[np.unique(searches.user[mixed], return_index=True)[1]]
    cell = searches.channel[once] * 2 + (searches.booked[once] > 0)
    counts = np.bincount(cell, minlength=2 * searches.n_channels).reshape(-1, 2).astype(float)
    if budget.private:
        counts = counts + discrete_laplace(1 / budget.epsilon, counts.shape, rng)
    kept = np.maximum(counts, 0.0)
    rates = (kept[:, 1] + setting * searches.prior) / (kept.sum(axis=1) + setting)
    return Fitted(lambda new: np.asarray(rates[new.channel]))


def constant(searches: Searches, budget: Budget, setting: float, rng: np.random.Generator) -> Fitted:
    """The share of bookings, for every search."""
    share = float(searches.booked.mean())
    return Fitted(lambda new: np.full(len(new.booked), share))


_STEPS = (0.3, 1.0, 3.0, 10.0)
#: Those that need an epsilon run at each, and without noise; the others without noise only.
LEARNERS: dict[str, Method[Learner]] = {
    "central": Method("Central, no privacy", Learner(central, (0.1, 1.0, 10.0, 100.0))),
    "record": Method(
        "Central, DP-SGD by opacus", Learner(by_record, (3.0, 10.0, 30.0, 100.0), "record"),
        assumes=("Poisson sampling of searches", "one search is all that is protected"), needs=("epsilon",),
    ),
    "user": Method(
        "Federated, a user a client", Learner(by_user, (3.0, 10.0, 30.0, 100.0), "user"),
        assumes=("Poisson sampling of users",), needs=("epsilon",),
    ),
    "private_site": Method(
        "Federated, privacy for a site", Learner(by_private_site, _STEPS, "site"), needs=("epsilon",)
    ),
    "fedavg": Method("FedAvg over sites", Learner(by_site("fedavg"), _STEPS)),
    "fedprox": Method("FedProx over sites", Learner(by_site("fedprox"), _STEPS)),
    "scaffold": Method("SCAFFOLD over sites", Learner(by_site("scaffold"), _STEPS)),
    "personal": Method("FedAvg, then own steps of a site", Learner(by_site("personal"), _STEPS)),
    "alone": Method("Each site alone", Learner(by_site("alone"), _STEPS)),
    "channel_rates": Method(
        "Rate of the channel", Learner(channel_rates, (1.0, 10.0, 100.0, 1000.0), "user", pure=True),
        assumes=("one search a user is counted",), needs=("epsilon",),
    ),
    "constant": Method("Share of bookings for all", Learner(constant, (0.0,)), counts_as_trial=False),
}  # fmt: skip

"""What a trial tells without noise and with noise at each epsilon, and what the noise cost."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import stats

from dti_core.bridges.privacy import Guarantee, discrete_laplace
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval, mean_over_seeds, share
from dti_core.lab.record import OBSERVED, Estimate
from dti_core.studies.private_lift.model.cells import Array, Counts, Flags
from dti_core.studies.private_lift.model.lift import (
    LEAST_USERS,
    Measured,
    normal,
    rates,
    relative_lift,
    weighted_sum,
)
from dti_core.studies.private_lift.model.wald import Sums, wald

#: Half the width of a 95 % interval, and the smallest effect found with 80 %, in standard errors.
Z, POWER_80 = float(stats.norm.ppf(0.975)), float(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
PLAIN = "no privacy"
ENDS = "rates by Wilson, Newcombe and Donner-Zou; means normal, robust errors"


#: Takes counts (n_draws, ...) and the variance of their noise, gives (n_draws,) whose errors include it.
Answer = Callable[[Counts, float], Measured]


@dataclass(frozen=True, slots=True)
class Plan:
    """How noise is drawn: root of the random numbers, draws an answer, epsilons."""

    seed: np.random.SeedSequence
    n_draws: int
    epsilons: tuple[float, ...] = (0.5, 1.0, 2.0)

    def stream(self, *names: str) -> np.random.Generator:
        """Random numbers that bear these names: another trial, quantity or epsilon moves none."""
        key = (*self.seed.spawn_key, *"\0".join(names).encode())
        return np.random.default_rng(np.random.SeedSequence(self.seed.entropy, spawn_key=key))


@dataclass(frozen=True, slots=True)
class Question:
    """One question of one trial. n : independent units, each of which is a `person` of the guarantee.
    scale : of `unit`, such as 100 for percentage points.
    """

    trial: str
    quantity: str
    title: str
    unit: str
    person: str
    n: int
    scale: float = 100.0


@dataclass(slots=True)
class Report:
    """Gathers answers: estimates by name, and a row each for the table of all answers.

    costs : whether noise, width and share of clear draws are estimates too, or stand in the table alone.
    """

    plan: Plan
    costs: bool = True
    found: Findings = field(default_factory=Findings)
    rows: list[dict[str, str | float]] = field(default_factory=list)

    def counts(self, asked: Question, cells: Counts, answer: Answer) -> None:
        """Answer from counts to which a person adds one in one cell, plainly and with noise on each count.

        Parameters
        ----------
        cells : any shape. answer : takes (n_draws, *shape) counts and the variance of their noise.
        """
        plain = answer(cells[None], 0.0)
        self.add(asked, None, plain)
        for epsilon in self.plan.epsilons:
            # A lift is told from the noisy counts of its difference: one release, one epsilon.
            rng = self.plan.stream(asked.trial, asked.quantity.removesuffix("_lift"), f"{epsilon:g}")
            drawn = cells + discrete_laplace(1 / epsilon, (self.plan.n_draws, *cells.shape), rng)
            self.add(asked, epsilon, answer(drawn, noise_variance(1 / epsilon)), plain)

    def means(
        self, asked: Question, report: Sums, treated: Flags, took: Flags, *, per_taker: bool = False,
        private: bool = True,
    ) -> None:  # fmt: skip
        """Answer from counts, sums and sums of squares by group, a third of epsilon each; see `wald`.

        `private=False` gives the plain answer alone.
        """
        plain = normal(*wald(report, treated, took, per_taker=per_taker))
        self.add(asked, None, plain)
        for epsilon in self.plan.epsilons if private else ():
            rng = self.plan.stream(asked.trial, asked.quantity, f"{epsilon:g}")
            shape = (self.plan.n_draws, len(treated))
            scales = [3 * most / epsilon for most in report.sensitivities]
            noisy = Sums(
                report.counts + discrete_laplace(scales[0], shape, rng),
                report.sums + discrete_laplace(scales[1], shape, rng),
                report.squares + discrete_laplace(scales[2], shape, rng),
                report.middle, report.step, report.sensitivities,
            )  # fmt: skip
            noise = (noise_variance(scales[0]), noise_variance(scales[1]))
            self.add(asked, epsilon, normal(*wald(noisy, treated, took, *noise, per_taker=per_taker)), plain)

    def add(
        self, asked: Question, epsilon: float | None, answers: Measured, plain: Measured | None = None
    ) -> None:
        """Keep one answer: the estimate, and for a private one its noise, width and how often it is clear.

        Draws whose noise leaves no answer, or one without ends, count as not clear.
        """
        good = np.isfinite(answers.value) & np.isfinite(answers.low) & np.isfinite(answers.high)
        value = answers.value * asked.scale
        name = f"{asked.trial}_{asked.quantity}_{_words(epsilon)}"
        if good.sum() < 2 - (plain is None) or (plain and not np.isfinite(plain.std_error[0])):
            self.found.left_out.append(
                (name, f"fewer than {LEAST_USERS:.0f} users on a side, or nobody with it")
            )
            return
        told = guarantee(epsilon, asked.person).text if epsilon else PLAIN
        at: dict[str, str | float] = {"trial": asked.trial, "quantity": asked.quantity, "guarantee": told}
        middle = float(value[good].mean())
        low, high = (asked.scale * float(one[good].mean()) for one in (answers.low, answers.high))
        how = f"mean of {good.sum()} draws of noise, noise included" if epsilon else ENDS
        self.found.estimates.append(Estimate(name, middle, low, high, asked.unit, asked.n, how=how, at=at))
        costs: dict[str, Interval] = {}
        if plain is not None and plain.std_error[0] > 0:
            clear = good & ((answers.low > 0) if plain.value[0] > 0 else (answers.high < 0))
            costs = {
                "noise_sd": _spread(value[good]),
                "wider": mean_over_seeds(answers.std_error[good] / plain.std_error[0]),
                "clear": share(int(clear.sum()), len(value)),
            }
        units = {
            "noise_sd": asked.unit,
            "wider": "width over plain width",
            "clear": "share of draws of noise",
        }
        for what, one in costs.items() if self.costs else ():
            self.found.estimates.append(
                one.estimate(f"{name}_{what}", units[what], OBSERVED, **at, measure=what)
            )
        self.rows.append({
            "trial": asked.trial, "quantity": asked.quantity, "title": asked.title, "unit": asked.unit,
            "guarantee": told, "epsilon": epsilon or np.inf, "value": middle, "low": low, "high": high,
            "n": asked.n, "smallest_found": POWER_80 / Z * (high - low) / 2,
            **{what: costs[what].value if costs else np.nan for what in units},
        })  # fmt: skip

    def gathered(self, series: str) -> Findings:
        """All findings, the table of all answers among them."""
        if self.rows:
            self.found.series[series] = pd.DataFrame(self.rows)
        return self.found


def weighted(weights: Array, cells: Counts, variance: float) -> Measured:
    """A weighted sum of the rates of groups, (n_draws,), from counts (n_draws, G, 2) and their noise."""
    return weighted_sum(rates(cells.astype(float), variance), weights)


def difference(cells: Counts, variance: float) -> Measured:
    """Rate of the second group less that of the first."""
    return weighted(np.array([-1.0, 1.0]), cells, variance)


def relative(cells: Counts, variance: float) -> Measured:
    """The difference as a share of the first group's rate."""
    return relative_lift(rates(cells.astype(float), variance))


def guarantee(epsilon: float, person: str) -> Guarantee:
    """What discrete Laplace noise of scale sensitivity over epsilon promises."""
    return Guarantee(person, "add or remove one", epsilon, 0.0, "pure")


def noise_variance(scale: float) -> float:
    """Variance of discrete Laplace noise."""
    stays = float(np.exp(-1 / scale))
    return 2 * stays / (1 - stays) ** 2


def control_draws(one: Estimate, world: str, answers: Measured, scale: float) -> Estimate:
    """The estimate of a control world with the interval of each draw."""
    value = answers.value * scale
    draws = tuple(zip((answers.low * scale).tolist(), (answers.high * scale).tolist(), strict=True))
    low, high = np.quantile(value, [0.025, 0.975])
    return replace(
        one, world=world, value=float(value.mean()), low=float(low), high=float(high), draws=draws,
        how=f"{len(value)} draws of the control world",
    )  # fmt: skip


def _spread(value: Array) -> Interval:
    """Standard deviation over draws of noise, with the interval of a normal sample."""
    sd, free = float(np.std(value, ddof=1)), len(value) - 1
    low, high = (sd * float(np.sqrt(free / stats.chi2.ppf(level, free))) for level in (0.975, 0.025))
    return Interval(sd, low, high, sd / np.sqrt(2 * free), len(value), "chi-squared over draws of noise")


def _words(epsilon: float | None) -> str:
    return f"eps{epsilon:g}".replace(".", "_") if epsilon else "plain"

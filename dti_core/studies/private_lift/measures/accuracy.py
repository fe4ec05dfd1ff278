"""Is every way to publish as accurate as its theory says, and without bias at any epsilon?"""

import math

import numpy as np
import pandas as pd
from scipy.stats import chi2

from dti_core.bridges.privacy import gaussian_sigma
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.private_lift.measures.campaigns import draw_outcomes, published, word
from dti_core.studies.private_lift.measures.findings import Findings
from dti_core.studies.private_lift.methods.noise import DELTA, METHODS, laplace_variance, skellam_release
from dti_core.studies.private_lift.model.lift import factorial_shapley
from dti_core.studies.private_lift.worlds import CAMPAIGN
from dti_core.studies.private_lift.worlds.market import truth

N_USERS, N_BUCKETS = 10_000, 64
EPSILONS = (0.25, 0.5, 1.0, 2.0, 4.0)
SHAPLEY_SIZES = (50_000, 200_000, 500_000)
#: Releases among which an epsilon is shared, from one to many.
RELEASES = (1, 2, 3, 5, 8, 13, 21, 34, 64)
Task = tuple[str, float, int, np.random.SeedSequence]


def study_accuracy(seeds: np.random.SeedSequence, n_draws: int = 400, n_shapley: int = 400) -> Findings:
    """Bias and error of a histogram of 64 Zipf buckets, of Shapley values, and where Gaussian noise pays.

    Parameters
    ----------
    n_draws : histograms a method and epsilon. n_shapley : campaigns a size and epsilon.
    """
    histograms, shapley = seeds.spawn(2)
    places = [(name, epsilon) for name in METHODS for epsilon in EPSILONS]
    tasks = {
        place: (*place, n_draws, seed)
        for place, seed in zip(places, histograms.spawn(len(places)), strict=True)
    }
    moments = run_keyed(histogram_errors, tasks, "accuracy")
    found = Findings()
    rows = [(name, epsilon, *moments[name, epsilon]) for name, epsilon in places]
    table = pd.DataFrame(rows, columns=["method", "epsilon", "bias", "rmse", "least", "n"])
    table["bias_sd"] = table["bias"] / table["rmse"]
    table["ratio"] = table["rmse"] / table["least"]
    found.series["accuracy"] = table
    for name in METHODS:
        found.estimates += _of_method(name, table[(table["method"] == name) & (table["rmse"] > 0)])
    found.estimates += [_local_over_central(table), dropouts(histograms.spawn(1)[0], n_draws)]
    found.add(_shapley_errors(shapley, n_shapley))
    found.add(_crossover())
    return found


def histogram_errors(task: Task) -> tuple[float, float, float, int]:
    """Mean error, RMSE, least RMSE of this kind of noise (NaN if unknown), and number of counts."""
    name, epsilon, n_draws, seed = task
    rng, method = np.random.default_rng(seed), METHODS[name].run
    chance = 1 / np.arange(1, N_BUCKETS + 1)
    counts = rng.multinomial(N_USERS, chance / chance.sum(), size=n_draws)
    error = method(counts, epsilon, rng).counts - counts
    least = math.sqrt(method.least(epsilon, DELTA))
    return float(error.mean()), float(np.sqrt((error**2).mean())), least, error.size


def _of_method(name: str, rows: pd.DataFrame) -> list[Estimate]:
    """The largest bias in sd, the joint test of all biases, and the largest RMSE over its least."""
    if rows.empty:
        return []
    z = rows["bias_sd"] * np.sqrt(rows["n"])
    worst = rows.loc[rows["bias_sd"].abs().idxmax()]
    half, n = 1.96 / math.sqrt(worst["n"]), int(rows["n"].sum())
    p, size = float(chi2.sf((z**2).sum(), len(z))), abs(float(worst["bias_sd"]))
    found = [
        Estimate(f"bias_{name}", size, max(0.0, size - half), size + half, "sd of the noise", n,
                 how="normal", at={"measure": "bias", "method": name}),
        Estimate(f"bias_p_{name}", p, p, p, "p-value", n, how="one chi-squared test over all epsilons",
                 at={"measure": "joint test of bias", "method": name}),
    ]  # fmt: skip
    if rows["least"].notna().all():
        top = rows.loc[rows["ratio"].idxmax()]
        found.append(_ratio(f"rmse_ratio_{name}", top["ratio"], int(top["n"]), method=name))
    return found


def _ratio(name: str, value: float, n: int, **at: str) -> Estimate:
    """An RMSE over a known one; kurtosis of Laplace noise widens its interval."""
    error = float(value) * math.sqrt((6 - 1) / (4 * n))
    return Estimate(name, value, value - 1.96 * error, value + 1.96 * error, "ratio of RMSE", n,
                    how="delta method, kurtosis 6", std_error=error,
                    at={"measure": "RMSE over least", **at})  # fmt: skip


def _local_over_central(table: pd.DataFrame) -> Estimate:
    """How many times as large the error of local noise is at epsilon 1 as of the better central one."""
    at_one = table[table["epsilon"] == 1.0].set_index("method")
    value = float(at_one.loc["local", "rmse"] / at_one.loc["central_gaussian", "rmse"])
    return _ratio("local_over_central_gaussian", value, int(at_one.loc["local", "n"]), method="local")


def dropouts(seed: np.random.SeedSequence, n_draws: int) -> Estimate:
    """RMSE over its least of Skellam noise at epsilon 1 when a fifth of the clients did drop out."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((n_draws, N_BUCKETS), dtype=np.int64)
    noise = skellam_release(counts, 1.0, rng, dropped=0.2).counts
    least = math.sqrt(METHODS["skellam"].run.least(1.0, DELTA))
    value = float(np.sqrt((noise**2).mean())) / least
    return _ratio("rmse_ratio_skellam_dropped", value, noise.size, method="skellam, a fifth dropped")


def _shapley_errors(seeds: np.random.SeedSequence, n_campaigns: int) -> Findings:
    """RMSE of the Shapley values of a factorial holdout, by size, epsilon and method."""
    true, rows = truth(CAMPAIGN).shapley, []
    for n_users, seed in zip(SHAPLEY_SIZES, seeds.spawn(len(SHAPLEY_SIZES)), strict=True):
        rng = np.random.default_rng(seed)
        counts = draw_outcomes(CAMPAIGN, n_users, n_campaigns, rng)
        for name in METHODS:
            for epsilon in (0.5, 1.0):
                values, _ = factorial_shapley(*published(counts, name, epsilon, rng))
                rmse = (
                    float(np.sqrt(np.nanmean((values - true) ** 2))) if np.isfinite(values).any() else np.nan
                )
                rows.append((name, epsilon, n_users, rmse, float(np.isfinite(values).mean())))
    table = pd.DataFrame(rows, columns=["method", "epsilon", "n_users", "rmse", "answered"])
    return Findings(series={"shapley_accuracy": table})


def _crossover() -> Findings:
    """From how many releases, or buckets a user counts in, Gaussian noise is smaller than Laplace noise.

    A share of epsilon a release is all that pure privacy allows. What a user who counts in k buckets of one
    histogram adds is the same: L1 norm k for Laplace, L2 norm the root of k for Gaussian noise.
    """
    rows = [
        (epsilon, k, math.sqrt(laplace_variance(epsilon / k)), gaussian_sigma(epsilon, DELTA, math.sqrt(k)))
        for epsilon in EPSILONS
        for k in RELEASES
    ]
    found = Findings(
        series={"crossover": pd.DataFrame(rows, columns=["epsilon", "releases", "laplace_sd", "gaussian_sd"])}
    )
    for epsilon in EPSILONS:
        first = crossover_releases(epsilon)
        found.estimates.append(
            Estimate(f"crossover_eps{word(epsilon)}", first, first, first, "releases", 1,
                     how="exact, no interval", at={"measure": "crossover", "epsilon": epsilon})
        )  # fmt: skip
    return found


def crossover_releases(epsilon: float, delta: float = DELTA, most: int = 1000) -> int:
    """Least number of releases that share `epsilon` from which Gaussian noise is the smaller one."""
    for k in range(1, most + 1):
        if gaussian_sigma(epsilon, delta, math.sqrt(k)) ** 2 < laplace_variance(epsilon / k):
            return k
    raise ValueError(f"Laplace noise is the smaller one up to {most} releases at epsilon {epsilon}")


def smallest_inflated_size(rate: float, variance: float, growth: float = 0.05) -> float:
    """Users above which noise of this variance adds at most `growth` to the error of a count of conversions.

    Conversions are rare, so that their count has variance n * rate.
    """
    return variance / (rate * ((1 + growth) ** 2 - 1))

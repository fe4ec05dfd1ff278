"""Is every way to publish as accurate as its theory says, and without bias at any epsilon?"""

import math

import numpy as np
import pandas as pd
from scipy.stats import chi2

from dti_core.bridges.privacy import gaussian_sigma
from dti_core.lab.findings import Findings
from dti_core.lab.intervals import Interval
from dti_core.lab.parallel import run_keyed
from dti_core.lab.record import Estimate
from dti_core.studies.private_lift.measures.campaigns import stream, word
from dti_core.studies.private_lift.methods.noise import DELTA, METHODS, laplace_variance, skellam_release

N_USERS, N_BUCKETS = 10_000, 64
EPSILONS = (0.25, 0.5, 1.0, 2.0, 4.0)
#: Releases among which an epsilon is shared, from one to many.
RELEASES = (1, 2, 3, 5, 8, 13, 21, 34, 64)
#: Kurtosis of Laplace noise, the largest of all noises here; Gaussian noise has 3.
KURTOSIS = 6.0


def study_accuracy(seeds: np.random.SeedSequence, n_draws: int = 4000) -> Findings:
    """Bias and error of a histogram of 64 Zipf buckets, and from where Gaussian noise pays.

    Parameters
    ----------
    n_draws : histograms a method and epsilon.
    """
    tasks = {(name, epsilon): (name, epsilon, n_draws, seeds) for name in METHODS for epsilon in EPSILONS}
    rows = [(*place, *moments) for place, moments in run_keyed(histogram_errors, tasks, "accuracy").items()]
    table = pd.DataFrame(rows, columns=["method", "epsilon", "bias", "rmse", "least", "n"])
    table = table[table["rmse"] > 0].assign(bias_sd=lambda t: t["bias"] / t["rmse"],
                                            ratio=lambda t: t["rmse"] / t["least"])  # fmt: skip
    found = [one for name, rows in table.groupby("method") for one in _of_method(str(name), rows)]
    found += [_local_over_central(table), *_over_central_laplace(table), _dropped(seeds, n_draws)]
    found += [_crossing(epsilon) for epsilon in EPSILONS]
    return Findings(found, {"accuracy": table.reset_index(drop=True), "crossover": _crossover()})


def histogram_errors(
    task: tuple[str, float, int, np.random.SeedSequence],
) -> tuple[float, float, float, int]:
    """Mean error, RMSE, least RMSE of this kind of noise (NaN if unknown), and number of counts."""
    name, epsilon, n_draws, seed = task
    rng, method = stream(seed, f"{name} {epsilon}"), METHODS[name].run
    chance = 1 / np.arange(1, N_BUCKETS + 1)
    counts = rng.multinomial(N_USERS, chance / chance.sum(), size=n_draws)
    error = method(counts, epsilon, rng).counts - counts
    least = math.sqrt(method.least(epsilon, DELTA))
    return float(error.mean()), float(np.sqrt((error**2).mean())), least, error.size


def _of_method(name: str, rows: pd.DataFrame) -> list[Estimate]:
    """The largest bias in sd, the joint test of all biases, and the largest RMSE over its least."""
    worst = rows.loc[rows["bias_sd"].abs().idxmax()]
    size, error, n = abs(float(worst["bias_sd"])), float(worst["n"]) ** -0.5, int(rows["n"].sum())
    p = float(chi2.sf((rows["bias_sd"] ** 2 * rows["n"]).sum(), len(rows)))
    bias = Interval(size, max(0.0, size - 1.96 * error), size + 1.96 * error, error, n, "normal")
    joint = Interval(p, p, p, 0.0, n, "one chi-squared test over all epsilons")
    found = [
        bias.estimate(f"bias_{name}", "sd of the noise", measure="bias", method=name),
        joint.estimate(f"bias_p_{name}", "p-value", measure="joint test of bias", method=name),
    ]
    if rows["least"].notna().all():
        top = rows.loc[rows["ratio"].idxmax()]
        found.append(_ratio(f"rmse_ratio_{name}", float(top["ratio"]), int(top["n"]), name))
    return found


def _ratio(name: str, value: float, n: int, method: str) -> Estimate:
    """An RMSE over another that is known, or as exact."""
    error = value * math.sqrt((KURTOSIS - 1) / (4 * n))
    interval = Interval(
        value, value - 1.96 * error, value + 1.96 * error, error, n, f"delta method, kurtosis {KURTOSIS:g}"
    )
    return interval.estimate(name, "ratio of RMSE", measure="RMSE over least", method=method)


def _local_over_central(table: pd.DataFrame) -> Estimate:
    """How many times as large the error of local noise is at epsilon 1 as that of the worse central one."""
    at_one = table[table["epsilon"] == 1.0].set_index("method")
    value = float(at_one.loc["local", "rmse"] / at_one.loc["central_gaussian", "rmse"])
    return _ratio("local_over_central_gaussian", value, int(at_one.loc["local", "n"]), "local")


def _over_central_laplace(table: pd.DataFrame) -> list[Estimate]:
    """How many times as large each way's error is at epsilon 1 as the exact one of central Laplace noise."""
    at_one = table[table["epsilon"] == 1.0].set_index("method")
    least = math.sqrt(laplace_variance(1.0))
    return [
        _ratio(f"error_over_central_laplace_{name}", float(row["rmse"]) / least, int(row["n"]), str(name))
        for name, row in at_one.iterrows() if name != "central"
    ]  # fmt: skip


def _dropped(seed: np.random.SeedSequence, n_draws: int) -> Estimate:
    """RMSE over its least of Skellam noise at epsilon 1 when a fifth of the clients did drop out."""
    none = np.zeros((n_draws, N_BUCKETS), dtype=np.int64)
    noise = skellam_release(none, 1.0, stream(seed, "dropped"), dropped=0.2).counts
    least = math.sqrt(METHODS["skellam"].run.least(1.0, DELTA))
    value = float(np.sqrt((noise**2).mean())) / least
    return _ratio("rmse_ratio_skellam_dropped", value, noise.size, "skellam, a fifth dropped")


def _crossover() -> pd.DataFrame:
    """Noise a bucket where k releases share an epsilon.

    A share of epsilon a release is all that pure privacy allows. What a user who counts in k buckets of one
    histogram needs is the same: L1 norm k for Laplace, L2 norm the root of k for Gaussian noise.
    """
    rows = [
        (epsilon, k, math.sqrt(laplace_variance(epsilon / k)), gaussian_sigma(epsilon, DELTA, math.sqrt(k)))
        for epsilon in EPSILONS
        for k in RELEASES
    ]
    return pd.DataFrame(rows, columns=["epsilon", "releases", "laplace_sd", "gaussian_sd"])


def crossover_releases(epsilon: float, delta: float = DELTA, most: int = 1000) -> int:
    """Least number of releases that share `epsilon` from which Gaussian noise is the smaller one."""
    for k in range(1, most + 1):
        if gaussian_sigma(epsilon, delta, math.sqrt(k)) ** 2 < laplace_variance(epsilon / k):
            return k
    raise ValueError(f"Laplace noise is the smaller one up to {most} releases at epsilon {epsilon}")


def _crossing(epsilon: float) -> Estimate:
    k = crossover_releases(epsilon)
    exact = Interval(k, k, k, 0.0, 1, "exact, no interval")
    return exact.estimate(f"crossover_eps{word(epsilon)}", "releases", measure="crossover", epsilon=epsilon)


def smallest_inflated_size(rate: float, variance: float, growth: float = 0.05) -> float:
    """Users above which noise of this variance adds at most `growth` to the error of a count of conversions.

    Conversions are rare, so that their count has variance n * rate.
    """
    return variance / (rate * ((1 + growth) ** 2 - 1))

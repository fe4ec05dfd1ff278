"""500 stocks x 18 years of daily prices, as a user has them, through the whole study in one run.

The prices are simulated: each day's market, an own share, late listings, deaths at 4 % a year, halts
and zeros. They are written to a CSV file, which the study reads unedited. Sizes can be given as name=value.

Run from the repository root: python experiments/benchmarks/five_hundred_stocks.py --profile quick
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from dti_core.lab.config import load_experiment
from dti_core.lab.parallel import available_cores, pin_threads
from dti_core.studies.lstm_portfolio.data import load
from dti_core.studies.lstm_portfolio.estimate import estimate

N_STOCKS, N_YEARS, DEATHS_A_YEAR, LISTED_LATE = 500, 18, 0.04, 0.3
REPORT = Path(__file__).with_suffix(".txt")


def simulate_prices(rng: np.random.Generator) -> pd.DataFrame:
    """(n_days, n_stocks) prices with heads and tails of gaps, halts of a few days and zeros."""
    n_days = 252 * N_YEARS
    steps = rng.normal(0.0003, 0.01, (n_days, 1)) + rng.normal(0, 0.018, (n_days, N_STOCKS))
    prices = 50 * np.exp(steps.cumsum(axis=0))
    rows = np.arange(n_days)[:, None]
    listed = np.where(rng.random(N_STOCKS) < LISTED_LATE, rng.integers(1, n_days, N_STOCKS), 0)
    dies = listed + rng.exponential(252 / DEATHS_A_YEAR, N_STOCKS).astype(int)
    prices[(rows < listed) | (rows > dies)] = np.nan
    for stock in range(0, N_STOCKS, 5):
        day = int(rng.integers(n_days - 10))
        prices[day : day + 5, stock] *= np.nan if stock % 2 else 0.0
    dates = pd.bdate_range("2006-01-02", periods=n_days, name="Date")
    return pd.DataFrame(prices, dates, [f"S{k:03d}" for k in range(N_STOCKS)])


def main() -> None:
    """Write the file, run the study on it, print and keep what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="quick")
    parser.add_argument("sizes", nargs="*", help="parameters of the study, name=value")
    asked = parser.parse_args()
    pin_threads()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prices.csv"
        simulate_prices(np.random.default_rng(500)).to_csv(file)
        experiment = load_experiment("lstm_portfolio")
        given = dict(pair.split("=", 1) for pair in asked.sizes)
        sizes = {
            name: experiment.parameters[name].parse("lstm_portfolio", name, text)
            for name, text in given.items()
        }
        config = experiment.resolve(asked.profile, {"universe": "yours", "data_path": str(file), **sizes})
        started = time.perf_counter()
        result = estimate(config, *load(config))
        wall = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {
        "profile": asked.profile, "sizes": sizes, "stocks": N_STOCKS, "years": N_YEARS,
        "wall_seconds": round(wall), "cores": available_cores(),
        "peak_mb_of_main_process": round(peak / 1024),
        "estimates": len(result.estimates),
        "left_out": len(result.series["left_out"]),
    }  # fmt: skip
    REPORT.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told))


if __name__ == "__main__":
    main()

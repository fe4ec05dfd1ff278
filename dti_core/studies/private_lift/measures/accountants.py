"""One training run, several epsilons: what an accountant makes of published settings."""

import pandas as pd

from dti_core.bridges.privacy import epsilon_of
from dti_core.lab.findings import Findings
from dti_core.lab.record import Estimate

#: Noise multiplier and epochs of the runs that Opacus prints for MNIST (examples/mnist_README.md).
PRINTED_RUNS = ((1.3, 15), (1.1, 60), (0.7, 45))
SAMPLING_RATE, STEPS_AN_EPOCH, DELTA = 256 / 60_000, 234, 1e-5
ACCOUNTANTS = {
    "rdp_classic": "Renyi orders, classic conversion",
    "rdp_integer": "Renyi, whole orders, improved conversion",
    "pld": "privacy loss distributions",
}


def study_accountants() -> Findings:
    """Epsilon of each printed run under each accountant; a record, add or remove one."""
    found, rows = Findings(), []
    for sigma, epochs in PRINTED_RUNS:
        for name, title in ACCOUNTANTS.items():
            value = epsilon_of(sigma, SAMPLING_RATE, epochs * STEPS_AN_EPOCH, DELTA, name)
            found.estimates.append(
                Estimate(
                    f"epsilon_{name}_{epochs}_epochs", value, value, value,
                    f"epsilon a record, delta {DELTA:g}", epochs * STEPS_AN_EPOCH, how="exact, no interval",
                    at={"accountant": name, "epochs": epochs},
                )
            )  # fmt: skip
            rows.append({"noise multiplier": sigma, "epochs": epochs, "accountant": title, "epsilon": value})
    found.series["accountants"] = pd.DataFrame(rows)
    return found

"""Numbers of other chapters that the loop's claims rest on, with the control worlds that these have."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dti_core.lab.borrowed import borrow
from dti_core.lab.errors import DataError
from dti_core.lab.findings import Findings
from dti_core.lab.frozen import frozen_series
from dti_core.lab.intervals import share
from dti_core.lab.record import Estimate
from dti_core.studies.closed_loop.measures.spans import of_world, span

WORLDS = ("null", "planted")
#: Estimates that are taken over with their control worlds: ours -> study and key there.
TAKEN = {
    "transfer_into_finance": ("spillover", "best_gain_in_finance"),
    "frontiers_alike": ("spillover", "frontiers_alike_minus_outside"),
}
#: Estimates that stand beside verdicts and decide none.
BESIDE = {
    "feedback_on_streams": ("spillover", "feedback_helps"),
    "slope_stocks": ("spillover", "feedback_slope_volatility"),
    "slope_shops": ("spillover", "feedback_slope_shops"),
    "slope_bookings": ("spillover", "feedback_slope_bookings"),
    "slope_fixes": ("spillover", "feedback_slope_fixes"),
    "audits_flag_faults": ("private_lift", "audit_faults_caught_geometric"),
    "audits_false_alarms": ("private_lift", "audit_false_alarms"),
    "shadow_dollar": ("patch_planning", "shadow_dollar_usd"),
    "shadow_share": ("patch_planning", "shadow_dollar_share"),
    "shadow_hour": ("patch_planning", "shadow_hour_usd"),
    "return_of_equal_weights": ("lstm_portfolio", "annual_return_equal_weight"),
}
#: What one dollar more for patches earns above its price, less what it earns elsewhere.
BRAKE, DOLLARS = "dollar_over_elsewhere", "dollars a dollar and year"
#: What a dollar more earns for certain in the world where security holds back.
HELD_BACK = 1.0
#: Less than this a year is no brake.
NO_BRAKE = 0.1


def study_evidence(n_controls: int, rng: np.random.Generator) -> Findings:
    """What other chapters found, under names of ours, and worlds with a brake and without one."""
    findings = Findings()
    for name, (study, key) in {**TAKEN, **BESIDE}.items():
        worlds = ("", *(f"@{world}" for world in WORLDS if name in TAKEN))
        for world in worlds:
            try:
                findings.estimates.append(renamed(borrow(study, key + world), name, study))
            except DataError as error:
                findings.left_out.append((name + world, str(error)))
    by_name = {one.key: one for one in findings.estimates}
    if "shadow_dollar" in by_name and "return_of_equal_weights" in by_name:
        elsewhere = by_name["return_of_equal_weights"]
        findings.estimates.append(_over_elsewhere(by_name["shadow_dollar"], elsewhere))
        table = frozen_series("patch_planning", "shadow")
        prices = table.loc[table["of"] == "dollar", "usd"].to_numpy(dtype=float)
        no_brake = share(int((prices - elsewhere.value < NO_BRAKE).sum()), len(prices))
        findings.estimates.append(
            no_brake.estimate(f"{BRAKE}_share", "share of the assumption set", of=BRAKE)
        )
        findings.estimates += list(_controls(prices, elsewhere, max(20, n_controls), rng))
    return findings


def _controls(
    prices: NDArray[np.float64], elsewhere: Estimate, n_controls: int, rng: np.random.Generator
) -> Iterator[Estimate]:
    """Worlds of patch planning drawn anew: with a dollar more for certain, and where it earns nothing."""
    for world in ("null", "planted"):
        drawn = []
        for _ in range(n_controls):
            some: NDArray[np.float64] = rng.choice(prices, len(prices))
            some = some + HELD_BACK if world == "null" else 0 * some
            drawn.append(span(some - rng.uniform(elsewhere.low, elsewhere.high, len(some))))
        yield of_world(BRAKE, DOLLARS, world, drawn)


def renamed(found: Estimate, name: str, study: str) -> Estimate:
    """An estimate of another chapter under a name of ours; `at` says whose it is."""
    return replace(found, name=name, at={"study": study, "key": found.name})


def _over_elsewhere(dollar: Estimate, elsewhere: Estimate) -> Estimate:
    """What a dollar for patches earns above its price, less what it earns in a portfolio of equal weights.

    The ends take both apart, as the two stem from studies that share no data.
    """
    low, high = dollar.low - elsewhere.high, dollar.high - elsewhere.low
    return Estimate(
        BRAKE, dollar.value - elsewhere.value, low, high, DOLLARS, dollar.n,
        how="outer ends of both intervals", at={"study": "patch_planning, lstm_portfolio"},
    )  # fmt: skip

"""What benchmarks measured, shown beside the results; no estimate rests on it."""

import json
from typing import Any

import pandas as pd

from dti_core.bridges.fields import SEED_BYTES
from dti_core.lab.paths import project_root


def guess_times() -> pd.DataFrame:
    """Processor time to try all seeds, as last measured; above 20 bits extrapolated from that rate."""
    found = _benchmark("secure_sums").get("guesses", {})
    rows = [
        [f"{bits} bits", _long(seconds), "measured"]
        for bits, seconds in found.get("cpu_s_by_bits", {}).items()
    ]
    if rate := found.get("guesses_a_second"):
        rows += [[f"{bits} bits", _long(2.0**bits / rate), f"extrapolated{whose}"]
                 for bits, whose in ((32, ""), (8 * SEED_BYTES, ", as long as ours"))]  # fmt: skip
    return pd.DataFrame(rows, columns=["seed", "time on one core", "how"])


def round_costs() -> pd.DataFrame:
    """Cost of one private round of all clients by their number, as last measured, on one thread."""
    rows = [
        [f"{one['n_clients']:,}", one["cpu_s"], one["peak_mb"], one["rows_mb_if_held"]]
        for one in _benchmark("federated_vs_peers").get("one_round_of_all_clients", [])
    ]
    return pd.DataFrame(
        rows, columns=["clients", "processor time, s", "most memory, MB", "all rows at once, MB"]
    )


def _benchmark(name: str) -> dict[str, Any]:
    path = project_root() / "experiments" / "benchmarks" / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def _long(seconds: float) -> str:
    """A time in the largest unit of which there is one."""
    years = seconds / (365.25 * 86400)
    if years > 1e6:
        return f"a {len(f'{years:.0f}')}-digit number of years"
    sizes = {"years": years, "days": seconds / 86400, "hours": seconds / 3600, "minutes": seconds / 60}
    return next((f"{one:.2g} {unit}" for unit, one in sizes.items() if one >= 1), f"{seconds:.2g} seconds")

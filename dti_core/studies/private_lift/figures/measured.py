"""What benchmarks measured, shown beside the results; no estimate rests on it."""

import json
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dti_core.bridges.fields import SEED_BYTES
from dti_core.lab.cards import nothing_drawn
from dti_core.lab.paths import project_root
from dti_core.lab.record import Result
from dti_core.lab.theme import NEUTRAL, PALETTE, style
from dti_core.studies.private_lift.figures.cards import made_up


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


def plot_costs(result: Result) -> go.Figure:
    """Cost of one private round of all clients by their number, log-log, as last measured on one thread."""
    table = pd.DataFrame(_benchmark("federated_vs_peers").get("one_round_of_all_clients", []))
    if table.empty:
        return nothing_drawn(result, "Not measured yet: python experiments/benchmarks/federated_vs_peers.py")
    n, first, last = table["n_clients"], table.iloc[0], table.iloc[-1]
    figure = make_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.08)
    for row, values, name, colour in (
        (1, table["cpu_s"], "time of one round, chunk by chunk", PALETTE[0]),
        (1, n * first["cpu_s"] / n[0], "time in proportion to the fewest clients", NEUTRAL),
        (2, table["rows_mb_if_held"], "all rows of all clients at once", PALETTE[1]),
        (2, table["peak_mb"], "most memory of the process", PALETTE[2]),
    ):
        figure.add_scatter(x=n, y=values, name=name, line_color=colour, row=row, col=1)
    style(
        figure, x="", y="", card=made_up(result, "clients"),
        title=f"{last['n_clients'] / n[0]:,.0f} times the clients take {last['cpu_s'] / first['cpu_s']:,.0f} "
        f"times the time: {last['n_clients']:,.0f} of them {last['cpu_s']:.2g} s, {last['peak_mb']:.0f} MB",
        caption="One private round of all clients on one thread, as measured on one machine; making their "
        "rows is not counted, and privacy does not change its time. Once measured; no estimate rests on it.",
        alt="; ".join(f"{row.n_clients:,} clients: {row.cpu_s:.2g} s, {row.peak_mb:.0f} MB"
                      for row in table.itertuples()) + ".",
    )  # fmt: skip
    figure.update_xaxes(type="log", tickvals=n, tickformat="~s", tickangle=0)
    figure.update_xaxes(title_text="clients", row=2, col=1)
    figure.update_yaxes(type="log", dtick=1, title_text="memory, MB")
    return figure.update_yaxes(title_text="time, s", row=1, col=1).update_layout(height=440)


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

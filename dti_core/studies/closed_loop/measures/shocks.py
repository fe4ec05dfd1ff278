"""What a breach wave, a slump and a regulation do in a closed loop, beyond what they do in an open one."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dti_core.lab.findings import Findings
from dti_core.lab.parallel import run_keyed
from dti_core.studies.closed_loop.data.loop import Loop
from dti_core.studies.closed_loop.measures.spans import span
from dti_core.studies.closed_loop.methods import METHODS
from dti_core.studies.closed_loop.model.draws import PRIORS, sizes_at
from dti_core.studies.closed_loop.model.firms import draw_shocks
from dti_core.studies.closed_loop.model.world import GROUPS, simulate

Array = NDArray[np.float64]
#: Quarter of the shock, how long it lasts, and most draws of sizes.
BEGINS, LASTS, MOST_DRAWS = 6, 4, 200
#: name: node that is hit, by how much in logs, whether it stays, and the outcome that is watched.
SHOCKS: dict[str, tuple[str, float, bool, str]] = {
    "breach wave": ("breaches", 0.5, False, "breaches"),
    "slump of sales": ("sales", -0.1, False, "sales"),
    "regulation of data": ("ad_error", 0.3, True, "ad_error"),
}


@dataclass(frozen=True, slots=True)
class Blow:
    """A shock to one node, followed under many draws of sizes in one world of firms."""

    loop: Loop
    sizes: Array
    n_firms: int
    n_quarters: int
    seed: int
    hit: int
    watched: int
    added: Array


def response(blow: Blow) -> Array:
    """(2, n_draws, n_quarters) what the shock moves of all firms' total, in percent: closed and open loop."""
    shocks = draw_shocks(blow.loop.roles, blow.n_firms, blow.n_quarters, np.random.default_rng(blow.seed))
    everybody, moved = GROUPS.index("all"), []
    for way in ("closed", "frozen"):
        signals = METHODS[way].run(blow.loop, len(blow.sizes))
        hit, calm = (
            simulate(blow.loop, blow.sizes, shocks, signals, pulse=pulse).levels[
                :, :, everybody, blow.watched
            ]
            for pulse in ({blow.hit: blow.added}, None)
        )
        moved.append(100 * (hit - calm))
    return np.array(moved)


def study_shocks(
    loop: Loop, places: Array, n_firms: int, n_quarters: int, seeds: np.random.SeedSequence
) -> Findings:
    """Closed less open response to each shock, by quarter; one to a node that the loop lacks is left out."""
    findings, tasks = Findings(), {}
    (seed,) = seeds.generate_state(1)
    for name, (hit, size, stays, watched) in SHOCKS.items():
        if not {hit, watched} <= set(loop.nodes):
            findings.left_out.append((f"shock: {name}", f"the cards have no node {hit}"))
            continue
        added = np.zeros(n_quarters)
        added[BEGINS : None if stays else BEGINS + LASTS] = size
        for prior in PRIORS:
            sizes = sizes_at(loop, places[:MOST_DRAWS], prior)
            tasks[f"{name}, {prior}"] = Blow(
                loop,
                sizes,
                n_firms,
                n_quarters,
                int(seed),
                loop.nodes.index(hit),
                loop.nodes.index(watched),
                added,
            )
    rows = []
    for key, (closed, open_) in run_keyed(response, tasks, "shocks").items():
        name, word = key.rsplit(", ", 1)
        for quarter in range(n_quarters):
            rows.append(
                {"shock": name, "prior": word, "quarter": quarter}
                | _spans(closed[:, quarter], open_[:, quarter])
            )
        peak = span((closed - open_)[:, BEGINS:].mean(axis=1))
        at = {"shock": name, "prior": word}
        end = f"{name.replace(' ', '_')}_{word.replace('-', '_')}"
        findings.estimates.append(peak.estimate(f"shock_{end}", "% of the level, closed less open", **at))
    findings.series["shocks"] = pd.DataFrame(rows)
    return findings


def _spans(closed: Array, open_: Array) -> dict[str, float]:
    found = {"closed": span(closed), "open": span(open_), "difference": span(closed - open_)}
    return {
        f"{way}_{end}": getattr(one, end) for way, one in found.items() for end in ("value", "low", "high")
    }

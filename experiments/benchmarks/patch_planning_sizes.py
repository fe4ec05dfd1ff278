"""Patch planning: processor time and memory of rule, agents, bound and exact plan by size of the estate.

Each planner and size runs in a process of its own on one thread, so that peak memory is its own, on the same
estate of a tight budget with all bundles known. The exact plan has a limited time, in proportion to the size,
so that what it finds depends on the machine: run it on a quiet one, from the repository root, about a quarter
of an hour for all sizes:
python experiments/benchmarks/patch_planning_sizes.py [--largest N] [--solver-seconds S]
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

WORLD, SEED = "tight_budget", 20_261_129
GAP = 1e-3
#: Least seconds of an exact plan, and services at which it has all that are allowed.
LEAST_SECONDS, LARGEST = 10.0, 5_000
COMMAND = "python experiments/benchmarks/patch_planning_sizes.py"
TITLE = "Patch planning by size"
#: Who plans, in the order of the report; the bound is what shares are of.
PLANNERS = ("bound", "tuned_rule", "mappo", "exact")


def peak_mb() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def allowed(size: int, solver_seconds: float) -> float:
    """Seconds that an exact plan of a size may take."""
    return max(LEAST_SECONDS, solver_seconds * size / LARGEST)


def measure(planner: str, size: int, solver_seconds: float, told: str) -> dict[str, object]:
    """Seconds, memory and dollars of one planner for the estate of a size; `told` is the rule as JSON."""
    from dti_core.studies.patch_planning.measures.sizes import bound_usd
    from dti_core.studies.patch_planning.methods.agents import follow
    from dti_core.studies.patch_planning.methods.exact import Effort
    from dti_core.studies.patch_planning.methods.plan import run_clairvoyant, run_rule
    from dti_core.studies.patch_planning.methods.rules import Price, Rule
    from dti_core.studies.patch_planning.methods.shipped import load_shipped
    from dti_core.studies.patch_planning.model.plans import account
    from dti_core.studies.patch_planning.worlds.draws import draw_estates
    from dti_core.studies.patch_planning.worlds.mended import all_known

    estate = all_known(draw_estates(WORLD, size, [SEED]))
    fields = json.loads(told)
    rule = Rule(**{**fields, "price": Price(**fields["price"])})
    found: dict[str, object] = {"planner": planner, "world": WORLD, "services": size}
    policy = load_shipped().seeds_of(WORLD, "mappo")[0] if planner == "mappo" else None
    before, wall, cpu = peak_mb(), time.perf_counter(), time.process_time()
    if planner == "bound":
        found["net_usd"] = bound_usd(estate)
    elif planner == "exact":
        solved = run_clairvoyant(estate, Effort(GAP, allowed(size, solver_seconds)))
        ((only,),) = solved.by_estate
        found |= {"net_usd": float(account(estate, solved.plan).net_usd[0]), "status": only.status,
                  "seconds_allowed": allowed(size, solver_seconds)}  # fmt: skip
    else:
        plan = run_rule(estate, rule) if policy is None else follow(estate, policy.act, rule)
        found["net_usd"] = float(account(estate, plan).net_usd[0])
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return found | {"cpu_s": cpu, "wall_s": wall, "peak_mb": peak_mb(), "peak_mb_before": before}


def static_rule():
    """The rule of the chapter's measure, tuned on 32 small estates; not timed."""
    from dti_core.studies.patch_planning.measures.sizes import static_rule as tuned

    return tuned(WORLD, 32, np.random.SeedSequence(SEED))


def in_own_process(planner: str, size: int, seconds: float, told: str) -> dict[str, object]:
    """What a fresh interpreter on one thread finds."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [
        sys.executable, __file__, "--work", planner, "--size", str(size), "--solver-seconds", str(seconds),
        "--rule", told,
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def report(largest: int, seconds: float, say: Callable[[str], None]) -> dict[str, object]:
    """A row a planner and size, with shares of the bound, versions and the machine in words."""
    from dti_core.studies.patch_planning.measures.sizes import SIZES

    rows, told = [], json.dumps(asdict(static_rule()))
    for size in (one for one in SIZES if one <= largest):
        some = [in_own_process(planner, size, seconds, told) for planner in PLANNERS]
        rows += [row | {"share": row["net_usd"] / some[0]["net_usd"]} for row in some]
        for row in rows[-len(some) :]:
            say(f"{size} services, {row['planner']}: {row['cpu_s']:.2f} s, {row['peak_mb']:.0f} MB, "
                f"{row['share']:.3f} of the bound")  # fmt: skip
    return {
        "title": TITLE,
        "date": datetime.now(UTC).date().isoformat(),
        "command": COMMAND,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, one thread a process",
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "torch")},
        "solver_seconds_at_largest": seconds,
        "planning": rows,
        **compared(rows, seconds),
    }


def compared(rows: list[dict[str, object]], seconds: float) -> dict[str, object]:
    """Of the largest estate that is planned exactly within the gap: times, and what the speed page says.

    Where the solver's time is up before, a ratio to its time would be of its limit and not of its plan.
    """
    solved = max(row["services"] for row in rows if row.get("status") == "optimal")
    at = {row["planner"]: row for row in rows if row["services"] == solved}
    times = {planner: row["cpu_s"] for planner, row in at.items()}
    return {"cpu_s_where_solved": times, "comparisons": comparisons(at, seconds)}


def comparisons(at: dict[str, dict[str, object]], seconds: float) -> list[dict[str, object]]:
    """Rule and agents beside the exact plan of one estate, by planner."""
    names = {"tuned_rule": "the tuned rule", "mappo": "agents trained at 11 services"}
    return [
        {
            "what": f"A quarter's plan for {at['exact']['services']:,} services",
            "ours": {"name": name, "at": ["cpu_s_where_solved", planner]},
            "peer": {"name": "an exact plan (HiGHS)", "at": ["cpu_s_where_solved", "exact"]},
            "unit": "CPU seconds",
            "equal": "The same estate, all flaws known from the start; one thread, a process each.",
            "differs": f"Share of what no plan exceeds: {at[planner]['share']:.1%} against "
            f"{at['exact']['share']:.1%}; the exact plan had at most "
            f"{allowed(at['exact']['services'], seconds):.0f} s ({at['exact']['status']}).",
            "target": 100.0,
        }
        for planner, name in names.items()
    ]


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--largest", type=int, default=LARGEST)
    asked.add_argument("--solver-seconds", type=float, default=600.0)
    asked.add_argument("--work", choices=PLANNERS, help="measure one planner in this process and print it")
    asked.add_argument("--size", type=int)
    asked.add_argument("--rule", help="as JSON, for --work")
    told = asked.parse_args()
    if told.work:
        print(json.dumps(measure(told.work, told.size, told.solver_seconds, told.rule)))
    else:
        text = json.dumps(
            report(told.largest, told.solver_seconds, lambda line: print(line, flush=True)), indent=1
        )
        Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")

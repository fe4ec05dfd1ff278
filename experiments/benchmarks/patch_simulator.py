"""Stepping estates of patch planning: many at once, one at a time through PettingZoo, and in plain Python.

The same world of a tight budget, rules and random actions for all rows; each size in a process of its own on
one thread, in which the rows take turns. That rewards, features and plans are equal is checked first, and
reported. Estates are drawn before the clock starts. Run from the repository root, about half a minute:
python experiments/benchmarks/patch_simulator.py
"""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from plain_patching import PlainEnv, PlainPlanning, as_lists

WORLD, SEED, REPEATS = "tight_budget", 20_261_129, 3
#: Services -> estates that are stepped at once.
SIZES = {11: 1024, 50: 256}
#: Estates that are stepped one at a time, and that are compared; seconds a week are what is reported.
ALONE = 16
#: What a bid pays for money, as tuned for this world at 11 services.
PRICE = {"price": 64.0, "decay": 0.25, "pace": 1.0}
TITLE = "Stepping estates of patch planning"
COMMAND = "python experiments/benchmarks/patch_simulator.py"
#: Row -> what it is.
ROWS = {
    "batch": "all estates at once, without features",
    "batch_features": "all estates at once, with features",
    "view": "PettingZoo over the batched simulator, an estate at a time",
    "plain": "plain Python, an estate at a time, without features",
    "plain_env": "PettingZoo over plain Python, an estate at a time",
}
EQUAL = (
    "Estates, rules, actions, rewards and plans; one process and thread, in turns; estates are drawn before "
    "the clock starts. {}Checked on {} estates before timing."
)
#: Ours, peer, target, what differs.
PAIRS = (
    ("batch_features", "view", 20.0, "The view runs the arrays of the batch for one estate, which is slow."),
    ("batch_features", "plain_env", 20.0, "Rules written for one estate, without arrays: the fair peer."),
    ("batch", "plain", None, "No features on either side, and no dictionaries of PettingZoo."),
)


def rule():
    """The rule whose bids the agents change."""
    from dti_core.studies.patch_planning.methods.rules import Price, Rule

    return Rule("net", Price(**PRICE))


def drawn(services: int, n: int):
    """Estates and the actions of all weeks, (T, N, S); those that are masked count as keep."""
    from dti_core.studies.patch_planning.worlds.draws import draw_estates

    estates = draw_estates(WORLD, services, range(SEED, SEED + n))
    actions = np.random.default_rng(SEED).integers(0, 4, (estates.n_weeks, n, services))
    return estates, actions


def planning(estates):
    """The batched simulator, begun with these estates."""
    from dti_core.studies.patch_planning.methods.agents import Planning

    room = Planning(lambda seed: estates.take(slice(seed, seed + 1)), estates, rule())
    room.begin(estates)
    return room


def plain_lists(estates) -> list[dict[str, Any]]:
    """The estates for plain Python."""
    from dti_core.studies.patch_planning.model.worth import weeks_ahead

    return as_lists(estates, weeks_ahead(estates.exploits, estates.n_weeks))


def batch(estates, actions, features: bool) -> Callable[[], None]:
    """All quarters at once."""
    room = planning(estates)

    def run() -> None:
        room.begin(estates)
        for act in actions:
            if features:
                room.observe()
            room.step(act)

    return run


def one_by_one(env, actions, begin: Callable[[int], Any]) -> Callable[[], None]:
    """Each quarter through PettingZoo; the dictionaries of actions are made before."""
    names = env.possible_agents
    told = [[dict(zip(names, row, strict=True)) for row in week.tolist()] for week in actions]

    def run() -> None:
        for estate in range(len(told[0])):
            begin(estate)
            for week in told:
                env.step(week[estate])

    return run


def job(row: str, estates, actions) -> Callable[[], None]:
    """What is timed of a row."""
    if row in ("batch", "batch_features"):
        return batch(estates, actions, row == "batch_features")
    if row == "view":
        from dti_core.bridges.simulators import as_parallel_env

        env = as_parallel_env(lambda: planning(estates))
        return one_by_one(env, actions, lambda estate: env.reset(seed=estate))
    lists = plain_lists(estates)
    if row == "plain_env":
        plain = PlainEnv(lists, PRICE)
        return one_by_one(plain, actions, lambda estate: plain.reset(options={"estate": estate}))
    told = actions.tolist()

    def run() -> None:
        for number, estate in enumerate(lists):
            room = PlainPlanning(estate, PRICE)
            for week in told:
                room.step(week[number])

    return run


def measure(services: int) -> dict[str, Any]:
    """By row, CPU seconds of 1,000 weeks of one estate; the rows take turns in this process."""
    estates, actions = drawn(services, SIZES[services])
    few, some = estates.take(slice(0, ALONE)), actions[:, :ALONE]
    found: dict[str, Any] = {"largest_gaps": largest_gaps(few, some)}
    jobs = {
        row: job(row, estates, actions) if row.startswith("batch") else job(row, few, some) for row in ROWS
    }
    seconds: dict[str, list[float]] = {row: [] for row in ROWS}
    for _ in range(REPEATS):
        for row, run in jobs.items():
            begun = time.process_time()
            run()
            weeks = len(actions) * (len(estates) if row.startswith("batch") else ALONE)
            seconds[row].append(1e3 * (time.process_time() - begun) / weeks)
    for row, told in seconds.items():
        median = float(np.median(told))
        found[row] = {
            "cpu_s_per_1000_weeks": median, "cpu_s": [round(s, 5) for s in told],
            "weeks_per_cpu_s": 1e3 / median,
        }  # fmt: skip
    weeks = {row: found[row]["weeks_per_cpu_s"] for row in ROWS}
    return found | {"times": {f"{ours} over {peer}": weeks[ours] / weeks[peer] for ours, peer, *_ in PAIRS}}


def largest_gaps(estates, actions) -> dict[str, float]:
    """Largest relative gaps between the batch and plain Python; RuntimeError if a plan or a mask differs."""
    room, rooms = planning(estates), [PlainPlanning(one, PRICE) for one in plain_lists(estates)]
    gaps = {"rewards": 0.0, "features": 0.0}
    for week in actions:
        seen = room.observe()
        features = np.array([one.features() for one in rooms])
        if not np.array_equal(seen.mask, [one.mask() for one in rooms]):
            raise RuntimeError(f"masks differ in week {seen.step}")
        earned = room.step(week)
        shares = np.array([one.step(act)[1] for one, act in zip(rooms, week.tolist(), strict=True)])
        for name, ours, other in (("rewards", earned.shares, shares), ("features", seen.features, features)):
            gap = np.abs(ours - other).max() / np.abs(other).max()
            gaps[name] = max(gaps[name], float(gap))
    if not np.array_equal(room.quarter.plan, [one.plan for one in rooms]):
        raise RuntimeError("plans differ")
    if gaps["rewards"] > 1e-9 or gaps["features"] > 1e-6:
        raise RuntimeError(f"not equal: {gaps}")
    return gaps


def in_own_process(*arguments: str) -> dict[str, Any]:
    """What this script prints in a fresh interpreter on one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True,
        env={**os.environ, **threads, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def comparisons() -> list[dict[str, Any]]:
    """What the book's speed page says of the report, with the places of the figures in it."""
    return [
        {
            "what": f"A week of an estate of {services} services",
            "ours": {"name": ROWS[ours], "at": [f"services_{services}", ours, "cpu_s_per_1000_weeks"]},
            "peer": {"name": ROWS[peer], "at": [f"services_{services}", peer, "cpu_s_per_1000_weeks"]},
            "unit": "CPU seconds for 1,000 weeks",
            "equal": EQUAL.format("" if ours == "batch" else "Features and masks too. ", ALONE),
            "differs": f"{SIZES[services]:,} estates at once against {ALONE} in turn. {differs}",
            "target": target,
        }
        for services in SIZES for ours, peer, target, differs in PAIRS
    ]  # fmt: skip


def report() -> dict[str, Any]:
    """Gaps, rows by size, and ratios."""
    found: dict[str, Any] = {
        "title": TITLE, "date": datetime.now(UTC).date().isoformat(), "command": COMMAND,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, one thread a process",
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in ("numpy", "pettingzoo")},
        "comparisons": comparisons(), "rows": ROWS,
    }  # fmt: skip
    for services in SIZES:
        found[f"services_{services}"] = in_own_process("measure", str(services))
        print(services, "services:", json.dumps(found[f"services_{services}"]), flush=True)
    return found


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["measure", services]:
            print(json.dumps(measure(int(services))))
        case _:
            text = json.dumps(report(), indent=1)
            Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")

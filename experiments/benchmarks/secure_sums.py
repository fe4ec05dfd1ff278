"""Secure sums: a million one-hot reports within a minute, sharing and masks beside Flower's, masks guessed.

Each work runs in a process of its own on one thread, so that peak memory is its own. The peer needs an own
environment; the README beside this file says how to make it. Run from the repository root:
python experiments/benchmarks/secure_sums.py --peer-python /tmp/peer/bin/python
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

N_REPORTS, N_BUCKETS, N_LOOP, ALLOWED_S = 1_000_000, 64, 5_000, 60.0
SHARES, THRESHOLD, MASK_WORDS, REPEATS = 100, 51, 1_000_000, 3
GUESSED_BITS, SHORT_BITS = (16, 18, 20), 32
COMMAND = "python experiments/benchmarks/secure_sums.py --peer-python /tmp/peer/bin/python"
TITLE = "Secure sums"
PRIVACY = "The same secret of 32 bytes, 51 of 100 shares, one thread, the median of three."
MASKS = "A million uniform numbers of one seed, one thread, the median of three."

#: Run by the peer's Python: sharing, a mask and the guesses a second at its seed.
PEER = f"""
import json, os, time, statistics
from flwr.common.secure_aggregation.crypto.shamir import create_shares, combine_shares
from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen
def cpu(act):
    took = []
    for _ in range({REPEATS}):
        start = time.process_time(); act(); took.append(time.process_time() - start)
    return statistics.median(took)
secret = os.urandom(32)
shares = create_shares(secret, {THRESHOLD}, {SHARES})
assert combine_shares(shares[:{THRESHOLD}]) == secret
words = range(2**12)
print(json.dumps({{
    "split_s": cpu(lambda: create_shares(secret, {THRESHOLD}, {SHARES})),
    "recover_s": cpu(lambda: combine_shares(shares[:{THRESHOLD}])),
    "mask_s": cpu(lambda: pseudo_rand_gen(secret, 2**32, [({MASK_WORDS},)])),
    "seconds_a_guess": cpu(lambda: [pseudo_rand_gen(k.to_bytes(4, "little"), 2**32, [(16,)]) for k in words])
    / len(words),
}}))
"""


def cpu_seconds(act: Callable[[], object]) -> float:
    """Median CPU seconds of a few runs."""
    took = []
    for _ in range(REPEATS):
        start = time.process_time()
        act()
        took.append(time.process_time() - start)
    return float(np.median(took))


def peak_mb() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_reports(n: int) -> dict[str, object]:
    """Reports shared, summed and decoded: seconds, peak memory, and whether the counts are exact."""
    from dti_core.bridges.secure_sum import one_hot_reports, secure_histogram

    buckets = np.random.default_rng(64).integers(N_BUCKETS, size=n)
    before, wall, cpu = peak_mb(), time.perf_counter(), time.process_time()
    counts = secure_histogram(one_hot_reports(buckets, N_BUCKETS))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    exact = bool((counts == np.bincount(buckets, minlength=N_BUCKETS)).all())
    return {
        "n": n, "wall_s": wall, "cpu_s": cpu, "cpu_us_a_report": 1e6 * cpu / n, "exact": exact,
        "peak_mb": peak_mb(), "peak_mb_before": before, "load_average": os.getloadavg()[0],
    }  # fmt: skip


def measure_loop(n: int) -> dict[str, object]:
    """The same protocol a client at a time on Python's integers, as a textbook would write it."""
    from dti_core.bridges.fields import Field64, keystream

    p = Field64.modulus

    def expand(seed: bytes) -> list[int]:
        stream = keystream(seed, 8 * N_BUCKETS)
        return [int.from_bytes(stream[k : k + 8], "little") % p for k in range(0, len(stream), 8)]

    buckets = np.random.default_rng(64).integers(N_BUCKETS, size=n).tolist()
    sums = [[0] * N_BUCKETS, [0] * N_BUCKETS]
    start = time.process_time()
    for bucket in buckets:
        seed = os.urandom(32)
        masks = expand(seed)
        share = [(int(k == bucket) - mask) % p for k, mask in enumerate(masks)]
        for own, values in zip(sums, (expand(seed), share), strict=True):
            own[:] = [(a + b) % p for a, b in zip(own, values, strict=True)]
    counts = [(a + b) % p for a, b in zip(*sums, strict=True)]
    took = time.process_time() - start
    exact = counts == np.bincount(buckets, minlength=N_BUCKETS).tolist()
    return {"n": n, "cpu_s": took, "cpu_us_a_report": 1e6 * took / n, "exact": exact}


def measure_parts() -> dict[str, object]:
    """Sharing of a secret and a mask."""
    from dti_core.bridges.fields import expand_words, recover_secret, share_secret

    secret = int.from_bytes(os.urandom(32), "little")
    places = range(1, SHARES + 1)
    shares = share_secret(secret, THRESHOLD, places)
    # Other holders each time, as weights of the same ones are kept.
    chosen = iter([shares[k : k + THRESHOLD] for k in range(REPEATS)])
    return {
        "split_s": cpu_seconds(lambda: share_secret(secret, THRESHOLD, places)),
        "recover_s": cpu_seconds(lambda: recover_secret(next(chosen), THRESHOLD)),
        "recover_again_s": cpu_seconds(lambda: recover_secret(shares[:THRESHOLD], THRESHOLD)),
        "mask_s": cpu_seconds(lambda: expand_words(os.urandom(32), MASK_WORDS)),
    }


def measure_guesses() -> dict[str, object]:
    """Seconds to try all seeds of few bits on a vector under a mask of 256, and what 32 bits would take."""
    from dti_core.studies.private_lift.measures.secrecy import guess_update, late_vector

    left, _, code = late_vector(np.random.default_rng(1), 256)
    seconds = {}
    for bits in GUESSED_BITS:
        start = time.process_time()
        found = guess_update(left, code, bits)
        seconds[str(bits)] = time.process_time() - start
        if found is not None:
            raise RuntimeError("a seed of 256 bits was guessed")
    rate = 2 ** GUESSED_BITS[-1] / seconds[str(GUESSED_BITS[-1])]
    return {
        "cpu_s_by_bits": seconds, "guesses_a_second": rate,
        "extrapolated_cpu_hours_32_bits": 2**SHORT_BITS / rate / 3600,
        "extrapolated_cpu_years_256_bits": 2.0**256 / rate / 3600 / 24 / 365,
    }  # fmt: skip


WORKS: dict[str, Callable[[], dict[str, object]]] = {
    "reports": lambda: measure_reports(N_REPORTS),
    "tenth": lambda: measure_reports(N_REPORTS // 10),
    "loop": lambda: measure_loop(N_LOOP),
    "parts": measure_parts,
    "guesses": measure_guesses,
}


def comparisons(reports: dict[str, object]) -> list[dict[str, object]]:
    """What the book's speed page says of the report, with the places of the figures in it."""
    clock = (
        f"{reports['wall_s']:.0f} s with a load of {reports['load_average']:.1f} on {os.cpu_count()} cores"
    )
    what = "1,000,000 one-hot reports of 64 buckets shared, summed and decoded"
    found = [
        {
            "what": what,
            "ours": {"name": "our bridge", "at": ["reports", "cpu_s"]},
            "peer": {"name": "the minute that was allowed", "at": ["allowed_s"]},
            "unit": "CPU seconds of one process",
            "equal": "Seconds on one core; the minute was allowed on two.",
            "differs": f"The peer is no program but the limit set beforehand. On the clock: {clock}.",
            "target": 1.0,
        },
        {
            "what": what,
            "ours": {"name": "our bridge", "at": ["reports", "cpu_us_a_report"]},
            "peer": {"name": "a loop over clients on Python's integers", "at": ["loop", "cpu_us_a_report"]},
            "unit": "CPU microseconds a report",
            "equal": "The same protocol, field, generator and exact counts; one thread.",
            "differs": f"The loop ran on {N_LOOP:,} reports.",
            "target": None,
        },
    ]
    for figure, part, equal, differs in (
        ("split_s", "Sharing a secret", PRIVACY, "Theirs shares pieces of 16 bytes, in threads."),
        ("recover_s", "Recovering a secret", PRIVACY, "Each time of other holders; theirs keeps nothing."),
        ("mask_s", "A mask", MASKS, "Theirs grows from 32 bits by MT19937, ours from 256 by ChaCha20."),
    ):
        found.append(
            {
                "what": part,
                "ours": {"name": "our bridge", "at": ["parts", figure]},
                "peer": {"name": "Flower", "at": ["flower", figure]},
                "unit": "CPU seconds",
                "equal": equal,
                "differs": differs,
                "target": None,
            }
        )
    return found


def in_own_process(command: list[str]) -> dict[str, object]:
    """What a fresh interpreter on one thread finds."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {**os.environ, **threads, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def report(peer_python: str) -> dict[str, object]:
    """All works and the peer, with versions and the machine in words."""
    version = "import importlib.metadata as m; print('\"' + m.version('flwr') + '\"')"
    asked = subprocess.run([peer_python, "-c", version], capture_output=True, text=True, check=True).stdout
    names = ("numpy", "cryptography")
    found: dict[str, Any] = {
        "title": TITLE,
        "date": datetime.now(UTC).date().isoformat(),
        "command": COMMAND,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, one thread a process",
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in names} | {"flwr": json.loads(asked)},
        "allowed_s": ALLOWED_S,
        "flower": in_own_process([peer_python, "-c", PEER]),
    }
    found |= {work: in_own_process([sys.executable, __file__, "--work", work]) for work in WORKS}
    return found | {"comparisons": comparisons(found["reports"])}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", help="Python of an environment with flwr")
    parser.add_argument("--work", choices=WORKS, help="measure one work in this process and print it")
    told = parser.parse_args()
    if told.work:
        print(json.dumps(WORKS[told.work]()))
    elif told.peer_python:
        text = json.dumps(report(told.peer_python), indent=1)
        Path(__file__).with_suffix(".json").write_text(text + "\n", encoding="utf-8")
        print(text)
    else:
        parser.error("--peer-python is needed")

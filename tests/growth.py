"""How work grows with its size: what a busy machine cannot change, in place of limits in seconds."""

import gc
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

#: Sizes whose work is compared are so many times apart: linear work grows by this, quadratic by its square.
APART = 4
#: Halfway between linear and quadratic, in factors.
LINEAR = APART**1.5
_FEWEST_ROUNDS, _MOST_ROUNDS = 3, 8


def growth(work: Callable[[int], object], size: int) -> float:
    """Processor time of `work(APART * size)` over that of `work(size)`: below LINEAR unless it grows faster.

    Both take turns, so that other programs slow both, and of each the quickest round counts. More rounds are
    run only while the answer is above LINEAR: they bring both nearer to what an idle machine would need.
    """
    best = {size: float("inf"), APART * size: float("inf")}
    for number in range(_MOST_ROUNDS):
        for one in best:
            best[one] = min(best[one], _seconds(work, one))
        if number + 1 >= _FEWEST_ROUNDS and best[APART * size] < LINEAR * best[size]:
            break
    return best[APART * size] / best[size]


def _seconds(work: Callable[[int], object], size: int) -> float:
    """Processor time of one call, without collections of garbage: those depend on what else is in memory."""
    gc.disable()
    try:
        start = time.process_time()
        work(size)
        return time.process_time() - start
    finally:
        gc.enable()


def steps(work: Callable[[], object]) -> int:
    """Steps of Python that `work` takes: those of a loop count each time, those within NumPy not at all."""
    taken = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal taken
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        taken += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return taken

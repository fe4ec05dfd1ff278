"""The privacy budget of each user, kept in a file that outlives kills and never lets a cap be exceeded."""

import json
import math
import os
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from dti_core.bridges.privacy.chain import Chain, LedgerError

#: Millionths: budgets are integers, so that no sum of them rounds.
MICRO = 1_000_000
Bools = NDArray[np.bool_]


class Charge(NamedTuple):
    """What a report asks of a user's budget with an advertiser in an epoch, in micro-epsilon (at least 1)."""

    user: str
    advertiser: str
    epoch: int
    micro_epsilon: int


def deduction(sensitivity: float, noise_scale: float) -> int:
    """Micro-epsilon of a value of that sensitivity under Laplace noise of that scale, rounded up.

    Source: W3C Attribution (2026), ceil(1e6 * sensitivity / noise scale), in exact arithmetic.

    Raises
    ------
    ValueError unless both are positive and finite.
    """
    if not (0 < sensitivity < math.inf and 0 < noise_scale < math.inf):
        raise ValueError(f"no deduction for sensitivity {sensitivity}, noise scale {noise_scale}")
    return math.ceil(MICRO * Fraction(sensitivity) / Fraction(noise_scale))


class Ledger:
    """Integer micro-epsilon a (user, advertiser, epoch), and a user in total, each with a cap.

    A charge is on the disk before `charge` returns True, and only then may its report be released. Over a cap
    it returns False, after the same write: send a null report, so that nobody learns of the refusal. Several
    processes and threads may hold the same file; open it anew in each process.

    Source: W3C Attribution (2026), privacy budgets.

    Parameters
    ----------
    path : the file, which is locked itself, so that links to it share its lock (POSIX).
    cap, user_cap : most micro-epsilon a (user, advertiser, epoch), and a user over all of these.
    witness : a `head` kept elsewhere; a file in whose chain it does not stand is refused.

    Assumes: epsilons of one user add up (basic composition); `user` is the same person everywhere; the file
    system honours fsync and locks. Research code: it is not constant-time, and its file names users as given.

    Raises
    ------
    LedgerError if the file was changed, cut, or made with other caps, or the system has no POSIX locks.
    """

    def __init__(self, path: Path | str, cap: int, user_cap: int, witness: str | None = None) -> None:
        self.cap, self.user_cap = _whole("cap", cap, least=0), _whole("user_cap", user_cap, least=0)
        self._process, self._threads = os.getpid(), threading.Lock()
        self._spent: Counter[tuple[str, str, int]] = Counter()
        self._in_total: Counter[str] = Counter()
        self._witness, self._heads_to_see = witness, witness is not None
        self._chain = Chain(Path(path), self._header)
        try:
            self._open()
        except BaseException:
            self._chain.close()
            raise

    def charge(self, user: str, advertiser: str, epoch: int, micro_epsilon: int) -> bool:
        """Whether the budget allows it; if so it is charged, on the disk, before this returns."""
        return bool(self.charge_many([Charge(user, advertiser, epoch, micro_epsilon)])[0])

    def charge_many(self, charges: Iterable[Charge]) -> Bools:
        """(n,) which of the charges were granted, in their order; one write for all, whole or not at all.

        Raises
        ------
        ValueError for a malformed charge, OSError if the disk refuses, LedgerError if the file was changed:
        in each case nothing may be released.
        """
        asked = [_valid(one) for one in charges]
        if os.getpid() != self._process:
            raise LedgerError("this ledger was opened by another process; open it anew in this one")
        with self._threads, self._chain.locked():
            self._read_on()
            rows = self._decide(asked)
            self._chain.append(json.dumps(rows, separators=(",", ":")).encode())
            self._apply(rows)
        return np.array([row[3] > 0 for row in rows], dtype=bool)

    def filter_reports(self, charges: Sequence[Charge], reports: NDArray[np.int64]) -> NDArray[np.int64]:
        """The reports (n, ...) whose charges are granted; refused ones are null (all zero).

        Call it before noise or masks are added: a zero in place of a noisy one tells of the refusal.
        """
        if len(charges) != len(reports):
            raise ValueError(f"{len(charges)} charges for {len(reports)} reports")
        granted = self.charge_many(charges)
        return np.where(granted.reshape(-1, *[1] * (reports.ndim - 1)), reports, 0)

    def spent(self, user: str, advertiser: str, epoch: int) -> int:
        """Micro-epsilon charged so far, as far as this object has read."""
        return self._spent[user, advertiser, epoch]

    def spent_in_total(self, user: str) -> int:
        """Micro-epsilon charged to the user in total, as far as this object has read."""
        return self._in_total[user]

    @property
    def head(self) -> str:
        """Hash of all charges so far; kept elsewhere it shows later that none was cut off."""
        return self._chain.head

    def close(self) -> None:
        """Close the file; what was charged stays charged, and nothing more can be."""
        with self._threads:
            self._chain.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def _header(self) -> bytes:
        return json.dumps({"cap": self.cap, "user_cap": self.user_cap}).encode()

    def _open(self) -> None:
        with self._chain.locked():
            self._read_on()
            if self._chain.n_lines == 0:
                self._chain.append(self._header)
        if self._heads_to_see and self._chain.head != self._witness:
            raise LedgerError(
                f"{self._chain.path} does not hold the head {self._witness}: lines were cut off or replaced; "
                "restore a copy that holds it"
            )

    def _read_on(self) -> None:
        for payload in self._chain.read_on():
            if self._chain.n_lines == 1:
                if payload != self._header:
                    raise LedgerError(
                        f"{self._chain.path} has other caps: {payload.decode(errors='replace')}"
                    )
            else:
                self._apply(json.loads(payload))
            self._heads_to_see &= self._chain.head != self._witness

    def _decide(self, asked: list[Charge]) -> list[tuple[str, str, int, int]]:
        """Rows to be written, in order; a refused charge costs 0."""
        rows = []
        spent: Counter[tuple[str, str, int]] = Counter()
        in_total: Counter[str] = Counter()
        for user, advertiser, epoch, micro in asked:
            key = (user, advertiser, epoch)
            fits = self._spent[key] + spent[key] + micro <= self.cap
            fits &= self._in_total[user] + in_total[user] + micro <= self.user_cap
            cost = micro if fits else 0
            spent[key] += cost
            in_total[user] += cost
            rows.append((user, advertiser, epoch, cost))
        return rows

    def _apply(self, rows: Iterable[Sequence[str | int]]) -> None:
        for user, advertiser, epoch, micro in rows:
            self._spent[str(user), str(advertiser), int(epoch)] += int(micro)
            self._in_total[str(user)] += int(micro)


def _valid(charge: Charge) -> Charge:
    for name in ("user", "advertiser"):
        if not isinstance(getattr(charge, name), str) or not getattr(charge, name):
            raise ValueError(f"{name} of a charge must be a word, got {getattr(charge, name)!r}")
    epoch = _whole("epoch", charge.epoch)
    return Charge(charge.user, charge.advertiser, epoch, _whole("micro_epsilon", charge.micro_epsilon, 1))


def _whole(name: str, number: int, least: int | None = None) -> int:
    """`number` as an int, or ValueError; a budget in floats would round in somebody's favour."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise ValueError(f"{name} must be an integer, got {number!r}")
    if least is not None and number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return int(number)

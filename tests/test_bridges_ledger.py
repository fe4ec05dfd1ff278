"""The budget ledger: no history, fault, kill or hand that changes its file makes it release past a cap."""

import itertools
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dti_core.bridges.privacy import MICRO, Charge, Ledger, LedgerError, chain, deduction
from tests.growth import LINEAR, growth

DEEP = bool(os.environ.get("DTI_DEEP"))
HISTORIES = 100_000 if DEEP else 1_500
KILLS = 100 if DEEP else 3
CAP, USER_CAP = 1_000, 2_500


def recount(path: Path) -> tuple[Counter, Counter]:
    """What the file says was charged, a (user, advertiser, epoch) and a user, by other code than its own."""
    cells, users = Counter(), Counter()
    for line in path.read_bytes().split(b"\n")[1:-1]:
        for user, advertiser, epoch, micro in json.loads(line[65:]):
            cells[user, advertiser, epoch] += micro
            users[user] += micro
    return cells, users


class Killed(BaseException):
    """Stands for the end of the process at this instruction."""


class FaultyDisk:
    """`os` as the ledger sees it, which fails or ends the process at a chosen moment of the next append."""

    def __init__(self) -> None:
        self.fault, self.share = None, 0.0

    def __getattr__(self, name):
        return getattr(os, name)

    def write(self, handle, data):
        match self.fault:
            case "killed before the write":
                raise Killed
            case "torn and killed" | "disk full":
                os.write(handle, data[: int(self.share * len(data))])
                raise Killed if self.fault == "torn and killed" else OSError(28, "No space left on device")
            case "short write":
                data = data[: max(1, len(data) // 3)]
        return os.write(handle, data)

    def fsync(self, handle):
        if self.fault == "killed before fsync":
            raise Killed
        if self.fault == "fsync fails":
            raise OSError(5, "Input/output error")
        if self.fault == "killed after fsync":
            raise Killed


FAULTS = (
    "killed before the write", "torn and killed", "disk full", "short write", "killed before fsync",
    "fsync fails", "killed after fsync",
)  # fmt: skip


def play(path: Path, seed: int, disk: FaultyDisk, opened=Ledger) -> None:
    """A random history of two processes that charge one file, with faults; fails if a cap is exceeded."""
    rng = random.Random(seed)
    released, by_user = Counter(), Counter()
    disk.fault = None
    processes = [opened(path, CAP, USER_CAP) for _ in range(2)]
    for _ in range(rng.randint(4, 12)):
        who = rng.randrange(2)
        if rng.random() < 0.1:
            with path.open("ab") as file:
                file.write(rng.randbytes(rng.randint(1, 90)).replace(b"\n", b""))
        asked = [
            Charge(rng.choice("uv"), rng.choice("ab"), rng.randrange(2), rng.randint(1, CAP + 200))
            for _ in range(rng.choice((1, 1, 1, 4)))
        ]
        disk.fault = rng.choice(FAULTS) if rng.random() < 0.45 else None
        disk.share = rng.random()
        try:
            granted = processes[who].charge_many(asked)
        except OSError:
            granted = [False] * len(asked)
        except Killed:
            granted = [False] * len(asked)
            disk.fault = None
            processes[who].close()
            processes[who] = opened(path, CAP, USER_CAP)
        disk.fault = None
        for charge, ok in zip(asked, granted, strict=True):
            released[charge[:3]] += charge.micro_epsilon * bool(ok)
            by_user[charge.user] += charge.micro_epsilon * bool(ok)
        assert max(released.values()) <= CAP, f"seed {seed}"
        assert max(by_user.values()) <= USER_CAP, f"seed {seed}"
    for one in processes:
        one.close()
    with opened(path, CAP, USER_CAP) as ledger:
        cells, users = recount(path)
        assert all(released[key] <= cells[key] == ledger.spent(*key) <= CAP for key in released), (
            f"seed {seed}"
        )
        assert all(by_user[u] <= users[u] == ledger.spent_in_total(u) <= USER_CAP for u in users), (
            f"seed {seed}"
        )


@pytest.fixture
def disk(monkeypatch):
    faulty = FaultyDisk()
    monkeypatch.setattr(chain, "os", faulty)
    return faulty


def test_no_history_with_faults_exceeds_a_cap(tmp_path, disk, record_property):
    record_property("histories", HISTORIES)
    for seed in range(HISTORIES):
        path = tmp_path / f"{seed}.ledger"
        play(path, seed, disk)
        path.unlink()


class Deaf(Ledger):
    """A ledger that does not look at what others wrote since it was opened."""

    def _read_on(self) -> None:
        if self._chain.n_lines == 0:
            super()._read_on()
        else:
            self._chain._offset = os.fstat(self._chain._file).st_size


class Forgetful(Ledger):
    """A ledger that grants first and writes with the next request, as one without fsync would."""

    def charge_many(self, charges):
        asked, self.late = list(charges), getattr(self, "late", [])
        with self._threads, self._chain.locked():
            self._read_on()
            rows, later = self._decide(asked), self.late
            self.late = rows
            if later:
                self._chain.append(json.dumps(later).encode())
                self._apply(later)
        return np.array([row[3] > 0 for row in rows])


@pytest.mark.parametrize("broken", [Deaf, Forgetful])
def test_the_histories_find_a_broken_ledger(broken, tmp_path, disk):
    found = 0
    for seed in range(60):
        try:
            play(tmp_path / f"{seed}.ledger", seed, disk, broken)
        except (AssertionError, LedgerError):
            found += 1
    assert found >= 30


def test_without_faults_it_grants_exactly_what_the_caps_allow(tmp_path):
    rng = random.Random(5)
    cells, users = Counter(), Counter()
    with Ledger(tmp_path / "x", CAP, USER_CAP) as one, Ledger(tmp_path / "x", CAP, USER_CAP) as other:
        for step in range(400):
            charge = Charge(f"u{rng.randrange(4)}", rng.choice("ab"), rng.randrange(3), rng.randint(1, 400))
            fits = cells[charge[:3]] + charge[3] <= CAP and users[charge.user] + charge[3] <= USER_CAP
            assert (one, other)[step % 2].charge(*charge) == fits
            cells[charge[:3]] += charge[3] * fits
            users[charge.user] += charge[3] * fits
        assert max(cells.values()) > 0.9 * CAP
        assert one.charge_many([]).shape == (0,)


# Concurrent clients and real kills


def test_sixty_four_threads_share_a_cap(tmp_path):
    """Half of them hold the file through one object, the other half each through its own."""
    shared = Ledger(tmp_path / "x", 100, 10_000)

    def client(number: int) -> int:
        ledger = shared if number % 2 else Ledger(tmp_path / "x", 100, 10_000)
        return sum(ledger.charge("user", "advertiser", 0, 1) for _ in range(4))

    with ThreadPoolExecutor(64) as pool:
        assert sum(pool.map(client, range(64))) == 100
    assert recount(tmp_path / "x")[0] == {("user", "advertiser", 0): 100}


CLIENTS = """
import os, random, sys, threading
from dti_core.bridges.privacy import Ledger
path, log, seed, cap, user_cap = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
ledger = Ledger(path, cap, user_cap)
released = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def client(number):
    rng = random.Random(1000 * seed + number)
    while True:
        user = rng.choice(["hot", "warm", f"cold{rng.randrange(500)}"])
        ask = user, rng.choice("ab"), rng.randrange(3), rng.randint(1, 300)
        if ledger.charge(*ask):
            os.write(released, (" ".join(map(str, ask)) + "\\n").encode())
threads = [threading.Thread(target=client, args=[n], daemon=True) for n in range(16)]
for one in threads: one.start()
print("running", flush=True)
for one in threads: one.join()
"""


def test_kills_under_sixty_four_clients_never_exceed_a_cap(tmp_path, record_property):
    """Four processes of 16 threads each; one at random is killed (SIGKILL) and another takes its place."""
    record_property("kills", KILLS)
    path, log, rng = tmp_path / "x.ledger", tmp_path / "released.log", random.Random(9)

    def start(seed: int) -> subprocess.Popen:
        numbers = [str(n) for n in (seed, CAP, USER_CAP)]
        command = [sys.executable, "-c", CLIENTS, str(path), str(log), *numbers]
        return subprocess.Popen(command, stdout=subprocess.PIPE)

    running = [start(seed) for seed in range(4)]
    try:
        for kill in range(KILLS):
            for one in running if kill == 0 else running[-1:]:
                assert one.stdout.readline() == b"running\n"
            time.sleep(rng.uniform(0.02, 0.15))
            assert all(one.poll() is None for one in running)
            victim = running.pop(rng.randrange(4))
            victim.send_signal(signal.SIGKILL)
            assert victim.wait() == -signal.SIGKILL
            victim.stdout.close()
            running.append(start(4 + kill))
    finally:
        for one in running:
            one.kill()
            one.wait()
            one.stdout.close()
    released, by_user = Counter(), Counter()
    for line in log.read_text().splitlines():
        user, advertiser, epoch, micro = line.split()
        released[user, advertiser, int(epoch)] += int(micro)
        by_user[user] += int(micro)
    with Ledger(path, CAP, USER_CAP) as ledger:
        cells, users = recount(path)
        assert all(released[key] <= cells[key] == ledger.spent(*key) <= CAP for key in cells)
        assert released.keys() <= cells.keys()
        assert all(by_user[user] <= users[user] <= USER_CAP for user in users)
    assert by_user["hot"] > 0.8 * USER_CAP


# Hands that change the file


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "x.ledger"
    with Ledger(path, CAP, USER_CAP) as ledger:
        for epoch in range(4):
            ledger.charge("u", "a", epoch, 100 + epoch)
        return path, ledger.head


def reopened(path, **options) -> str:
    with Ledger(path, CAP, USER_CAP, **options) as ledger:
        return ledger.head


def test_every_changed_byte_is_refused(written):
    path, head = written
    whole = path.read_bytes()
    for place in range(len(whole) - 1):
        for value in (whole[place] ^ 1, 10, 0):
            if value != whole[place]:
                path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
                with pytest.raises(LedgerError):
                    reopened(path)
    path.write_bytes(whole)
    assert reopened(path) == head


@pytest.mark.parametrize("change", ["drop", "swap", "repeat", "begin later", "forge"])
def test_lines_moved_by_other_hands_are_refused_with_one_clear_error(written, change):
    path, _ = written
    lines = path.read_bytes().splitlines(keepends=True)
    changed = {
        "drop": [*lines[:2], *lines[3:]],
        "swap": [*lines[:2], lines[3], lines[2], *lines[4:]],
        "repeat": [*lines[:3], *lines[2:]],
        "begin later": lines[1:],
        "forge": [*lines, lines[-1].replace(b"103", b"1")],
    }[change]
    path.write_bytes(b"".join(changed))
    with pytest.raises(LedgerError, match=r"line \d does not fit the hash chain.*nothing was charged"):
        reopened(path)


def test_lines_cut_off_the_end_are_seen_by_a_witness_alone(written):
    path, head = written
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    older = reopened(path)
    assert older != head
    with pytest.raises(LedgerError, match="cut off or replaced"):
        reopened(path, witness=head)
    path.write_bytes(b"".join(lines))
    assert reopened(path, witness=older) == reopened(path, witness=head) == head


def test_a_torn_last_line_is_cut_off_wherever_it_tore(written):
    path, _ = written
    whole = path.read_bytes()
    before = whole.splitlines(keepends=True)
    kept = b"".join(before[:-1])
    for length in range(len(kept) + 1, len(whole)):
        path.write_bytes(whole[:length])
        with Ledger(path, CAP, USER_CAP) as ledger:
            assert (ledger.spent("u", "a", 2), ledger.spent("u", "a", 3)) == (102, 0)
        assert path.read_bytes() == kept


def test_a_torn_first_line_begins_anew_and_another_file_is_left_alone(written):
    path, _ = written
    header = path.read_bytes().splitlines(keepends=True)[0]
    for length in range(len(header)):
        path.write_bytes(header[:length])
        reopened(path)
        assert path.read_bytes() == header
    for other in (b"a letter without a line break", b"user,advertiser\nu,a\n", b"\n"):
        path.write_bytes(other)
        with pytest.raises(LedgerError):
            reopened(path)
        assert path.read_bytes() == other


def test_a_file_cut_while_open_is_refused(written):
    path, _ = written
    with Ledger(path, CAP, USER_CAP) as ledger:
        os.truncate(path, 10)
        with pytest.raises(LedgerError, match="cut short while open"):
            ledger.charge("u", "a", 9, 1)


def test_a_closed_ledger_writes_to_no_other_file(written, tmp_path):
    ledger = Ledger(written[0], CAP, USER_CAP)
    number = ledger._chain._file
    ledger.close()
    ledger.close()
    with (tmp_path / "other").open("wb") as other:
        assert other.fileno() == number
        with pytest.raises(LedgerError, match="closed"):
            ledger.charge("u", "a", 9, 1)
    assert (tmp_path / "other").read_bytes() == b""


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_another_name_of_the_file_shares_its_lock(written, tmp_path, link):
    getattr(tmp_path / "alias", link)(written[0])
    with Ledger(written[0], CAP, USER_CAP) as one, Ledger(tmp_path / "alias", CAP, USER_CAP) as other:
        with ThreadPoolExecutor(1) as pool:
            with one._chain.locked():
                later = pool.submit(other.charge, "v", "a", 0, CAP)
                time.sleep(0.1)
                assert not later.done()
            assert later.result(10)
        assert not one.charge("v", "a", 0, 1)


def test_nothing_is_cut_off_a_file_that_is_not_ours(written):
    path, _ = written
    lines = path.read_bytes().splitlines(keepends=True)
    forged = lines[0] + lines[2] + b"torn"
    for other in (b"0123456789abcdef", b"abc\ndef", forged):
        path.write_bytes(other)
        with pytest.raises(LedgerError):
            reopened(path)
        assert path.read_bytes() == other
    path.write_bytes(lines[0] + b"torn")
    with pytest.raises(LedgerError, match="other caps"):
        Ledger(path, CAP + 1, USER_CAP)
    assert path.read_bytes() == lines[0] + b"torn"


@pytest.mark.parametrize("put_back", [True, False])
def test_a_file_replaced_while_open_is_refused(written, put_back):
    path, _ = written
    whole = path.read_bytes()
    with Ledger(path, CAP, USER_CAP) as ledger:
        path.rename(path.with_name("old"))
        if put_back:
            path.write_bytes(whole)
        with pytest.raises(LedgerError, match=r"replaced while open.*last head"):
            ledger.charge("u", "a", 9, 1)
    assert path.with_name("old").read_bytes() == whole


def test_caps_of_numpy_are_kept_as_integers(tmp_path):
    with Ledger(tmp_path / "x", np.int64(CAP), np.int64(USER_CAP)) as ledger:
        assert ledger.charge("u", "a", 0, CAP)
    assert reopened(tmp_path / "x")


def test_other_caps_and_other_processes_are_refused(written):
    path, _ = written
    with pytest.raises(LedgerError, match="other caps"):
        Ledger(path, CAP + 1, USER_CAP)
    with Ledger(path, CAP, USER_CAP) as ledger:
        child = os.fork()
        if not child:
            try:
                ledger.charge("u", "a", 9, 1)
            except LedgerError:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_without_posix_locks_all_but_opening_a_ledger_works(tmp_path):
    """As on Windows: the bridge is imported, and opening a ledger says what is missing and makes no file."""
    told = """
import sys
sys.modules["fcntl"] = None
from dti_core.bridges.privacy import Ledger, LedgerError
try: Ledger(sys.argv[1], 1, 1)
except LedgerError as error: print(error)
"""
    command = [sys.executable, "-c", told, str(tmp_path / "x")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "a ledger needs POSIX file locks (fcntl); open it on Linux or macOS\n"
    assert not (tmp_path / "x").exists()


# What it shows outside


def test_a_refusal_is_a_null_report_written_like_any_other(tmp_path):
    path = tmp_path / "x.ledger"
    with Ledger(path, CAP, USER_CAP) as ledger:
        asked = [Charge("u", "a", 0, 600), Charge("u", "a", 0, 600), Charge("v", "a", 0, 600)]
        reports = np.eye(3, 8, dtype=np.int64) * 5
        sent = ledger.filter_reports(asked, reports)
        assert sent.tolist() == (reports * [[1], [0], [1]]).tolist()
        before = path.stat().st_size
        assert not ledger.charge("u", "a", 0, 600)
        assert path.stat().st_size > before
        assert ledger.spent("u", "a", 0) == ledger.spent_in_total("u") == 600


@pytest.mark.parametrize("micro", [0, -1, 1.0, True, "1", None, math.nan])
def test_malformed_charges_are_refused_before_anything_is_charged(tmp_path, micro):
    with Ledger(tmp_path / "x", CAP, USER_CAP) as ledger:
        head = ledger.head
        for wrong in (Charge("u", "a", 0, micro), Charge("", "a", 0, 1), Charge("u", "a", 0.5, 1)):
            with pytest.raises(ValueError, match="must be"):
                ledger.charge_many([Charge("u", "a", 0, 1), wrong])
        assert ledger.head == head
        with pytest.raises(ValueError, match="1 charges for 2 reports"):
            ledger.filter_reports([Charge("u", "a", 0, 1)], np.zeros((2, 3), dtype=int))


def test_deduction_rounds_up_in_exact_arithmetic():
    assert deduction(1, 1) == MICRO
    assert deduction(1, 3) == 333_334
    assert deduction(0.1, 0.1) == MICRO
    rng = np.random.default_rng(3)
    for sensitivity, scale in rng.uniform(0.01, 50, (2_000, 2)):
        exact = MICRO * Fraction(sensitivity) / Fraction(scale)
        assert exact <= deduction(sensitivity, scale) < exact + 1
    for wrong in ((0, 1), (1, 0), (math.inf, 1), (math.nan, 1)):
        with pytest.raises(ValueError, match="no deduction"):
            deduction(*wrong)


def test_many_charges_take_time_that_grows_with_their_number(tmp_path):
    """100,000 take a second on an idle core."""
    numbers = itertools.count()

    def charge_and_read(count):
        users, file = count * 3 // 10, tmp_path / f"{next(numbers)}"
        asked = [Charge(f"u{n % users}", "a", n % 7, 400) for n in range(count)]
        with Ledger(file, CAP, USER_CAP) as ledger:
            granted = ledger.charge_many(asked)
        with Ledger(file, CAP, USER_CAP) as ledger:
            assert sum(ledger.spent_in_total(f"u{n}") for n in range(users)) == 400 * granted.sum()

    assert growth(charge_and_read, 12_500) < LINEAR

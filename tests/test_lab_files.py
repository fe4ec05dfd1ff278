"""A fault at any step of a write leaves the old content or the new; several files change together or not."""

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from dti_core.lab.files import recover, swap, write

OLD = {"a.json": "old a", "deep/b.json": "old b", "gone.json": "old c"}
NEW: dict[str, str | None] = {
    "a.json": "new a",
    "deep/b.json": "new b",
    "gone.json": None,
    "new/d.json": "new d",
}


class Faults:
    """Count the steps of a write and break one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, how: Callable[[], None]) -> None:
        self.done, self.at, self.how = 0, at, how
        for owner, name in (
            ("tempfile", "mkstemp"), ("tempfile", "mkdtemp"), ("os", "fdopen"), ("os", "fsync"),
            ("pathlib.Path", "replace"), ("pathlib.Path", "unlink"), ("pathlib.Path", "mkdir"),
            ("shutil", "rmtree"),
        ):  # fmt: skip
            self._wrap(monkeypatch, f"{owner}.{name}")

    def _wrap(self, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
        import importlib

        module, _, name = target.rpartition(".")
        owner = Path if module == "pathlib.Path" else importlib.import_module(module)
        real = getattr(owner, name)

        def stepping(*args, **options):
            self.done += 1
            if self.done == self.at:
                self.how()
            return real(*args, **options)

        monkeypatch.setattr(owner, name, stepping)


def full_disk() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def content(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith(".dti-stage")
    }


def make_old(root: Path) -> None:
    for name, text in OLD.items():
        write(root / name, text)


EXPECTED_NEW = {name: text for name, text in NEW.items() if text is not None}


@pytest.mark.parametrize("kind", ["error", "kill"])
def test_a_fault_at_every_step_of_a_swap_leaves_old_or_new(tmp_path, kind):
    seen = set()
    for at in count(1):
        root = tmp_path / f"{kind}{at}"
        make_old(root)
        finished = _swap_with_fault(root, at, kind)
        recover(root)
        found = content(root)
        assert found in (OLD, EXPECTED_NEW), f"torn at step {at}: {found}"
        assert not [path for path in root.rglob("*") if path.name.startswith(".dti-stage-")]
        seen.add("old" if found == OLD else "new")
        if finished:
            break
    assert at > 20, "the fault must have met every step"
    assert seen == {"old", "new"}


def _swap_with_fault(root: Path, at: int, kind: str) -> bool:
    """Swap in a process of its own whose step `at` fails or kills it; whether it came to its end."""
    child = os.fork()
    if child == 0:
        patch = pytest.MonkeyPatch()
        faults = Faults(patch, at, full_disk if kind == "error" else lambda: os._exit(9))
        try:
            swap(root, NEW)
        except OSError:
            os._exit(1)
        os._exit(0 if faults.done < at else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_full_disk_leaves_the_file_as_it_was_and_no_rubbish(tmp_path):
    write(tmp_path / "x.json", "old")
    for at in range(1, 7):
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch, at, full_disk)
            with suppress(OSError):
                write(tmp_path / "x.json", f"new {at}")
            if faults.done < at:
                break
        assert (tmp_path / "x.json").read_text() in ("old", f"new {at}", f"new {at - 1}")
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_an_error_is_raised_and_names_its_cause(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write(tmp_path / "file" / "below.json", "x")


def test_a_swap_that_was_cut_short_is_finished_by_the_next_one(tmp_path):
    make_old(tmp_path)
    for at in count(1):
        if _swap_with_fault(tmp_path, at, "kill"):
            break
        if (tmp_path / ".dti-stage").is_dir():
            break
    assert (tmp_path / ".dti-stage").is_dir()
    swap(tmp_path, {"other.json": "x"})
    assert content(tmp_path) == {**EXPECTED_NEW, "other.json": "x"}


def test_modes_stay_and_new_files_can_be_read_by_all(tmp_path):
    write(tmp_path / "x", "1")
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o644
    (tmp_path / "x").chmod(0o755)
    write(tmp_path / "x", b"2")
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o755

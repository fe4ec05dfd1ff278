"""How progress is told: by pieces done, with the time that the work took, and no other."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from dti_core.cli import display
from dti_core.lab.running.runs import Outcome
from tests.toy_project import build_toy_project, toy_plan


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DTI_HOME", str(build_toy_project(tmp_path)))


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(display, "time", clock)
    return clock


def listen(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, expected: dict[str, float]
) -> tuple[display.ProgressLines, io.StringIO]:
    screen = io.StringIO()
    console = Console(file=screen, width=80, force_terminal=terminal, color_system=None, _environ={})
    monkeypatch.setattr(display, "console", console)
    return display.ProgressLines(expected), screen


def outcome(status: str, seconds: float, explanation: str) -> Outcome:
    return Outcome("toy", "r1", status, "", seconds, None, explanation)


def test_a_pipe_gets_a_line_a_stage_and_then_one_now_and_then(monkeypatch, clock):
    lines, screen = listen(monkeypatch, False, {"toy": 17.0})
    with lines:
        lines.started(toy_plan(), "r1", "rerun: first run")
        for done in range(1, 41):
            clock.now += 1.0
            lines.progressed(toy_plan(), "r1", "draws", done, 40)
        lines.ended(outcome("finished", 41.0, "rerun: first run"))
    shown = screen.getvalue().splitlines()
    assert shown[0] == "started  toy (smoke), rerun: first run; about 17 s"
    assert shown[1] == "         toy: draws 1/40, 1 s"
    assert shown[-2] == "         toy: draws 40/40, 40 s"
    assert shown[-1] == "finished toy in 41 s: rerun: first run"
    assert 5 <= len(shown) <= 8
    assert "usual" not in screen.getvalue()


def test_what_is_redrawn_states_no_time_of_an_estimation(monkeypatch):
    lines, screen = listen(monkeypatch, False, {"toy": 1300.0})
    with lines:
        lines.started(toy_plan(), "r1", "redrawn: notebook changed")
        lines.ended(outcome("finished", 5.0, "redrawn: notebook changed"))
    assert screen.getvalue() == (
        "started  toy (smoke), redrawn: notebook changed\nfinished toy in 5 s: redrawn: notebook changed\n"
    )


def test_what_is_reused_claims_no_time(monkeypatch):
    lines, screen = listen(monkeypatch, False, {})
    lines.ended(outcome("reused", 1380.0, "reused: nothing changed"))
    assert screen.getvalue() == "reused: nothing changed in toy since run r1\n"


def test_a_terminal_counts_pieces_and_keeps_the_time_of_the_run_over_its_stages(monkeypatch):
    lines, screen = listen(monkeypatch, True, {"toy": 17.0})
    with lines:
        lines.started(toy_plan(), "r1", "rerun: first run")
        [task] = lines._bars.tasks
        assert task.total is None, "before the first stage no share is known"
        task.start_time -= 60
        for stage, done, total in (("draws", 1, 4), ("draws", 2, 4), ("draws", 4, 4), ("tests", 1, 9)):
            lines.progressed(toy_plan(), "r1", stage, done, total)
            [task] = lines._bars.tasks
            assert task.elapsed >= 60
            lines._bars.refresh()
            if done == total:
                assert (task.description, task.total) == (f"toy: after {stage}", None)
            else:
                assert (task.description, task.completed, task.total) == (f"toy: {stage}", done, total)
        drawn = screen.getvalue()
        lines.ended(outcome("killed", 61.0, ""))
        assert not lines._bars.tasks
    assert re.search(r"toy: draws \S+ +2/4 0:01:0\d left", drawn)
    assert re.search(r"toy: tests \S+ +1/9 0:01:0\d left", drawn)
    assert "0:00:00 left" not in drawn
    assert "usual" not in drawn


def test_a_wide_table_is_told_row_by_row_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cut or broken inside a name, empty cells are left out, and a wide one stays a table."""
    rows = [("snmesp_of_many_letters", "firms", "5904 x 9", "", "present")]
    columns = ["name", "what", "size", "caveat", "state"]
    shown = {}
    for width in (80, 120):
        screen = io.StringIO()
        monkeypatch.setattr(display, "console", Console(file=screen, width=width, _environ={}))
        display.table("Data", columns, rows)
        shown[width] = screen.getvalue()
    lines = [line.rstrip() for line in shown[80].splitlines()]
    assert lines == [
        "Data",
        "snmesp_of_many_letters",
        "  what: firms",
        "  size: 5904 x 9",
        "  state: present",
    ]
    assert "┃ name" in shown[120]
    assert "│ snmesp_of_many_letters │" in shown[120]

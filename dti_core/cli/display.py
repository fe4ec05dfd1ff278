"""What a terminal shows: progress by pieces done, tables, verdict colours; in a pipe plain lines.

Nothing else imports rich or prints results. Strings are shown as they are, never read as markup and without
control characters; what shall have a colour is made by `coloured`.
"""

import math
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich import progress
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dti_core.lab.errors import printable

if TYPE_CHECKING:
    from dti_core.lab.record import Verdict
    from dti_core.lab.running.runs import Outcome, RunPlan

_ON_TERMINAL = sys.stdout is not None and sys.stdout.isatty()
console = Console(width=None if _ON_TERMINAL else 160, soft_wrap=not _ON_TERMINAL)

VERDICT_COLOUR = {
    "supported": "green",
    "refuted": "red",
    "inconclusive": "yellow",
    "not testable": "dim",
    "not yet tested": "dim",
}
#: Columns whose lines stay whole, so that they can be copied: names of runs.
_WHOLE = ("run", "last run here", "name", "study")
#: A table of more columns is told row by row on a terminal narrower than this.
_NARROW, _FEW = 100, 4
#: Seconds between two lines on the same stage in a pipe.
_QUIET_SECONDS = 10.0
_STATUS_COLOUR = {"finished": "green", "reused": "cyan", "failed": "red", "killed": "magenta"}


class _Pieces(progress.MofNCompleteColumn):
    """Pieces done of those of the stage; nothing between two stages."""

    def render(self, task: progress.Task) -> Text:
        return Text("") if task.total is None else super().render(task)


@dataclass(slots=True)
class _Shown:
    """A run's bar, the stage that it shows, and when a pipe was told of it for the last time."""

    task: progress.TaskID
    began: float
    stage: str = ""
    told: float = -math.inf


class ProgressLines:
    """Listener of a batch of runs: live bars on a terminal, a line now and then in a pipe.

    A bar counts the pieces of the stage that runs; the time left is that of this stage, by its own pace.

    Parameters
    ----------
    expected_seconds : what a run of a study takes, by its slug; said as it starts to estimate.
    """

    def __init__(self, expected_seconds: Mapping[str, float]) -> None:
        self._expected = expected_seconds
        self._shown: dict[str, _Shown] = {}
        self._bars = progress.Progress(
            progress.SpinnerColumn(), progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(16), _Pieces(), progress.TimeElapsedColumn(),
            progress.TextColumn("{task.fields[left]}"), progress.TimeRemainingColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip

    def __enter__(self) -> "ProgressLines":
        self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bars.stop()

    def started(self, plan: "RunPlan", run: str, why: str) -> None:
        """A run has been handed to a worker; `why` it is not reused."""
        estimates = plan.slug in self._expected and not why.startswith("redrawn")
        about = f"; about {clock(self._expected[plan.slug])}" if estimates else ""
        say(f"started  {plan.slug} ({plan.config.profile}), {why}{about}")
        task = self._bars.add_task(printable(plan.slug), total=None, left="")
        self._shown[run] = _Shown(task, time.monotonic())

    def progressed(self, plan: "RunPlan", run: str, label: str, done: int, total: int) -> None:
        """A run has finished `done` of `total` pieces of the stage `label`."""
        shown, running = self._shown[run], done < total
        stage = f"{plan.slug}: {label}" if running else f"{plan.slug}: after {label}"
        if new := stage != shown.stage:
            before = next(task for task in self._bars.tasks if task.id == shown.task)
            self._bars.remove_task(shown.task)
            shown.task = self._bars.add_task(
                printable(stage), total=total if running else None, left="left" if running else "",
                start=False, visible=False,
            )  # fmt: skip
            self._bars.tasks[-1].start_time, shown.stage = before.start_time, stage
        self._bars.update(shown.task, completed=done, visible=True)
        if self._bars.disable and (new or time.monotonic() - shown.told > _QUIET_SECONDS):
            shown.told = time.monotonic()
            say(f"         {plan.slug}: {label} {done}/{total}, {clock(shown.told - shown.began)}")

    def noticed(self, sentence: str) -> None:
        """Something is said that concerns no run of the batch."""
        say(sentence)

    def ended(self, outcome: "Outcome") -> None:
        """A run has come to its end."""
        if outcome.run in self._shown:
            self._bars.remove_task(self._shown.pop(outcome.run).task)
        if outcome.status == "reused":  # no work was done, so no time is stated
            why = f" in {outcome.slug} since run {outcome.run}"
            say(coloured(outcome.explanation, _STATUS_COLOUR["reused"]), why)
            return
        status = coloured(f"{outcome.status:8}", _STATUS_COLOUR[outcome.status])
        say(status, f" {outcome.slug} in {clock(outcome.seconds)}: {outcome.reason or outcome.explanation}")


def clock(seconds: float) -> str:
    """Seconds as a reader says them: '12 s', '3 min 05 s'."""
    if math.isnan(seconds):
        return "unknown"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def coloured(value: object, style: str) -> Text:
    """`value` in a colour or style of rich, for `say` or a cell of `table`."""
    return Text(printable(value), style)


def shown_path(path: Path | None) -> Path | None:
    """A file or folder as it is found from here, without the way to here."""
    here = Path.cwd()
    return path.relative_to(here) if path is not None and path.is_relative_to(here) else path


def verdict_word(verdict: str) -> Text:
    """A verdict word in its colour."""
    return coloured(verdict, VERDICT_COLOUR[verdict])


def say(*parts: object, unbroken: bool = False) -> None:
    """Print `parts`, one behind the other, as one line; `unbroken` on a narrow terminal too, to be copied."""
    console.print(_text(parts), soft_wrap=True if unbroken else None)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; on a narrow terminal one of many columns as a block a row."""
    if console.width < _NARROW and len(columns) > _FEW:
        say(coloured(title, "bold"))
        for first, *rest in rows:
            console.print(Text.assemble(_text(first), style="bold"))
            told = [pair for pair in zip(columns[1:], map(_text, rest), strict=True) if pair[1].plain]
            for column, value in told:
                console.print(Padding(Text.assemble((column, "dim"), ": ", value), (0, 0, 0, 2)))
        return
    grid = Table(title=_text(title), title_justify="left", title_style="bold")
    for column in columns:
        grid.add_column(_text(column), overflow="fold", no_wrap=column in _WHOLE)
    for row in rows:
        grid.add_row(*map(_text, row))
    console.print(grid)


def judged(verdict: "Verdict") -> tuple[object, ...]:
    """The word of a verdict in its colour, and in brackets its grade and size."""
    return verdict_word(verdict.verdict), f" ({verdict.qualified})" if verdict.qualified else ""


def show_verdicts(verdicts: Iterable["Verdict"], title: str) -> None:
    """Print verdicts with their reasons."""
    rows = [(v.claim, judged(v), v.because) for v in verdicts]
    table(title, ["claim", "verdict", "because"], rows)


def _text(value: object) -> Text:
    """What `coloured` made as it is, a tuple part by part, anything else without control characters."""
    if isinstance(value, tuple):
        return Text.assemble(*map(_text, value))
    return value if isinstance(value, Text) else Text(printable(value))

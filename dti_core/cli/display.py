"""What a terminal shows: progress with an ETA, tables, verdict colours; in a pipe plain lines.

Nothing else imports rich or prints results. Strings are shown as they are, never read as markup and without
control characters; what shall have a colour is made by `coloured`.
"""

import math
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
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
_STATUS_COLOUR = {"finished": "green", "reused": "cyan", "failed": "red", "killed": "magenta"}


class ProgressLines:
    """Listener of a batch of runs: live bars on a terminal, one line an event in a pipe."""

    def __init__(self, expected_seconds: dict[str, float]) -> None:
        self._expected = expected_seconds
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, str] = {}
        self._bars = Progress(
            SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(),
            TextColumn("{task.fields[eta]}"), TimeElapsedColumn(), console=console, transient=True,
            disable=not console.is_terminal,
        )  # fmt: skip

    def __enter__(self) -> "ProgressLines":
        self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bars.stop()

    def started(self, plan: "RunPlan", run: str) -> None:
        """A run has been handed to a worker."""
        usual = clock(self._expected.get(plan.slug, 0.0))
        say(f"started  {plan.slug} ({plan.config.profile}), usually {usual}")
        self._tasks[run] = self._bars.add_task(printable(plan.slug), total=1.0, eta="")

    def progressed(self, plan: "RunPlan", run: str, label: str, done: int, total: int) -> None:
        """A run has finished `done` of `total` pieces of the stage `label`."""
        (task,) = (task for task in self._bars.tasks if task.id == self._tasks[run])
        seconds_left = self._expected.get(plan.slug, 0.0) - (task.elapsed or 0.0)
        left = f"about {clock(seconds_left)} left" if seconds_left > 0 else "longer than usual"
        stage, share = f"{plan.slug}: {label} {done}/{total}", done / max(total, 1)
        self._bars.update(task.id, description=printable(stage), completed=share, eta=left)
        tenth = f"{label} {int(10 * share)}"
        if self._bars.disable and self._said.get(run) != tenth:
            self._said[run] = tenth
            say(f"         {stage}, {left}")

    def noticed(self, sentence: str) -> None:
        """Something is said that concerns no run of the batch."""
        say(sentence)

    def ended(self, outcome: "Outcome") -> None:
        """A run has come to its end."""
        if outcome.run in self._tasks:
            self._bars.remove_task(self._tasks.pop(outcome.run))
        status = coloured(f"{outcome.status:8}", _STATUS_COLOUR[outcome.status])
        why = outcome.reason or outcome.explanation
        say(status, f" {outcome.slug} in {clock(outcome.seconds)}: {why}")


def clock(seconds: float) -> str:
    """Seconds as a reader says them: '12 s', '3 min 05 s'."""
    if math.isnan(seconds):
        return "unknown"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def coloured(value: object, style: str) -> Text:
    """`value` in a colour or style of rich, for `say` or a cell of `table`."""
    return Text(printable(value), style)


def verdict_word(verdict: str) -> Text:
    """A verdict word in its colour."""
    return coloured(verdict, VERDICT_COLOUR[verdict])


def say(*parts: object) -> None:
    """Print `parts`, one behind the other, as one line."""
    console.print(_text(parts))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table."""
    grid = Table(title=_text(title), title_justify="left", title_style="bold")
    for column in columns:
        grid.add_column(_text(column), overflow="fold")
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

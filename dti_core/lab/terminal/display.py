"""What a terminal shows: progress with an ETA, tables, verdict colours; in a pipe plain lines.

Nothing else imports rich or prints results. Strings are shown as they are, never read as markup and without
control characters; what shall have a colour is made by `coloured`.
"""

import math
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from dti_core.lab.errors import printable

if TYPE_CHECKING:
    from dti_core.lab.compare import Comparison, Difference
    from dti_core.lab.record import Verdict
    from dti_core.lab.reference import Row
    from dti_core.lab.running.runs import Outcome, RunPlan

console = Console(width=None if sys.stdout.isatty() else 160, soft_wrap=not sys.stdout.isatty())

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
        self._started: dict[str, float] = {}
        self._tasks: dict[str, TaskID] = {}
        self._stage: dict[str, str] = {}
        self._live = console.is_terminal
        self._bars = Progress(
            SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(),
            TextColumn("{task.fields[eta]}"), TimeElapsedColumn(), console=console, transient=True,
        )  # fmt: skip

    def __enter__(self) -> "ProgressLines":
        if self._live:
            self._bars.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._live:
            self._bars.stop()

    def started(self, plan: "RunPlan", run: str) -> None:
        """A run has been handed to a worker."""
        self._started[run] = time.monotonic()
        expected = self._expected.get(plan.slug, 0.0)
        say(f"started  {plan.slug} ({plan.config.profile}), usually {clock(expected)}")
        if self._live:
            self._tasks[run] = self._bars.add_task(printable(plan.slug), total=1.0, eta="")

    def progressed(self, plan: "RunPlan", run: str, label: str, done: int, total: int) -> None:
        """A run has finished `done` of `total` pieces of the stage `label`."""
        elapsed = time.monotonic() - self._started.get(run, time.monotonic())
        seconds_left = self._expected.get(plan.slug, 0.0) - elapsed
        left = f"about {clock(seconds_left)} left" if seconds_left > 0 else "longer than usual"
        if self._live:
            stage = f"{plan.slug}: {label} {done}/{total}"
            self._bars.update(
                self._tasks[run],
                description=printable(stage),
                completed=done / max(total, 1),
                eta=left,
            )
        elif self._stage.get(run) != f"{label}{10 * done // max(total, 1)}":
            self._stage[run] = f"{label}{10 * done // max(total, 1)}"
            say(f"         {plan.slug}: {label} {done}/{total}, {left}")

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


def _text(value: object) -> Text:
    """What `coloured` made as it is, a tuple part by part, anything else without control characters."""
    if isinstance(value, tuple):
        return Text.assemble(*map(_text, value))
    return value if isinstance(value, Text) else Text(printable(value))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table."""
    grid = Table(title=_text(title), title_justify="left", title_style="bold")
    for column in columns:
        grid.add_column(_text(column), overflow="fold")
    for row in rows:
        grid.add_row(*map(_text, row))
    console.print(grid)


def show_verdicts(verdicts: Iterable["Verdict"], title: str) -> None:
    """Print verdicts with their reasons."""
    table(
        title,
        ["claim", "verdict", "because"],
        [(v.claim, verdict_word(v.verdict), v.because) for v in verdicts],
    )


def show_reference(rows: Sequence["Row"], title: str) -> None:
    """Print published against reproduced numbers."""
    cells = [
        (
            row.key,
            f"{row.published:.4g}",
            "missing" if row.reproduced is None else f"{row.reproduced:.4g}",
            coloured("yes", "green") if row.within else coloured("NO", "red"),
            f"{row.tolerance:.3g}: {row.why}",
        )
        for row in rows
    ]
    table(title, ["number", "published", "reproduced", "within tolerance", "tolerance and why"], cells)


def _clarity(difference: "Difference") -> Text | str:
    if not difference.clear:
        return "within noise"
    return coloured("clear of seed noise" if difference.seed_noise_only else "clear", "bold")


def show_comparison(comparison: "Comparison", title: str) -> None:
    """Print what changed between two runs; says so when nothing did."""
    changed = [(name, *pair) for name, pair in comparison.parameters.items()]
    changed += [(source, "source", "changed") for source in comparison.sources]
    if changed:
        table(f"{title}: what changed", ["name", "first", "second"], changed)
    moved = [d for d in comparison.differences if d.value != 0]
    cells = [
        (d.key, f"{d.first:.4g}", f"{d.second:.4g}", f"{d.value:+.3g} [{d.low:.3g}, {d.high:.3g}]",
         _clarity(d), d.how)
        for d in moved
    ]  # fmt: skip
    if cells:
        columns = ["estimate", "first", "second", "difference [95 %]", "", "interval"]
        table(f"{title}: estimates that moved", columns, cells)
    flips = [(claim, *pair) for claim, pair in comparison.verdicts.items()]
    if flips:
        table(f"{title}: verdicts that flipped", ["claim", "first", "second"], flips)
    same = len(comparison.differences) - len(moved)
    say(f"{same} of {len(comparison.differences)} estimates are identical.")

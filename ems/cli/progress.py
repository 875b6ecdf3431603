"""How far a long command is: a bar on a terminal's standard error."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class ProgressBar:
    """Counts *what* is done."""

    def __init__(self, bar: Progress, what: str) -> None:
        self._bar = bar
        self._task = bar.add_task(what, total=None, rate=0)

    def advance(self, more: int, expected: int | None) -> None:
        """Count *more*. *expected* is how many it should be in all, which may be an old estimate; None is unknown."""
        # A table's own count of its items is hours old: the bar must not end before the rows do.
        task = self._bar.tasks[self._task]
        done = task.completed + more
        self._bar.update(self._task, advance=more, total=expected and max(expected, done), rate=task.speed or 0)

    def say(self, line: str) -> None:
        """Write a line to standard error, above the bar."""
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress_bar(what: str) -> Iterator[ProgressBar]:
    """Show a bar while *what* is counted; it leaves no trace, and none at all where there is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield ProgressBar(bar, what)

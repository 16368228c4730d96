"""Progress bars of the long steps."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

#: What people read while they wait; the results go to standard output.
console = Console(stderr=True)


class Bar:
    """One step's bar."""

    def __init__(self, progress: Progress, words: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(words, total=total)

    def advance(self, by: int = 1) -> None:
        self._progress.advance(self._task, by)

    def reach(self, done: int) -> None:
        self._progress.update(self._task, completed=done)


class Bars:
    """Several steps under each other."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def bar(self, words: str, total: int) -> Bar:
        return Bar(self._progress, words, total)


@contextmanager
def bars() -> Iterator[Bars]:
    """Progress bars on the terminal, gone when the block ends."""
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield Bars(progress)

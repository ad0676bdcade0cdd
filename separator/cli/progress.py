"""Bars on standard error: of files counted, and one for each recording at work; nothing where there is no terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Self


@contextmanager
def count_bar(what: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """Show how many files are done; gives what is to be called with `completed` and `total`, or `advance`."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        yield partial(progress.update, progress.add_task(what, total=total))


class FilesProgress:
    """Seconds done, real-time factor and time left of each recording, as a context manager.

    Args:
        num_files: Recordings in all; a bar of its own counts them if they are several.
    """

    def __init__(self, num_files: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f} {task.fields[unit]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # else rich would print on stderr what was sent to a file
        )
        self._all = self._progress.add_task("all", total=num_files, unit="files") if num_files > 1 else None

    @contextmanager
    def file(self, name: str) -> Iterator[Callable[[float, float], None]]:
        """Show a recording's bar; gives what is to be called with the seconds done and in all."""
        started = time.perf_counter()
        shown = "".join(each if each.isprintable() else "?" for each in name)  # a line end would break the redraw
        task = self._progress.add_task(shown, total=0, unit="s")

        def update(done: float, total: float) -> None:
            factor = (time.perf_counter() - started) / done if done else 0
            unit = f"s, {factor:.3f} of real time"
            self._progress.update(task, completed=done, total=max(done, total), unit=unit)

        try:
            yield update
        finally:
            self._progress.remove_task(task)
            if self._all is not None:
                self._progress.advance(self._all)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

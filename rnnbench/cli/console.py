"""The output streams of commands, and functions that several commands use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum

from rich.console import Console
from rich.progress import Progress
from rich.text import Text

out = Console()
err = Console(stderr=True)


class PluginKind(StrEnum):
    """The kinds of plugins, as they are called on the command line."""

    task = "task"
    architecture = "architecture"
    rule = "rule"
    executor = "executor"


@contextmanager
def progress(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar during long work, if the output is a terminal.

    Args:
        description: text beside the bar.

    Yields:
        A function to be called with (done, total).
    """
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def duration(seconds: float) -> str:
    """A duration (s) as text, such as 3 min 05 s."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600:,} h {seconds % 3600 // 60:02d} min"


def folded(chunks: Sequence[str], width: int) -> Text:
    """Join chunks of text into as few lines as possible; a line ends only between chunks, and later lines are indented.

    Args:
        chunks: the chunks; empty ones are left out. A chunk longer than a line is left to the terminal.
        width: largest number of columns of a line.
    """
    lines: list[str] = []
    for chunk in filter(None, chunks):
        if lines and len(lines[-1]) + 1 + len(chunk) <= width:
            lines[-1] += f" {chunk}"
        else:
            lines.append(f"  {chunk}" if lines else chunk)
    return Text("\n".join(lines))

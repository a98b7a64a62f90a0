"""The progress of a run as a table for the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from rnnbench.cli.console import duration
from rnnbench.results.status import LATELY, Status


def status_table(status: Status, now: float) -> Group:
    """A table of the cells of each stage, the reasons of failures, and the time left.

    Args:
        status: what `status_of` returned.
        now: the time now (s since 1970).
    """
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("stage", "cells", "done", "failed", "running", "missing"):
        table.add_column(name, justify="right" if name != "stage" else "left")
    for stage in status.stages:
        name = "first tasks" if stage.position == 1 else f"stage {stage.position}"
        table.add_row(name, *(f"{n:,}" for n in (stage.cells, stage.done, stage.failed, stage.running, stage.missing)))
    lines = [Text(f"{n:,} failed: {reason}", style="red") for reason, n in status.reasons.items()]
    if status.newest is not None:
        pace = f"latest cell {duration(max(0.0, now - status.newest))} ago"
        if status.seconds_left is not None:
            pace += f"; at the rate of the last {LATELY / 60:g} minutes {duration(status.seconds_left)} left"
        lines.append(Text(pace))
    if not status.missing:
        ended = (
            "finished; the tables are written" if status.tables else "all cells are computed; `run` writes the tables"
        )
        lines.append(Text(ended))
    return Group(Text(status.name, style="bold"), table, *lines)

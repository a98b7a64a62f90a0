"""Progress of a run, read from its files only, whether it is computed on this machine or on a cluster."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rnnbench.benchmark.cells import cells_of
from rnnbench.results.document import benchmark_of
from rnnbench.results.heartbeat import cells_in_progress
from rnnbench.results.store import Store

LATELY = 600.0
"""Length of the recent period over which the rate of a run is measured, in seconds."""


@dataclass(frozen=True)
class Stage:
    """Numbers of cells at one stage of the histories.

    Attributes:
        position: the stage; 1 for first tasks.
        done: cells with a result.
        failed: cells that failed, with the reason stored.
        running: cells that are being computed at this moment, according to the heartbeats of workers.
        missing: cells that are not there yet, or whose file is incomplete.
    """

    position: int
    done: int
    failed: int
    running: int
    missing: int

    @property
    def cells(self) -> int:
        """Number of all cells at this stage."""
        return self.done + self.failed + self.running + self.missing


@dataclass(frozen=True)
class Status:
    """Progress of the run in a results folder.

    Attributes:
        name: name of the benchmark.
        stages: numbers of cells, stage by stage.
        reasons: how many cells failed for each reason, the most frequent first.
        newest: when the latest cell was written, in seconds since the epoch; None if there is no cell.
        lately: number of cells written in the last LATELY seconds.
        tables: whether the run has finished and written its tables.
    """

    name: str
    stages: tuple[Stage, ...]
    reasons: dict[str, int]
    newest: float | None
    lately: int
    tables: bool

    @property
    def missing(self) -> int:
        """Number of cells that have no result yet, including the running ones."""
        return sum(stage.missing + stage.running for stage in self.stages)

    @property
    def seconds_left(self) -> float | None:
        """Estimated time to the end in seconds, at the recent rate; None if nothing is missing or written recently."""
        return self.missing * LATELY / self.lately if self.lately and self.missing else None


def status_of(folder: Path, now: float) -> Status:
    """Count the cells of the run in a results folder. Only files are read; no plugin is imported.

    Args:
        folder: the results folder.
        now: the current time, in seconds since the epoch.

    Raises:
        StoreError: the folder has no valid benchmark.json.
    """
    benchmark = benchmark_of(folder)
    in_progress = cells_in_progress(folder, now)
    store, counts, reasons = Store(folder), Counter[tuple[int, str]](), Counter[str]()
    times = []
    for cell in cells_of(benchmark):
        state, reason, written = _state(store.path(cell.identity))
        state = "running" if state != "done" and cell.identity in in_progress else state
        counts[len(cell.history), state] += 1
        reasons[reason] += state == "failed"
        times.append(written)
    longest = max(position for position, _ in counts)
    states = ("done", "failed", "running", "missing")
    stages = tuple(Stage(k, *(counts[k, state] for state in states)) for k in range(1, longest + 1))
    written_at = [t for t in times if t is not None]
    return Status(
        benchmark.name,
        stages,
        {reason: n for reason, n in reasons.most_common() if n},
        max(written_at, default=None),
        sum(now - t < LATELY for t in written_at),
        (folder / "interference.csv").exists(),
    )


def _state(path: Path) -> tuple[str, str, float | None]:
    """Return done, failed or missing; why it failed; when it was written. An incomplete record counts as missing."""
    try:
        result = json.loads(path.read_bytes())["result"]
        reason = result["failure"]["message"] if result["status"] == "failed" else ""
        return ("failed" if result["status"] == "failed" else "done"), str(reason), path.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "missing", "", None

"""How far a run is, from its files alone: whoever computes it, here or on a cluster, the store is the truth."""

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
"""Seconds over which the rate of a run under way is taken."""


@dataclass(frozen=True)
class Stage:
    """Cells of one stage of the histories: 1 for first tasks.

    failed   with a reason that is stored
    running  being computed at this moment, by the signs of life of workers anywhere
    missing  neither; not there yet, or not whole
    """

    position: int
    done: int
    failed: int
    running: int
    missing: int

    @property
    def cells(self) -> int:
        return self.done + self.failed + self.running + self.missing


@dataclass(frozen=True)
class Status:
    """A results folder as it stands.

    reasons   how many cells failed for each reason, the most frequent first
    newest    when the latest cell was written (seconds since the epoch); None where there is none
    lately    cells written in the last LATELY seconds
    tables    whether the run has come to its end and written its tables
    """

    name: str
    stages: tuple[Stage, ...]
    reasons: dict[str, int]
    newest: float | None
    lately: int
    tables: bool

    @property
    def missing(self) -> int:
        """Cells that are not there, those under way among them."""
        return sum(stage.missing + stage.running for stage in self.stages)

    @property
    def seconds_left(self) -> float | None:
        """At the rate of the last minutes; None where nothing was written in them."""
        return self.missing * LATELY / self.lately if self.lately and self.missing else None


def status_of(folder: Path, now: float) -> Status:
    """How far the run in `folder` is. Reads files only; no plugin is imported.

    now   seconds since the epoch

    Raises StoreError where the folder has no description of a run.
    """
    benchmark = benchmark_of(folder)
    at_work = cells_in_progress(folder, now)
    store, counts, reasons = Store(folder), Counter[tuple[int, str]](), Counter[str]()
    times = []
    for cell in cells_of(benchmark):
        found, reason, written = _state(store.path(cell.identity))
        found = "running" if found != "done" and cell.identity in at_work else found
        counts[len(cell.history), found] += 1
        reasons[reason] += found == "failed"
        times.append(written)
    longest = max(position for position, _ in counts)
    kinds = ("done", "failed", "running", "missing")
    stages = tuple(Stage(k, *(counts[k, kind] for kind in kinds)) for k in range(1, longest + 1))
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
    """done, failed or missing; why it failed; when it was written. A record that is not whole counts as missing."""
    try:
        result = json.loads(path.read_bytes())["result"]
        reason = result["failure"]["message"] if result["status"] == "failed" else ""
        return ("failed" if result["status"] == "failed" else "done"), str(reason), path.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "missing", "", None

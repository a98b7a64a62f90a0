"""Runs a benchmark: what is missing is handed to an executor, then tables and figures are written.

Knows the clock; does not know the terminal.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.benchmark.schema import Benchmark
from rnnbench.errors import Submitted
from rnnbench.execution.jobs import jobs_of
from rnnbench.execution.outputs import describe, write_outputs
from rnnbench.execution.prepare import Prepared, Watcher, prepare
from rnnbench.loading.executor_choice import Choice
from rnnbench.plugin.executor import Job, Report, Work
from rnnbench.results.heartbeat import sweep
from rnnbench.results.reading import Results
from rnnbench.results.store import Store


def run(
    benchmark: Benchmark | str | Path | dict[str, Any] | Prepared,
    results: str | Path = "results",
    workers: int | None = None,
    device: str = "auto",
    watcher: Watcher | None = None,
    executor: Choice | None = None,
    threads: int = 1,
) -> Results:
    """Compute what is missing of a benchmark and write its tables and figures to results/<name>/.

    benchmark   a file, the same as a dict, or what `load_benchmark` or `prepare` returned
    workers     processes on this machine; as many as cores allow unless told otherwise, 1 on a GPU
    device      auto, cpu or cuda
    executor    who computes: a plugin's name, {"use": name, parameters}, or a YAML file of that; unless told otherwise
                `process` where there are several workers and `serial` where there is one
    threads     of each worker; with more than one the last digits of results differ

    Interrupted, it loses the populations under way; the same call goes on from there.
    """
    prepared = (
        benchmark
        if isinstance(benchmark, Prepared)
        else prepare(benchmark, results, workers, device, executor, threads)
    )
    statuses = compute(prepared, watcher)

    def analysed(done: int, total: int) -> None:
        if watcher:
            watcher.analysed(done, total)

    tables = write_outputs(prepared, analysed)
    failures = Counter(status for status in statuses.values() if status == "failed")
    return Results(prepared.folder, prepared.plan.benchmark, tables, len(statuses), dict(failures))


def compute(prepared: Prepared, watcher: Watcher | None = None) -> dict[str, str]:
    """Have what is missing computed by the executor, without tables; how each of these cells ended, by identity."""
    if watcher:
        watcher.planned(prepared)
    to_do = sorted(
        prepared.plan.to_do,
        key=lambda p: (len(p.first.history), -np.nan_to_num(prepared.seconds[p.first.identity])),
    )
    replaced = describe(prepared, renew=bool(to_do))
    statuses: dict[str, str] = {}
    begun = False

    def hear(report: Report) -> None:
        nonlocal begun
        begun = True
        statuses.update(report.finished)
        if watcher:
            watcher.heard(report)

    jobs = jobs_of(to_do, prepared.seconds)
    place = (prepared.folder, jobs, str(prepared.device), prepared.workers, prepared.threads)
    arrivals = _Arrivals(prepared, hear)
    try:
        if jobs:
            prepared.executor.run(Work(*place, hear, arrivals.left, arrivals.look))
    except BaseException as error:
        arrivals.look()
        if not begun and not isinstance(error, Submitted):  # what was there before stays what it was
            replaced.put_back()
        raise
    finally:
        replaced.forget()
        sweep(prepared.folder, time.time())
        if watcher:
            watcher.finished()
    return statuses


class _Arrivals:
    """What has come of a run by its files, whoever writes them.

    A cell is there when its file is not what it was when the run was planned: a failed one that is tried again had one
    before, and somebody else may be writing them already.
    """

    def __init__(self, prepared: Prepared, tell: Callable[[Report], Any]) -> None:
        self.store, self.tell = Store(prepared.folder), tell
        self.missing, self.stale = prepared.plan.missing, prepared.plan.stale
        self.unseen = set(self.missing)

    def left(self, jobs: Sequence[Job]) -> list[Job]:
        return [
            job for job in jobs if any(identity in self.missing and self._waits(identity) for identity in job.cells)
        ]

    def look(self) -> None:
        """Tell of the cells that are there and were not at the last look."""
        come = [identity for identity in self.unseen if not self._waits(identity)]
        self.unseen.difference_update(come)
        records = filter(None, map(self.store.peek, come))
        if ended := tuple((record.identity, record.result.status) for record in records):
            self.tell(Report(finished=ended))

    def _waits(self, identity: str) -> bool:
        return self.store.stamp(identity) in (None, self.stale.get(identity))

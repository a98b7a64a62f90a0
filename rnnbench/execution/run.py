"""Runs a benchmark: hands the missing cells to an executor, then writes tables and figures.

Progress is passed to a watcher; nothing is printed here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.benchmark.schema import Benchmark
from rnnbench.errors import AnotherNetwork, Submitted
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
    figures: bool = True,
) -> Results:
    """Compute the missing cells of a benchmark, and write its tables and figures to <results>/<name>/.

    If a run is interrupted, only the populations in progress are lost, and the same call continues it.

    Args:
        benchmark: a benchmark file, the same as a dictionary, or what `load_benchmark` or `prepare` returned. With the
            last, `results`, `workers`, `device`, `executor` and `threads` have no effect.
        results: folder in which the results folder <name>/ is created.
        workers: number of processes on this machine; by default as many as cores and memory allow, and 1 on a GPU.
        device: "auto", "cpu" or "cuda".
        watcher: follows the progress of the run.
        executor: what computes the jobs: a plugin's name, {"use": name, parameters}, a YAML file with the same content,
            or an executor. The default is `serial` for one worker and `process` for several.
        threads: number of threads of each worker. With more than one, the last digits of results differ.
        figures: whether to draw the figures. If not, those of an earlier run are removed, as they show other tables.

    Returns:
        The tables, and how many cells were computed and how many of these failed.

    Raises:
        BenchmarkError: the description is wrong.
        RnnbenchError: the executor, the device, the results folder, or the number of workers or threads cannot be used;
            or a worker was killed.
        AnotherNetwork: a network whose weights were missing was trained again and differs from the stored one.
        Submitted: the executor has submitted jobs that run without this process.
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

    tables = write_outputs(prepared, analysed, figures)
    failures = Counter(status for status in statuses.values() if status == "failed")
    return Results(prepared.folder, prepared.plan.benchmark, tables, len(statuses), dict(failures))


def compute(prepared: Prepared, watcher: Watcher | None = None) -> dict[str, str]:
    """Have the missing cells computed by the executor, without writing tables.

    Args:
        prepared: the run.
        watcher: follows the progress of the run.

    Returns:
        The status ("done" or "failed") of each cell that was computed, by identity.

    Raises:
        AnotherNetwork: a network that was trained again differs from the stored one; the tables stay as they were.
        RnnbenchError: the jobs cannot be computed.
        Submitted: the executor has submitted jobs that run without this process.
    """
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
    settings = (prepared.folder, jobs, str(prepared.device), prepared.workers, prepared.threads)
    arrivals = _Arrivals(prepared, hear)
    try:
        if jobs:
            prepared.executor.run(Work(*settings, hear, arrivals.left, arrivals.look))
    except BaseException as error:
        arrivals.look()
        # The old files are kept if nothing was computed, or if the run cannot go on: what they say is still true.
        if isinstance(error, AnotherNetwork) or (not begun and not isinstance(error, Submitted)):
            replaced.put_back()
        raise
    finally:
        replaced.forget()
        sweep(prepared.folder, time.time())
        if watcher:
            watcher.finished()
    return statuses


class _Arrivals:
    """Finds out from the files in the results folder which cells of a run have been computed, by whatever process.

    A cell has been computed when its file has another stamp than at the time of the plan. That a file exists is not
    enough, because a failed cell that is computed again already has one.
    """

    def __init__(self, prepared: Prepared, tell: Callable[[Report], Any]) -> None:
        self.store, self.tell = Store(prepared.folder), tell
        self.missing, self.stale = prepared.plan.missing, prepared.plan.stale
        self.unseen = set(self.missing)

    def left(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs of which some missing cell has not been computed yet."""
        return [
            job
            for job in jobs
            if any(identity in self.missing and not self._has_arrived(identity) for identity in job.cells)
        ]

    def look(self) -> None:
        """Report the cells that have been computed since the last call."""
        arrived = [identity for identity in self.unseen if self._has_arrived(identity)]
        self.unseen.difference_update(arrived)
        records = filter(None, map(self.store.peek, arrived))
        if finished := tuple((record.identity, record.result.status) for record in records):
            self.tell(Report(finished=finished))

    def _has_arrived(self, identity: str) -> bool:
        return self.store.stamp(identity) not in (None, self.stale.get(identity))

"""A benchmark about to be run: validated, planned, its time and memory estimated. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from rnnbench.benchmark.schema import Benchmark
from rnnbench.errors import RnnbenchError, StoreError
from rnnbench.execution.machine import cores, memory
from rnnbench.execution.plan import Plan, bytes_of_a_worker, plan, seconds_at_most
from rnnbench.execution.worker import at_least_one, device_named
from rnnbench.execution.worker import threads as in_threads
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.loading.executor_choice import Choice, executor_of
from rnnbench.plugin.executor import Executor, Report
from rnnbench.plugin.registry import installed
from rnnbench.results.store import Store


@dataclass(frozen=True)
class Prepared:
    """A benchmark about to be run.

    workers   processes on this machine
    threads   of each worker
    memory    bytes that a worker takes at most, by estimate; and that are free here, None if unknown
    seconds   for each population still to be done (by its first cell), one worker's seconds if every budget is spent
    """

    plan: Plan
    folder: Path
    device: torch.device
    workers: int
    threads: int
    executor: Executor
    memory: tuple[int, int | None]
    seconds: dict[str, float]

    @property
    def work(self) -> float:
        """Seconds of one worker if no network reaches its criterion before its budget is spent."""
        return float(np.nansum(list(self.seconds.values())))

    @property
    def at_most(self) -> float:
        """Seconds that the whole run takes at most on this machine."""
        return self.work / self.workers


class Watcher(Protocol):
    """Follows a run, to show it to somebody."""

    def planned(self, prepared: Prepared) -> None:
        """The plan is made; nothing is trained yet."""

    def heard(self, report: Report) -> None:
        """A worker tells how far it is."""

    def finished(self) -> None:
        """Training is over, or has been interrupted."""

    def analysed(self, done: int, total: int) -> None:
        """The weights of so many pairs have been measured."""


def prepare(
    benchmark: Benchmark | str | Path | dict[str, Any],
    results: str | Path = "results",
    workers: int | None = None,
    device: str = "auto",
    executor: Choice | None = None,
    threads: int = 1,
) -> Prepared:
    """Validate a benchmark, plan it and estimate its time. Writes nothing. The arguments are those of `run`.

    Raises BenchmarkError for a wrong description, RnnbenchError for an executor, a device or a folder that cannot be
    used.
    """
    if not isinstance(benchmark, Benchmark):
        benchmark = load_benchmark(benchmark)
    place = device_named(device)
    folder = Path(results) / benchmark.name
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise StoreError(f"{part}: is a file; results need a folder")
    chosen = None if executor is None else executor_of(executor, installed())
    most = _workers(workers, threads, place, chosen)
    planned = plan(benchmark, installed(), Store(folder), place)
    needed, free = bytes_of_a_worker(planned, installed(), place), memory()
    if workers is None and place.type == "cpu" and needed and free is not None:
        most = max(1, min(most, free // needed))
    n_workers = min(most, max(1, len(planned.to_do)))
    if chosen is None:
        chosen = executor_of("serial" if n_workers == 1 else "process", installed())
    with in_threads(threads):
        seconds = seconds_at_most(planned, installed(), place)
    return Prepared(planned, folder, place, n_workers, threads, chosen, (needed, free), seconds)


def _workers(asked: int | None, threads: int, device: torch.device, executor: Executor | None) -> int:
    """How many processes: what was asked for, or what the machine's cores are good for."""
    at_least_one(workers=asked, threads=threads)
    if threads > cores():
        raise RnnbenchError(f"threads: {threads} is more than the {cores()} cores that may be used here")
    alone = executor is not None and executor.name == "serial"
    if alone and asked not in (None, 1):
        raise RnnbenchError(f"workers: the executor serial has one, not {asked}; process has several")
    if asked is not None and threads > 1 and asked * threads > cores():
        told = f"{asked} of {threads} threads each are more than the {cores()} cores that may be used here"
        raise RnnbenchError(f"workers: {told}; they would slow each other down")
    if asked is None:
        return 1 if alone or device.type == "cuda" else max(1, cores() // threads)
    return asked

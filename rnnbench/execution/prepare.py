"""Prepares a run: validates a benchmark, plans it, and estimates its time and memory. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from rnnbench.benchmark.schema import Benchmark
from rnnbench.errors import RnnbenchError, StoreError
from rnnbench.execution.changes import change
from rnnbench.execution.machine import cores, memory
from rnnbench.execution.plan import Plan, bytes_of_a_worker, plan, seconds_at_most, warnings
from rnnbench.execution.worker import at_least_one, device_named, threads as in_threads
from rnnbench.loading.benchmark_file import load_benchmark
from rnnbench.loading.executor_choice import Choice, executor_of
from rnnbench.plugin.executor import Executor, Report
from rnnbench.plugin.registry import installed
from rnnbench.results.document import FILE, stored_description
from rnnbench.results.store import Store
from rnnbench.training.setting import Settings


@dataclass(frozen=True)
class Prepared:
    """A benchmark that is ready to be run.

    Attributes:
        plan: the populations, and which cells are missing.
        folder: the results folder.
        device: where networks are computed.
        workers: number of processes on this machine.
        threads: number of threads of each worker.
        executor: what computes the jobs.
        memory: estimated memory of a worker (bytes), and free memory on this machine (bytes; None if unknown).
        change: how the tasks differ from those of the results that are there; None if they do not.
        seconds: time of one worker (s) for each population still to be computed if every network spends its budget, by
            the identity of the population's first cell; NaN if it could not be measured.
        warnings: one line for each task and architecture that cannot reach the criterion, with what can be changed.
    """

    plan: Plan
    folder: Path
    device: torch.device
    workers: int
    threads: int
    executor: Executor
    memory: tuple[int, int | None]
    change: str | None
    seconds: dict[str, float]
    warnings: tuple[str, ...] = ()

    @property
    def work(self) -> float:
        """The time of one worker (s) if every network spends its budget."""
        return float(np.nansum(list(self.seconds.values())))

    @property
    def at_most(self) -> float:
        """The longest time of the whole run on this machine (s)."""
        return self.work / self.workers


class Watcher(Protocol):
    """Follows the progress of a run, for example to display it."""

    def planned(self, prepared: Prepared) -> None:
        """Called when the run is planned and nothing has been trained yet.

        Args:
            prepared: the run.
        """

    def heard(self, report: Report) -> None:
        """Called with every report of a worker.

        Args:
            report: the progress since the last report.
        """

    def finished(self) -> None:
        """Called when training is finished or has been interrupted."""

    def analysed(self, done: int, total: int) -> None:
        """Called during the analysis.

        Args:
            done: number of pairs that have been analysed.
            total: number of pairs to be analysed.
        """


def prepare(
    benchmark: Benchmark | str | Path | dict[str, Any],
    results: str | Path = "results",
    workers: int | None = None,
    device: str = "auto",
    executor: Choice | None = None,
    threads: int = 1,
) -> Prepared:
    """Validate a benchmark, plan it, and estimate its time and memory. Nothing is written.

    Args:
        benchmark: a benchmark file, the same as a dictionary, or what `load_benchmark` returned.
        results: folder in which the results folder <name>/ is created.
        workers: number of processes on this machine; by default as many as cores and memory allow, and 1 on a GPU.
        device: "auto", "cpu" or "cuda".
        executor: what computes the jobs; see `run`.
        threads: number of threads of each worker.

    Returns:
        The run, which `run` accepts in place of a benchmark.

    Raises:
        BenchmarkError: the description is wrong.
        RnnbenchError: the executor, the device, the results folder, or the number of workers or threads cannot be used.
    """
    if not isinstance(benchmark, Benchmark):
        benchmark = load_benchmark(benchmark)
    torch_device = device_named(device)
    folder = Path(results) / benchmark.name
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise StoreError(f"{part}: is a file; results are written to a folder")
    chosen = None if executor is None else executor_of(executor, installed())
    most_workers = _workers(workers, threads, torch_device, chosen)
    settings = Settings(installed())
    planned = plan(benchmark, settings, Store(folder), torch_device)
    needed, free = bytes_of_a_worker(planned, settings, torch_device), memory()
    if workers is None and torch_device.type == "cpu" and needed and free is not None:
        most_workers = max(1, min(most_workers, free // needed))
    n_workers = min(most_workers, max(1, len(planned.to_do)))
    if chosen is None:
        chosen = executor_of("serial" if n_workers == 1 else "process", installed())
    changed = change(stored_description(folder / FILE), planned)
    with in_threads(threads):
        seconds = seconds_at_most(planned, settings, torch_device)
        cannot = warnings(planned, settings)
    needs = needed, free
    return Prepared(planned, folder, torch_device, n_workers, threads, chosen, needs, changed, seconds, cannot)


def _workers(asked: int | None, threads: int, device: torch.device, executor: Executor | None) -> int:
    """The number of processes that was asked for, or the number that the cores of this machine allow.

    Args:
        asked: number of workers that was asked for, or None.
        threads: number of threads of each worker.
        device: where networks are computed.
        executor: the executor that was asked for, or None.

    Raises:
        RnnbenchError: the number of workers or threads cannot be used.
    """
    at_least_one(workers=asked, threads=threads)
    if threads > cores():
        raise RnnbenchError(f"threads: {threads} is more than the {cores()} cores that this process may use")
    is_serial = executor is not None and executor.name == "serial"
    if is_serial and asked not in (None, 1):
        raise RnnbenchError(f"workers: the executor serial has one worker, not {asked}; use process for several")
    if asked is not None and threads > 1 and asked * threads > cores():
        message = f"{asked} workers of {threads} threads need more than the {cores()} cores that this process may use"
        raise RnnbenchError(f"workers: {message}; they would slow each other down")
    if asked is None:
        return 1 if is_serial or device.type == "cuda" else max(1, cores() // threads)
    return asked

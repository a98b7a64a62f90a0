"""What a Dask worker does: it computes a job in the shared results folder, or in a folder of its own."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnbench import Parcel, Report, Worker, packed, unpacked

ALONE = threading.Lock()
"""Held during a job, so that the threads of a worker take turns: buffers are kept from job to job."""

_workers: dict[object, tuple[Worker, Path]] = {}
"""The rnnbench worker of each run and its results folder, kept from job to job."""


@dataclass(frozen=True)
class Run:
    """What all jobs of a run share.

    Attributes:
        folder: the results folder if it is shared, otherwise None.
        benchmark: content of benchmark.json.
        device: cpu or cuda.
        threads: threads of a worker.
    """

    folder: str | None
    benchmark: str
    device: str
    threads: int


def run_of(folder: str | None, benchmark: str, device: str, threads: int) -> Run:
    """Build the `Run`; this is a task of its own, which Dask repeats if the worker that holds its result is lost."""
    return Run(folder, benchmark, device, threads)


JobResult = tuple[int, Parcel]
"""What a job returns: the number of network-updates, and its cells if the folder is not shared."""


def at_work(run: Run, order: str, cells: Sequence[str], known: Parcel, *before: JobResult) -> JobResult:
    """Compute a job.

    Args:
        run: settings of the run.
        order: the job as a line of JSON.
        cells: identities of its cells.
        known: cells that existed before this run: those that it starts from, and its own.
        before: what the jobs that it starts from returned.

    Returns:
        The number of network-updates, and the cells of the job if the results folder is not shared.
    """
    with ALONE:
        worker, folder = _worker(run)
        if run.folder is not None:
            return _updates(worker, order), {}
        for parcel in (known, *(parcel for _, parcel in before)):
            unpacked(folder, parcel)
        try:
            return _updates(worker, order), packed(folder, cells)
        finally:
            shutil.rmtree(folder / "cells", ignore_errors=True)


def _updates(worker: Worker, order: str) -> int:
    count = 0

    def tell(report: Report) -> None:
        nonlocal count
        count += report.updates

    tell(worker.compute(order, tell))
    return count


def _worker(run: Run) -> tuple[Worker, Path]:
    if run not in _workers:
        folder = Path(run.folder or tempfile.mkdtemp(prefix="rnnbench-"))
        if run.folder is None:
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            (folder / "benchmark.json").write_text(run.benchmark, encoding="utf-8")
        _workers[run] = Worker(folder, run.device, run.threads), folder
    return _workers[run]

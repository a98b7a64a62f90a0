"""What a Dask worker does: a job, in the shared results folder or in one of its own."""

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
"""A worker's threads take turns: a network is computed in one thread, and its buffers are kept from job to job."""

_workers: dict[object, tuple[Worker, Path]] = {}
"""What this process keeps from job to job, by run."""


@dataclass(frozen=True)
class Run:
    """What all jobs of a run share.

    folder      the results folder where it is shared, None where it is not
    benchmark   content of benchmark.json
    """

    folder: str | None
    benchmark: str
    device: str
    threads: int


def run_of(folder: str | None, benchmark: str, device: str, threads: int) -> Run:
    """As a task of its own, whose result is made again where the worker that had it is gone."""
    return Run(folder, benchmark, device, threads)


Made = tuple[int, Parcel]
"""What a job returns: network-updates made, and its cells where the folder is not shared."""


def at_work(run: Run, order: str, cells: Sequence[str], known: Parcel, *before: Made) -> Made:
    """Compute a job.

    known    cells that it starts from and that were there before this run
    before   what the jobs that it starts from returned
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

"""A pool of worker processes on this machine that end with the pool and with the program that started them."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from rnnbench.execution.worker import REPORT_INTERVAL, Worker
from rnnbench.plugin.executor import Listener, Report

KILLED = "a worker process was killed, possibly because memory ran out; run again with fewer workers to continue"
"""Message of the error that is raised when a worker process was killed."""

Place = tuple[Path, str, int]
"""Arguments of a worker: results folder, device, number of threads."""


class Channel:
    """Carries the reports of worker processes to a listener in this process.

    Args:
        tell: called with every report.
    """

    INTERVAL = REPORT_INTERVAL
    """Time after which the channel should be drained again (s)."""

    def __init__(self, tell: Listener) -> None:
        self.tell = tell
        self.queue = multiprocessing.get_context("spawn").Queue()

    def drain(self) -> None:
        """Pass all reports that have arrived to the listener."""
        while True:
            try:
                self.tell(self.queue.get_nowait())
            except queue.Empty:
                return


@contextmanager
def pool_of(workers: int, place: Place, channel: Channel | None = None) -> Iterator[ProcessPoolExecutor]:
    """Start worker processes that end with the block. An exception or Ctrl-C ends them at once.

    Args:
        workers: number of processes.
        place: arguments of the `Worker` in each process.
        channel: receives the reports of the workers; None if they send none.
    """
    arguments = (channel.queue if channel else None, place)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker, arguments)
    try:
        yield pool
    except BaseException:
        for process in _processes_of(pool).values():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def submit(pool: ProcessPoolExecutor, function: Callable[..., Any], *args: Any) -> Future[Any]:
    """Submit a call to the pool.

    Worker processes must not import the script that started the run: without an `if __name__ == "__main__"` guard it
    would start the run again. So the script is hidden from them here.

    Args:
        pool: the pool.
        function: what is called in a worker process.
        *args: its arguments.
    """
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), main.__dict__.pop("__file__", None)
    main.__spec__ = None
    try:
        return pool.submit(function, *args)
    finally:
        main.__spec__ = spec
        if file is not None:
            main.__file__ = file


def _processes_of(pool: ProcessPoolExecutor) -> Mapping[int, Any]:
    return getattr(pool, "_processes", None) or {}


kept: dict[str, Any] = {}
"""Objects that a worker process keeps from job to job, by name."""


def _start_worker(channel: Any, place: Place) -> None:
    """Set up a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # On Ctrl-C the parent process ends its workers.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(place[2])
    torch.set_flush_denormal(True)
    kept.update(channel=channel, place=place)


def _end_with_parent() -> None:
    """End this process when its parent process ends, even if the parent is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def at_work(order: str) -> Report:
    """Compute a job; called in a worker process.

    Args:
        order: `order` of the job.

    Returns:
        The last report.
    """
    if "worker" not in kept:
        kept["worker"] = Worker(*kept["place"])
    report: Report = kept["worker"].compute(order, kept["channel"].put)
    return report

"""Processes of this machine that outlive neither their pool nor the program that started them."""

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

KILLED = "a worker process was killed, perhaps for want of memory; run again with fewer workers to go on"

Place = tuple[Path, str, int]
"""What a worker is made of: results folder, device, threads."""


class Channel:
    """What workers tell on their way, passed on to a listener when it is drained."""

    INTERVAL = REPORT_INTERVAL

    def __init__(self, tell: Listener) -> None:
        self.tell = tell
        self.queue = multiprocessing.get_context("spawn").Queue()

    def drain(self) -> None:
        while True:
            try:
                self.tell(self.queue.get_nowait())
            except queue.Empty:
                return


@contextmanager
def pool_of(workers: int, place: Place, channel: Channel | None = None) -> Iterator[ProcessPoolExecutor]:
    """Processes that do not outlive the block: an exception or Ctrl-C ends them at once."""
    sent = (channel.queue if channel else None, place)
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker, sent)
    try:
        yield pool
    except BaseException:
        for process in _processes_of(pool).values():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def submit(pool: ProcessPoolExecutor, function: Callable[..., Any], *args: Any) -> Future[Any]:
    """Hand a call to the pool, whose workers must not import the script that started the run.

    Without a guard in it, the script would start the run again.
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
"""What a worker process keeps from job to job."""


def _start_worker(channel: Any, place: Place) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: it ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(place[2])
    torch.set_flush_denormal(True)
    kept.update(channel=channel, place=place)


def _end_with_parent() -> None:
    """However the parent ends, killed or not, no worker outlives it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def at_work(order: str) -> Report:
    """In a worker process: compute a job."""
    if "worker" not in kept:
        kept["worker"] = Worker(*kept["place"])
    report: Report = kept["worker"].compute(order, kept["channel"].put)
    return report

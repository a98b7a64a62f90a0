"""Where populations are computed: in this process, or in several of one thread each.

An executor takes jobs in an order in which parents come before children, starts each when the jobs it
depends on are finished, and never lets an intra-op thread compete with another worker: on a CPU two
processes of one thread each do nearly twice the work of one, while threads inside workers collapse.
"""

from __future__ import annotations

import heapq
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rnnbench.cell_training import CellTrainer, CellTrainers
from rnnbench.cells import Cell
from rnnbench.errors import RnnbenchError
from rnnbench.measures import measures
from rnnbench.plan import Population
from rnnbench.registry import installed
from rnnbench.store import Store

REPORT_INTERVAL = 0.2
"""Seconds between two reports of a worker: often enough for a display, too rare to cost anything."""


@dataclass(frozen=True)
class Site:
    """Where and how to compute: results folder, device name, and what to write into every cell's provenance."""

    root: Path
    device: str
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Report:
    """News from a worker: network-updates made, damaged files met, and how finished cells ended."""

    updates: int = 0
    damaged: tuple[str, ...] = ()
    finished: tuple[tuple[str, str], ...] = ()  # (identity, status)


KILLED = "a worker process was killed, perhaps for want of memory; run again with fewer workers to go on"

Listener = Callable[[Report], Any]


def compute(population: Population, trainer: CellTrainer, site: Site, tell: Listener) -> Report:
    """Compute one population and store its cells; tell how it goes, and return the last report.

    The last one is returned, not told: what a worker tells may arrive after its result.
    """
    store = Store(site.root)
    store.on_damage = lambda message: tell(Report(damaged=(message,)))
    counter = _Counter(tell)
    cells = trainer.to_compute(population.cells, store)
    # Processor time: a worker has one thread, and what else the machine does is no cost of the cell's.
    clock = time.process_time if trainer.device.type == "cpu" else time.perf_counter
    records = trainer.train(cells, store, site.provenance, counter, clock)
    return Report(updates=counter.count, finished=tuple((r.identity, r.result.status) for r in records))


class _Counter:
    """Adds up network-updates and tells of them every now and then."""

    def __init__(self, tell: Listener) -> None:
        self.tell, self.count, self.last = tell, 0, time.monotonic()

    def __call__(self, n: int) -> None:
        self.count += n
        if time.monotonic() - self.last > REPORT_INTERVAL:
            self.flush()

    def flush(self) -> None:
        self.tell(Report(updates=self.count))
        self.count, self.last = 0, time.monotonic()


def serial(populations: Sequence[Population], site: Site, tell: Listener) -> None:
    """Compute populations one after the other in this process."""
    trainers = CellTrainers(installed(), torch.device(site.device))
    with one_thread():
        for population in populations:
            tell(compute(population, trainers.of(population.first.benchmark), site, tell))


def processes(populations: Sequence[Population], site: Site, tell: Listener, workers: int) -> None:
    """Compute populations in `workers` processes, each as soon as the stages before it are there."""
    context = multiprocessing.get_context("spawn")
    channel = context.Queue()
    agenda = _Agenda(populations)
    running: dict[Future[Report], Population] = {}
    with _pool(workers, site, channel) as pool:
        while agenda or running:
            # One job more than workers, so that none waits for the next to be sent.
            for population in agenda.take(workers + 1 - len(running)):
                with _main_hidden():
                    running[pool.submit(_work, population)] = population
            done, _ = wait(running, timeout=REPORT_INTERVAL, return_when=FIRST_COMPLETED)
            _drain(channel, tell)
            for future in done:
                tell(_last_report(future))
                agenda.finish(running.pop(future))
        pool.shutdown(wait=True)  # a worker that ends by itself has sent all its reports
        _drain(channel, tell)


@contextmanager
def _pool(workers: int, site: Site, channel: Any = None) -> Iterator[ProcessPoolExecutor]:
    """Processes of one thread each, which do not outlive the block: an exception or Ctrl-C ends them at once."""
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker, (channel, site))
    try:
        yield pool
    except BaseException:
        for process in _processes_of(pool).values():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def measure(
    cells: Sequence[Cell], site: Site, workers: int, tell: Callable[[int], Any] = lambda done: None
) -> list[dict[str, Any]]:
    """The measures of pairs from their stored weights, in the order given; `tell` hears how many are done."""
    found: dict[int, dict[str, Any]] = {}
    if workers <= 1 or len(cells) < 2:
        trainers = CellTrainers(installed(), torch.device("cpu"))
        with one_thread():
            for place, cell in enumerate(cells):
                found[place] = measures(cell, trainers.of(cell.benchmark), Store(site.root))
                tell(len(found))
        return [found[place] for place in range(len(cells))]
    with _pool(workers, site) as pool:
        with _main_hidden():
            jobs = {pool.submit(_measure, cell): place for place, cell in enumerate(cells)}
        for job in as_completed(jobs):
            try:
                found[jobs[job]] = job.result()
            except BrokenProcessPool:
                raise RnnbenchError(KILLED) from None
            tell(len(found))
    return [found[place] for place in range(len(cells))]


def _measure(cell: Cell) -> dict[str, Any]:
    # On the CPU whatever the run used: float64 linear algebra of one network.
    trainers = _worker.setdefault("analysts", CellTrainers(installed(), torch.device("cpu")))
    return measures(cell, trainers.of(cell.benchmark), Store(_worker["site"].root))


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Let no worker import the script that started the run: without a guard in it, it would start the run again."""
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), main.__dict__.pop("__file__", None)
    main.__spec__ = None
    try:
        yield
    finally:
        main.__spec__ = spec
        if file is not None:
            main.__file__ = file


def _last_report(future: Future[Report]) -> Report:
    try:
        return future.result()
    except BrokenProcessPool:
        raise RnnbenchError(KILLED) from None


class _Agenda:
    """Populations in the order in which they came, each to be taken when all that its cells start from is finished."""

    def __init__(self, populations: Sequence[Population]) -> None:
        self._populations = populations
        known = {cell.identity for population in populations for cell in population.cells}
        self._parents = [
            {cell.parent.identity for cell in population.cells if cell.parent is not None} & known
            for population in populations
        ]
        self._children: dict[str, list[int]] = {}
        for place, parents in enumerate(self._parents):
            for identity in parents:
                self._children.setdefault(identity, []).append(place)
        self._ready = [place for place, parents in enumerate(self._parents) if not parents]
        self._left = len(populations)

    def __bool__(self) -> bool:
        return self._left > 0

    def take(self, n: int) -> list[Population]:
        """Up to `n` that are ready, the first ones first."""
        places = [heapq.heappop(self._ready) for _ in range(min(max(0, n), len(self._ready)))]
        self._left -= len(places)
        return [self._populations[place] for place in places]

    def finish(self, population: Population) -> None:
        for cell in population.cells:
            for place in self._children.pop(cell.identity, ()):
                self._parents[place].discard(cell.identity)
                if not self._parents[place]:
                    heapq.heappush(self._ready, place)


def _processes_of(pool: ProcessPoolExecutor) -> Mapping[int, Any]:
    return getattr(pool, "_processes", None) or {}


def _drain(channel: Any, tell: Listener) -> None:
    while True:
        try:
            tell(channel.get_nowait())
        except queue.Empty:
            return


_worker: dict[str, Any] = {}
"""What a worker process keeps from job to job."""


def _start_worker(channel: Any, site: Site) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: it ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    _worker.update(channel=channel, site=site)


def _end_with_parent() -> None:
    """However the parent ends, killed or not, no worker outlives it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(population: Population) -> Report:
    site: Site = _worker["site"]
    if "trainers" not in _worker:
        _worker["trainers"] = CellTrainers(installed(), torch.device(site.device))
    trainer = _worker["trainers"].of(population.first.benchmark)
    return compute(population, trainer, site, _worker["channel"].put)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread and no denormal numbers, as in the workers: with more threads the bits would differ."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)

"""Computes the jobs of a run one after the other, wherever the results folder can be reached."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from rnnbench.errors import RnnbenchError
from rnnbench.execution.jobs import ordered
from rnnbench.execution.provenance import provenance
from rnnbench.plugin.executor import Job, Listener, Report
from rnnbench.plugin.registry import installed
from rnnbench.results.document import benchmark_of
from rnnbench.results.heartbeat import Heartbeat
from rnnbench.results.store import Store
from rnnbench.training.cell_trainer import CellTrainers

REPORT_INTERVAL = 0.2
"""Seconds between two reports of a worker: often enough for a display, too rare to cost anything."""


class Worker:
    """Computes jobs of the run in a results folder and stores their cells there; keeps what jobs share.

    folder    the results folder, with benchmark.json in it
    device    cpu or cuda
    threads   more than one changes the last digits of results

    Raises StoreError if there is no benchmark in the folder.
    """

    def __init__(self, folder: Path, device: str = "cpu", threads: int = 1) -> None:
        self.folder = folder
        self.threads = threads
        benchmark = benchmark_of(folder)
        self._settings = {setting.condition: setting for setting in benchmark.settings}
        self._device = torch.device(device)
        self._trainers = CellTrainers(installed(), self._device)
        self._provenance = provenance(self._device, threads)

    def compute(self, job: Job | str, tell: Listener) -> Report:
        """Compute one job, or the order of one, and store its cells; tell how it goes, and return the last report.

        The last one is returned, not told: what a worker tells may arrive after its result.

        Raises RnnbenchError for an order of another benchmark; whatever a plugin does wrong becomes a record.
        """
        cells = ordered(job if isinstance(job, str) else job.order, self._settings)
        trainer = self._trainers.of(cells[0].benchmark)
        store = Store(self.folder)
        store.on_damage = lambda message: tell(Report(damaged=(message,)))
        # Processor time: a worker has one thread, and what else the machine does is no cost of the cell's.
        alone = self._device.type == "cpu" and self.threads == 1
        clock = time.process_time if alone else time.perf_counter
        with threads(self.threads), Heartbeat(self.folder, [cell.identity for cell in cells]) as heartbeat:
            counter = _Counter(tell, heartbeat)
            missing = trainer.to_compute(cells, store)
            if away := [c.parent for c in missing if c.parent is not None and store.stamp(c.parent.identity) is None]:
                # Not a failure: whoever was to compute it was stopped. The run asks for both again.
                told = f"{' > '.join(away[0].history)}, seed {away[0].seed}"
                return Report(news=(f"left for later: {len(cells)} cells that start from {told}, which is not there",))
            records = trainer.train(missing, store, self._provenance, counter, clock)
        return Report(updates=counter.count, finished=tuple((r.identity, r.result.status) for r in records))


def check_options(device: str, workers: int | None, threads: int) -> None:
    """Raise RnnbenchError unless a worker can be started with them on this machine."""
    device_named(device)
    at_least_one(workers=workers, threads=threads)


def device_named(name: str) -> torch.device:
    """cpu, cuda, or auto: the one that there is. Raises RnnbenchError for another, and for one that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda"):
        raise RnnbenchError(f"device: {name!r} is not auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise RnnbenchError("device: no CUDA device is available to torch; use --device cpu")
    return torch.device(name)


def at_least_one(**values: int | None) -> None:
    """Raise RnnbenchError for an option below 1."""
    for name, value in values.items():
        if value is not None and value < 1:
            raise RnnbenchError(f"{name}: {value} is below 1")


class _Counter:
    """Adds up network-updates and tells of them every now and then."""

    def __init__(self, tell: Listener, heartbeat: Heartbeat) -> None:
        self.tell, self.heartbeat = tell, heartbeat
        self.count, self.last = 0, time.monotonic()

    def __call__(self, n: int) -> None:
        self.count += n
        if time.monotonic() - self.last > REPORT_INTERVAL:
            self.heartbeat.renew()
            self.tell(Report(updates=self.count))
            self.count, self.last = 0, time.monotonic()


@contextmanager
def threads(n: int = 1) -> Iterator[None]:
    """So many threads within operations, and no denormal numbers; with more than one the bits differ."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)

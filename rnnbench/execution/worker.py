"""A worker: computes jobs of a run one after the other, on any machine that can write to the results folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from rnnbench.benchmark.cells import joined
from rnnbench.errors import RnnbenchError
from rnnbench.execution.jobs import ordered
from rnnbench.execution.provenance import provenance
from rnnbench.plugin.executor import Job, Listener, Report
from rnnbench.plugin.registry import installed
from rnnbench.results.document import benchmark_of
from rnnbench.results.heartbeat import Heartbeat
from rnnbench.results.store import Store
from rnnbench.training.cell_trainer import CellTrainers
from rnnbench.training.setting import Settings

REPORT_INTERVAL = 0.2
"""Shortest time between two reports of a worker (s): short enough for a display, long enough to cost little."""


class Worker:
    """Computes jobs of a run and stores their cells in its results folder.

    Plugins are built once and used for all jobs.

    Args:
        folder: the results folder, with benchmark.json in it.
        device: "cpu" or "cuda".
        threads: number of threads. With more than one, the last digits of results differ.

    Raises:
        StoreError: there is no benchmark in the folder.
    """

    def __init__(self, folder: Path, device: str = "cpu", threads: int = 1) -> None:
        self.folder = folder
        self.threads = threads
        benchmark = benchmark_of(folder)
        self._settings = {setting.condition: setting for setting in benchmark.settings}
        self._device = torch.device(device)
        self._trainers = CellTrainers(Settings(installed()), self._device)
        self._provenance = provenance(self._device, threads)

    def compute(self, job: Job | str, tell: Listener) -> Report:
        """Compute one job and store its cells.

        An error in a plugin is stored as the failure of these cells.

        Args:
            job: the job, or its `order`.
            tell: called with reports on the progress.

        Returns:
            The last report. It is not passed to `tell`, since in another process it could arrive there after the job
            has been taken for finished.

        Raises:
            AnotherNetwork: a network that was trained again differs from the stored one; the others are stored.
            RnnbenchError: the job does not belong to this benchmark.
        """
        cells = ordered(job if isinstance(job, str) else job.order, self._settings)
        trainer = self._trainers.of(cells[0].benchmark)
        store = Store(self.folder)
        store.on_damage = lambda message: tell(Report(damaged=(message,)))
        # With one thread, processor time is measured, so that other programs on the machine do not count.
        single_thread = self._device.type == "cpu" and self.threads == 1
        clock = time.process_time if single_thread else time.perf_counter
        with threads(self.threads), Heartbeat(self.folder, [cell.identity for cell in cells]) as heartbeat:
            counter = _Counter(tell, heartbeat)
            missing = trainer.to_compute(cells, store)
            parents = [cell.parent for cell in missing if cell.parent is not None]
            if absent := [parent for parent in parents if store.stamp(parent.identity) is None]:
                # This is not a failure: the worker of the parent was stopped. The next run computes both cells.
                parent = f"{joined(absent[0].history)}, seed {absent[0].seed}"
                return Report(news=(f"left for later: {len(cells)} cells that start from {parent}, which is missing",))
            records = trainer.train(missing, store, self._provenance, counter, clock)
        return Report(updates=counter.count, finished=tuple((r.identity, r.result.status) for r in records))


def check_options(device: str, workers: int | None, threads: int) -> None:
    """Check that a worker can be started with these options on this machine.

    Args:
        device: name of the device.
        workers: number of processes, or None.
        threads: number of threads of each process.

    Raises:
        RnnbenchError: an option has a wrong value.
    """
    device_named(device)
    at_least_one(workers=workers, threads=threads)


def device_named(name: str) -> torch.device:
    """The device of a name.

    Args:
        name: "cpu", "cuda", or "auto" (cuda if it is available, otherwise cpu).

    Raises:
        RnnbenchError: the name is unknown, or the device is not available.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda"):
        raise RnnbenchError(f"device: {name!r} is not auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise RnnbenchError("device: no CUDA device is available to torch; use --device cpu")
    return torch.device(name)


def at_least_one(**values: int | None) -> None:
    """Raise RnnbenchError for an option below 1.

    Args:
        **values: options by name; None is ignored.
    """
    for name, value in values.items():
        if value is not None and value < 1:
            raise RnnbenchError(f"{name}: {value} is below 1")


class _Counter:
    """Adds up network-updates and reports them at intervals."""

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
    """Compute with a number of threads within the block, and with denormal numbers flushed to zero.

    With more than one thread, the last digits of results differ.

    Args:
        n: number of threads within operations.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)

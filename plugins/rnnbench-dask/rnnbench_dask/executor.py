"""The executor: jobs as tasks of a Dask graph, their results in the shared folder or sent back."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from rnnbench import Executor, Report, RnnbenchError, Work, packed, unpacked
from rnnbench_dask.work import at_work, run_of

if TYPE_CHECKING:
    from distributed import Client, Future

LOOK = 0.5
"""Seconds between two looks for cells that have come."""


class Dask(Executor):
    """Tasks of a Dask cluster that is there already: a laptop's, a lab's machines, a cloud's.

    A worker that dies costs what it was computing; Dask gives its tasks to others.
    """

    name = "dask"
    source: ClassVar[str] = "Rocklin 2015, Proc. 14th Python in Science Conf., 126-132"
    local = False

    scheduler: str = Field(
        pattern=r"^(\w+://\S+|.+\.json)$",
        description="address of the scheduler, e.g. tcp://HOST:8786, or its scheduler file, e.g. scheduler.json",
    )
    shared: bool = Field(
        True, description="whether the workers reach the results folder under the same path; if not, cells are sent"
    )
    timeout: float = Field(30, gt=0, description="how long to wait for the scheduler (s)")

    def where(self, workers: int, threads: int) -> str:
        return f"the Dask cluster at {self.scheduler}"

    def run(self, work: Work) -> None:
        with self._client() as client:
            if not client.scheduler_info()["workers"]:
                work.tell(Report(news=("dask: no worker has joined the scheduler yet; waiting for the first",)))
            futures = self._submit(client, work)
            try:
                self._follow(client, futures, work)
            except BaseException:
                with suppress(Exception):  # the scheduler itself may be gone
                    client.cancel(futures, force=True)
                    of_these = "their cells count" if self.shared else "their cells are not sent any more"
                    told = f"dask: what has not begun is cancelled; tasks under way come to their end, {of_these}"
                    work.tell(Report(news=(told,)))
                raise

    def _submit(self, client: Client, work: Work) -> list[Future]:
        folder = str(work.folder.absolute()) if self.shared else None
        text = (work.folder / "benchmark.json").read_text(encoding="utf-8")
        name = f"rnnbench-{time.time_ns():x}"
        run = client.submit(run_of, folder, text, work.device, work.threads, key=f"{name}-run", pure=False)
        by_cell: dict[str, int] = {}
        futures: list[Future] = []
        for k, job in enumerate(work.jobs):
            # What was there before is sent along; what this run computes comes from the tasks that do.
            known = {} if self.shared else packed(work.folder, job.needs - by_cell.keys())
            before = [futures[j] for j in sorted({by_cell[identity] for identity in job.needs & by_cell.keys()})]
            what = (run, job.order, job.cells, known, *before)
            futures.append(client.submit(at_work, *what, key=f"{name}-{k}", pure=False))
            by_cell.update(dict.fromkeys(job.cells, k))
        return futures

    def _follow(self, client: Client, futures: list[Future], work: Work) -> None:
        waiting = futures
        while waiting:
            time.sleep(LOOK)
            over_now = [future.done() for future in waiting]
            ended = [future for future, over in zip(waiting, over_now, strict=True) if over]
            waiting = [future for future, over in zip(waiting, over_now, strict=True) if not over]
            for future in ended:
                if future.status != "finished":
                    raise RnnbenchError(f"dask: {_told(future)}; the same command goes on")
                updates, parcel = future.result()
                unpacked(work.folder, parcel)
                work.tell(Report(updates=updates))
            work.look()
            if client.status != "running":
                raise RnnbenchError("dask: the scheduler is gone; the same command goes on")

    @contextmanager
    def _client(self) -> Iterator[Client]:
        from distributed import Client  # here: half a second that no other command should wait for

        is_file = self.scheduler.endswith(".json")
        where: dict[str, Any] = {"scheduler_file": self.scheduler} if is_file else {"address": self.scheduler}
        if is_file and not Path(self.scheduler).exists():
            raise RnnbenchError(f"dask: {self.scheduler}: no such scheduler file")
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is raised, in a line
        try:
            client = Client(**where, timeout=self.timeout, set_as_default=False)
        except (OSError, ValueError) as error:
            told = " ".join(str(error).split())
            raise RnnbenchError(f"dask: no scheduler at {self.scheduler}: {told[:200]}") from None
        try:
            yield client
        finally:
            client.close()


def _told(future: Future) -> str:
    """Why a task has no result, in a line."""
    if future.status == "cancelled":
        return "a task was cancelled; its scheduler may have been started anew"
    error = future.exception()
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"

"""The executor: jobs are tasks of a Dask graph; their results go to the shared folder or are sent back."""

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
"""Time between two checks for new cells (s)."""


class Dask(Executor):
    """Tasks on a running Dask cluster: on a laptop, on a lab's machines or in a cloud.

    If a worker dies, Dask gives its tasks to other workers, and only the work on its current job is lost.
    """

    name = "dask"
    source: ClassVar[str] = "Rocklin 2015, Proc. 14th Python in Science Conf., 126-132"
    local = False

    scheduler: str = Field(
        pattern=r"^(\w+://\S+|.+\.json)$",
        description="address of the scheduler, e.g. tcp://HOST:8786, or its scheduler file, e.g. scheduler.json",
    )
    shared: bool = Field(
        True, description="whether workers can write to the results folder under the same path; if not, cells are sent"
    )
    timeout: float = Field(30, gt=0, description="how long to wait for the scheduler (s)")

    def where(self, workers: int, threads: int) -> str:
        """Return in a few words where the work is done."""
        return f"the Dask cluster at {self.scheduler}"

    def run(self, work: Work) -> None:
        """Submit all jobs as tasks and wait for them; cancel the waiting ones on an error or interruption.

        Raises:
            RnnbenchError: the scheduler cannot be reached, or a task has no result.
        """
        with self._client() as client:
            if not client.scheduler_info()["workers"]:
                work.tell(Report(news=("dask: no worker has joined the scheduler yet; waiting for the first",)))
            futures = self._submit(client, work)
            try:
                self._follow(client, futures, work)
            except BaseException:
                with suppress(Exception):  # the scheduler itself may be gone
                    client.cancel(futures, force=True)
                    cells = "their cells are kept" if self.shared else "their cells are not sent back"
                    message = f"dask: waiting tasks are cancelled; running tasks finish, and {cells}"
                    work.tell(Report(news=(message,)))
                raise

    def _submit(self, client: Client, work: Work) -> list[Future]:
        folder = str(work.folder.absolute()) if self.shared else None
        text = (work.folder / "benchmark.json").read_text(encoding="utf-8")
        name = f"rnnbench-{time.time_ns():x}"
        run = client.submit(run_of, folder, text, work.device, work.threads, key=f"{name}-run", pure=False)
        by_cell: dict[str, int] = {}
        futures: list[Future] = []
        for k, job in enumerate(work.jobs):
            # Cells that existed before the run are sent along, also those of the job: a worker that cannot see them
            # would train them again. Cells of this run come from the tasks that compute them.
            known = {} if self.shared else packed(work.folder, (job.needs - by_cell.keys()) | set(job.cells))
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
                    if future.status == "error" and isinstance(error := future.exception(), RnnbenchError):
                        raise error  # it says all that the user needs
                    raise RnnbenchError(f"dask: {_reason(future)}; the same command continues the run")
                updates, parcel = future.result()
                unpacked(work.folder, parcel)
                work.tell(Report(updates=updates))
            work.look()
            if client.status != "running":
                raise RnnbenchError("dask: the connection to the scheduler is lost; the same command continues the run")

    @contextmanager
    def _client(self) -> Iterator[Client]:
        from distributed import Client  # imported here because it takes half a second

        is_file = self.scheduler.endswith(".json")
        where: dict[str, Any] = {"scheduler_file": self.scheduler} if is_file else {"address": self.scheduler}
        if is_file and not Path(self.scheduler).exists():
            raise RnnbenchError(f"dask: {self.scheduler}: no such scheduler file")
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # errors that matter are raised instead
        try:
            client = Client(**where, timeout=self.timeout, set_as_default=False)
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise RnnbenchError(f"dask: no scheduler at {self.scheduler}: {reason[:200]}") from None
        try:
            yield client
        finally:
            client.close()


def _reason(future: Future) -> str:
    """Say in one line why a task has no result."""
    if future.status == "cancelled":
        return "a task was cancelled; the scheduler may have been restarted"
    error = future.exception()
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"

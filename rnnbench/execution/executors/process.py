"""Processes of this machine, one thread each, and the order in which they take jobs."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool

from rnnbench.errors import RnnbenchError
from rnnbench.plugin.executor import Executor, Job, Report, Work


class Process(Executor):
    """Processes of this machine, each of one thread unless told otherwise: the default where there are several cores.

    On a CPU two processes of one thread each do nearly twice the work of one, while threads inside workers that
    compete with others collapse.
    """

    name = "process"

    def where(self, workers: int, threads: int) -> str:
        return f"{workers} process{'es' if workers > 1 else ''} of {threads} thread{'s' if threads > 1 else ''}"

    def run(self, work: Work) -> None:
        from rnnbench.execution.executors.pool import KILLED, Channel, at_work, pool_of, submit

        jobs, channel = JobQueue(work.jobs), Channel(work.tell)
        running: dict[Future[Report], Job] = {}
        with pool_of(work.workers, (work.folder, work.device, work.threads), channel) as pool:
            while jobs or running:
                # One job more than workers, so that none waits for the next to be sent.
                for job in jobs.take(work.workers + 1 - len(running)):
                    running[submit(pool, at_work, job.order)] = job
                done, _ = wait(running, timeout=channel.INTERVAL, return_when=FIRST_COMPLETED)
                channel.drain()
                for future in done:
                    try:
                        work.tell(future.result())
                    except BrokenProcessPool:
                        raise RnnbenchError(KILLED) from None
                    jobs.finish(running.pop(future))
            pool.shutdown(wait=True)  # a worker that ends by itself has sent all its reports
            channel.drain()


class JobQueue:
    """Jobs in the order in which they were given, each ready when all that its cells start from is finished."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._waits_for = [set(job.after) for job in jobs]
        self._children: dict[str, list[int]] = {}
        for position, job in enumerate(jobs):
            for identity in job.after:
                self._children.setdefault(identity, []).append(position)
        self._ready = [position for position, parents in enumerate(self._waits_for) if not parents]
        self._left = len(jobs)

    def __bool__(self) -> bool:
        return self._left > 0

    def take(self, n: int) -> list[Job]:
        """Up to `n` ready jobs, in the order in which they were given."""
        positions = [heapq.heappop(self._ready) for _ in range(min(max(0, n), len(self._ready)))]
        self._left -= len(positions)
        return [self._jobs[position] for position in positions]

    def finish(self, job: Job) -> None:
        """Release the jobs that start from the cells of a finished one."""
        for identity in job.cells:
            for position in self._children.pop(identity, ()):
                self._waits_for[position].discard(identity)
                if not self._waits_for[position]:
                    heapq.heappush(self._ready, position)

"""The process executor, which computes jobs in processes of this machine, and the order in which they get jobs."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool

from rnnbench.errors import RnnbenchError
from rnnbench.plugin.executor import Executor, Job, Report, Work


class Process(Executor):
    """Computes jobs in processes of this machine, by default with one thread each; the default for several workers.

    On a CPU, two processes of one thread do nearly twice the work of one. Several threads within a process become much
    slower as soon as they compete with other processes.
    """

    name = "process"

    def where(self, workers: int, threads: int) -> str:
        """The number of processes and of their threads."""
        return f"{workers} process{'es' if workers > 1 else ''} of {threads} thread{'s' if threads > 1 else ''}"

    def run(self, work: Work) -> None:
        """Compute all jobs, each after the jobs that it starts from.

        Raises:
            RnnbenchError: a worker process was killed, or raised this error.
        """
        from rnnbench.execution.executors.pool import KILLED, Channel, at_work, pool_of, submit

        jobs, channel = JobQueue(work.jobs), Channel(work.tell)
        running: dict[Future[Report], Job] = {}
        with pool_of(work.workers, (work.folder, work.device, work.threads), channel) as pool:
            while jobs or running:
                # One more job than workers, so that a worker that has finished need not wait for its next job.
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
            pool.shutdown(wait=True)  # A worker sends all its reports before it ends.
            channel.drain()


class JobQueue:
    """Gives out jobs in their order; a job is ready when all jobs that its cells start from are finished.

    Args:
        jobs: the jobs.
    """

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
        """Remove up to `n` ready jobs from the queue and return them in their order."""
        positions = [heapq.heappop(self._ready) for _ in range(min(max(0, n), len(self._ready)))]
        self._left -= len(positions)
        return [self._jobs[position] for position in positions]

    def finish(self, job: Job) -> None:
        """Mark a job as finished, so that the jobs that start from its cells can become ready."""
        for identity in job.cells:
            for position in self._children.pop(identity, ()):
                self._waits_for[position].discard(identity)
                if not self._waits_for[position]:
                    heapq.heappush(self._ready, position)

"""The serial executor, which computes jobs in this process."""

from __future__ import annotations

from rnnbench.plugin.executor import Executor, Work


class Serial(Executor):
    """Computes one job after the other in this process, for example on a GPU, in a debugger or in a profiler."""

    name = "serial"

    def where(self, workers: int, threads: int) -> str:
        """This process, and its threads if there are several."""
        return "this process" + (f" with {threads} threads" if threads > 1 else "")

    def run(self, work: Work) -> None:
        """Compute all jobs in their order."""
        from rnnbench.execution.worker import Worker

        worker = Worker(work.folder, work.device, work.threads)
        for job in work.jobs:
            work.tell(worker.compute(job, work.tell))

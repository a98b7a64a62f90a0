"""One job after the other, in this process."""

from __future__ import annotations

from rnnbench.plugin.executor import Executor, Work


class Serial(Executor):
    """One job after the other in this process: for a GPU, a debugger, a profiler."""

    name = "serial"

    def where(self, workers: int, threads: int) -> str:
        return "this process" + (f" with {threads} threads" if threads > 1 else "")

    def run(self, work: Work) -> None:
        from rnnbench.execution.worker import Worker

        worker = Worker(work.folder, work.device, work.threads)
        for job in work.jobs:
            work.tell(worker.compute(job, work.tell))

"""Processes of this machine, one thread each."""

from __future__ import annotations

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
        from rnnbench.execution.executors.agenda import Agenda
        from rnnbench.execution.executors.pool import KILLED, Channel, at_work, pool_of, submit

        agenda, channel = Agenda(work.jobs), Channel(work.tell)
        running: dict[Future[Report], Job] = {}
        with pool_of(work.workers, (work.folder, work.device, work.threads), channel) as pool:
            while agenda or running:
                # One job more than workers, so that none waits for the next to be sent.
                for job in agenda.take(work.workers + 1 - len(running)):
                    running[submit(pool, at_work, job.order)] = job
                done, _ = wait(running, timeout=channel.INTERVAL, return_when=FIRST_COMPLETED)
                channel.drain()
                for future in done:
                    try:
                        work.tell(future.result())
                    except BrokenProcessPool:
                        raise RnnbenchError(KILLED) from None
                    agenda.finish(running.pop(future))
            pool.shutdown(wait=True)  # a worker that ends by itself has sent all its reports
            channel.drain()

"""The contract of executors, in a page: Executor, Work, Job, Report.

A run is cut into jobs, each a population of networks trained together on one task. An executor sees to it that all
are computed: in this process, in others, on other machines. What is computed, and what comes of it, is not its
business: it hands a job's `order` to a `rnnbench.Worker`, which may live anywhere that can write to the results
folder. The folder is the truth: a job is done when its cells are there, whatever a scheduler says of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rnnbench.plugin.interfaces import Plugin


@dataclass(frozen=True)
class Job:
    """A population to be computed.

    cells    identities of its cells
    after    identities of the cells that these start from, where they are another job's of the same work
    needs    identities of all earlier stages of these networks, there already or not
    stage    position of its task in the histories, from 1; all that it starts from has a lower one
    seconds  of one worker on this machine if every budget is spent; NaN where that could not be measured
    order    the job as a line of JSON, all that a worker needs beside the results folder
    """

    cells: tuple[str, ...]
    after: frozenset[str]
    needs: frozenset[str]
    stage: int
    seconds: float
    order: str


@dataclass(frozen=True)
class Report:
    """News of a run.

    updates   network-updates made since the last report
    damaged   a line for each damaged file that was set aside
    finished  (identity, done or failed) of each cell that has ended
    news      lines for whoever watches
    """

    updates: int = 0
    damaged: tuple[str, ...] = ()
    finished: tuple[tuple[str, str], ...] = ()
    news: tuple[str, ...] = ()


Listener = Callable[[Report], Any]


@dataclass(frozen=True)
class Work:
    """What an executor is to do.

    folder    the results folder, with benchmark.json in it
    jobs      those that start from others after them
    device    cpu or cuda
    workers   processes on this machine
    threads   of each worker
    tell      to be called with every report
    left      which of some jobs are still to be computed, by the files in the folder
    look      finds the cells that have come into the folder since the last look, and tells of them: for executors
              whose workers cannot
    """

    folder: Path
    jobs: tuple[Job, ...]
    device: str
    workers: int
    threads: int
    tell: Listener
    left: Callable[[Sequence[Job]], list[Job]]
    look: Callable[[], Any]


class Executor(Plugin, ABC):
    """Where and by what the jobs of a run are computed. Its parameters change no number, only when and where."""

    local: ClassVar[bool] = True
    """Whether `workers` processes of this machine do the work, so that its time can be told beforehand."""

    @abstractmethod
    def where(self, workers: int, threads: int) -> str:
        """In a few words for the plan: where the work is done."""

    @abstractmethod
    def run(self, work: Work) -> None:
        """Compute all jobs, each after those that it starts from, and tell how it goes.

        Interrupted or stopped by an error, it leaves nothing behind that computes, or says in a line what it leaves.

        Raises RnnbenchError where jobs cannot be computed (cells that fail are no error, they have a record), and
        Submitted where they go on without this process.
        """

"""The contract of executors: Executor, Work, Job, Report.

A run is divided into jobs. Each job is a population of networks that are trained together on one task. An executor has
all jobs computed, in this process, in other processes or on other machines. It does not need to know what is computed:
it passes the `order` of a job to a `rnnbench.Worker`, which runs wherever it can write to the results folder. A job is
done when its cells are in that folder, whatever a scheduler reports about it.
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
    """A population to be trained on one task.

    Attributes:
        cells: identities of the cells that the job computes.
        after: identities of the cells that these start from, if other jobs of the same work compute them.
        needs: identities of all cells of earlier stages of these networks, whether they have been computed or not.
        stage: position of the job's task in the histories, counted from 1. All cells that the job starts from have a
            lower stage.
        seconds: estimated time (s) that one worker on this machine needs if every network spends its whole budget;
            NaN if it could not be measured.
        order: the job as one line of JSON. A worker needs nothing else except the results folder.
    """

    cells: tuple[str, ...]
    after: frozenset[str]
    needs: frozenset[str]
    stage: int
    seconds: float
    order: str


@dataclass(frozen=True)
class Report:
    """What has happened in a run since the last report.

    Attributes:
        updates: number of network-updates (one update of one network).
        damaged: one line for each damaged file that was set aside.
        finished: the identity of each cell that has ended, with "done" or "failed".
        news: lines to be shown to the user.
    """

    updates: int = 0
    damaged: tuple[str, ...] = ()
    finished: tuple[tuple[str, str], ...] = ()
    news: tuple[str, ...] = ()


Listener = Callable[[Report], Any]
"""A function that receives the reports of a run."""


@dataclass(frozen=True)
class Work:
    """What an executor has to do.

    Attributes:
        folder: the results folder, which contains benchmark.json.
        jobs: the jobs to be computed; a job comes after the jobs that it starts from.
        device: "cpu" or "cuda".
        workers: number of worker processes on this machine.
        threads: number of threads of each worker.
        tell: must be called with every report.
        left: returns those of the given jobs that are still to be computed, judged by the files in the folder.
        look: finds the cells that were added to the folder since the last call, and calls `tell` with a report of
            them. It is for executors whose workers cannot send reports.
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
    """Decides where and by which processes the jobs of a run are computed. Its parameters do not change any number."""

    local: ClassVar[bool] = True
    """Whether `workers` processes of this machine do the work, so that its duration can be estimated in advance."""

    @abstractmethod
    def where(self, workers: int, threads: int) -> str:
        """Where the work is done, in a few words for the plan that is shown before a run.

        Args:
            workers: number of worker processes on this machine.
            threads: number of threads of each worker.
        """

    @abstractmethod
    def run(self, work: Work) -> None:
        """Compute all jobs, each after the jobs that it starts from, and report progress through `work.tell`.

        If it is interrupted or stopped by an error, it must not leave anything behind that still computes, or it must
        say in one line what it leaves.

        Args:
            work: the jobs, the results folder and the functions to call.

        Raises:
            RnnbenchError: jobs cannot be computed. A cell that fails is not an error, because it has a record.
            Submitted: the jobs go on without this process.
        """

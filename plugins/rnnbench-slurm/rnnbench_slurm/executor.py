"""The executor: submits job arrays, waits for them, and submits again what was not computed."""

from __future__ import annotations

import hashlib
import shlex
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from rnnbench import Executor, Job, Report, RnnbenchError, Submitted, Work, bundled, write_bundles
from rnnbench_slurm.commands import WAITING, Element, longest_array, queue, submit
from rnnbench_slurm.script import rendered, walltime

USUAL = frozenset({"None", "Priority", "Resources", "Dependency", "JobArrayTaskLimit", "BeginTime", "Cleaning"})
"""Reasons for waiting that are normal and therefore not reported."""

UNANSWERED = 10
"""Number of times that the queue is queried before giving up; a controller may be restarting."""


class Slurm(Executor):
    """Job arrays on a SLURM cluster whose nodes share the results folder.

    Jobs are bundled by their measured cost. The arrays of each stage of the histories wait for those of the stage
    before. Only the results folder counts: what is missing in it when the arrays have ended is submitted again, and a
    run that was interrupted joins its arrays if they still wait or run.
    """

    name = "slurm"
    source: ClassVar[str] = "Yoo, Jette & Grondona 2003, JSSPP, LNCS 2862, 44-60"
    local = False

    partition: str | None = Field(None, description="partition for the jobs; if not set, the cluster's default")
    account: str | None = Field(None, description="account that the jobs are charged to")
    qos: str | None = Field(None, description="quality of service")
    cores: int = Field(1, ge=1, description="cores of each element, which runs as many worker processes")
    memory: str | None = Field(None, description="memory of each element in Slurm's notation, e.g. 4G")
    minutes: float = Field(
        30, gt=0, description="longest time that an element should take by the plan's estimate (min)"
    )
    walltime: str | None = Field(
        None, description="walltime of each element, e.g. 04:00:00; if not set, from the plan's estimate and `slack`"
    )
    slack: float = Field(
        3, ge=1, description="walltime as a multiple of the estimate, since nodes may be slower than this machine"
    )
    startup: float = Field(5, ge=0, description="added to the walltime for the start of Python on a busy disk (min)")
    at_once: int | None = Field(None, ge=1, description="elements of an array that may run at the same time")
    longest_array: int | None = Field(
        None, ge=1, description="most elements in an array; if not set, as many as Slurm allows"
    )
    attempts: int = Field(3, ge=1, description="how often missing jobs are submitted before giving up")
    options: tuple[str, ...] = Field((), description="more options of sbatch, e.g. [--constraint=avx512]")
    before: tuple[str, ...] = Field(
        (), description="shell commands that run before the worker, e.g. [module load python]"
    )
    python: str = Field(sys.executable, description="path of the Python interpreter on the nodes")
    template: str | None = Field(
        None, description="template of the batch script; python -m rnnbench_slurm prints the default"
    )
    poll: float = Field(10, gt=0, description="time between two queries of the queue (s)")
    wait: bool = Field(True, description="whether the command waits until all jobs have ended")

    def where(self, workers: int, threads: int) -> str:
        """Return in a few words where the work is done."""
        partition = f", partition {self.partition}" if self.partition else ""
        return f"SLURM job arrays with {self.cores} core{'s' if self.cores > 1 else ''} per element{partition}"

    def run(self, work: Work) -> None:
        """Submit all jobs and wait for them; submit again what is missing, up to `attempts` times.

        Raises:
            RnnbenchError: jobs were cancelled, or are still missing after the last attempt.
            Submitted: `wait` is false and the jobs continue without this process.
        """
        name = _name(work.folder)
        if joined := sorted({e.array for e in queue(name) if e.under_way}, key=int):
            work.tell(Report(news=(f"slurm: joining jobs {' '.join(joined)}, which were submitted before",)))
            states = self._wait(work, name, joined)
            _check(work, states, stuck=False)
        attempt, left = 0, work.left(work.jobs)
        while left:
            ids, complete = self._submit(work, name, left, patience=2**attempt)
            states = self._wait(work, name, ids)
            before, left = left, work.left(work.jobs)
            _check(work, states, stuck=len(left) == len(before))
            # An attempt does not count if the cluster accepted only a part of it and some jobs were done.
            attempt += complete or len(left) == len(before)
            undone = f"{len(left)} of {len(work.jobs)} jobs are not done"
            if left and attempt == self.attempts:
                logs = f"logs are in {work.folder / 'slurm'}"
                raise RnnbenchError(f"slurm: {undone} after {attempt} attempts; {logs}; the same command tries again")
            if left:
                ended = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
                work.tell(Report(news=(f"slurm: {undone} (elements: {ended}); submitting them again",)))

    def _submit(self, work: Work, name: str, jobs: Sequence[Job], patience: float) -> tuple[list[str], bool]:
        """Submit jobs stage by stage; returns the ids of their arrays, and whether Slurm accepted them all."""
        folder, longest = _new_folder(work.folder), self.longest_array or longest_array()
        ids: list[str] = []
        before: list[str] = []
        for stage, of_stage in groupby(sorted(jobs, key=lambda job: job.stage), key=lambda job: job.stage):
            bundles = bundled(list(of_stage), 60 * self.minutes * self.cores, at_most=10**9)
            path = folder / f"stage-{stage}.jobs"
            write_bundles(path, bundles)
            seconds = max(self._seconds(bundle) for bundle in bundles) * patience
            now: list[str] = []
            for offset in range(0, len(bundles), longest):
                script = folder / f"stage-{stage}-{offset}.sbatch"
                text = self._script(work, name, path, offset, min(longest, len(bundles) - offset), seconds)
                script.write_text(text, encoding="utf-8")
                try:
                    now.append(submit(script, before))
                except RnnbenchError as error:
                    if not ids and not now:
                        raise
                    message = f"{error}; the rest will be submitted when jobs {' '.join(ids + now)} have ended"
                    work.tell(Report(news=(message,)))
                    return ids + now, False
            ids, before = ids + now, now
        n = sum(len(job.cells) for job in jobs)
        message = f"slurm: {n} cells submitted as jobs {' '.join(ids)}; logs and scripts are in {folder}"
        work.tell(Report(news=(message,)))
        return ids, True

    def _seconds(self, bundle: Sequence[Job]) -> float:
        """Longest time of an element by this machine's measurements; `minutes` if nothing could be measured."""
        known = [job.seconds for job in bundle if job.seconds == job.seconds]
        # In the worst case a process starts the longest job when all others are done.
        return sum(known) / self.cores + max(known) * (self.cores > 1) if known else 60 * self.minutes

    def _script(self, work: Work, name: str, jobs: Path, offset: int, n: int, seconds: float) -> str:
        worker = [self.python, "-m", "rnnbench", "worker", str(work.folder.absolute()), str(jobs.absolute())]
        worker += ["--workers", str(self.cores), "--threads", str(work.threads), "--device", work.device]
        return rendered(
            self.template,
            {
                "name": name,
                "array": f"0-{n - 1}" + (f"%{self.at_once}" if self.at_once else ""),
                "walltime": self.walltime or walltime(60 * self.startup + self.slack * seconds),
                "cores": self.cores * work.threads,
                "threads": work.threads,
                "log": str(jobs.absolute().with_name(f"{jobs.stem}-{offset}-%a.log")).replace(" ", "\\ "),
                "memory": self.memory,
                "partition": self.partition,
                "account": self.account,
                "qos": self.qos,
                "options": self.options,
                "before": self.before,
                "worker": shlex.join(worker),
                "offset": offset,
            },
        )

    def _wait(self, work: Work, name: str, ids: Sequence[str]) -> Counter[str]:
        """Wait until the arrays have ended; returns how many elements the queue showed in each final state."""
        if not self.wait:
            follow = f"`python -m rnnbench status {work.folder}` shows their progress"
            raise Submitted(
                f"submitted: jobs {' '.join(ids)}; {follow}, the same command without wait=false waits for them"
            )
        states: dict[tuple[str, str], str] = {}
        reported: set[str] = set()
        try:
            while True:
                elements = [e for e in _queue(name) if e.array in ids]
                states.update({(e.array, e.index): e.state for e in elements if not e.under_way})
                work.look()
                if not any(e.under_way for e in elements):
                    return Counter(states.values())
                for reason in {e.reason for e in elements if e.state in WAITING} - USUAL - reported:
                    reported.add(reason)
                    work.tell(Report(news=(f"slurm: jobs are waiting: {reason}",)))
                time.sleep(self.poll)
        except BaseException:  # Ctrl-C, no answer from the queue, or an unreadable folder
            job_ids = " ".join(ids)
            news = f"slurm: jobs {job_ids} continue; the same command joins them, scancel {job_ids} ends them"
            work.tell(Report(news=(news,)))
            raise


def _queue(name: str) -> list[Element]:
    """Query the queue, and again for a while if it does not answer."""
    for attempt in range(UNANSWERED):
        try:
            return queue(name)
        except RnnbenchError:
            if attempt == UNANSWERED - 1:
                raise
            time.sleep(min(60, 2**attempt))
    raise AssertionError("unreachable")


def _check(work: Work, states: Counter[str], stuck: bool) -> None:
    """Raise RnnbenchError if jobs are missing and must not be submitted again: they were cancelled, or cannot work."""
    if not (left := work.left(work.jobs)):
        return
    undone = f"{len(left)} of {len(work.jobs)} jobs are not done"
    if states["CANCELLED"]:
        cancelled = f"{states['CANCELLED']} elements were cancelled"
        raise RnnbenchError(f"slurm: {cancelled} and {undone}; the same command submits the missing jobs")
    if stuck and states["FAILED"]:
        raise RnnbenchError(f"slurm: {undone}, because no worker finished; {_last_line(work.folder)}")


def _last_line(folder: Path) -> str:
    """Last line of the newest log."""
    logs = sorted(folder.glob("slurm/*/*.log"), key=lambda path: path.stat().st_mtime)
    if not logs:
        return f"there is no log in {folder / 'slurm'}; check that the nodes can write to this folder"
    lines = logs[-1].read_text(encoding="utf-8", errors="replace").split("\n")
    return f"{logs[-1]}: {next((line for line in reversed(lines) if line.strip()), 'is empty')[-300:]}"


def _name(folder: Path) -> str:
    """Name of the jobs of this results folder, which no other jobs have."""
    return f"rnnbench-{folder.name}-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]}"


def _new_folder(results: Path) -> Path:
    """Create a new numbered folder for a submission."""
    home = results / "slurm"
    home.mkdir(parents=True, exist_ok=True)
    for n in range(1, 10_000):
        try:
            (home / f"{n:03d}").mkdir()
        except FileExistsError:
            continue
        return home / f"{n:03d}"
    raise RnnbenchError(f"{home}: holds 9999 submissions already; remove old ones")

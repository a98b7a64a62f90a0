"""The executor: submits job arrays, waits for them, and asks again for what has not come."""

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
"""Reasons to wait that pass by themselves."""

UNANSWERED = 10
"""Times in a row that the queue may leave a question without an answer: controllers are restarted."""


class Slurm(Executor):
    """Job arrays on a SLURM cluster over a results folder that its nodes share.

    Jobs are bundled by their measured cost, a stage of the histories in arrays that wait for those of the stage
    before. The folder is the truth: what is not in it when the arrays are over is submitted again, and a run that
    was interrupted joins its arrays where they still wait or run.
    """

    name = "slurm"
    source: ClassVar[str] = "Yoo, Jette & Grondona 2003, JSSPP, LNCS 2862, 44-60"
    local = False

    partition: str | None = Field(None, description="where jobs go; unless told, the cluster's default")
    account: str | None = Field(None, description="who pays for them")
    qos: str | None = Field(None, description="quality of service")
    cores: int = Field(1, ge=1, description="of each element, and as many worker processes")
    memory: str | None = Field(None, description="of each element, as Slurm writes it, e.g. 4G")
    minutes: float = Field(30, gt=0, description="how long an element should take at most by the plan's estimate (min)")
    walltime: str | None = Field(
        None, description="of each element, e.g. 04:00:00; unless told, from the plan's estimate and `slack`"
    )
    slack: float = Field(3, ge=1, description="walltime as a multiple of the estimate: nodes may be slower than this")
    startup: float = Field(5, ge=0, description="added to the walltime for the start of Python on a busy disk (min)")
    at_once: int | None = Field(None, ge=1, description="elements of an array that may run at the same time")
    longest_array: int | None = Field(None, ge=1, description="elements of an array; unless told, what Slurm allows")
    attempts: int = Field(3, ge=1, description="how often what was not computed is submitted before giving up")
    options: tuple[str, ...] = Field((), description="more options of sbatch, e.g. [--constraint=avx512]")
    before: tuple[str, ...] = Field((), description="lines of shell before the worker, e.g. [module load python]")
    python: str = Field(sys.executable, description="the interpreter on the nodes")
    template: str | None = Field(None, description="a batch script of one's own; python -m rnnbench_slurm prints ours")
    poll: float = Field(10, gt=0, description="between two looks at the queue (s)")
    wait: bool = Field(True, description="whether the command stays until all is done")

    def where(self, workers: int, threads: int) -> str:
        partition = f", partition {self.partition}" if self.partition else ""
        return f"job arrays of SLURM, {self.cores} core{'s' if self.cores > 1 else ''} an element{partition}"

    def run(self, work: Work) -> None:
        name = _name(work.folder)
        if joined := sorted({e.array for e in queue(name) if e.under_way}, key=int):
            work.tell(Report(news=(f"slurm: joining jobs {' '.join(joined)}, which were submitted before",)))
            ends = self._wait(work, name, joined)
            _refuse(work, ends, stuck=False)
        attempt, left = 0, work.left(work.jobs)
        while left:
            ids, complete = self._submit(work, name, left, patience=2**attempt)
            ends = self._wait(work, name, ids)
            before, left = left, work.left(work.jobs)
            _refuse(work, ends, stuck=len(left) == len(before))
            # An attempt that the cluster had no room for whole, and that came some way, does not count.
            attempt += complete or len(left) == len(before)
            undone = f"{len(left)} of {len(work.jobs)} jobs are not done"
            if left and attempt == self.attempts:
                told = (
                    f"{undone} after {attempt} attempts; logs are in {work.folder / 'slurm'}, the same command goes on"
                )
                raise RnnbenchError(f"slurm: {told}")
            if left:
                ended = ", ".join(f"{n} {state}" for state, n in sorted(ends.items()))
                work.tell(Report(news=(f"slurm: {undone} (elements: {ended}); submitting them",)))

    def _submit(self, work: Work, name: str, jobs: Sequence[Job], patience: float) -> tuple[list[str], bool]:
        """Submit jobs, stage by stage; the ids of their arrays, and whether Slurm took them all."""
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
                    told = f"{error}; the rest is submitted when jobs {' '.join(ids + now)} are over"
                    work.tell(Report(news=(told,)))
                    return ids + now, False
            ids, before = ids + now, now
        n = sum(len(job.cells) for job in jobs)
        work.tell(Report(news=(f"slurm: {n} cells submitted as jobs {' '.join(ids)}; logs and scripts in {folder}",)))
        return ids, True

    def _seconds(self, bundle: Sequence[Job]) -> float:
        """Of an element at most by this machine's measure; half an hour where nothing could be measured."""
        known = [job.seconds for job in bundle if job.seconds == job.seconds]
        # Whichever of its processes has the longest job may begin it last.
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
        """Wait until the arrays are over; in which states their elements ended, as far as the queue told."""
        if not self.wait:
            follow = f"`python -m rnnbench status {work.folder}` tells how far they are"
            raise Submitted(
                f"submitted: jobs {' '.join(ids)}; {follow}, the same command without wait=false joins them"
            )
        ends: dict[tuple[str, str], str] = {}
        told: set[str] = set()
        try:
            while True:
                elements = [e for e in _asked(name) if e.array in ids]
                ends.update({(e.array, e.index): e.state for e in elements if not e.under_way})
                work.look()
                if not any(e.under_way for e in elements):
                    return Counter(ends.values())
                for reason in {e.reason for e in elements if e.state in WAITING} - USUAL - told:
                    told.add(reason)
                    work.tell(Report(news=(f"slurm: jobs wait: {reason}",)))
                time.sleep(self.poll)
        except BaseException:  # Ctrl-C, a queue that does not answer, a folder that cannot be read
            told_ids = " ".join(ids)
            news = f"slurm: jobs {told_ids} go on; the same command joins them, scancel {told_ids} ends them"
            work.tell(Report(news=(news,)))
            raise


def _asked(name: str) -> list[Element]:
    """The queue's answer, asked again for a while where there is none."""
    for attempt in range(UNANSWERED):
        try:
            return queue(name)
        except RnnbenchError:
            if attempt == UNANSWERED - 1:
                raise
            time.sleep(min(60, 2**attempt))
    raise AssertionError("unreachable")


def _refuse(work: Work, ends: Counter[str], stuck: bool) -> None:
    """Raise RnnbenchError where submitting again would be against somebody's will, or in vain."""
    if not (left := work.left(work.jobs)):
        return
    undone = f"{len(left)} of {len(work.jobs)} jobs are not done"
    if ends["CANCELLED"]:
        told = f"{ends['CANCELLED']} elements were cancelled, {undone}"
        raise RnnbenchError(f"slurm: {told}; the same command goes on")
    if stuck and ends["FAILED"]:
        raise RnnbenchError(f"slurm: {undone}, no worker came to its end; {_last_words(work.folder)}")


def _last_words(folder: Path) -> str:
    """The last line of the newest log."""
    logs = sorted(folder.glob("slurm/*/*.log"), key=lambda path: path.stat().st_mtime)
    if not logs:
        return f"there is no log in {folder / 'slurm'}: can the nodes write to this folder?"
    lines = logs[-1].read_text(encoding="utf-8", errors="replace").split("\n")
    return f"{logs[-1]}: {next((line for line in reversed(lines) if line.strip()), 'is empty')[-300:]}"


def _name(folder: Path) -> str:
    """What jobs of this results folder are called, and no others."""
    return f"rnnbench-{folder.name}-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]}"


def _new_folder(results: Path) -> Path:
    """A folder of its own for each submission, numbered."""
    home = results / "slurm"
    home.mkdir(parents=True, exist_ok=True)
    for n in range(1, 10_000):
        try:
            (home / f"{n:03d}").mkdir()
        except FileExistsError:
            continue
        return home / f"{n:03d}"
    raise RnnbenchError(f"{home}: is full of submissions; remove old ones")

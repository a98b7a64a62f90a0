"""What is asked of Slurm's own commands, and how their answers are read."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rnnbench import RnnbenchError

WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "SUSPENDED", "STOPPED", "RESIZING", "CONFIGURING"})
UNDER_WAY = WAITING | {"RUNNING", "COMPLETING", "STAGE_OUT", "SIGNALING"}


@dataclass(frozen=True)
class Element:
    """An element of a job array as the queue has it.

    array    job id of the array
    index    which element; the range that still waits is one text, such as [4-9]
    state    RUNNING, PENDING, TIMEOUT, ...
    reason   why it waits
    """

    array: str
    index: str
    state: str
    reason: str

    @property
    def under_way(self) -> bool:
        return self.state in UNDER_WAY


def submit(script: Path, after: list[str]) -> str:
    """The job id of a batch script, to be started when the jobs `after` are over, however they ended."""
    depends = [f"--dependency=afterany:{':'.join(after)}"] if after else []
    told = _run("sbatch", "--parsable", *depends, str(script))
    return told.strip().partition(";")[0]  # id;cluster


def queue(name: str) -> list[Element]:
    """The elements of this user's jobs called `name`, those that ended a moment ago among them."""
    told = _run("squeue", "-h", "-t", "all", "-u", str(os.getuid()), "--name", name, "-o", "%F|%K|%T|%r")
    rows = (line.strip().split("|", 3) for line in told.splitlines())
    return [Element(*row) for row in rows if len(row) == 4]


def longest_array() -> int:
    """Elements that a job array of this cluster may have: its MaxArraySize, which is the first index too high."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _run("scontrol", "show", "config"), re.MULTILINE)
    return int(found[1]) if found else 1001  # Slurm's own default


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        raise RnnbenchError(f"slurm: {command[0]} is not here; run this where jobs are submitted") from None
    except subprocess.TimeoutExpired:
        raise RnnbenchError(f"slurm: {command[0]} does not answer") from None
    if done.returncode:
        raise RnnbenchError(f"slurm: {command[0]}: {' '.join(done.stderr.split())[-300:]}")
    return done.stdout

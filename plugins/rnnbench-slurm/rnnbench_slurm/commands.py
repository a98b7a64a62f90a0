"""Calls of Slurm's commands, and parsing of their output."""

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
    """An element of a job array as the queue shows it.

    Attributes:
        array: job id of the array.
        index: number of the element; elements that still wait are one range, such as [4-9].
        state: RUNNING, PENDING, TIMEOUT, ...
        reason: why it waits.
    """

    array: str
    index: str
    state: str
    reason: str

    @property
    def under_way(self) -> bool:
        """Whether the element waits or runs, so that it has not ended."""
        return self.state in UNDER_WAY


def submit(script: Path, after: list[str]) -> str:
    """Submit a batch script that starts when the jobs `after` have ended in any state; returns its job id."""
    depends = [f"--dependency=afterany:{':'.join(after)}"] if after else []
    output = _run("sbatch", "--parsable", *depends, str(script))
    return output.strip().partition(";")[0]  # the output is "id" or "id;cluster"


def queue(name: str) -> list[Element]:
    """Return the elements of this user's jobs called `name`, including those that ended a short time ago."""
    output = _run("squeue", "-h", "-t", "all", "-u", str(os.getuid()), "--name", name, "-o", "%F|%K|%T|%r")
    rows = (line.strip().split("|", 3) for line in output.splitlines())
    return [Element(*row) for row in rows if len(row) == 4]


def longest_array() -> int:
    """Return the largest number of elements of a job array on this cluster, which is its MaxArraySize."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _run("scontrol", "show", "config"), re.MULTILINE)
    return int(found[1]) if found else 1001  # Slurm's default


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        raise RnnbenchError(f"slurm: {command[0]} is not installed here; run this where jobs are submitted") from None
    except subprocess.TimeoutExpired:
        raise RnnbenchError(f"slurm: {command[0]} did not answer within 120 s") from None
    if done.returncode:
        raise RnnbenchError(f"slurm: {command[0]}: {' '.join(done.stderr.split())[-300:]}")
    return done.stdout

"""This machine: the name of its processor, and the cores and memory that this process may use."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def processor() -> str:
    """The name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cores() -> int:
    """The number of cores that this process may use; a scheduler may have given it fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int | None:
    """The free memory (bytes) of the machine, or of the control group of this process if that is less.

    Returns:
        The memory; None if it is unknown.
    """
    known = [free for free in (_free_of_machine(), _free_of_control_group()) if free is not None]
    return min(known, default=None)


def _free_of_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def _free_of_control_group() -> int | None:
    """The free memory (bytes) of the control group (version 2) of this process; None if it has no limit."""
    try:
        path = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        group = Path("/sys/fs/cgroup") / path.lstrip("/")
        return int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
    except (OSError, StopIteration, ValueError):  # There are no such files, or the limit is "max".
        return None

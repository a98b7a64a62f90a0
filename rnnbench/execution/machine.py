"""The machine at hand: what it is called, and what of it this process may use."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use: a scheduler may have given it fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int | None:
    """Bytes that can still be used here: of the machine, or of the share that a scheduler gave; None if unknown."""
    found = [free for free in (_free_of_the_machine(), _free_of_the_group()) if free is not None]
    return min(found, default=None)


def _free_of_the_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def _free_of_the_group() -> int | None:
    """By the control group of this process (version 2), where it has a limit."""
    try:
        path = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
        group = Path("/sys/fs/cgroup") / path.lstrip("/")
        return int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
    except (OSError, StopIteration, ValueError):  # no such files, or no limit: "max"
        return None

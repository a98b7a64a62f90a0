"""Runs rnnbench on a SLURM cluster: `python -m rnnbench run FILE --executor slurm`."""

from __future__ import annotations

from rnnbench import Executor, hookimpl
from rnnbench_slurm.executor import Slurm

__all__ = ["Slurm"]


@hookimpl
def rnnbench_executors() -> list[type[Executor]]:
    """Return the executor of this package."""
    return [Slurm]

"""Runs rnnbench on a Dask cluster: `python -m rnnbench run FILE --executor dask --scheduler tcp://HOST:8786`."""

from __future__ import annotations

from rnnbench import Executor, hookimpl
from rnnbench_dask.executor import Dask

__all__ = ["Dask"]


@hookimpl
def rnnbench_executors() -> list[type[Executor]]:
    """Return the executor of this package."""
    return [Dask]

"""Runs rnnbench on a Dask cluster: `python -m rnnbench run FILE --executor dask --scheduler tcp://HOST:8786`."""

from __future__ import annotations

from rnnbench import Executor, hookimpl


@hookimpl
def rnnbench_executors() -> list[type[Executor]]:
    """Return the executor of this package."""
    # Imported here, so that who asks for a task does not wait for it.
    from rnnbench_dask.executor import Dask

    return [Dask]

"""The executors that come with rnnbench, registered through the same hook as plugins."""

from __future__ import annotations

from rnnbench.execution.executors.process import Process
from rnnbench.execution.executors.serial import Serial
from rnnbench.plugin.executor import Executor
from rnnbench.plugin.hooks import hookimpl


@hookimpl
def rnnbench_executors() -> list[type[Executor]]:
    """The executors that come with rnnbench."""
    return [Serial, Process]

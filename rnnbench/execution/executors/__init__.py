"""The executors that every rnnbench has, registered through the very hook that plugins use."""

from __future__ import annotations

from rnnbench.execution.executors.process import Process
from rnnbench.execution.executors.serial import Serial
from rnnbench.plugin.executor import Executor
from rnnbench.plugin.hooks import hookimpl


@hookimpl
def rnnbench_executors() -> list[type[Executor]]:
    return [Serial, Process]

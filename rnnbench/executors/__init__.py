"""The executors that every rnnbench has, registered through the very hook that plugins use."""

from __future__ import annotations

from rnnbench.execution import Executor
from rnnbench.executors.process import Process
from rnnbench.executors.serial import Serial
from rnnbench.hookspecs import hookimpl


@hookimpl
def rnnbench_executors() -> list[type[Executor]]:
    return [Serial, Process]

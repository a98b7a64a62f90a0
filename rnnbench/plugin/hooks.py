"""The hooks that a plugin package may implement. They are found through the entry-point group `rnnbench`."""

from __future__ import annotations

import pluggy

from rnnbench.plugin.executor import Executor
from rnnbench.plugin.interfaces import Architecture, Task
from rnnbench.plugin.learning_rule import LearningRule

PROJECT = "rnnbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def rnnbench_tasks() -> list[type[Task]]:
    """The tasks of this package."""
    raise NotImplementedError


@hookspec
def rnnbench_architectures() -> list[type[Architecture]]:
    """The architectures of this package."""
    raise NotImplementedError


@hookspec
def rnnbench_rules() -> list[type[LearningRule]]:
    """The learning rules of this package."""
    raise NotImplementedError


@hookspec
def rnnbench_executors() -> list[type[Executor]]:
    """The executors of this package."""
    raise NotImplementedError

"""The plugins of one setting of a benchmark: each is built once and checked before anything is trained."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch

from rnnbench.benchmark.cells import Cell
from rnnbench.benchmark.schema import ArchitectureSpec, Benchmark, RuleSpec, canonical_json
from rnnbench.errors import PluginError
from rnnbench.plugin.interfaces import Architecture, Task
from rnnbench.plugin.learning_rule import LearningRule
from rnnbench.plugin.registry import Kind, Registry
from rnnbench.randomness import rng_for
from rnnbench.training.channels import Layout
from rnnbench.training.initial_weights import check_channel_axes, initial_weights
from rnnbench.training.trials import check_task

DTYPES = dict.fromkeys(["float32", "tf32", "bfloat16"], torch.float32) | {"float64": torch.float64}
"""Types of arrays by the `dtype` of a benchmark."""


class Setting:
    """Tasks, channels, architectures and rules of a benchmark under one of its conditions.

    Args:
        benchmark: one of the settings of a benchmark, with at most one condition.
        registry: where the plugins are found.
    """

    def __init__(self, benchmark: Benchmark, registry: Registry) -> None:
        self.benchmark = benchmark
        self.registry = registry
        self._built: dict[tuple[Kind, str, str], Any] = {}
        self._faults: dict[float, dict[str, str]] = {}
        self._steps: dict[tuple[str, float], int] = {}
        self._checked: set[int] = set()
        self._layouts: dict[tuple[str, ...], Layout] = {}

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The tasks by label."""
        return {t.label: self.registry.build("task", t.plugin, t.parameters) for t in self.benchmark.tasks}

    def check_channels(self) -> None:
        """Check the numbers of inputs and outputs of all tasks.

        Raises:
            PluginError: a number is not a whole number in the allowed range.
        """
        Layout(self.benchmark.channels, self.tasks)

    def layout(self, cell: Cell) -> Layout:
        """The channels of a cell's network, and which of them each of its tasks uses.

        Raises:
            PluginError: a task's number of inputs or outputs is not a whole number in the allowed range. No network can
                be built without these numbers.
        """
        labels = tuple(task.label for task in cell.tasks_with_channels)
        if labels not in self._layouts:
            self._layouts[labels] = Layout(self.benchmark.channels, {label: self.tasks[label] for label in labels})
        return self._layouts[labels]

    @property
    def dtype(self) -> torch.dtype:
        """The type of all arrays. Reduced precision (tf32, bfloat16) concerns only matrix products."""
        return DTYPES[self.benchmark.dtype]

    def architecture(self, spec: ArchitectureSpec) -> Architecture:
        """The architecture of a description, built at the first call."""
        architecture: Architecture = self._once("architecture", spec)
        return architecture

    def rule(self, spec: RuleSpec) -> LearningRule:
        """The learning rule of a description, built at the first call."""
        rule: LearningRule = self._once("rule", spec)
        return rule

    def _once(self, kind: Kind, spec: ArchitectureSpec | RuleSpec) -> Any:
        key = kind, spec.plugin, canonical_json(spec.parameters)
        if key not in self._built:
            self._built[key] = self.registry.build(kind, spec.plugin, spec.parameters)
        return self._built[key]

    def faults(self, dt: float) -> dict[str, str]:
        """Error messages of the tasks that cannot be used, by label. Each task is tried once for each time step.

        Args:
            dt: time step (tau).
        """
        if dt not in self._faults:
            self._faults[dt] = {}
            for label, task in self.tasks.items():
                training = self.benchmark.task(label).training
                try:
                    check_task(task, dt, {training.batch, training.evaluation_trials})
                except PluginError as error:
                    self._faults[dt][label] = str(error)
        return self._faults[dt]

    def evaluation_trials(self, cell: Cell, dt: float) -> dict[str, int]:
        """The number of held-out trials of each task of a cell's history that can be used, by label.

        Args:
            cell: the cell.
            dt: time step (tau).
        """
        faults = self.faults(dt)
        specs = (self.benchmark.task(label) for label in dict.fromkeys(cell.history) if label not in faults)
        return {spec.label: spec.training.evaluation_trials for spec in specs}

    def steps(self, label: str, dt: float) -> int:
        """The number of time steps of a task's trials, found by drawing two trials.

        Args:
            label: the task.
            dt: time step (tau).

        Returns:
            The number of steps; 0 if the task cannot be used.
        """
        if (label, dt) not in self._steps:
            broken = label in self.faults(dt)
            drawn = None if broken else self.tasks[label].sample(rng_for(0, "check"), 2, dt)
            self._steps[label, dt] = 0 if drawn is None else int(drawn.inputs.shape[1])
        return self._steps[label, dt]

    def initial_weights(self, cell: Cell) -> dict[str, np.ndarray]:
        """The weights of a cell's network before any training, by name, with the channels of `layout`.

        They do not depend on the learning rule. The weights of a task's channels come from a random stream of their
        own, and all other weights do not depend on the tasks.

        Raises:
            PluginError: the architecture returns no array for one of its trained weights, or does not declare which
                axes of its weights count channels.
        """
        # Networks of a population may differ in the parameters of their initial weights, so each cell uses its own.
        architecture = self.architecture(cell.architecture)
        if id(architecture) not in self._checked:
            check_channel_axes(architecture)
            self._checked.add(id(architecture))
        return initial_weights(architecture, cell.seed, self.layout(cell))


class Settings:
    """The settings of one benchmark, each made when it is first needed.

    Args:
        registry: where the plugins are found.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._by_condition: dict[str, Setting] = {}

    def of(self, benchmark: Benchmark) -> Setting:
        """The setting of a cell.

        Args:
            benchmark: the cell's `benchmark`. All calls must concern the same benchmark.
        """
        if benchmark.condition not in self._by_condition:
            self._by_condition[benchmark.condition] = Setting(benchmark, self.registry)
        return self._by_condition[benchmark.condition]

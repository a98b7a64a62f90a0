"""The plugins of one setting of a benchmark, each built once, and what they say before anything is trained."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch

from rnnbench.benchmark.cells import Cell
from rnnbench.benchmark.schema import ArchitectureSpec, Benchmark, RuleSpec, canonical_json
from rnnbench.errors import PluginError
from rnnbench.plugin.interfaces import Architecture, LearningRule, Task
from rnnbench.plugin.registry import Registry
from rnnbench.randomness import rng_for
from rnnbench.training.channels import Layout
from rnnbench.training.trials import check_task

DTYPES = dict.fromkeys(["float32", "tf32", "bfloat16"], torch.float32) | {"float64": torch.float64}


class Setting:
    """Tasks, channels, architectures and rules of a benchmark under one of its conditions.

    Args:
        benchmark: one of a benchmark's settings: it has at most one condition.
        registry: where the plugins are found.
    """

    def __init__(self, benchmark: Benchmark, registry: Registry) -> None:
        self.benchmark = benchmark
        self.registry = registry
        self._architectures: dict[tuple[str, str], Architecture] = {}
        self._rules: dict[tuple[str, str], LearningRule] = {}
        self._faults: dict[float, dict[str, str]] = {}
        self._steps: dict[tuple[str, float], int] = {}

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The tasks by label."""
        return {t.label: self.registry.build("task", t.plugin, t.parameters) for t in self.benchmark.tasks}

    @cached_property
    def layout(self) -> Layout:
        """Which inputs and outputs each task uses.

        Raises:
            PluginError: a task cannot say how many channels it has; without them no network has a shape.
        """
        return Layout(self.benchmark.channels, self.tasks)

    @property
    def dtype(self) -> torch.dtype:
        """The type of all arrays; reduced precision concerns products alone."""
        return DTYPES[self.benchmark.dtype]

    def architecture(self, spec: ArchitectureSpec) -> Architecture:
        """The architecture that a description names."""
        key = spec.plugin, canonical_json(spec.parameters)
        if key not in self._architectures:
            self._architectures[key] = self.registry.build("architecture", spec.plugin, spec.parameters)
        return self._architectures[key]

    def rule(self, spec: RuleSpec) -> LearningRule:
        """The learning rule that a description names."""
        key = spec.plugin, canonical_json(spec.parameters)
        if key not in self._rules:
            self._rules[key] = self.registry.build("rule", spec.plugin, spec.parameters)
        return self._rules[key]

    def faults(self, dt: float) -> dict[str, str]:
        """What is wrong with the tasks that cannot be used at a time step, by label; each task is tried once."""
        if dt not in self._faults:
            self._faults[dt] = {}
            for label, task in self.tasks.items():
                training = self.benchmark.task(label).training
                try:
                    check_task(task, dt, {training.batch, training.evaluation_trials})
                except PluginError as error:
                    self._faults[dt][label] = str(error)
        return self._faults[dt]

    def evaluation_trials(self, dt: float) -> dict[str, int]:
        """On how many held-out trials each task is evaluated, by label, without the tasks that cannot be used."""
        faults = self.faults(dt)
        return {t.label: t.training.evaluation_trials for t in self.benchmark.tasks if t.label not in faults}

    def steps(self, label: str, dt: float) -> int:
        """Time steps of a task's trials, found by drawing two of them; 0 where the task cannot be used."""
        if (label, dt) not in self._steps:
            broken = label in self.faults(dt)
            drawn = None if broken else self.tasks[label].sample(rng_for(0, "check"), 2, dt)
            self._steps[label, dt] = 0 if drawn is None else int(drawn.inputs.shape[1])
        return self._steps[label, dt]

    def initial_weights(self, cell: Cell) -> dict[str, np.ndarray]:
        """The weights of a cell's network before any training, by name; the same for every rule.

        Raises:
            PluginError: the architecture gives no array for a weight that is to be trained.
        """
        # The cell's own architecture: a population's networks may differ in what shapes their initial weights.
        architecture = self.architecture(cell.architecture)
        rng = rng_for(cell.seed, "weights", architecture.id())
        weights = architecture.init(rng, self.layout.n_inputs, self.layout.n_outputs)
        missing = [name for name in architecture.trained if name not in weights]
        if missing:
            raise PluginError(
                f"architecture {architecture.id()}: init() gives no {missing[0]!r}, which is to be trained"
            )
        return {name: np.asarray(w) for name, w in weights.items()}


class Settings:
    """The settings of one benchmark, each made when it is first asked for."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._by_condition: dict[str, Setting] = {}

    def of(self, benchmark: Benchmark) -> Setting:
        """The setting of a cell's `benchmark`; all must be of one benchmark."""
        if benchmark.condition not in self._by_condition:
            self._by_condition[benchmark.condition] = Setting(benchmark, self.registry)
        return self._by_condition[benchmark.condition]

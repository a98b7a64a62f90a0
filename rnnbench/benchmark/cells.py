"""The unit of work: one network after one stage of its history, and what identifies its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from rnnbench.benchmark.schema import ArchitectureSpec, Benchmark, RuleSpec, TaskSpec, digest

NUMERICS = 2
"""Version of the engine's arithmetic and of its streams; raised whenever the same cell would give other numbers."""

SEPARATOR = " > "
"""Between the tasks of a history where it is written as one text."""


def joined(history: Sequence[str]) -> str:
    """The tasks of a history as one text, in the order in which they are learnt."""
    return SEPARATOR.join(history)


def split_history(text: str) -> list[str]:
    """The tasks of a history from one text; none from an empty text."""
    return text.split(SEPARATOR) if text else []


@dataclass(frozen=True)
class Cell:
    """A network of one architecture, rule and seed that has been taken through `history`.

    benchmark   one of its settings: the condition under which the network lives is settled
    """

    benchmark: Benchmark
    architecture: ArchitectureSpec
    rule: RuleSpec
    seed: int
    history: tuple[str, ...]

    def __getstate__(self) -> dict[str, Any]:
        """What is sent to a worker: the rest follows from it."""
        return {field.name: self.__dict__[field.name] for field in fields(self)}

    @property
    def task(self) -> TaskSpec:
        """The task of the last stage."""
        return self.benchmark.task(self.history[-1])

    @cached_property
    def parent(self) -> Cell | None:
        """The same network one stage earlier; None for a network at its first task."""
        if len(self.history) == 1:
            return None
        return Cell(self.benchmark, self.architecture, self.rule, self.seed, self.history[:-1])

    @property
    def occurrence(self) -> int:
        """How often the last task was learnt before: relearning sees fresh trials, a first time the same trials."""
        return self.history[:-1].count(self.history[-1])

    @property
    def is_drift_control(self) -> bool:
        """Whether the last stage is more of the task just learnt: as many updates as that took, criterion or not."""
        return len(self.history) > 1 and self.history[-1] == self.history[-2]

    @property  # not kept: of a hundred thousand cells it would take gigabytes
    def description(self) -> dict[str, Any]:
        """All that determines the numbers, and nothing that does not: no worker, device, path or label of a rule."""
        b = self.benchmark
        stages = [b.task(label) for label in self.history]
        return {
            "numerics": NUMERICS,
            "dtype": b.dtype,
            "seed": self.seed,
            "architecture": {"plugin": self.architecture.plugin, "parameters": self.architecture.parameters},
            "channels": b.channels.model_dump(mode="json"),
            "tasks": [
                {
                    "label": t.label,
                    "plugin": t.plugin,
                    "parameters": t.parameters,
                    "evaluation_trials": t.training.evaluation_trials,
                }
                for t in b.tasks
            ],
            "history": [
                {
                    "task": t.label,
                    "training": t.training.model_dump(mode="json", exclude={"learning_rate", "evaluation_trials"}),
                    "rule": self.rule.on(t.training).model_dump(mode="json", exclude={"label"}),
                }
                for t in stages
            ],
        }

    @cached_property
    def identity(self) -> str:
        """SHA-256 of the description."""
        return digest(self.description)


def cells_of(benchmark: Benchmark) -> Iterator[Cell]:
    """Every cell of a benchmark once, earlier stages first: a first task serves all histories that begin with it."""
    earlier: dict[tuple[Any, ...], Cell] = {}
    for history in benchmark.stages:
        for where, setting in enumerate(benchmark.settings):
            for a, architecture in enumerate(setting.architectures):
                for r, rule in enumerate(setting.rules):
                    for seed in setting.seeds:
                        cell = Cell(setting, architecture, rule, seed, history)
                        # One parent for all its children: of many cells, the identities are most of the plan's time.
                        cell.__dict__["parent"] = earlier.get((where, a, r, seed, history[:-1]))
                        earlier[where, a, r, seed, history] = cell
                        yield cell

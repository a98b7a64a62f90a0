"""Cells, the unit of work: one network after one stage of its history, with the identity of its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from rnnbench.benchmark.schema import ArchitectureSpec, Benchmark, RuleSpec, TaskSpec, digest

NUMERICS = 3
"""Version of the engine's arithmetic and random streams; raised whenever the same cell would give other numbers."""

SEPARATOR = " > "
"""Text between the tasks of a history that is written as one string."""


def joined(history: Sequence[str]) -> str:
    """Join the tasks of a history into one string, in the order in which they are learnt."""
    return SEPARATOR.join(history)


def split_history(text: str) -> list[str]:
    """Split a string made by `joined` into the tasks of the history; an empty string gives no tasks."""
    return text.split(SEPARATOR) if text else []


@dataclass(frozen=True)
class Cell:
    """A network of one architecture, learning rule and seed that has been trained through `history`.

    Attributes:
        benchmark: the benchmark under a single condition, one of `Benchmark.settings`.
        architecture: the architecture of the network.
        rule: the learning rule that trains it.
        seed: seed of the weights and the trials.
        history: labels of the tasks learnt, in order; the last one is the task of the last stage.
    """

    benchmark: Benchmark
    architecture: ArchitectureSpec
    rule: RuleSpec
    seed: int
    history: tuple[str, ...]

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields only: a worker computes the cached properties again."""
        return {field.name: self.__dict__[field.name] for field in fields(self)}

    @property
    def task(self) -> TaskSpec:
        """The task of the last stage."""
        return self.benchmark.task(self.history[-1])

    @cached_property
    def parent(self) -> Cell | None:
        """The cell of the same network one stage earlier; None for a network at its first task."""
        if len(self.history) == 1:
            return None
        return Cell(self.benchmark, self.architecture, self.rule, self.seed, self.history[:-1])

    @property
    def occurrence(self) -> int:
        """How many times the last task was learnt before in this history.

        It is part of the name of the random stream of trials: relearning a task uses fresh trials, while networks
        that learn it for the first time all see the same trials.
        """
        return self.history[:-1].count(self.history[-1])

    @property
    def is_drift_control(self) -> bool:
        """Whether the last stage continues the task just learnt.

        A drift control makes as many updates as learning the task took, whether or not it meets the criterion.
        """
        return len(self.history) > 1 and self.history[-1] == self.history[-2]

    @property
    def tasks_with_channels(self) -> tuple[TaskSpec, ...]:
        """The tasks whose channels the network has, in the order of the channels.

        These are the tasks of its history, in the order in which they were first learnt, or all tasks of the benchmark
        (`Channels.grow`).
        """
        if self.benchmark.channels.grow:
            return tuple(self.benchmark.task(label) for label in dict.fromkeys(self.history))
        return self.benchmark.tasks

    @property  # not cached: the descriptions of a hundred thousand cells would take gigabytes
    def description(self) -> dict[str, Any]:
        """Everything that determines the numbers and nothing else: no worker, device, path or label of a rule."""
        b = self.benchmark
        stages = [b.task(label) for label in self.history]
        return {
            "numerics": NUMERICS,
            "dtype": b.dtype,
            "seed": self.seed,
            "architecture": {"plugin": self.architecture.plugin, "parameters": self.architecture.parameters},
            "channels": b.channels.model_dump(mode="json"),
            "tasks": [
                {"label": t.label, "plugin": t.plugin, "parameters": t.parameters} for t in self.tasks_with_channels
            ],
            "history": [
                {
                    "task": t.label,
                    "training": t.training.model_dump(mode="json", exclude={"learning_rate"}),
                    "rule": self.rule.on(t.training).model_dump(mode="json", exclude={"label"}),
                }
                for t in stages
            ],
        }

    @cached_property
    def identity(self) -> str:
        """The identity of the description, see `identity_of`."""
        return identity_of(self.description)


STEM = 40
"""Number of leading digits of an identity that do not depend on the budgets of updates."""


def identity_of(description: dict[str, Any]) -> str:
    """Return the identity of a cell: 64 hexadecimal digits, computed from its description alone.

    The first digits are those of the SHA-256 of the description without the budgets (`max_updates`), and the rest those
    of the SHA-256 of the list of budgets. Results that differ only in their budgets can thus be found by their first
    digits. Cells of earlier numerics have the SHA-256 of the whole description.

    Args:
        description: `Cell.description`, which may have been read from a file.

    Raises:
        ValueError: the description is not that of a cell.
    """
    try:
        if description["numerics"] < 3:
            return digest(description)
        trainings = [dict(stage["training"]) for stage in description["history"]]
        budgets = [training.pop("max_updates") for training in trainings]
        stages = [
            stage | {"training": training} for stage, training in zip(description["history"], trainings, strict=True)
        ]
        return with_budgets(digest(description | {"history": stages}), budgets)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not the description of a cell: {error}") from None


def with_budgets(identity: str, budgets: Sequence[int]) -> str:
    """Return the identity of the same cell with other budgets of updates.

    Args:
        identity: the identity of the cell, or as many of its leading digits as do not depend on the budgets.
        budgets: `max_updates` of each stage of its history.
    """
    return identity[:STEM] + digest(list(budgets))[: 64 - STEM]


def cells_of(benchmark: Benchmark) -> Iterator[Cell]:
    """Yield every cell of a benchmark once, earlier stages first.

    Histories that begin alike share their first cells.

    Args:
        benchmark: the benchmark with all its conditions.

    Yields:
        The cells, in the order of `stages`, conditions, architectures, rules and seeds.
    """
    earlier: dict[tuple[Any, ...], Cell] = {}
    for history in benchmark.stages:
        for condition, setting in enumerate(benchmark.settings):
            for a, architecture in enumerate(setting.architectures):
                for r, rule in enumerate(setting.rules):
                    for seed in setting.seeds:
                        cell = Cell(setting, architecture, rule, seed, history)
                        # Children share one parent object, whose cached identity is then computed only once:
                        # computing identities takes most of the time of planning.
                        cell.__dict__["parent"] = earlier.get((condition, a, r, seed, history[:-1]))
                        earlier[condition, a, r, seed, history] = cell
                        yield cell

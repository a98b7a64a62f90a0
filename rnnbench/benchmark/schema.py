"""The resolved benchmark: frozen models that do not depend on defaults, file order or installed plugins.

`rnnbench.loading.benchmark_file` turns a benchmark file into these models. They hold plugin ids and parameters,
never plugin objects, so that a stored description can be read without importing a plugin.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import math
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
FORMAT = 1
"""Version of the stored description and of the cells. A reader refuses newer versions."""


class Model(BaseModel):
    """Base of all stored models: frozen; unknown fields and non-finite numbers are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Criterion(Model):
    """The criterion for a task being learnt: its loss on the evaluation trials is at or below a bound."""

    loss: float | None = Field(None, gt=0, description="upper bound of the loss")
    relative_loss: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="upper bound, as a fraction of the same network's loss on the task before any training",
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.loss is None) == (self.relative_loss is None):
            raise ValueError("give exactly one of loss and relative_loss")
        return self

    def bound(self, loss_untrained: float) -> float:
        """Return the loss at which training ends.

        Args:
            loss_untrained: the network's loss on the task before any training.
        """
        if self.loss is not None:
            return self.loss
        assert self.relative_loss is not None
        return self.relative_loss * loss_untrained


class Training(Model):
    """How a network is trained and evaluated on a task."""

    batch: int = Field(32, ge=1, description="number of new trials in each update")
    max_updates: int = Field(
        2000, ge=0, description="budget: number of updates after which training ends even if the criterion is not met"
    )
    criterion: Criterion = Field(
        Criterion(relative_loss=0.05), description="loss or relative_loss at which training ends"
    )
    evaluate_every: int = Field(25, ge=1, description="number of updates between two evaluations")
    dense_start: bool = Field(
        True,
        description="whether evaluations are more frequent at first: after 1, 2, 3, ... updates, each a quarter later "
        "than the one before, until they are evaluate_every apart",
    )
    evaluation_trials: int = Field(
        128, ge=1, description="number of held-out trials; every evaluation uses the same ones"
    )
    learning_rate: float | None = Field(
        None, gt=0, description="learning rate for this task, in place of the learning rule's own"
    )

    def evaluates_after(self, updates: int) -> bool:
        """Return whether networks are evaluated after a number of updates."""
        return updates % self.evaluate_every == 0 or (self.dense_start and updates in _dense(self.evaluate_every))


@functools.cache
def _dense(every: int) -> frozenset[int]:
    """The numbers of updates at which evaluations are less than `every` apart."""
    updates, found = 1, []
    while math.ceil(updates / 4) < every:
        found.append(updates)
        updates += math.ceil(updates / 4)
    return frozenset(found)


class TaskSpec(Model):
    """A task of the benchmark. Its label identifies it in the tables and in the names of its random streams."""

    label: str
    plugin: str
    parameters: dict[str, Any]
    training: Training


class ArchitectureSpec(Model):
    """An architecture at one point of its sweep."""

    label: str
    plugin: str
    parameters: dict[str, Any]

    @property
    def g(self) -> float | None:
        """Connectivity strength; None if the architecture has none."""
        return self.parameters.get("g")

    @property
    def units(self) -> int:
        """Number of recurrent units."""
        return int(self.parameters["units"])


class RuleSpec(Model):
    """A learning rule at one point of its sweep."""

    label: str
    plugin: str
    parameters: dict[str, Any]

    def on(self, training: Training) -> RuleSpec:
        """Return the rule as it is used on a task: with the learning rate of the task's training, if that sets one."""
        if training.learning_rate is None:
            return self
        return self.model_copy(update={"parameters": {**self.parameters, "learning_rate": training.learning_rate}})


class Channels(Model):
    """How the tasks share a network's inputs and outputs.

    In the layout `separate` each task has its own block of inputs and outputs and uses no others. With an input
    (output) correlation c above 0, the k-th vectors of any two tasks are rotated towards each other by equal
    amounts, until the cosine of the angle between them is c.
    """

    layout: Literal["separate", "shared"] = Field(
        "separate", description="separate: one block of channels for each task; shared: one block for all tasks"
    )
    idle_outputs: Literal["zero", "free"] = Field(
        "free",
        description="what happens to outputs that the current task does not use: they are left free or trained to zero",
    )
    context: bool = Field(
        False, description="shared layout only: one additional input for each task, which is 1 during its trials"
    )
    input_correlation: float = Field(
        0.0, ge=0, lt=1, description="separate layout only: cosine of the angle between the input vectors of two tasks"
    )
    output_correlation: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="separate layout only: cosine of the angle between the target directions of two tasks",
    )

    @property
    def grow(self) -> bool:
        """Whether a network has the channels of the tasks of its own history only; each task brings its own channels.

        Then a network depends on no other task of the benchmark. Otherwise it has the channels of all tasks from the
        start: their outputs are trained to zero while another task is learnt, or the tasks share channels.
        """
        correlated = self.input_correlation > 0 or self.output_correlation > 0
        return self.layout == "separate" and self.idle_outputs == "free" and not correlated

    @model_validator(mode="after")
    def _fits_layout(self) -> Self:
        if self.layout == "separate" and self.context:
            raise ValueError("context requires layout: shared; with layout: separate each task has its own inputs")
        if self.layout == "shared" and (self.input_correlation or self.output_correlation):
            raise ValueError("correlations require layout: separate; shared channels are the same for all tasks")
        return self


class Condition(Model):
    """A condition under which the whole benchmark runs: values of parameters of all tasks or of the channels."""

    values: dict[str, bool | int | float | str] = Field(min_length=1)
    tasks: tuple[TaskSpec, ...]
    channels: Channels

    @property
    def label(self) -> str:
        """The condition as the tables write it, e.g. `drive=0.1`."""
        return ", ".join(f"{name}={value}" for name, value in self.values.items())


Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]  # the tables store seeds as signed 64-bit integers
Analysis = Literal["modes", "updates", "fixed_points"]
ClaimId = Literal["C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "flow"]
Sequences = tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...]


class Benchmark(Model):
    """A fully resolved benchmark: it determines its results."""

    format: Literal[1] = 1
    name: str = Field(pattern=NAME_PATTERN)
    description: str = ""
    tasks: tuple[TaskSpec, ...] = Field(min_length=1)
    architectures: tuple[ArchitectureSpec, ...] = Field(min_length=1)
    rules: tuple[RuleSpec, ...] = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field(min_length=1)
    protocol: Literal["pairs"] | Annotated[Sequences, Field(min_length=1)] = "pairs"
    conditions: tuple[Condition, ...] = ()
    channels: Channels = Channels()
    analyses: tuple[Analysis, ...] = ()
    claims: tuple[str, ...] = ()
    dtype: Literal["float32", "float64", "tf32", "bfloat16"] = "float32"

    @property
    def histories(self) -> tuple[tuple[str, ...], ...]:
        """The sequences of task labels that networks learn; `pairs` gives all ordered pairs, A after A included."""
        if self.protocol != "pairs":
            return self.protocol
        labels = [task.label for task in self.tasks]
        return tuple(itertools.product(labels, labels))

    @property
    def prefixes(self) -> tuple[tuple[str, ...], ...]:
        """Every history that a network has on its way through one of `histories`, each once, in their order."""
        return tuple({history[: k + 1]: None for history in self.histories for k in range(len(history))})

    @property
    def stages(self) -> tuple[tuple[str, ...], ...]:
        """All beginnings of the `histories`, each once and the short ones first; a network has a result after each."""
        return tuple(sorted(self.prefixes, key=len))

    @property
    def settings(self) -> tuple[Benchmark, ...]:
        """This benchmark under each of its conditions, one at a time; the benchmark itself if it has no conditions."""
        each = ({"tasks": c.tasks, "channels": c.channels, "conditions": (c,)} for c in self.conditions)
        return tuple(self.model_copy(update=update) for update in each) or (self,)

    @property
    def condition(self) -> str:
        """Label of the condition of a benchmark from `settings`; empty if it has none."""
        return self.conditions[0].label if len(self.conditions) == 1 else ""

    def task(self, label: str) -> TaskSpec:
        """Return the task with this label. The benchmark must have it."""
        return next(task for task in self.tasks if task.label == label)


def canonical_json(value: Any) -> str:
    """Return a value as canonical JSON: sorted keys, no spaces, the shortest exact form of each number."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of a value, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()

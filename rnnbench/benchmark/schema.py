"""The resolved benchmark: frozen models in which nothing is left to defaults, file order or what is installed.

A benchmark file is turned into these by `rnnbench.loading.benchmark_file`. They hold plugin ids and parameters,
never plugin objects, so that a stored description can be read without importing anybody's code.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
FORMAT = 1
"""Version of the stored description and cells. A reader refuses what is newer."""


class Model(BaseModel):
    """Frozen; unknown fields and non-finite numbers are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Criterion(Model):
    """When a task counts as learnt: its loss on the evaluation trials is at or below a bound."""

    loss: float | None = Field(None, gt=0, description="bound on the loss itself")
    relative_loss: float | None = Field(
        None, gt=0, lt=1, description="bound as a fraction of the same network's loss before any training"
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.loss is None) == (self.relative_loss is None):
            raise ValueError("give exactly one of loss and relative_loss")
        return self

    def bound(self, loss_untrained: float) -> float:
        """The loss at which a network stops, given its loss on the task before any training."""
        if self.loss is not None:
            return self.loss
        assert self.relative_loss is not None
        return self.relative_loss * loss_untrained


class Training(Model):
    """How a network is trained on a task and how it is judged."""

    batch: int = Field(32, ge=1, description="fresh trials in every update")
    max_updates: int = Field(2000, ge=0, description="budget: updates after which training ends without the criterion")
    criterion: Criterion = Field(
        Criterion(relative_loss=0.05), description="loss or relative_loss at which training ends"
    )
    evaluate_every: int = Field(25, ge=1, description="updates between two looks at the evaluation trials")
    evaluation_trials: int = Field(128, ge=1, description="held-out trials, the same at every look")
    learning_rate: float | None = Field(None, gt=0, description="for this task, instead of the rule's")


class TaskSpec(Model):
    """A task of the benchmark. The label names it in tables and in its streams of random numbers."""

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
        """Connectivity strength, where the architecture has one."""
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
        """The rule as it is used on a task that may set its own learning rate."""
        if training.learning_rate is None:
            return self
        return self.model_copy(update={"parameters": {**self.parameters, "learning_rate": training.learning_rate}})


class Channels(Model):
    """How the tasks share a network's inputs and outputs.

    `separate` gives each task a block of its own: a task drives and reads only its block. With an
    input (output) correlation c above 0 the k-th vectors of any two tasks are rotated towards each
    other, both alike, until the cosine of their angle is c.
    """

    layout: Literal["separate", "shared"] = Field("separate", description="a block for each task, or one for all")
    idle_outputs: Literal["zero", "free"] = Field(
        "zero", description="outputs that the task at hand does not use: trained to zero, or left free"
    )
    context: bool = Field(False, description="shared layout: one more input for each task, 1 during its trials")
    input_correlation: float = Field(
        0.0, ge=0, lt=1, description="separate layout: cosine between tasks' input vectors"
    )
    output_correlation: float = Field(
        0.0, ge=0, lt=1, description="separate layout: cosine between tasks' target directions"
    )

    @model_validator(mode="after")
    def _fits_layout(self) -> Self:
        if self.layout == "separate" and self.context:
            raise ValueError("context goes with layout: shared; separate tasks have inputs of their own")
        if self.layout == "shared" and (self.input_correlation or self.output_correlation):
            raise ValueError("correlations go with layout: separate; shared channels are the same for all tasks")
        return self


class Condition(Model):
    """One setting in which everything is done: values of a parameter that every task has, or of the channels."""

    values: dict[str, bool | int | float | str] = Field(min_length=1)
    tasks: tuple[TaskSpec, ...]
    channels: Channels

    @property
    def label(self) -> str:
        """As it stands in the tables, e.g. `drive=0.1`."""
        return ", ".join(f"{name}={value}" for name, value in self.values.items())


Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]  # as the tables keep it
Analysis = Literal["modes", "updates", "fixed_points"]
ClaimId = Literal["C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "flow"]
Sequences = tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...]


class Benchmark(Model):
    """A benchmark, fully resolved: one description, one result."""

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
        """Sequences of task labels that networks are taken through; pairs: every ordered one and the diagonal."""
        if self.protocol != "pairs":
            return self.protocol
        labels = [task.label for task in self.tasks]
        return tuple(itertools.product(labels, labels))

    @property
    def stages(self) -> tuple[tuple[str, ...], ...]:
        """Every history that a network has on its way through one of `histories`, each once, short ones first."""
        prefixes = {history[: k + 1]: None for history in self.histories for k in range(len(history))}
        return tuple(sorted(prefixes, key=len))

    @property
    def settings(self) -> tuple[Benchmark, ...]:
        """This benchmark under each of its conditions, one at a time; itself where it has none."""
        each = ({"tasks": c.tasks, "channels": c.channels, "conditions": (c,)} for c in self.conditions)
        return tuple(self.model_copy(update=update) for update in each) or (self,)

    @property
    def condition(self) -> str:
        """Label of a setting's one condition; empty where there is none."""
        return self.conditions[0].label if len(self.conditions) == 1 else ""

    def task(self, label: str) -> TaskSpec:
        """The task with a label, which the benchmark must have."""
        return next(task for task in self.tasks if task.label == label)


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no spaces, numbers by their shortest exact form."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()

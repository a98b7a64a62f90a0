"""A network at the start of a stage of its history, its scores, and the network at the end of the stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

Arrays = dict[str, np.ndarray]
"""Arrays of one network by name, without a [network] axis."""


@dataclass(frozen=True)
class Start:
    """One network at the start of a stage.

    Attributes:
        seed: seed of its initial weights and its trials.
        occurrence: how many times it has learnt this task before.
        budget: number of updates after which it stops.
        bound: loss on the evaluation trials at which it stops before; None if it always uses its whole budget.
        watch: labels of the tasks that are evaluated during training (the learning curve): tasks learnt before, then
            the task being learnt.
        weights: its weights by name.
        memory: what its learning rule remembers of earlier tasks, by name.
        paused: where an earlier run stopped in this stage because its budget was spent; None to start afresh. Then
            `weights` are those at that point.
    """

    seed: int
    occurrence: int
    budget: int
    bound: float | None
    watch: tuple[str, ...]
    weights: Arrays
    memory: Arrays = field(default_factory=dict)
    paused: Paused | None = None


@dataclass(frozen=True)
class Paused:
    """Training that stopped within a stage and can go on as if it had not stopped.

    Attributes:
        updates: number of updates that were made.
        curve: scores at the regular evaluations before, by number of updates and by label.
        state: the state of the learning rule, by name.
        tracked: tracked weights at the same evaluations, by name.
    """

    updates: int
    curve: Mapping[int, Mapping[str, Score]]
    state: Arrays
    tracked: Arrays


@dataclass
class Score:
    """The score of a network on the evaluation trials of a task.

    Attributes:
        loss: loss over all outputs that count, idle ones included.
        own_loss: loss over the task's own outputs.
        accuracy: mean accuracy in 0..1, or None if the task defines none.
    """

    loss: float
    own_loss: float
    accuracy: float | None


@dataclass
class Outcome:
    """One network at the end of a stage.

    Attributes:
        updates: number of updates that it made.
        curve: scores during training on the tasks in `Start.watch`, by number of updates and by label.
        after: scores after training on every task of the history, by label.
        weights: its weights by name.
        memory: what its learning rule remembers for later tasks, by name.
        diverged: whether its loss on the task became infinite or NaN.
        tracked: the architecture's tracked weights at every evaluation, [evaluation, ...] by name.
        state: the state of the rule if the budget was spent before the criterion was met, so that training can go on;
            otherwise empty.
    """

    updates: int
    curve: dict[int, dict[str, Score]]
    after: dict[str, Score]
    weights: Arrays
    memory: Arrays
    diverged: bool = False
    tracked: Arrays = field(default_factory=dict)
    state: Arrays = field(default_factory=dict)

"""What rules with an episodic memory have in common: they keep trials while they learn, and take them along."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from rnnbench import Batch, GradientDescent, State, TaskContext, Weights
from rnnbench_rules import episodes

COUNTER = "updates of this task"


class EpisodicRule(GradientDescent):
    """Gradient descent that keeps trials of every task; what it does with them is up to a subclass.

    Per network it remembers `slots` trials of the benchmark's channels: slots * time * (inputs + 2 outputs) numbers.
    """

    remembers: ClassVar[bool] = True
    slots: int = Field(64, ge=1, description="trials kept (per network)")

    def is_on(self) -> bool:
        """Whether it departs from plain gradient descent at all."""
        return self.strength is None or getattr(self, self.strength) > 0

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        n_networks = len(next(iter(weights.values())))
        return state | {COUNTER: torch.zeros(n_networks, dtype=torch.float64)}

    def learn(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> tuple[Weights, State]:
        new, state = super().learn(weights, batch, state, context)
        if self.is_on():
            state = dict(state)
            self.keep(weights, batch, state, context)
            state[COUNTER] = state[COUNTER] + 1
        return new, state

    def keep(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> None:
        """Keep what shall be kept of a batch just learnt; here the latest trials of the task, in a ring of its own."""
        name = ring_of(context.task)
        episodes.write(state, name, self.slots, batch, episodes.latest(state, name, self.slots, batch))

    def end_task(self, weights: Weights, state: State, context: TaskContext) -> State:
        return {name: a for name, a in state.items() if name.startswith("trials.")}

    def rngs(self, purpose: str, state: State, context: TaskContext) -> list[np.random.Generator]:
        """Generators of one purpose, other numbers at every update."""
        return context.rngs(purpose, context.task, context.position, int(state[COUNTER][0]))


def ring_of(task: str) -> str:
    """Under which name the trials of a task are kept."""
    return f"trials.{task}"

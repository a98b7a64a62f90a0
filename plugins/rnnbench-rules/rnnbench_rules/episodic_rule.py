"""Base class of rules with an episodic memory: they store trials while learning and keep them for later tasks."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from rnnbench import AddedChannels, Batch, GradientDescent, State, TaskContext, Weights
from rnnbench_rules import episodes

COUNTER = "updates of this task"
LENGTHS = 256
"""Number of trials that are sampled to find the longest, which sets the length of the stored trials."""


class EpisodicRule(GradientDescent):
    """Gradient descent that keeps trials of every task; what it does with them is up to a subclass.

    Per network it remembers `slots` trials of the benchmark's channels: slots * time * (inputs + 2 outputs) numbers.
    """

    remembers: ClassVar[bool] = True
    keeps_outputs: ClassVar[bool] = False
    slots: int = Field(64, ge=1, description="trials kept (per network)")

    def is_on(self) -> bool:
        """Return whether the rule differs from plain gradient descent at all."""
        return self.strength is None or getattr(self, self.strength) > 0

    def grow(self, memory: State, added: AddedChannels, context: TaskContext) -> State:
        return {name: episodes.with_channels(name, a, added) for name, a in memory.items()}

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        state[COUNTER] = torch.zeros(len(next(iter(weights.values()))), dtype=torch.float64)
        if self.is_on():
            trials = context.sample("length of trials", 0, LENGTHS)
            episodes.make_room(state, self.kept_under(context.task), self.slots, trials, self.keeps_outputs)
        return state

    def learn(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> tuple[Weights, State]:
        new, state = super().learn(weights, batch, state, context)
        if self.is_on():
            state = dict(state)
            self.keep(weights, batch, state, context)
            state[COUNTER] = state[COUNTER] + 1
        return new, state

    def kept_under(self, task: str) -> str:
        """Return the name under which trials of a task are stored; here each task has its own."""
        return f"trials.{task}"

    def keep(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> None:
        """Store trials of the batch just learnt, in place; here the latest trials, in a ring."""
        name = self.kept_under(context.task)
        episodes.write(state, name, batch, episodes.latest(state, name, self.slots, batch))

    def end_task(self, weights: Weights, state: State, context: TaskContext) -> State:
        return {name: a for name, a in state.items() if name.startswith("trials.")}

    def rngs(self, purpose: str, state: State, context: TaskContext) -> list[np.random.Generator]:
        """Return one generator per network for a purpose; the numbers differ from update to update."""
        return context.rngs(purpose, context.task, context.position, int(state[COUNTER][0]))

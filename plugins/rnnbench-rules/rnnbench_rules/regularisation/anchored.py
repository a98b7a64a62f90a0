"""Base class of penalties around the weights that the last task left."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from rnnbench import GradientDescent, State, TaskContext, Weights


class AnchoredDescent(GradientDescent):
    """Gradient descent on L + (c / 2) sum_i Omega_i (w_i - w*_i)^2.

    w* are the weights at the start of the task, Omega_i >= 0 the importance that weight i had in all tasks before. A
    subclass says what c is, and what Omega becomes when a task ends.
    """

    remembers: ClassVar[bool] = True
    strength: ClassVar[str | None] = "penalty"

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        return state | {f"anchor.{name}": weights[name] for name in context.architecture.trained}

    def before_update(self, weights: Weights, gradients: Weights, state: State, context: TaskContext) -> Weights:
        stiffness = self.stiffness()
        if stiffness == 0 or context.position == 0:
            return gradients
        return {
            name: g + stiffness * state[f"importance.{name}"] * (weights[name] - state[f"anchor.{name}"])
            for name, g in gradients.items()
        }

    def end_task(self, weights: Weights, state: State, context: TaskContext) -> State:
        importance = self.importance(weights, state, context)
        if context.position > 0:
            importance = {name: self.kept() * state[f"importance.{name}"] + new for name, new in importance.items()}
        return {f"importance.{name}": omega for name, omega in importance.items()}

    @abstractmethod
    def stiffness(self) -> float:
        """Return c, the factor in the penalty's gradient c Omega (w - w*)."""

    @abstractmethod
    def importance(self, weights: Weights, state: State, context: TaskContext) -> Weights:
        """Return what the task that ends adds to Omega, by weight name, [network, ...]."""

    def kept(self) -> float:
        """Return the fraction of the earlier tasks' Omega that is kept when a task ends."""
        return 1.0

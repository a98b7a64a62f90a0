"""L2 penalty around the old weights, equally strong for all weights."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from rnnbench import GradientDescent, State, TaskContext, Weights


class L2ToOld(GradientDescent):
    """L2 to old weights: every weight is held, all alike, near where the last task left it.

    L + (lambda / 2) ||w - w*||^2

    from the second task on; w* are the weights at the start of the task. What EWC is without importances, and what it
    is compared with there.
    """

    name, version = "l2_to_old", 1
    source = "Kirkpatrick et al., PNAS 2017, fig. 2"
    strength: ClassVar[str | None] = "penalty"

    penalty: float = Field(1.0, ge=0, description="lambda; 0: plain gradient descent (loss/weight^2)")

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        return state | {f"anchor.{name}": weights[name] for name in context.architecture.trained}

    def before_update(self, weights: Weights, gradients: Weights, state: State, context: TaskContext) -> Weights:
        if self.penalty == 0 or context.position == 0:
            return gradients
        return {n: g + self.penalty * (weights[n] - state[f"anchor.{n}"]) for n, g in gradients.items()}

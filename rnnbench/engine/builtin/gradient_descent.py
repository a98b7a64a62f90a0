"""The reference learning rule: gradient descent, plain or with momentum, RMSprop or Adam."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field

from rnnbench.plugin.interfaces import State, Weights
from rnnbench.plugin.learning_rule import LearningRule, TaskContext

MOMENTS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("mean",),
    "rmsprop": ("square",),
    "adam": ("mean", "square"),
}
"""The moments that each optimizer keeps for every trained weight: means of the gradient and of its square."""


class GradientDescent(LearningRule):
    """Gradient descent on the loss of the task at hand, with nothing to protect earlier tasks.

    sgd:  w <- w - eta g,  g = dL/dw

    momentum:  m <- b1 m + g,  w <- w - eta m

    rmsprop:  v <- b2 v + (1 - b2) g^2,  w <- w - eta g / (sqrt(v) + eps)

    adam:  m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2,
           w <- w - eta (m / (1 - b1^k)) / (sqrt(v / (1 - b2^k)) + eps)   at the k-th update.

    The moments m and v start at 0, anew with every task.
    """

    name, version = "gradient_descent", 1
    source = (
        "Kingma & Ba, ICLR 2015 (adam); Polyak, USSR Comput. Math. 1964 (momentum); Tieleman & Hinton, Coursera 2012, "
        "lecture 6.5 (rmsprop); settings of Schuessler et al., NeurIPS 2020"
    )

    optimizer: Literal["sgd", "momentum", "rmsprop", "adam"] = Field(
        "adam", description="how the gradient becomes a step"
    )
    learning_rate: float = Field(2e-4, gt=0, description="eta; published: 0.05/N with adam")
    beta1: float = Field(0.9, ge=0, lt=1, description="adam, momentum: decay of the mean gradient (per update)")
    beta2: float = Field(
        0.999, ge=0, lt=1, description="adam, rmsprop: decay of the mean squared gradient (per update); rmsprop: 0.9"
    )
    epsilon: float = Field(1e-8, gt=0, description="adam, rmsprop: keeps the step finite where the gradient vanishes")

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        """Add moments of zero, and for adam the number of updates [network], to the memory."""
        state = dict(memory)
        if self.optimizer == "adam":
            first = next(iter(weights.values()))
            state["updates"] = torch.zeros(len(first), dtype=torch.float64, device=first.device)
        for moment in MOMENTS[self.optimizer]:
            state |= {f"{moment}.{name}": torch.zeros_like(weights[name]) for name in context.architecture.trained}
        return state

    def update(self, weights: Weights, gradients: Weights, state: State) -> tuple[Weights, State]:
        """Make one step of the optimizer, in the equations above."""
        if self.optimizer == "adam":
            return self._adam(weights, gradients, state)
        steps, new_state = dict(gradients), dict(state)
        for name, g in gradients.items():
            if self.optimizer == "momentum":
                steps[name] = new_state[f"mean.{name}"] = self.beta1 * state[f"mean.{name}"] + g
            elif self.optimizer == "rmsprop":
                square = new_state[f"square.{name}"] = self._square(state, name, g)
                steps[name] = g / (square.sqrt() + self.epsilon)
        return weights | {name: weights[name] - self.learning_rate * s for name, s in steps.items()}, new_state

    def _square(self, state: State, name: str, g: torch.Tensor) -> torch.Tensor:
        return (state[f"square.{name}"] * self.beta2).addcmul_(g, g, value=1 - self.beta2)

    def _adam(self, weights: Weights, gradients: Weights, state: State) -> tuple[Weights, State]:
        updates = state["updates"] + 1
        rate = self.learning_rate / (1 - self.beta1**updates)
        root = (1 - self.beta2**updates).sqrt()
        new_weights, new_state = dict(weights), state | {"updates": updates}
        for name, g in gradients.items():
            mean = state[f"mean.{name}"].lerp(g, 1 - self.beta1)
            square = self._square(state, name, g)
            # Operations in place on one array, since the time of a step is that of passes through memory.
            step = square.sqrt().div_(_per_network(root, g)).add_(self.epsilon)
            torch.div(mean, step, out=step).mul_(_per_network(rate, g))
            new_weights[name] = torch.sub(weights[name], step, out=step)
            new_state |= {f"mean.{name}": mean, f"square.{name}": square}
        return new_weights, new_state


def _per_network(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Reshape values [network] to [network, 1, ..], with the number of axes, dtype and device of `like`."""
    return values.to(like).view(-1, *[1] * (like.dim() - 1))

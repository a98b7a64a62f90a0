"""Natural gradient with Kronecker factors, an optimiser of gradient descent."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field

from rnnbench import Architecture, Batch, GradientDescent, State, TaskContext, Weights
from rnnbench_rules.projection.activity import arrays, maps, require_rate_rnn
from rnnbench_rules.projection.fisher import factors
from rnnbench_rules.projection.kronecker import solve

COUNTER = "updates of this task"
SIDES = ("in", "out")


class NaturalGradient(GradientDescent):
    """Gradient descent along (I + s F)^-1 dL/dw, F being the Fisher information of the loss in Kronecker factors.

    s is the inverse of the damping: 0 is plain gradient descent, and for large s the step is the natural gradient's,
    eta/s F^-1 dL/dw, so that eta = s asks for a whole Gauss-Newton step. The inverse is exact for the Kronecker
    product with its damping (by eigenvectors), with no factored damping. Factors are taken from the batch at hand at
    every `refresh`-th update of a task and averaged with the earlier ones, the k-th with weight max(1/k, 1 - decay).
    It protects no earlier task: the rule is here as a way of descending.
    """

    name, version = "natural_gradient", 2
    source = "Amari, Neural Comput. 1998; Martens & Grosse, ICML 2015, sections 2-5; for rate RNNs Kao et al. 2021"
    strength: ClassVar[str | None] = "curvature"

    optimizer: Literal["sgd", "momentum", "rmsprop", "adam"] = Field(
        "momentum", description="how the preconditioned gradient becomes a step"
    )
    learning_rate: float = Field(
        0.3, gt=0, description="eta, in units of plain descent's; chosen here: with momentum, plain descent bears 0.1"
    )
    curvature: float = Field(100.0, ge=0, description="s, inverse of the damping; chosen here (weight^2 per loss)")
    decay: float = Field(0.95, ge=0, lt=1, description="of the averaged factors; published: 0.95 (per refresh)")
    refresh: int = Field(
        20, ge=1, description="updates from one look at the factors to the next; published: 20 (updates)"
    )

    def check(self, architecture: Architecture) -> None:
        require_rate_rnn(architecture, self.name)

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        n_networks = len(next(iter(weights.values())))
        return super().begin_task(weights, memory, context) | {COUNTER: torch.zeros(n_networks, dtype=torch.float64)}

    def learn(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> tuple[Weights, State]:
        if self.curvature > 0:
            update = int(state[COUNTER][0])
            if update % self.refresh == 0:
                state = state | self._refreshed(weights, batch, state, context, update)
            state = state | {COUNTER: state[COUNTER] + 1}
        return super().learn(weights, batch, state, context)

    def before_update(self, weights: Weights, gradients: Weights, state: State, context: TaskContext) -> Weights:
        if self.curvature == 0:
            return gradients
        turned = {}
        for kind, G in maps(gradients).items():
            A, B = (zip(state[f"{kind}.{side}.values"], state[f"{kind}.{side}.vectors"], strict=True) for side in SIDES)
            each = [solve(g.double(), a, b, self.curvature).to(G) for g, a, b in zip(G, A, B, strict=True)]
            turned[kind] = torch.stack(each)
        return arrays(turned, gradients)

    def _refreshed(self, weights: Weights, batch: Batch, state: State, context: TaskContext, update: int) -> State:
        """Factors averaged with those of this batch, and their eigenvalues and eigenvectors."""
        rngs = context.rngs("fisher", context.task, context.position, update)
        new = factors(require_rate_rnn(context.architecture, self.name), weights, batch, rngs)
        share = max(1 / (update // self.refresh + 1), 1 - self.decay)
        for name, M in new.items():
            new[name] = M if name not in state else state[name].lerp(M, share)
        spectra = {name: [torch.linalg.eigh(one) for one in M] for name, M in new.items()}
        values = {f"{name}.values": torch.stack([v for v, _ in each]) for name, each in spectra.items()}
        return new | values | {f"{name}.vectors": torch.stack([u for _, u in each]) for name, each in spectra.items()}

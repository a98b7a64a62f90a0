"""Natural continual learning."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rnnbench import AddedChannels, Architecture, GradientDescent, State, TaskContext, Weights, enlarged
from rnnbench_rules.projection.activity import SOURCES, arrays, maps, require_rate_rnn, with_channels
from rnnbench_rules.projection.fisher import factors
from rnnbench_rules.projection.kronecker import nearest_product
from rnnbench_rules.projection.owp import projected


class NaturalContinualLearning(GradientDescent):
    """Steps in a trust region shaped by earlier tasks, and a pull back to the weights that they left.

    After k tasks the weights have a Gaussian posterior with mean mu, where training ended, and precision

        Lambda_0 = eps I,   Lambda_k ~ Lambda_(k-1) + s F_k,

    F_k being the Fisher information of the task's loss in Kronecker factors (see `factors`) and ~ the Kronecker
    product nearest in Kullback-Leibler divergence. The next task's update is

        w <- w - eta eps Lambda^-1 [dL/dw + s Lambda (w - mu)],

    for s = 1 the published trust-region step, its learning rate being in units of the prior's, eta eps: without
    earlier tasks it is plain gradient descent. For s = 0 it is so always. The first task's prior is flat here, as
    weights start at the benchmark's random connectivity and not at 0. Precisions are per unit of the benchmark's
    loss (the mean of half the squared error), as eps is; published: the inverse of 10^6 data, per datum.
    As published with momentum, what is in brackets is made a step by the optimizer, then multiplied by
    eps Lambda^-1; with adam or rmsprop this shapes their step, not the gradient.
    """

    name, version = "ncl", 2
    source = "Kao, Jensen, van de Ven, Bernacchia, Hennequin, NeurIPS 2021, trust-region update, Kronecker factors"
    remembers: ClassVar[bool] = True
    strength: ClassVar[str | None] = "importance"

    importance: float = Field(
        1.0, ge=0, description="s, weight of earlier tasks' Fisher information and of the pull; published: 1 (fraction)"
    )
    prior: float = Field(
        1e-6, gt=0, description="eps, precision of the weights before any task; published: 1e-6 (loss per weight^2)"
    )
    sampled: int = Field(256, ge=1, description="trials from which a task's Fisher information is taken (per task)")

    def check(self, architecture: Architecture) -> None:
        require_rate_rnn(architecture, self.name)

    def grow(self, memory: State, added: AddedChannels, context: TaskContext) -> State:
        # New channels carry no Fisher information: in the nearest product E x F they have eps tr(F^-1) / dim F.
        grown = self._grown_means(memory, added)
        for name, a in memory.items():
            if name.startswith("precision."):
                _, kind, side = name.split(".")
                other = memory[f"precision.{kind}.{'out' if side == 'in' else 'in'}"]
                new = self.prior * torch.linalg.inv(other.double()).diagonal(dim1=-2, dim2=-1).mean(-1)
                grown[name] = with_channels(a, kind, side, added, context.architecture.trained, new)
        return grown

    def _grown_means(self, memory: State, added: AddedChannels) -> State:
        """The weights that earlier tasks left, with the initial weights on new channels."""
        means = {name: a for name, a in memory.items() if name.startswith("mean.of.")}
        return {name: enlarged(a, added.after[name.removeprefix("mean.of.")]) for name, a in means.items()}

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        for name, a in memory.items():
            if self.importance > 0 and name.startswith("precision."):
                # eps Lambda^-1 turns a step D into (sqrt(eps) F^-1) D (sqrt(eps) E^-1).
                state[name.replace("precision", "trust")] = self.prior**0.5 * torch.linalg.inv(a.double())
        return state

    def before_update(self, weights: Weights, gradients: Weights, state: State, context: TaskContext) -> Weights:
        if not any(name.startswith("trust.") for name in state):
            return gradients
        away = maps({name: weights[name] - state[f"mean.of.{name}"] for name in gradients})
        for kind, D in away.items():
            away[kind] = projected(D, state[f"precision.{kind}.out"], state[f"precision.{kind}.in"])
        pull = arrays(away, gradients)
        return {name: g + self.importance * pull[name] for name, g in gradients.items()}

    def update(self, weights: Weights, gradients: Weights, state: State) -> tuple[Weights, State]:
        new, state = super().update(weights, gradients, state)
        if not any(name.startswith("trust.") for name in state):
            return new, state
        steps = maps({name: new[name] - weights[name] for name in gradients})
        for kind, D in steps.items():
            steps[kind] = projected(D, state[f"trust.{kind}.out"], state[f"trust.{kind}.in"])
        return new | {n: weights[n] + d for n, d in arrays(steps, gradients).items()}, state

    def end_task(self, weights: Weights, state: State, context: TaskContext) -> State:
        if self.importance == 0:
            return {}
        architecture = require_rate_rnn(context.architecture, self.name)
        batch = context.sample("fisher", 0, self.sampled)
        F = factors(architecture, weights, batch, context.rngs("fisher", context.task, context.position))
        memory = {f"mean.of.{name}": weights[name].clone() for name in architecture.trained}
        for kind in SOURCES:
            if f"{kind}.in" in F:
                A, B = self.posterior(F[f"{kind}.in"], F[f"{kind}.out"], state, kind)
                memory |= {f"precision.{kind}.in": A, f"precision.{kind}.out": B}
        return memory

    def posterior(self, A: Tensor, B: Tensor, state: State, kind: str) -> tuple[Tensor, Tensor]:
        """Add a task's Fisher information to the precision.

        Args:
            A: source factor of the Fisher information, [network, n, n].
            B: target factor of the Fisher information, [network, n, n].
            state: the rule's state, which holds the precision so far, if there is one.
            kind: which map the factors belong to.

        Returns:
            The factors of the new precision, each [network, n, n].
        """
        before = [state.get(f"precision.{kind}.{side}") for side in ("in", "out")]
        each = []
        for n in range(len(A)):
            E, F = (
                self.prior**0.5 * torch.eye(len(new), dtype=torch.float64, device=new.device) if old is None else old[n]
                for old, new in zip(before, (A[n], B[n]), strict=True)
            )
            each.append(nearest_product((E.double(), F.double()), (A[n], self.importance * B[n])))
        return torch.stack([e for e, _ in each]), torch.stack([f for _, f in each])

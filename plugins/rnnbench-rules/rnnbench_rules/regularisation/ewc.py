"""Elastic weight consolidation, with a penalty for each earlier task."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from rnnbench import GradientDescent, State, TaskContext, Weights
from rnnbench_rules.regularisation.fisher import diagonal_fisher


class EWC(GradientDescent):
    """Elastic weight consolidation: each earlier task pulls the weights back to where it left them.

    L + (lambda / 2) sum_k sum_i F_k,i (w_i - w_k,i)^2

    over the other tasks k learnt so far (eq. 3 for two tasks; one such term for each when there are more), with w_k
    the weights after task k and F_k the diagonal Fisher information there (see `fisher.py`: the true one, in units of
    the loss). At lambda = 1 the penalty is the second-order expansion of the earlier tasks' losses as far as the
    diagonal goes; weights are correlated, so that more than 1 is needed. A task that comes again speaks through its
    own trials; its term is renewed when it ends.
    """

    name, version = "ewc", 2
    source = "Kirkpatrick et al., PNAS 2017, eq. 3; true Fisher: Kunstner, Balles & Hennig, NeurIPS 2019"
    remembers: ClassVar[bool] = True
    strength: ClassVar[str | None] = "penalty"

    penalty: float = Field(100.0, ge=0, description="lambda; 0: plain gradient descent (per unit of loss)")
    fisher_batches: int = Field(100, ge=1, description="batches that the Fisher information is averaged over")
    fisher_trials: int = Field(32, ge=1, description="trials in each of them")

    def before_update(self, weights: Weights, gradients: Weights, state: State, context: TaskContext) -> Weights:
        if self.penalty == 0:
            return gradients
        pulled = dict(gradients)
        for label in context.earlier:
            for name in gradients:
                away = weights[name] - state[f"anchor.{label}.{name}"]
                pulled[name] = pulled[name] + self.penalty * state[f"fisher.{label}.{name}"] * away
        return pulled

    def end_task(self, weights: Weights, state: State, context: TaskContext) -> State:
        fisher = diagonal_fisher(weights, context, self.fisher_batches, self.fisher_trials)
        kept = {name: a for name, a in state.items() if name.startswith(("fisher.", "anchor."))}
        for name, f in fisher.items():
            kept |= {f"fisher.{context.task}.{name}": f, f"anchor.{context.task}.{name}": weights[name]}
        return kept

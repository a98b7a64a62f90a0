"""Elastic weight consolidation with one running Fisher information."""

from __future__ import annotations

from pydantic import Field

from rnnbench import State, TaskContext, Weights
from rnnbench_rules.regularisation.anchored import AnchoredDescent
from rnnbench_rules.regularisation.fisher import diagonal_fisher


class OnlineEWC(AnchoredDescent):
    """Online elastic weight consolidation: one penalty around the latest weights, its Fisher information decaying.

    L + (lambda / 2) sum_i gamma F*_i (w_i - w*_i)^2,  F* <- gamma F* + F   when a task ends,

    with w* the weights that the last task left and F the diagonal Fisher information there, in units of the loss (see
    `fisher.py`). The paper also rescales each task's F to the same norm; here all are in units of the same loss.
    """

    name, version = "online_ewc", 2
    source = "Schwarz et al., ICML 2018, section 3.2"

    penalty: float = Field(100.0, ge=0, description="lambda; 0: plain gradient descent (per unit of loss)")
    decay: float = Field(0.95, ge=0, le=1, description="gamma: what of the Fisher information stays (per task)")
    fisher_batches: int = Field(100, ge=1, description="batches that the Fisher information is averaged over")
    fisher_trials: int = Field(32, ge=1, description="trials in each of them")

    def stiffness(self) -> float:
        return self.penalty * self.decay

    def kept(self) -> float:
        return self.decay

    def importance(self, weights: Weights, state: State, context: TaskContext) -> Weights:
        return diagonal_fisher(weights, context, self.fisher_batches, self.fisher_trials)

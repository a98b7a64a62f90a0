"""Memory aware synapses: the importance of a weight is how strongly the outputs depend on it."""

from __future__ import annotations

from dataclasses import replace

import torch
from pydantic import Field

from rnnbench import Batch, State, TaskContext, Weights
from rnnbench_rules.regularisation.anchored import AnchoredDescent
from rnnbench_rules.regularisation.batches import of_each_trial

TRIALS_AT_ONCE = 16
"""Number of single trials whose gradients are held in memory at the same time."""


class MAS(AnchoredDescent):
    """Memory aware synapses: weights are held according to how strongly the earlier tasks' answers depend on them.

    L + lambda sum_i Omega_i (w_i - w*_i)^2,  Omega_i <- Omega_i + mean over trials of |d ||z||^2 / dw_i|

    when a task ends. ||z||^2 is the squared norm of a trial's answers per asked point, sum m z^2 / sum m over times
    and outputs with mask m, so that Omega depends neither on the number of trials nor on their duration. No targets
    are needed. Answers that are 0, as idle outputs are where they are trained to be, have no slope in z^2 and are
    not protected.
    """

    name, version = "mas", 1
    source = "Aljundi et al., ECCV 2018, eqs. 2, 3 and 5"

    penalty: float = Field(10.0, ge=0, description="lambda; 0: plain gradient descent (1)")
    importance_trials: int = Field(128, ge=1, description="trials that the importance is averaged over")

    def stiffness(self) -> float:
        return 2 * self.penalty

    def importance(self, weights: Weights, state: State, context: TaskContext) -> Weights:
        batch = context.sample("mas", 0, self.importance_trials)
        total = {name: torch.zeros_like(weights[name]) for name in context.architecture.trained}
        for first in range(0, self.importance_trials, TRIALS_AT_ONCE):
            for name, g in _slopes(weights, batch, slice(first, first + TRIALS_AT_ONCE), context).items():
                total[name] += g.abs().sum(1) / self.importance_trials
        return total


def _slopes(weights: Weights, batch: Batch, trials: slice, context: TaskContext) -> Weights:
    """Gradients of sum m z^2 / sum m for single trials, [network, trial, ...].

    Each is twice the gradient of the loss with targets 0; every trial gets a copy of the network.
    """
    each = of_each_trial(batch, trials)
    n_networks = len(batch.sets)
    n_trials = len(each.sets) // n_networks
    repeated = {name: w.repeat_interleave(n_trials, 0) for name, w in weights.items()}
    _, gradients = context.gradient(repeated, replace(each, targets=torch.zeros_like(each.targets)))
    return {name: 2 * g.unflatten(0, (n_networks, n_trials)) for name, g in gradients.items()}

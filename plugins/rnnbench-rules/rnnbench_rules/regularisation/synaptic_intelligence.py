"""Synaptic intelligence: the importance of a weight is its contribution to the drop in loss during training."""

from __future__ import annotations

import torch
from pydantic import Field

from rnnbench import State, TaskContext, Weights
from rnnbench_rules.regularisation.anchored import AnchoredDescent


class SynapticIntelligence(AnchoredDescent):
    """Synaptic intelligence: weights are held according to what their change did for the loss of earlier tasks.

    L + c sum_i Omega_i (w_i - w*_i)^2,  Omega_i <- Omega_i + max(omega_i, 0) / (Delta_i^2 + xi)   when a task ends,

    omega_i = -sum over updates of dL/dw_i dw_i is the path integral of the gradient of the task's own loss, without
    the penalty; summed over weights it is the loss's drop, to first order in the step. Delta_i is how far the weight
    went in the task, w* where the last task left it. Where omega is negative, which noise can do, it counts as 0, as
    in the authors' code.
    """

    name, version = "synaptic_intelligence", 1
    source = "Zenke, Poole & Ganguli, ICML 2017, eqs. 3-5"

    penalty: float = Field(1.0, ge=0, description="c; 0: plain gradient descent (1)")
    damping: float = Field(1e-6, gt=0, description="xi: bounds the importance of weights that hardly moved (weight^2)")

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        return state | {f"path.{name}": torch.zeros_like(weights[name]) for name in context.architecture.trained}

    def after_update(self, old: Weights, new: Weights, gradients: Weights, state: State, context: TaskContext) -> State:
        for name, g in gradients.items():
            state[f"path.{name}"].sub_(g * (new[name] - old[name]))
        return state

    def stiffness(self) -> float:
        return 2 * self.penalty

    def importance(self, weights: Weights, state: State, context: TaskContext) -> Weights:
        names = context.architecture.trained
        moved = {name: weights[name] - state[f"anchor.{name}"] for name in names}
        return {name: state[f"path.{name}"].relu() / (moved[name].square() + self.damping) for name in names}

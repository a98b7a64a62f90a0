"""Base class of gating rules, which choose the silent units of each task."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field

from rnnbench import Architecture, Batch, GradientDescent, State, TaskContext, Weights
from rnnbench_rules.rate_rnn import is_rate_rnn

OUTGOING = ("w_rec", "w_out")
"""Weights whose columns belong to the sending units: w_rec [unit, unit] and w_out [output, unit]."""


class GatedDescent(GradientDescent):
    """Gradient descent of networks in which a random part of the units is silent, another in each task.

    A silent unit is one whose outgoing weights count as 0, for reading out as for the other units: x^ = G phi(h) takes
    the place of phi(h), with G diagonal and its entries 0 or 1. The gradient follows by the chain rule, dL/dW = dL/d(W
    G) G; nothing that goes into or out of a silent unit is learnt.
    """

    gated: float = Field(0.8, ge=0, lt=1, description="part of the units silent in a task; published: 0.8 (1)")

    def check(self, architecture: Architecture) -> None:
        if not is_rate_rnn(architecture):
            raise ValueError(f"{self.name} silences rate units; use vanilla_rnn or an architecture of its form")

    def weights_for(self, weights: Weights, state: State, context: TaskContext) -> Weights:
        return self._gate(weights, self._gates(weights, context)) if self.gated > 0 else weights

    def begin_task(self, weights: Weights, memory: State, context: TaskContext) -> State:
        state = super().begin_task(weights, memory, context)
        return state | ({"gates": self._gates(weights, context)} if self.gated > 0 else {})

    def gradient(
        self, weights: Weights, batch: Batch, state: State, context: TaskContext
    ) -> tuple[torch.Tensor, Weights]:
        if self.gated == 0:
            return super().gradient(weights, batch, state, context)
        loss, gradients = super().gradient(self._gate(weights, state["gates"]), batch, state, context)
        return loss, self._gate(gradients, state["gates"])

    def _gate(self, arrays: Weights, gates: torch.Tensor) -> Weights:
        return arrays | {name: arrays[name] * gates for name in OUTGOING if name in arrays}

    def _gates(self, weights: Weights, context: TaskContext) -> torch.Tensor:
        """Draw the gates [network, 1, unit] of the task: 1 for an active unit, 0 for a silent one."""
        n_units = weights["w_rec"].shape[-1]
        silent = min(round(self.gated * n_units), n_units - 1)
        gates = np.ones((len(weights["w_rec"]), 1, n_units))
        for gate, rng in zip(gates, context.rngs("gates", context.task), strict=True):
            gate[0, rng.permutation(n_units)[:silent]] = 0
        return torch.from_numpy(gates).to(weights["w_rec"])

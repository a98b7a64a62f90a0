"""Populations of any architecture: its step for one network, unrolled, differentiated and vectorised.

Gradients by torch.func.grad_and_value, populations by torch.func.vmap over the leading [network]
axis of weights and trials: what the author writes for one network runs for all of them at once.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import grad_and_value, vmap

from rnnbench.engine.loss import masked_loss
from rnnbench.interfaces import Architecture, Batch, Weights


class GenericEngine:
    """Outputs and gradients of a population of `architecture`, by autograd through the unrolled loop."""

    independent = False

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture

    def outputs(self, weights: Weights, batch: Batch) -> Tensor:
        """Readouts after every step, [network, time, trial, output]."""
        sets = list(batch.sets)
        if batch.noise is None:
            return vmap(lambda w, x: self._run(w, x, None))(weights, batch.inputs[sets])
        return vmap(self._run)(weights, batch.inputs[sets], batch.noise[sets])

    def gradient(self, weights: Weights, batch: Batch) -> tuple[Tensor, Weights]:
        """Loss [network] and its gradient in every trained weight."""
        sets = list(batch.sets)
        trained = {name: weights[name] for name in self.architecture.trained}
        frozen = {name: w for name, w in weights.items() if name not in trained}
        arrays = [batch.inputs[sets], batch.targets[sets], batch.mask[sets]]
        if batch.noise is not None:
            arrays.append(batch.noise[sets])
        gradients, losses = vmap(grad_and_value(self._loss))(trained, frozen, *arrays)
        return losses.detach(), {name: g.detach() for name, g in gradients.items()}

    def _loss(
        self,
        trained: Weights,
        frozen: Weights,
        inputs: Tensor,
        targets: Tensor,
        mask: Tensor,
        noise: Tensor | None = None,
    ) -> Tensor:
        return masked_loss(self._run({**trained, **frozen}, inputs, noise), targets, mask)

    def _run(self, weights: Weights, inputs: Tensor, noise: Tensor | None) -> Tensor:
        """One network through all time steps: inputs [time, trial, input] -> readouts [time, trial, output]."""
        n_trials = inputs.shape[1]
        state = self.architecture.initial_state(weights, n_trials)
        noises = [None] * len(inputs) if noise is None else noise.unbind(0)
        readouts = []
        for x, xi in zip(inputs.unbind(0), noises, strict=True):  # unbind: indexing would be quadratic in time
            state = self.architecture.step(weights, state, x, xi)
            readouts.append(self.architecture.readout(weights, state))
        return torch.stack(readouts)

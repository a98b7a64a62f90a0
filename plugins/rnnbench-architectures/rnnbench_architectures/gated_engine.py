"""Populations of gated networks through torch's own functions for whole trials, differentiated by autograd.

On a CPU torch.gru and torch.lstm go through a trial several times as fast as a loop over steps does, one network at a
time. A GPU takes the loop over steps, for the whole population at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnnbench import Batch, Weights, masked_loss
from rnnbench_architectures.one_by_one import all_joined, joined, on_cpu, parts_of, separate

if TYPE_CHECKING:
    from rnnbench_architectures.gated import GatedRNN


class GatedEngine:
    """Outputs and gradients of a population of gated networks."""

    independent = True

    def __init__(self, architecture: GatedRNN) -> None:
        self.architecture = architecture

    def outputs(self, weights: Weights, batch: Batch) -> Tensor:
        """Readouts after every step, [network, time, trial, output]."""
        with torch.no_grad():
            parts = zip(separate(weights), parts_of(batch.inputs, batch), strict=True)
            return joined([self._readouts(w, x) for w, x in parts])

    def gradient(self, weights: Weights, batch: Batch) -> tuple[Tensor, Weights]:
        """Loss [network] and its gradient in every weight."""
        trials = (parts_of(array, batch) for array in (batch.inputs, batch.targets, batch.mask))
        each = [self._gradient(*part) for part in zip(separate(weights), *trials, strict=True)]
        return joined([loss for loss, _ in each]), all_joined([found for _, found in each])

    # From here on arrays have a [network] axis or, on a CPU, none.

    @torch.enable_grad()
    def _gradient(self, weights: Weights, inputs: Tensor, targets: Tensor, mask: Tensor) -> tuple[Tensor, Weights]:
        own = {name: w.detach().requires_grad_() for name, w in weights.items()}
        losses = masked_loss(self._readouts(own, inputs), targets, mask)
        # A weight is in the loss of its own network alone, so that the gradient of their sum is that of each.
        return losses.detach(), dict(zip(own, torch.autograd.grad(losses.sum(), list(own.values())), strict=True))

    def _readouts(self, weights: Weights, inputs: Tensor) -> Tensor:
        """inputs [.., time, trial, input] -> readouts [.., time, trial, output]."""
        if not on_cpu(inputs):
            return self._step_by_step(weights, inputs)
        h = inputs.new_zeros(1, inputs.shape[1], self.architecture.units)
        layer = [weights[name] for name in self.architecture.trained if name != "w_out"]
        # With biases, 1 layer, no dropout, in training, one direction, time before trials.
        rates = self.architecture.through_torch(inputs, h, layer, True, 1, 0.0, True, False, False)
        return rates @ weights["w_out"].mT

    def _step_by_step(self, weights: Weights, inputs: Tensor) -> Tensor:
        zeros = inputs.new_zeros(*inputs.shape[:-3], inputs.shape[-2], self.architecture.units)
        state, readouts = self.architecture.at_rest(zeros), []
        for x in inputs.unbind(-3):
            state = self.architecture.step(weights, state, x, None)
            readouts.append(self.architecture.readout(weights, state))
        return torch.stack(readouts, dim=-3)

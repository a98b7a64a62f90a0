"""The gated recurrent unit."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from rnnbench import Weights
from rnnbench_architectures.gated import GatedRNN


class GRU(GatedRNN):
    """Gated recurrent unit, as in torch.nn.GRU, with a linear readout.

    r = sigma(W_ir x + b_ir + W_hr h + b_hr),  u = sigma(W_iz x + b_iz + W_hz h + b_hz),
    c = tanh(W_in x + b_in + r (W_hn h + b_hn)),  h <- (1 - u) c + u h,  z = W_out h.

    The rows of the weights are in torch's order: reset r, update u, candidate c. `dt` is the time between two
    updates, for the sampling of trials alone: see `GatedRNN`.
    """

    name, version = "gru", 1
    source = "Cho et al., EMNLP 2014; with the reset after the product, as in cuDNN and torch.nn.GRU"
    n_gates: ClassVar[int] = 3

    def at_rest(self, zeros: Tensor) -> Tensor:
        """The state h = 0, [trial, unit]."""
        return zeros

    def step(self, weights: Weights, state: Tensor, inputs: Tensor, noise: Tensor | None) -> Tensor:
        """The state h [trial, unit] after one update."""
        x, h = (part.chunk(3, dim=-1) for part in self.currents(weights, inputs, state))
        reset, update = torch.sigmoid(x[0] + h[0]), torch.sigmoid(x[1] + h[1])
        candidate = torch.tanh(x[2] + reset * h[2])
        return (1 - update) * candidate + update * state

    def readout(self, weights: Weights, state: Tensor) -> Tensor:
        """The outputs W_out h, [trial, output]."""
        return state @ weights["w_out"].mT

    def through_torch(self, inputs: Tensor, h: Tensor, layer: list[Tensor], *settings: Any) -> Tensor:
        """The states h [time, trial, unit] of whole trials, by torch.gru."""
        return torch.gru(inputs, h, layer, *settings)[0]

"""The long short-term memory."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from rnnbench import Weights
from rnnbench_architectures.gated import GatedRNN


class LSTM(GatedRNN):
    """Long short-term memory, as in torch.nn.LSTM, with a linear readout.

    i, f, o = sigma(W x + b_i + V h + b_h) with weights of their own, and c' = tanh(..) likewise,
    c <- f c + i c',  h <- o tanh(c),  z = W_out h.

    The rows of the weights are in torch's order: input i, forget f, candidate c', output o; the state is (h, c).
    `dt` is the time between two updates, for the sampling of trials alone: see `GatedRNN`.
    """

    name, version = "lstm", 1
    source = "Hochreiter & Schmidhuber, Neural Computation 1997; forget gate: Gers et al. 2000; as in torch.nn.LSTM"
    n_gates: ClassVar[int] = 4

    def initial_state(self, weights: Weights, n_trials: int) -> tuple[Tensor, Tensor]:
        """h and c, [trial, unit] each, 0."""
        zeros = super().initial_state(weights, n_trials)
        return zeros, zeros

    def step(
        self, weights: Weights, state: tuple[Tensor, Tensor], inputs: Tensor, noise: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """h and c after one update."""
        h, c = state
        x, y = self.currents(weights, inputs, h)
        enter, keep, candidate, leave = (x + y).chunk(4, dim=-1)
        c = torch.sigmoid(keep) * c + torch.sigmoid(enter) * torch.tanh(candidate)
        return torch.sigmoid(leave) * torch.tanh(c), c

    def readout(self, weights: Weights, state: tuple[Tensor, Tensor]) -> Tensor:
        """W_out h, [trial, output]."""
        return state[0] @ weights["w_out"].mT

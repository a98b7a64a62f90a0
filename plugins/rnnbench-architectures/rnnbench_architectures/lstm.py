"""The long short-term memory."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
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
    initial_only: ClassVar[frozenset[str]] = frozenset({"forget_bias"})

    forget_bias: float = Field(
        0.0, description="added to the forget gate's bias before training; 1 keeps c for longer (Gers et al.)"
    )

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """Draw every weight from U(-1/sqrt(N), 1/sqrt(N)) and add `forget_bias` to the bias of the forget gate."""
        weights = super().init(rng, n_inputs, n_outputs)
        weights["bias_ih_l0"][self.units : 2 * self.units] += self.forget_bias
        return weights

    def at_rest(self, zeros: Tensor) -> tuple[Tensor, Tensor]:
        """The state h = 0 and c = 0, [trial, unit] each."""
        return zeros, zeros

    def step(
        self, weights: Weights, state: tuple[Tensor, Tensor], inputs: Tensor, noise: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The state (h, c) after one update, [trial, unit] each."""
        h, c = state
        x, y = self.currents(weights, inputs, h)
        input_gate, forget_gate, candidate, output_gate = (x + y).chunk(4, dim=-1)
        c = torch.sigmoid(forget_gate) * c + torch.sigmoid(input_gate) * torch.tanh(candidate)
        return torch.sigmoid(output_gate) * torch.tanh(c), c

    def readout(self, weights: Weights, state: tuple[Tensor, Tensor]) -> Tensor:
        """The outputs W_out h, [trial, output]."""
        return state[0] @ weights["w_out"].mT

    def through_torch(self, inputs: Tensor, h: Tensor, layer: list[Tensor], *settings: Any) -> Tensor:
        """The states h [time, trial, unit] of whole trials, by torch.lstm."""
        return torch.lstm(inputs, (h, h), layer, *settings)[0]

"""What GRU and LSTM have in common: torch's weights by torch's names, torch's initialisation, a linear readout."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from torch import Tensor

from rnnbench import Architecture, Weights


class GatedRNN(Architecture):
    """One layer of gated units in discrete time.

    Weights are those of torch's module of the same name: weight_ih_l0 [gates * unit, input], weight_hh_l0
    [gates * unit, unit], bias_ih_l0 and bias_hh_l0 [gates * unit]; and w_out [output, unit]. All are learnt, and all
    are drawn from U(-1/sqrt(N), 1/sqrt(N)), torch's default for recurrent and for linear layers.

    A unit has no time constant but what its gates make of it: one update is one step, and `dt` only says how finely
    a trial is sampled. At the default, 0.5, the trials are the same as those of the vanilla RNN; at 1 they have half
    as many steps, over which less has to be remembered.
    """

    n_gates: ClassVar[int]

    @property
    def trained(self) -> tuple[str, ...]:
        return ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "w_out")

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """Every weight uniform in +-1/sqrt(N)."""
        n, rows = self.units, self.n_gates * self.units
        shapes = [(rows, n_inputs), (rows, n), (rows,), (rows,), (n_outputs, n)]
        bound = 1 / math.sqrt(n)
        return {name: rng.uniform(-bound, bound, shape) for name, shape in zip(self.trained, shapes, strict=True)}

    def currents(self, weights: Weights, inputs: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """W_i x + b_i and W_h h + b_h, [trial, gates * unit] each."""
        from_inputs = inputs @ weights["weight_ih_l0"].mT + weights["bias_ih_l0"]
        return from_inputs, h @ weights["weight_hh_l0"].mT + weights["bias_hh_l0"]

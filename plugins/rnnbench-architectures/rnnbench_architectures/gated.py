"""The base class of GRU and LSTM: torch's names of weights, torch's initialisation, and a linear readout."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from rnnbench import Architecture, Batch, SeenTrials, Weights, by_network, masked_loss, one_at_a_time


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
    input_axes: ClassVar[Mapping[str, int]] = {"weight_ih_l0": 1}
    output_axes: ClassVar[Mapping[str, int]] = {"w_out": 0}

    @property
    def trained(self) -> tuple[str, ...]:
        """All weights: torch's, in its order, and the readout."""
        return ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "w_out")

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """Draw every weight from U(-1/sqrt(N), 1/sqrt(N))."""
        n, rows = self.units, self.n_gates * self.units
        shapes = [(rows, n_inputs), (rows, n), (rows,), (rows,), (n_outputs, n)]
        bound = 1 / math.sqrt(n)
        return {name: rng.uniform(-bound, bound, shape) for name, shape in zip(self.trained, shapes, strict=True)}

    def initial_state(self, weights: Weights, n_trials: int) -> Any:
        """The state before the first step: 0 for every unit."""
        return self.at_rest(super().initial_state(weights, n_trials))

    @abstractmethod
    def at_rest(self, zeros: Tensor) -> Any:
        """The initial state, made of arrays like `zeros` [trial, unit]; a leading [network] axis is kept."""

    def currents(self, weights: Weights, inputs: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The currents into the gates: from the inputs and from the state.

        Args:
            weights: those of one network, or of a population with a leading [network] axis.
            inputs: x [trial, input].
            h: state [trial, unit].

        Returns:
            W_i x + b_i and W_h h + b_h, [trial, gates * unit] each. A leading [network] axis is kept.
        """
        b_ih, b_hh = (weights[name][..., None, :] for name in ("bias_ih_l0", "bias_hh_l0"))
        return inputs @ weights["weight_ih_l0"].mT + b_ih, h @ weights["weight_hh_l0"].mT + b_hh

    @abstractmethod
    def through_torch(self, inputs: Tensor, h: Tensor, layer: list[Tensor], *settings: Any) -> Tensor:
        """Compute whole trials by torch's own function.

        Args:
            inputs: x [time, trial, input].
            h: initial state [1, trial, unit].
            layer: the weights, in torch's order.
            *settings: the other arguments of torch.gru and torch.lstm, as `GatedEngine` passes them.

        Returns:
            h [time, trial, unit] after every step.
        """

    def engine(self) -> GatedEngine:
        """An engine that calls torch's own function for whole trials."""
        return GatedEngine(self)


class GatedEngine:
    """Outputs and gradients of a population of gated networks.

    On a CPU networks are computed one at a time by torch.gru or torch.lstm, which are several times as fast as a loop
    over steps. On a GPU the whole population is computed at once, step by step.
    """

    independent = True

    def __init__(self, architecture: GatedRNN) -> None:
        self.architecture = architecture

    def outputs(self, weights: Weights, batch: Batch) -> Tensor:
        """Outputs after every step, [network, time, trial, output]."""
        with torch.no_grad():
            return by_network(lambda w, seen: self._readouts(w, seen.inputs), weights, batch)

    def gradient(self, weights: Weights, batch: Batch) -> tuple[Tensor, Weights]:
        """The loss [network] and its gradient with respect to every weight."""
        return by_network(self._gradient, weights, batch)

    # In the methods below, arrays have a [network] axis on a GPU and none on a CPU.

    @torch.enable_grad()
    def _gradient(self, weights: Weights, seen: SeenTrials) -> tuple[Tensor, Weights]:
        own = {name: w.detach().requires_grad_() for name, w in weights.items()}
        losses = masked_loss(self._readouts(own, seen.inputs), seen.targets, seen.mask)
        # Each weight affects only the loss of its own network. So the gradient of the sum of all losses contains the
        # gradient of each loss.
        return losses.detach(), dict(zip(own, torch.autograd.grad(losses.sum(), list(own.values())), strict=True))

    def _readouts(self, weights: Weights, inputs: Tensor) -> Tensor:
        """The outputs [.., time, trial, output] for inputs [.., time, trial, input]."""
        if not one_at_a_time(inputs):
            return self._step_by_step(weights, inputs)
        h = inputs.new_zeros(1, inputs.shape[1], self.architecture.units)
        layer = [weights[name] for name in self.architecture.trained if name != "w_out"]
        # has_biases, num_layers, dropout, train, bidirectional, batch_first
        states = self.architecture.through_torch(inputs, h, layer, True, 1, 0.0, True, False, False)
        return states @ weights["w_out"].mT

    def _step_by_step(self, weights: Weights, inputs: Tensor) -> Tensor:
        zeros = inputs.new_zeros(*inputs.shape[:-3], inputs.shape[-2], self.architecture.units)
        state, readouts = self.architecture.at_rest(zeros), []
        for x in inputs.unbind(-3):
            state = self.architecture.step(weights, state, x, None)
            readouts.append(self.architecture.readout(weights, state))
        return torch.stack(readouts, dim=-3)

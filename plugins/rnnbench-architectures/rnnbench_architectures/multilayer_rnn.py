"""The multilayer RNN: vanilla rate RNNs stacked on top of each other."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from pydantic import Field
from torch import Tensor

from rnnbench import VanillaRNN, Weights
from rnnbench_architectures.rate_parameters import Phi, RateParameters

States = tuple[Tensor, ...]


class MultilayerRNN(RateParameters):
    """Layers of vanilla rate units: the first receives the inputs, each other one the rates of the one below.

    h_l[t+1] = (1 - dt) h_l[t] + dt (W_l phi(h_l[t]) + V_l y_l[t] + b_l) + sqrt(dt) sigma xi_l[t],
    y_1[t] = x[t],  y_l[t] = phi(h_(l-1)[t+1]),  z[t] = W_out phi(h_L[t+1]).

    With one layer it is `vanilla_rnn`; with dt = 1 it is torch.nn.RNN. Before training W_l ~ g Normal(0, 1/N) and, from
    layer to layer, V_l ~ Normal(0, 1/N). Weights: w_rec_1 .. w_rec_L [unit, unit]; w_in [unit, input], which is V_1;
    w_up_2 .. w_up_L [unit, unit], which are V_2 .. V_L; w_out [output, unit]; b_1 .. b_L [unit].
    """

    name, version = "multilayer_rnn", 1
    source = (
        "stacked recurrent layers: Graves, Mohamed, Hinton, ICASSP 2013, eq. 11; "
        "each a rate network of Schuessler et al., NeurIPS 2020, eq. 1"
    )
    initial_only: ClassVar[frozenset[str]] = RateParameters.initial_only

    units: int = Field(128, ge=1, description="number of recurrent units N of each layer")
    layers: int = Field(2, ge=1, description="number of layers L")
    nonlinearity: Phi = Field("tanh", description="phi; erf stands for erf(sqrt(pi) h / 2)")

    @property
    def trained(self) -> tuple[str, ...]:
        """The weights within and between layers, with `learn: all` also input and readout, and any biases."""
        names = [f"w_rec_{layer}" for layer in self._numbers] + [f"w_up_{layer}" for layer in self._numbers[1:]]
        names += ["w_in", "w_out"] if self.learn == "all" else []
        return (*names, *(f"b_{layer}" for layer in self._numbers if self.bias))

    @property
    def n_noise(self) -> int:
        """One number per unit of each layer if there is noise, else 0."""
        return self.layers * super().n_noise

    @property
    def _numbers(self) -> range:
        return range(1, self.layers + 1)

    @property
    def _layer(self) -> VanillaRNN:
        return self.vanilla(nonlinearity=self.nonlinearity)

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """Draw the first layer and the readout as in the vanilla RNN, then the other layers one by one."""
        n = self.units
        drawn = self._layer.init(rng, n_inputs, n_outputs)
        weights = {"w_rec_1": drawn["w_rec"], "w_in": drawn["w_in"], "w_out": drawn["w_out"]}
        for layer in self._numbers[1:]:
            weights[f"w_rec_{layer}"] = self.g * rng.standard_normal((n, n)) / math.sqrt(n)
            weights[f"w_up_{layer}"] = rng.standard_normal((n, n)) / math.sqrt(n)
        return weights | {f"b_{layer}": np.zeros(n) for layer in self._numbers if self.bias}

    def initial_state(self, weights: Weights, n_trials: int) -> States:
        """The state h_l = 0 of every layer, [trial, unit] each."""
        return (super().initial_state(weights, n_trials),) * self.layers

    def step(self, weights: Weights, state: States, inputs: Tensor, noise: Tensor | None) -> States:
        """The state h_l [trial, unit] of every layer after one time step, computed from the first layer up."""
        vanilla = self._layer
        noises = [None] * self.layers if noise is None else noise.chunk(self.layers, dim=-1)
        from_below, new = inputs, []
        for layer, h, xi in zip(self._numbers, state, noises, strict=True):
            own = {"w_rec": weights[f"w_rec_{layer}"], "w_in": weights["w_in" if layer == 1 else f"w_up_{layer}"]}
            if self.bias:
                own["b"] = weights[f"b_{layer}"]
            new.append(vanilla.step(own, h, from_below, xi))
            from_below = vanilla.phi(new[-1])
        return tuple(new)

    def readout(self, weights: Weights, state: States) -> Tensor:
        """The outputs W_out phi(h_L), [trial, output]."""
        return self._layer.readout(weights, state[-1])

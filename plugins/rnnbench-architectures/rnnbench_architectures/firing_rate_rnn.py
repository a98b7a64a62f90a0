"""The rate RNN in the other common convention: the state is the firing rate, phi of the summed input."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field
from torch import Tensor

from rnnbench import NONLINEARITIES, Engine, Weights
from rnnbench_architectures.firing_rate_engine import FiringRateEngine
from rnnbench_architectures.rate_parameters import Phi, RateParameters


class FiringRateRNN(RateParameters):
    """Firing-rate RNN: the nonlinearity is around the sum of inputs, and the state is the rate itself.

    r[t+1] = (1 - dt) r[t] + dt phi(W r[t] + W_in x[t] + b + sigma xi[t] / sqrt(dt)),  z[t] = W_out r[t+1].

    With h[t] = W r[t] + W_in x[t] + b it is the vanilla RNN, whose input is then filtered: W_in x[t] becomes
    W_in (x[t+1] - (1 - dt) x[t]) / dt (Miller & Fumarola 2012). Under constant input the two are the same, but for the
    start: at r = 0 here, at h = 0 there. Yang et al. use softplus, dt 0.2, a bias and sigma = sqrt(2) 0.05.
    """

    name, version = "firing_rate_rnn", 1
    source = (
        "Yang, Joglekar, Song, Newsome, Wang, Nature Neuroscience 2019, eqs. 1-3; Murray, eLife 2019, eq. 1; "
        "relation to the vanilla RNN: Miller & Fumarola, Neural Computation 2012"
    )

    activation: Phi = Field("tanh", description="phi; erf stands for erf(sqrt(pi) h / 2)")

    @property
    def trained(self) -> tuple[str, ...]:
        """The recurrent weights, with `learn: all` also input and readout, and with `bias: true` the bias."""
        names = ("w_rec",) if self.learn == "recurrent" else ("w_rec", "w_in", "w_out")
        return (*names, "b") if self.bias else names

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """Draw w_rec [unit, unit], w_in [unit, input], w_out [output, unit] and b [unit] as in the vanilla RNN."""
        return self.vanilla().init(rng, n_inputs, n_outputs)

    def recurrent(self, weights: Weights) -> Tensor:
        """The connectivity W [unit, unit].

        Only `recurrent` is defined here, not `phi` or `current`, because the dynamics are not those of the vanilla RNN.
        """
        return weights["w_rec"]

    def step(self, weights: Weights, state: Tensor, inputs: Tensor, noise: Tensor | None) -> Tensor:
        """The rates [trial, unit] after one time step."""
        current = state @ weights["w_rec"].mT + inputs @ weights["w_in"].mT
        if "b" in weights:
            current = current + weights["b"]
        if noise is not None:
            current = current + self.noise / math.sqrt(self.dt) * noise
        return (1 - self.dt) * state + self.dt * NONLINEARITIES[self.activation].value(current)

    def readout(self, weights: Weights, state: Tensor) -> Tensor:
        """The outputs W_out r, [trial, output]."""
        return state @ weights["w_out"].mT

    def engine(self) -> Engine:
        """An engine with hand-written backpropagation through time."""
        return FiringRateEngine(self.activation, self.dt, self.noise, self.trained)

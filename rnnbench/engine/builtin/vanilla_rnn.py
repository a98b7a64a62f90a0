"""The reference architecture: the vanilla rate RNN of Schuessler et al. 2020."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from torch import Tensor

from rnnbench.engine.nonlinearity import NONLINEARITIES, Nonlinearity
from rnnbench.engine.rate_rnn import RateRNNEngine
from rnnbench.plugin.interfaces import Architecture, Weights


class VanillaRNN(Architecture):
    """Vanilla rate RNN: leaky units, random connectivity of strength g, linear readout.

    h[t+1] = (1 - dt) h[t] + dt (W phi(h[t]) + W_in x[t] + b) + sqrt(dt) sigma xi[t],  z[t] = W_out phi(h[t+1]).
    """

    name, version = "vanilla_rnn", 1
    source = "Schuessler, Mastrogiuseppe, Dubreuil, Ostojic, Barak, NeurIPS 2020, eq. 1"
    # Not initial_state_std: a network with h0 has other weights than one without.
    initial_only: ClassVar[frozenset[str]] = frozenset({"g", "readout_scale", "orthogonal"})

    g: float = Field(0.9, ge=0, description="connectivity strength: W_ij ~ g Normal(0, 1/N) before training")
    nonlinearity: Literal["tanh", "relu", "softplus", "erf", "identity"] = Field(
        "tanh", description="phi; erf stands for erf(sqrt(pi) h / 2)"
    )
    readout_scale: Literal["small", "large"] = Field(
        "small", description="norm of a readout vector: 1/sqrt(N) (small) or 1 (large)"
    )
    orthogonal: bool = Field(False, description="input and readout vectors orthogonalised (QR) rather than random")
    learn: Literal["recurrent", "all"] = Field("recurrent", description="weights trained: W, or W, W_in and W_out")
    bias: bool = Field(False, description="a trained bias b per unit, 0 before training")
    noise: float = Field(0.0, ge=0, description="sigma of each unit's private noise (per sqrt(tau))")
    initial_state_std: float = Field(
        0.0, ge=0, description="standard deviation of h[0] over units, drawn once for each network; 0: starts at rest"
    )

    @property
    def phi(self) -> Nonlinearity:
        """The nonlinearity, elementwise."""
        return NONLINEARITIES[self.nonlinearity]

    def recurrent(self, weights: Weights) -> Tensor:
        """W [unit, unit]; a leading [network] axis is kept."""
        return weights["w_rec"]

    def current(self, weights: Weights, inputs: Tensor) -> Tensor:
        """W_in x + b [unit] under a constant input x [input]."""
        current = weights["w_in"] @ inputs
        return current + weights["b"] if "b" in weights else current

    @property
    def trained(self) -> tuple[str, ...]:
        names = ("w_rec",) if self.learn == "recurrent" else ("w_rec", "w_in", "w_out")
        return (*names, "b") if self.bias else names

    @property
    def n_noise(self) -> int:
        return self.units if self.noise > 0 else 0

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """W [unit, unit], W_in [unit, input], W_out [output, unit]; b and h0 [unit] where they are used.

        The random numbers do not depend on g, so that networks of one seed differ in g alone.
        """
        n = self.units
        w_rec = self.g * rng.standard_normal((n, n)) / math.sqrt(n)
        vectors = rng.standard_normal((n, n_inputs + n_outputs))
        if self.orthogonal:
            if n_inputs + n_outputs > n:
                raise ValueError(
                    f"{n_inputs + n_outputs} input and readout vectors cannot be orthogonal among {n} units"
                )
            vectors = np.linalg.qr(vectors)[0]
        vectors *= math.sqrt(n) / np.linalg.norm(vectors, axis=0)
        scale = n if self.readout_scale == "small" else math.sqrt(n)
        weights = {"w_rec": w_rec, "w_in": vectors[:, :n_inputs], "w_out": vectors[:, n_inputs:].T / scale}
        if self.bias:
            weights["b"] = np.zeros(n)
        if self.initial_state_std > 0:
            weights["h0"] = self.initial_state_std * rng.standard_normal(n)
        return weights

    def initial_state(self, weights: Weights, n_trials: int) -> Tensor:
        state = super().initial_state(weights, n_trials)
        return state + weights["h0"] if "h0" in weights else state

    def step(self, weights: Weights, state: Tensor, inputs: Tensor, noise: Tensor | None) -> Tensor:
        dt = self.dt
        current = self.phi(state) @ weights["w_rec"].mT + inputs @ weights["w_in"].mT
        if "b" in weights:
            current = current + weights["b"]
        h = (1 - dt) * state + dt * current
        return h if noise is None else h + math.sqrt(dt) * self.noise * noise

    def readout(self, weights: Weights, state: Tensor) -> Tensor:
        return self.phi(state) @ weights["w_out"].mT

    def engine(self) -> RateRNNEngine:
        return RateRNNEngine(self.nonlinearity, self.dt, self.noise, self.trained)

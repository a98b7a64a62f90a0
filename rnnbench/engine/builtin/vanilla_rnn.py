"""The reference architecture: the vanilla rate RNN of Schuessler et al. 2020."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
    # initial_state_std is not among these, because a network with h0 has one more array than a network without.
    initial_only: ClassVar[frozenset[str]] = frozenset({"g", "readout_scale", "orthogonal"})
    input_axes: ClassVar[Mapping[str, int]] = {"w_in": 1}
    output_axes: ClassVar[Mapping[str, int]] = {"w_out": 0}

    g: float = Field(0.9, ge=0, description="connectivity strength: W_ij ~ g Normal(0, 1/N) before training")
    nonlinearity: Literal["tanh", "relu", "softplus", "erf", "identity"] = Field(
        "tanh", description="phi; erf stands for erf(sqrt(pi) h / 2)"
    )
    readout_scale: Literal["small", "large"] = Field(
        "small", description="norm of a readout vector: 1/sqrt(N) (small) or 1 (large)"
    )
    orthogonal: bool = Field(False, description="input and readout vectors orthogonalised (QR) rather than random")
    learn: Literal["recurrent", "all"] = Field("all", description="weights trained: W, or W, W_in and W_out")
    bias: bool = Field(False, description="a trained bias b per unit, 0 before training")
    noise: float = Field(0.0, ge=0, description="sigma of each unit's private noise (per sqrt(tau))")
    initial_state_std: float = Field(
        0.0, ge=0, description="standard deviation of h[0] over units, drawn once for each network; 0: starts at rest"
    )

    @property
    def phi(self) -> Nonlinearity:
        """The nonlinearity, which is applied elementwise."""
        return NONLINEARITIES[self.nonlinearity]

    def recurrent(self, weights: Weights) -> Tensor:
        """The recurrent weights W [unit, unit], with a leading [network] axis if the weights have one."""
        return weights["w_rec"]

    def current(self, weights: Weights, inputs: Tensor) -> Tensor:
        """The current W_in x + b [unit] under a constant input.

        Args:
            weights: weights of one network.
            inputs: x [input].
        """
        current = weights["w_in"] @ inputs
        return current + weights["b"] if "b" in weights else current

    @property
    def trained(self) -> tuple[str, ...]:
        """Names of the weights that learning may change."""
        names = ("w_rec",) if self.learn == "recurrent" else ("w_rec", "w_in", "w_out")
        return (*names, "b") if self.bias else names

    @property
    def n_noise(self) -> int:
        """Number of random numbers for each trial and step: one for each unit if there is noise."""
        return self.units if self.noise > 0 else 0

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """Draw the initial weights of one network.

        The random numbers do not depend on g, so that networks of one seed differ only by the factor g.

        Args:
            rng: source of all random numbers.
            n_inputs: number of input channels.
            n_outputs: number of output channels.

        Returns:
            w_rec [unit, unit], w_in [unit, input], w_out [output, unit], and b [unit] and h0 [unit] if they are used.

        Raises:
            ValueError: there are more input and readout vectors than units, so that they cannot be orthogonal.
        """
        n = self.units
        w_rec = self.g * rng.standard_normal((n, n)) / math.sqrt(n)
        no_channels = {"w_in": np.zeros((n, 0)), "w_out": np.zeros((0, n))}
        weights = self.with_channels({"w_rec": w_rec, **no_channels}, rng, n_inputs, n_outputs)
        if self.bias:
            weights["b"] = np.zeros(n)
        if self.initial_state_std > 0:
            weights["h0"] = self.initial_state_std * rng.standard_normal(n)
        return weights

    def with_channels(
        self, weights: Mapping[str, np.ndarray], rng: np.random.Generator, n_inputs: int, n_outputs: int
    ) -> dict[str, np.ndarray]:
        """Add input and readout vectors; with `orthogonal` they are orthogonal to each other and to those present.

        Args:
            weights: initial weights by name.
            rng: source of all random numbers.
            n_inputs: number of new input channels.
            n_outputs: number of new output channels.

        Returns:
            The weights with the new channels behind the others.

        Raises:
            ValueError: there are more input and readout vectors than units, so that they cannot be orthogonal.
        """
        n = self.units
        vectors = rng.standard_normal((n, n_inputs + n_outputs))
        if self.orthogonal:
            present = np.hstack([weights["w_in"], weights["w_out"].T])
            if (number := present.shape[1] + vectors.shape[1]) > n:
                raise ValueError(f"{number} input and readout vectors cannot be orthogonal among {n} units")
            present = present / np.linalg.norm(present, axis=0)
            vectors = np.linalg.qr(np.hstack([present, vectors]))[0][:, present.shape[1] :]
        vectors *= math.sqrt(n) / np.linalg.norm(vectors, axis=0)
        scale = n if self.readout_scale == "small" else math.sqrt(n)
        w_in = np.hstack([weights["w_in"], vectors[:, :n_inputs]])
        w_out = np.vstack([weights["w_out"], vectors[:, n_inputs:].T / scale])
        return {**weights, "w_in": w_in, "w_out": w_out}

    def initial_state(self, weights: Weights, n_trials: int) -> Tensor:
        """The state h before the first step, [trial, unit]: h0 if it is used, otherwise 0."""
        state = super().initial_state(weights, n_trials)
        return state + weights["h0"] if "h0" in weights else state

    def step(self, weights: Weights, state: Tensor, inputs: Tensor, noise: Tensor | None) -> Tensor:
        """Compute the state h after one time step.

        Args:
            weights: weights of one network.
            state: h [trial, unit] before the step.
            inputs: x [trial, input].
            noise: xi [trial, unit], standard normal, or None.

        Returns:
            h [trial, unit].
        """
        dt = self.dt
        current = self.phi(state) @ weights["w_rec"].mT + inputs @ weights["w_in"].mT
        if "b" in weights:
            current = current + weights["b"]
        h = (1 - dt) * state + dt * current
        return h if noise is None else h + math.sqrt(dt) * self.noise * noise

    def readout(self, weights: Weights, state: Tensor) -> Tensor:
        """The output z [trial, output] in a state h [trial, unit]."""
        return self.phi(state) @ weights["w_out"].mT

    def engine(self) -> RateRNNEngine:
        """The engine with hand-written backpropagation."""
        return RateRNNEngine(self.nonlinearity, self.dt, self.noise, self.trained)

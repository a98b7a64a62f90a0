"""The restricted network: only a small matrix between the input patterns is learnt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from rnnbench import NONLINEARITIES, Architecture, Engine, Nonlinearity, Weights
from rnnbench_architectures.restricted_engine import RestrictedEngine


class RestrictedRNN(Architecture):
    """Restricted RNN: random connectivity and p patterns, learning only the p x p matrix M between the patterns.

    W = g J + U M U^T / N,  W_in = U,  W_out = U^T / N;  U = [u_1 .. u_p], each of norm sqrt(N), J_ij ~ Normal(0, 1/N),
    h[t+1] = (1 - dt) h[t] + dt (W phi(h[t]) + W_in x[t]),  z[t] = W_out phi(h[t+1]),  h[0] = offset sum_a u_a.

    M is 0 before training. With two tasks of one channel each it is 2 x 2, and what is learnt can be read off: M_AA
    and M_BB hold a pattern, M_BA turns A's activity into B's. Inputs and outputs must be as many: the benchmark's
    tasks have as many inputs as outputs, and no context input.

    Weights: m [pattern, pattern] is learnt, u [unit, pattern] and j [unit, unit] are not. j is g J, and is left out
    where g is 0, so that no N x N matrix is made.
    """

    name, version = "restricted_rnn", 1
    source = "connectivity: Mastrogiuseppe & Ostojic, Neuron 2018; dynamics: Schuessler et al., NeurIPS 2020, eq. 1"
    # g is not listed: networks with and without J have weights of different names, so they cannot share a population.
    initial_only: ClassVar[frozenset[str]] = frozenset({"orthogonal"})
    tracked: ClassVar[tuple[str, ...]] = ("m",)
    input_axes: ClassVar[Mapping[str, int]] = {"u": 1, "m": 1}
    output_axes: ClassVar[Mapping[str, int]] = {"m": 0}

    g: float = Field(0.0, ge=0, description="strength of the random connectivity J, which is not learnt")
    nonlinearity: Literal["tanh", "relu", "softplus", "erf", "identity"] = Field(
        "erf", description="phi; erf stands for erf(sqrt(pi) h / 2)"
    )
    orthogonal: bool = Field(True, description="patterns orthogonalised (QR) rather than random")
    offset: float = Field(
        0.02, description="h[0] along every pattern: at rest exactly, no gradient leads from one pattern to another"
    )

    @property
    def trained(self) -> tuple[str, ...]:
        """Only the matrix M."""
        return ("m",)

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """Draw the initial weights.

        The random numbers do not depend on g: networks of the same seed have the same U, and their J differ only by a
        factor.

        Returns:
            m [pattern, pattern], all 0; u [unit, pattern]; and, if g is above 0, j [unit, unit].

        Raises:
            ValueError: the numbers of inputs and outputs differ, or `orthogonal` is set and there are more patterns
                than units.
        """
        n = self.units
        weights = self.with_channels({"m": np.zeros((0, 0)), "u": np.zeros((n, 0))}, rng, n_inputs, n_outputs)
        if self.g > 0:
            weights["j"] = self.g * rng.standard_normal((n, n)) / math.sqrt(n)
        return weights

    def with_channels(
        self, weights: Mapping[str, np.ndarray], rng: np.random.Generator, n_inputs: int, n_outputs: int
    ) -> dict[str, np.ndarray]:
        """Add patterns; with `orthogonal` they are orthogonal to each other and to those present. M stays 0.

        Returns:
            The weights with the new patterns behind the others.

        Raises:
            ValueError: the numbers of inputs and outputs differ, or `orthogonal` is set and there are more patterns
                than units.
        """
        n, before, p = self.units, weights["u"].shape[1], weights["u"].shape[1] + n_inputs
        if n_inputs != n_outputs:
            raise ValueError(
                f"restricted_rnn needs as many outputs as inputs, but the tasks have {n_inputs} inputs and "
                f"{n_outputs} outputs; choose tasks with equal numbers of both, without a context input"
            )
        if self.orthogonal and p > n:
            raise ValueError(f"{p} patterns cannot be orthogonal among {n} units; use more units or orthogonal: false")
        new = rng.standard_normal((n, n_inputs))
        if self.orthogonal:
            new = np.linalg.qr(np.hstack([weights["u"], new]))[0][:, before:]
        new *= math.sqrt(n) / np.linalg.norm(new, axis=0)
        return {**weights, "m": np.zeros((p, p)), "u": np.hstack([weights["u"], new])}

    def recurrent(self, weights: Weights) -> torch.Tensor:
        """The full connectivity W = g J + U M U^T / N, [unit, unit]; a leading [network] axis is kept."""
        u = weights["u"]
        w = u @ weights["m"] @ u.mT / self.units
        return w + weights["j"] if "j" in weights else w

    @property
    def phi(self) -> Nonlinearity:
        """The nonlinearity phi, applied elementwise."""
        return NONLINEARITIES[self.nonlinearity]

    def current(self, weights: Weights, inputs: torch.Tensor) -> torch.Tensor:
        """The input current U x [unit] under a constant input x [pattern]."""
        return weights["u"] @ inputs

    def initial_state(self, weights: Weights, n_trials: int) -> torch.Tensor:
        """The state h[0] = offset sum_a u_a in every trial, [trial, unit]."""
        return (self.offset * weights["u"].sum(dim=-1)).expand(n_trials, -1)

    def step(
        self, weights: Weights, state: torch.Tensor, inputs: torch.Tensor, noise: torch.Tensor | None
    ) -> torch.Tensor:
        """The state [trial, unit] after one time step under inputs [trial, pattern]."""
        dt, r = self.dt, NONLINEARITIES[self.nonlinearity].value(state)
        along = r @ weights["u"] / self.units @ weights["m"].mT + inputs
        current = along @ weights["u"].mT
        if "j" in weights:
            current = current + r @ weights["j"].mT
        return (1 - dt) * state + dt * current

    def readout(self, weights: Weights, state: torch.Tensor) -> torch.Tensor:
        """The outputs z = U^T phi(h) / N, [trial, pattern]."""
        return NONLINEARITIES[self.nonlinearity].value(state) @ weights["u"] / self.units

    def engine(self) -> Engine:
        """An engine with hand-written backpropagation through time that never builds W."""
        return RestrictedEngine(self.nonlinearity, self.dt, self.offset)

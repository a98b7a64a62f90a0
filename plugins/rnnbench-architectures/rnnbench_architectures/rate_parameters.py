"""Base class of the rate networks of this package: the parameters and initial weights of the vanilla RNN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from rnnbench import Architecture, VanillaRNN

Phi = Literal["tanh", "relu", "softplus", "erf", "identity"]
"""Names in rnnbench's NONLINEARITIES."""


class RateParameters(Architecture):
    """A network with the vanilla RNN's parameters but other equations, so that it must not pass for one."""

    initial_only: ClassVar[frozenset[str]] = frozenset({"g", "readout_scale", "orthogonal"})
    input_axes: ClassVar[Mapping[str, int]] = {"w_in": 1}
    output_axes: ClassVar[Mapping[str, int]] = {"w_out": 0}

    g: float = Field(0.9, ge=0, description="connectivity strength: W_ij ~ g Normal(0, 1/N) before training")
    readout_scale: Literal["small", "large"] = Field(
        "small", description="norm of a readout vector: 1/sqrt(N) (small) or 1 (large)"
    )
    orthogonal: bool = Field(False, description="input and readout vectors orthogonalised (QR) rather than random")
    learn: Literal["recurrent", "all"] = Field("all", description="weights trained: recurrent ones only, or all")
    bias: bool = Field(False, description="a trained bias b per unit, 0 before training")
    noise: float = Field(0.0, ge=0, description="sigma of each unit's private noise (per sqrt(tau))")

    @property
    def n_noise(self) -> int:
        """One number per unit if there is noise, else 0."""
        return self.units if self.noise > 0 else 0

    def with_channels(
        self, weights: Mapping[str, np.ndarray], rng: np.random.Generator, n_inputs: int, n_outputs: int
    ) -> dict[str, np.ndarray]:
        """Add input and readout vectors as the vanilla RNN does."""
        (w_in,), (w_out,) = self.input_axes, self.output_axes
        present = {"w_in": weights[w_in], "w_out": weights[w_out]}
        grown = self.vanilla().with_channels(present, rng, n_inputs, n_outputs)
        return {**weights, w_in: grown["w_in"], w_out: grown["w_out"]}

    def vanilla(self, **parameters: Any) -> VanillaRNN:
        """The vanilla RNN with the same parameters, except those given as arguments."""
        shared = self.model_dump(include=set(RateParameters.model_fields))
        return VanillaRNN.model_validate(shared | parameters)

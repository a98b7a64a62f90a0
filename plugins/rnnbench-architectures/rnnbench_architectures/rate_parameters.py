"""Base class of the rate networks of this package: the parameters and initial weights of the vanilla RNN."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from rnnbench import Architecture, VanillaRNN

Phi = Literal["tanh", "relu", "softplus", "erf", "identity"]
"""Names in rnnbench's NONLINEARITIES."""


class RateParameters(Architecture):
    """A network with the vanilla RNN's parameters but other equations, so that it must not pass for one."""

    initial_only: ClassVar[frozenset[str]] = frozenset({"g", "readout_scale", "orthogonal"})

    g: float = Field(0.9, ge=0, description="connectivity strength: W_ij ~ g Normal(0, 1/N) before training")
    readout_scale: Literal["small", "large"] = Field(
        "small", description="norm of a readout vector: 1/sqrt(N) (small) or 1 (large)"
    )
    orthogonal: bool = Field(False, description="input and readout vectors orthogonalised (QR) rather than random")
    learn: Literal["recurrent", "all"] = Field("recurrent", description="weights trained: recurrent ones only, or all")
    bias: bool = Field(False, description="a trained bias b per unit, 0 before training")
    noise: float = Field(0.0, ge=0, description="sigma of each unit's private noise (per sqrt(tau))")

    @property
    def n_noise(self) -> int:
        """One number per unit if there is noise, else 0."""
        return self.units if self.noise > 0 else 0

    def vanilla(self, **parameters: Any) -> VanillaRNN:
        """The vanilla RNN with the same parameters, except those given as arguments."""
        shared = self.model_dump(include=set(RateParameters.model_fields))
        return VanillaRNN.model_validate(shared | parameters)

"""The vanilla RNN whose connectivity is the identity matrix, times g, before training."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from rnnbench import VanillaRNN


class IdentityRNN(VanillaRNN):
    """Vanilla RNN of rectified units whose connectivity is g times the identity before training.

    W = g 1,  phi = relu. With dt = 1, the default here, the rates r = phi(h) are the published network's,
    r[t+1] = relu(W r[t] + W_in x[t] + b); with a smaller dt a unit still holds what is above 0 and forgets the rest.
    Input and readout vectors are drawn as in `vanilla_rnn`, where Le et al. draw small ones, Normal(0, 0.001).
    """

    name, version = "identity_rnn", 1
    source = "Le, Jaitly, Hinton, arXiv 1504.00941 (2015)"

    dt: float = Field(1.0, gt=0, le=1, description="time step of the integration (tau)")
    g: float = Field(1.0, ge=0, description="connectivity strength: W = g 1 before training")
    nonlinearity: Literal["tanh", "relu", "softplus", "erf", "identity"] = Field(
        "relu", description="phi; erf stands for erf(sqrt(pi) h / 2)"
    )

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """The initial weights of the vanilla RNN, but with w_rec = g 1, [unit, unit]."""
        return super().init(rng, n_inputs, n_outputs) | {"w_rec": self.g * np.eye(self.units)}

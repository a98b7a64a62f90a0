"""The vanilla RNN whose connectivity is a random orthogonal matrix, times g, before training."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from rnnbench import VanillaRNN


class OrthogonalRNN(VanillaRNN):
    """Vanilla RNN whose connectivity is g times a random orthogonal matrix before training.

    W = g Q,  Q uniform over orthogonal matrices (Haar measure), so that all singular values of W are g.

    In discrete time, dt = 1, the default here, a linear network of g = 1 keeps the norm of its state for ever; with a
    smaller dt the units leak, and what W preserves they forget. All else is as in `vanilla_rnn`.
    """

    name, version = "orthogonal_rnn", 1
    source = "Saxe, McClelland, Ganguli, ICLR 2014; drawing of Q: Mezzadri, Notices of the AMS 2007"

    dt: float = Field(1.0, gt=0, le=1, description="time step of the integration (tau)")
    g: float = Field(1.0, ge=0, description="connectivity strength: W = g Q before training")

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """The initial weights of the vanilla RNN, but with w_rec = g Q, [unit, unit]."""
        weights = super().init(rng, n_inputs, n_outputs)
        q, r = np.linalg.qr(rng.standard_normal((self.units, self.units)))
        # The signs make the QR decomposition unique. Without them Q would not be uniform (Mezzadri 2007).
        return weights | {"w_rec": self.g * q * np.sign(np.diag(r))}

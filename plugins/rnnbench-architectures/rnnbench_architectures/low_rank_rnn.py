"""The low-rank RNN: connectivity of rank R that is learnt, plus a random part that is not."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from rnnbench import VanillaRNN, Weights
from rnnbench_architectures.rate_parameters import Phi
from rnnbench_architectures.reparametrised import ReparametrisedRNN


class LowRankRNN(ReparametrisedRNN):
    """Low-rank RNN: of the connectivity only R pairs of vectors m, n are learnt, the random part is not.

    W = g J + (m_1 n_1^T + .. + m_R n_R^T) / N,  J_ij ~ Normal(0, 1/N),
    h[t+1] = (1 - dt) h[t] + dt (W phi(h[t]) + W_in x[t] + b) + sqrt(dt) sigma xi[t],  z[t] = W_out phi(h[t+1]).

    Before training the entries of m and n are independent, Normal(0, 1). Weights: m, n [unit, rank] are learnt,
    j [unit, unit], which is g J, is not; w_in and w_out as in the vanilla RNN.
    """

    name, version = "low_rank_rnn", 1
    source = (
        "Mastrogiuseppe & Ostojic, Neuron 2018, eqs. 1-3; "
        "learning m and n: Dubreuil, Valente, Beiran, Mastrogiuseppe, Ostojic, Nature Neuroscience 2022"
    )
    initial_only: ClassVar[frozenset[str]] = ReparametrisedRNN.initial_only

    g: float = Field(0.0, ge=0, description="strength of the random connectivity J, which is not learnt")
    rank: int = Field(2, ge=1, description="R, the rank of the learnt connectivity")
    nonlinearity: Phi = Field("tanh", description="phi; erf stands for erf(sqrt(pi) h / 2)")

    @model_validator(mode="after")
    def _rank_is_possible(self) -> Self:
        if self.rank > self.units:
            raise ValueError(f"rank {self.rank} is above units {self.units}; it cannot exceed the number of units")
        return self

    @property
    def trained(self) -> tuple[str, ...]:
        """The vectors m and n, with `learn: all` also input and readout, and with `bias: true` the bias."""
        names = ("m", "n") if self.learn == "recurrent" else ("m", "n", "w_in", "w_out")
        return (*names, "b") if self.bias else names

    @property
    def full(self) -> VanillaRNN:
        """The vanilla RNN that computes with the matrices."""
        return self.vanilla(nonlinearity=self.nonlinearity)

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """Draw j [unit, unit], m and n [unit, rank]; w_in, w_out and b are drawn as in the vanilla RNN."""
        weights = self.full.init(rng, n_inputs, n_outputs)
        weights["j"] = weights.pop("w_rec")
        weights |= {name: rng.standard_normal((self.units, self.rank)) for name in ("m", "n")}
        return weights

    def matrices(self, weights: Weights) -> Weights:
        """w_rec = j + m n^T / N [unit, unit]; w_in, w_out and b are the weights themselves."""
        w_rec = weights["j"] + weights["m"] @ weights["n"].mT / self.units
        return {"w_rec": w_rec} | {name: weights[name] for name in ("w_in", "w_out", "b") if name in weights}

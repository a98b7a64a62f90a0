"""The excitatory-inhibitory RNN: each unit either excites or inhibits all others, before and after learning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from rnnbench import VanillaRNN, Weights
from rnnbench_architectures.reparametrised import ReparametrisedRNN

SHAPE = 2.0
"""Shape of the gamma distribution of |W_ij| before training. The scale is arbitrary: W is scaled to radius g."""


class DaleRNN(ReparametrisedRNN):
    """Excitatory-inhibitory RNN: under Dale's law every column of W keeps its sign, whatever rule changes the weights.

    W = [V]_+ D without its diagonal,  W_out = V_out E,  W_in = V_in,  where D is diagonal, +1 for excitatory and -1
    for inhibitory units, E keeps the excitatory ones alone, [.]_+ is rectification and V, V_in, V_out are learnt;
    h[t+1] = (1 - dt) h[t] + dt (W phi(h[t]) + W_in x[t] + b + baseline) + sqrt(dt) sigma xi[t],
    z[t] = W_out phi(h[t+1]).

    Rates phi must not be negative, or a sign of W would say nothing. Before training V_ij ~ Gamma(2), the inhibitory
    weights of each row are scaled so that they balance the excitatory ones in the mean, there are no self-connections,
    and W is scaled to spectral radius g, which a few eigenvalues reach and most stay well below. A weight pushed below
    0 is silent and has no gradient: it is pruned.

    Not as published, by default: V_in and V_out are of either sign, or outputs below 0 could not be learnt
    (`positive_channels` rectifies them); g is 0.9 rather than 1.5, at which rectified rates, which have no ceiling,
    explode in some networks within a trial of 20 tau; the baseline of 0.2 is a current into every unit, and not an
    input on every channel: without it a pulse of one sign can silence a unit for good.

    Weights: raw_rec [unit, unit], raw_in [unit, input], raw_out [output, unit] are V, V_in, V_out; signs [unit] is D.
    """

    name, version = "dale_rnn", 1
    source = "Song, Yang, Wang, PLoS Computational Biology 2016, eqs. 1-3 and Dale's principle; code pycog"
    initial_only: ClassVar[frozenset[str]] = ReparametrisedRNN.initial_only | {"excitatory"}
    input_axes: ClassVar[Mapping[str, int]] = {"raw_in": 1}
    output_axes: ClassVar[Mapping[str, int]] = {"raw_out": 0}

    g: float = Field(0.9, ge=0, description="spectral radius of W before training; published: 1.5")
    excitatory: float = Field(0.8, gt=0, lt=1, description="fraction of units that are excitatory")
    nonlinearity: Literal["relu", "softplus"] = Field("relu", description="phi, not negative")
    baseline: float = Field(0.2, ge=0, description="constant current into every unit")
    positive_channels: bool = Field(False, description="input and readout weights are rectified too, as published")

    @model_validator(mode="after")
    def _both_kinds(self) -> Self:
        if min(self.n_excitatory, self.units - self.n_excitatory) < 2:
            raise ValueError(
                f"units {self.units} with excitatory {self.excitatory} gives {self.n_excitatory} excitatory and "
                f"{self.units - self.n_excitatory} inhibitory units; at least 2 of each are needed"
            )
        return self

    @property
    def n_excitatory(self) -> int:
        """Number of excitatory units, which are the first ones."""
        return round(self.excitatory * self.units)

    @property
    def trained(self) -> tuple[str, ...]:
        """The recurrent weights, with `learn: all` also input and readout, and with `bias: true` the bias."""
        names = ("raw_rec",) if self.learn == "recurrent" else ("raw_rec", "raw_in", "raw_out")
        return (*names, "b") if self.bias else names

    @property
    def full(self) -> VanillaRNN:
        """The vanilla RNN that computes with the matrices."""
        return self.vanilla(nonlinearity=self.nonlinearity)

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """Draw raw_rec, raw_in, raw_out and signs as described above; b is drawn as in the vanilla RNN."""
        drawn = self.full.init(rng, n_inputs, n_outputs)
        signs = np.where(np.arange(self.units) < self.n_excitatory, 1.0, -1.0)
        raw = self._balanced(rng, signs)
        radius = np.abs(torch.linalg.eigvals(torch.from_numpy(raw * signs)).numpy()).max()
        channels = {"raw_in": drawn["w_in"], "raw_out": drawn["w_out"]}
        if self.positive_channels:
            channels = {name: np.abs(v) for name, v in channels.items()}
        biases = {"b": drawn["b"]} if self.bias else {}
        return {"raw_rec": self.g / radius * raw, **channels, **biases, "signs": signs}

    def with_channels(
        self, weights: Mapping[str, np.ndarray], rng: np.random.Generator, n_inputs: int, n_outputs: int
    ) -> dict[str, np.ndarray]:
        """Add input and readout vectors as the vanilla RNN does; `positive_channels` takes their absolute values."""
        grown = super().with_channels(weights, rng, n_inputs, n_outputs)
        if self.positive_channels:
            grown |= {name: np.abs(grown[name]) for name in ("raw_in", "raw_out")}
        return grown

    def _balanced(self, rng: np.random.Generator, signs: np.ndarray) -> np.ndarray:
        """|W| [unit, unit] without a diagonal; in each row excitation and inhibition have the same expected sum."""
        others = 1 - np.eye(self.units)
        ratio = others @ (signs > 0) / (others @ (signs < 0))
        return rng.gamma(SHAPE, size=others.shape) * others * np.where(signs > 0, 1.0, ratio[:, None])

    def matrices(self, weights: Weights) -> Weights:
        """w_rec, w_in and w_out with the signs that Dale's law requires, and b with the baseline added."""
        signs = weights["signs"][..., None, :]
        others = 1 - torch.eye(self.units, dtype=signs.dtype, device=signs.device)
        w_in, w_out = (self._channel(weights[name]) for name in ("raw_in", "raw_out"))
        currents = weights["b"] + self.baseline if "b" in weights else torch.full_like(weights["signs"], self.baseline)
        w_rec = weights["raw_rec"].relu() * others * signs
        return {"w_rec": w_rec, "w_in": w_in, "w_out": w_out * (signs > 0), "b": currents}

    def _channel(self, raw: Tensor) -> Tensor:
        """Input or readout weights, rectified if `positive_channels` is set."""
        return raw.relu() if self.positive_channels else raw

"""The small tasks and networks on which architectures and learning rules are tried."""

from __future__ import annotations

import math

import numpy as np
import torch
from pydantic import Field

from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.plugin.interfaces import Architecture, Task, Trials, Weights


class Recall(Task):
    """Give a pulse back after a delay, or its opposite."""

    name, version = "recall", 1

    sign: int = Field(1, ge=-1, le=1, description="the answer is the pulse times this")
    delay: float = Field(2, gt=0, description="from the end of the pulse to the answer (tau)")

    @property
    def n_inputs(self) -> int:
        return 1

    @property
    def n_outputs(self) -> int:
        return 1

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """A pulse of 1 tau of a size from -1 to 1; it is asked for in the last tau."""
        n_pulse, n_wait = math.ceil(1 / dt), math.ceil(self.delay / dt)
        size = rng.uniform(-1, 1, (n_trials, 1, 1)).astype(np.float32)
        time = np.arange(2 * n_pulse + n_wait)[None, :, None]
        asked = (time >= n_pulse + n_wait).astype(np.float32)
        return Trials(
            size * (time < n_pulse), self.sign * size * asked, np.broadcast_to(asked, (n_trials, *time[0].shape))
        )


class TwoRecalls(Task):
    """Two pulses at once, each to be given back: as many inputs as outputs, two of each."""

    name, version = "two_recalls", 1

    @property
    def n_inputs(self) -> int:
        return 2

    @property
    def n_outputs(self) -> int:
        return 2

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        one, two = (Recall(delay=1).sample(rng, n_trials, dt) for _ in range(2))
        inputs, targets, mask = (
            np.concatenate([getattr(one, name), getattr(two, name)], axis=2) for name in ("inputs", "targets", "mask")
        )
        return Trials(inputs, targets, mask)


class MinimalGatedUnit(Architecture):
    """Minimal gated unit: a network that is no rate network, with nothing but what the contract asks for.

    f = sigmoid(W_f [h, x]),  h <- (1 - f) h + f tanh(W_h [f h, x]),  z = W_out h.
    """

    name, version = "minimal_gated_unit", 1
    source = "Zhou, Wu, Zhang, Zhou, Int. J. Autom. Comput. 2016, without biases"

    @property
    def trained(self) -> tuple[str, ...]:
        return ("w_f", "w_h", "w_out")

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        n = self.units
        shapes = {"w_f": (n, n + n_inputs), "w_h": (n, n + n_inputs), "w_out": (n_outputs, n)}
        return {name: rng.standard_normal(shape) / math.sqrt(n) for name, shape in shapes.items()}

    def step(
        self, weights: Weights, state: torch.Tensor, inputs: torch.Tensor, noise: torch.Tensor | None
    ) -> torch.Tensor:
        f = torch.sigmoid(torch.cat([state, inputs], -1) @ weights["w_f"].mT)
        return (1 - f) * state + f * torch.tanh(torch.cat([f * state, inputs], -1) @ weights["w_h"].mT)

    def readout(self, weights: Weights, state: torch.Tensor) -> torch.Tensor:
        return state @ weights["w_out"].mT


NETWORKS: tuple[Architecture, ...] = (
    VanillaRNN(units=16, learn="all"),
    VanillaRNN(units=16, learn="recurrent"),
    MinimalGatedUnit(units=12),
)
"""Networks for learning rules, in the order in which a rule is tried on them."""

"""Small tasks and networks that are used to check architectures and learning rules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.plugin.interfaces import Architecture, Task, Trials, Weights


class Recall(Task):
    """Reproduce a pulse, or its opposite, after a delay."""

    name, version = "recall", 1

    sign: int = Field(1, ge=-1, le=1, description="the answer is the pulse times this")
    delay: float = Field(2, gt=0, description="from the end of the pulse to the answer (tau)")

    @property
    def n_inputs(self) -> int:
        """Number of input channels."""
        return 1

    @property
    def n_outputs(self) -> int:
        """Number of output channels."""
        return 1

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """A pulse of 1 tau with a height from -1 to 1, to be reproduced in the last tau of the trial."""
        n_pulse, n_wait = math.ceil(1 / dt), math.ceil(self.delay / dt)
        size = rng.uniform(-1, 1, (n_trials, 1, 1)).astype(np.float32)
        time = np.arange(2 * n_pulse + n_wait)[None, :, None]
        asked = (time >= n_pulse + n_wait).astype(np.float32)
        return Trials(
            size * (time < n_pulse), self.sign * size * asked, np.broadcast_to(asked, (n_trials, *time[0].shape))
        )


class TwoRecalls(Task):
    """Reproduce two pulses at once, with two inputs and two outputs."""

    name, version = "two_recalls", 1

    @property
    def n_inputs(self) -> int:
        """Number of input channels."""
        return 2

    @property
    def n_outputs(self) -> int:
        """Number of output channels."""
        return 2

    def sample(self, rng: np.random.Generator, n_trials: int, dt: float) -> Trials:
        """Two independent pulses, one on each channel."""
        one, two = (Recall(delay=1).sample(rng, n_trials, dt) for _ in range(2))
        inputs, targets, mask = (
            np.concatenate([getattr(one, name), getattr(two, name)], axis=2) for name in ("inputs", "targets", "mask")
        )
        return Trials(inputs, targets, mask)


class MinimalGatedUnit(Architecture):
    """Minimal gated unit: a network that is not a rate network and defines only what the interface requires.

    f = sigmoid(W_f [h, x]),  h <- (1 - f) h + f tanh(W_h [f h, x]),  z = W_out h.
    """

    name, version = "minimal_gated_unit", 1
    source = "Zhou, Wu, Zhang, Zhou, Int. J. Autom. Comput. 2016, without biases"

    input_axes: ClassVar[Mapping[str, int]] = {"w_f": 1, "w_h": 1}
    output_axes: ClassVar[Mapping[str, int]] = {"w_out": 0}

    @property
    def trained(self) -> tuple[str, ...]:
        """Names of the weights that are trained: all of them."""
        return ("w_f", "w_h", "w_out")

    def init(self, rng: np.random.Generator, n_inputs: int, n_outputs: int) -> dict[str, np.ndarray]:
        """Weights w_f and w_h [unit, unit + input] and w_out [output, unit], normal with variance 1 / N."""
        n = self.units
        shapes = {"w_f": (n, n + n_inputs), "w_h": (n, n + n_inputs), "w_out": (n_outputs, n)}
        return {name: rng.standard_normal(shape) / math.sqrt(n) for name, shape in shapes.items()}

    def step(
        self, weights: Weights, state: torch.Tensor, inputs: torch.Tensor, noise: torch.Tensor | None
    ) -> torch.Tensor:
        """One time step: the next state [trial, unit] from inputs [trial, input]."""
        f = torch.sigmoid(torch.cat([state, inputs], -1) @ weights["w_f"].mT)
        return (1 - f) * state + f * torch.tanh(torch.cat([f * state, inputs], -1) @ weights["w_h"].mT)

    def readout(self, weights: Weights, state: torch.Tensor) -> torch.Tensor:
        """Outputs [trial, output] from the state [trial, unit]."""
        return state @ weights["w_out"].mT


NETWORKS: tuple[Architecture, ...] = (
    VanillaRNN(units=16, learn="all"),
    VanillaRNN(units=16, learn="recurrent"),
    MinimalGatedUnit(units=12),
)
"""Networks for learning rules, in the order in which they are tried."""

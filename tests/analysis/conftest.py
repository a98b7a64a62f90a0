"""Networks with known answers, trials for them, and architectures that are not built in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from rnnbench import Architecture
from rnnbench.engine.nonlinearity import NONLINEARITIES
from rnnbench.execution.worker import threads
from rnnbench.plugin.interfaces import Batch


@pytest.fixture(autouse=True)
def in_threads() -> Iterator[None]:
    """Use one thread, as in a worker, since tests run in parallel."""
    with threads():
        yield


class LowRank(Architecture):
    """A rate network with W = U M U^T / N, whose weights are U and M."""

    name = "low_rank"
    nonlinearity: str = "erf"

    @property
    def trained(self):
        return ("m",)

    def init(self, rng, n_inputs, n_outputs):
        return {"u": rng.standard_normal((self.units, n_inputs)), "m": np.zeros((n_inputs, n_inputs))}

    @property
    def phi(self):
        return NONLINEARITIES[self.nonlinearity]

    def current(self, weights, inputs):
        return weights["u"] @ inputs

    def recurrent(self, weights):
        return weights["u"] @ weights["m"] @ weights["u"].mT / self.units

    def step(self, weights, state, inputs, noise):
        overlap = NONLINEARITIES[self.nonlinearity].value(state) @ weights["u"] / self.units
        return (1 - self.dt) * state + self.dt * (overlap @ weights["m"].mT + inputs) @ weights["u"].mT

    def readout(self, weights, state):
        return NONLINEARITIES[self.nonlinearity].value(state) @ weights["u"] / self.units


class TwoParts(Architecture):
    """A state of two arrays, as an LSTM has, and no matrix W."""

    name = "two_parts"

    @property
    def trained(self):
        return ("gate", "write")

    def init(self, rng, n_inputs, n_outputs):
        n = self.units
        shapes = {"gate": (n, n), "write": (n, n_inputs), "read": (n_outputs, n)}
        return {name: rng.standard_normal(shape) / n for name, shape in shapes.items()}

    def initial_state(self, weights, n_trials):
        return (super().initial_state(weights, n_trials),) * 2

    def step(self, weights, state, inputs, noise):
        h, c = state
        c = c * torch.sigmoid(h @ weights["gate"].mT) + inputs @ weights["write"].mT
        return torch.tanh(c), c

    def readout(self, weights, state):
        return state[0] @ weights["read"].mT


@pytest.fixture(scope="session")
def low_rank() -> type[LowRank]:
    return LowRank


@pytest.fixture(scope="session")
def two_parts() -> type[TwoParts]:
    return TwoParts


@pytest.fixture(scope="session")
def patterns() -> Callable[[int], np.ndarray]:
    """Two orthogonal Gaussian patterns [unit, 2] of norm sqrt(N)."""

    def make(n: int) -> np.ndarray:
        return np.linalg.qr(np.random.default_rng(n).standard_normal((n, 2)))[0] * np.sqrt(n)

    return make


@pytest.fixture(scope="session")
def network(patterns) -> Callable[[int, np.ndarray], dict[str, np.ndarray]]:
    """A vanilla RNN's weights with W = U M U^T / N, W_in = U, W_out = U^T / N."""

    def make(n: int, m: np.ndarray) -> dict[str, np.ndarray]:
        u = patterns(n)
        return {"w_rec": u @ np.asarray(m) @ u.T / n, "w_in": u, "w_out": u.T / n}

    return make


@pytest.fixture(scope="session")
def pulses() -> Callable[..., Batch]:
    """Trials of one task: a pulse of sign +-1 for 1 tau on the task's channel, then `drive`.

    The target is +-0.5 in the second half, and the masks of both outputs are 1 there. Each sign occurs twice, so that
    there are repeated trials.
    """

    def make(channel: int, drive: float, dt: float = 0.5, duration: float = 20.0) -> Batch:
        n_steps = round(duration / dt)
        course = np.full(n_steps, drive)
        course[: round(1 / dt)] = 1
        inputs, targets = np.zeros((2, 1, n_steps, 4, 2))
        inputs[0, :, :, channel] = np.outer(course, [1, -1, 1, -1])
        targets[0, n_steps // 2 :, :, channel] = [0.5, -0.5, 0.5, -0.5]
        mask = np.zeros_like(targets)
        mask[:, n_steps // 2 :] = 1
        tensors = [torch.tensor(a, dtype=torch.float32) for a in (inputs, targets, mask)]
        return Batch(*tensors, sets=(0,))

    return make

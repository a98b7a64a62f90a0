"""Programs that a user would otherwise write.

Each approach has one network. `update()` trains it by one update on new trials. `loss_and_gradient` computes what an
update needs, so that the approaches can be compared before they are timed. The programs are written from published
descriptions; no code of other labs is used.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import torch
from problem import CHANNELS, LEARNING_RATE, STEPS, Problem
from torch import Tensor

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


def masked_loss(z: Tensor, y: Tensor, mask: Tensor) -> Tensor:
    """Half the masked mean squared error."""
    return ((z - y) ** 2 * mask).sum() / (2 * mask.sum())


class AutogradNetwork:
    """Base class of the approaches in torch, with gradients by autograd."""

    compiled = False

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        self.problem = problem
        self.rng = np.random.default_rng(seed)
        self.weights = {k: torch.nn.Parameter(torch.from_numpy(w)) for k, w in problem.weights(seed).items()}
        self.optimiser = torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)

    def parameters(self) -> list[torch.nn.Parameter]:
        """Arrays that are trained."""
        return list(self.weights.values())

    def trials(self) -> Arrays:
        """New inputs, targets and mask, each [trial, time, channel]."""
        return self.problem.trials(self.rng)

    def outputs(self, x: Tensor) -> Tensor:
        """Readouts [trial, time, output]."""
        raise NotImplementedError

    def loss(self, trials: Arrays) -> Tensor:
        """Loss on trials [trial, time, channel]."""
        x, y, mask = (torch.from_numpy(np.ascontiguousarray(a)) for a in trials)
        return masked_loss(self.outputs(x), y, mask)

    def update(self) -> None:
        """Train the network by one update on new trials."""
        self.optimiser.zero_grad()
        self.loss(self.trials()).backward()
        self.optimiser.step()

    def loss_and_gradient(self, trials: Arrays) -> tuple[float, np.ndarray]:
        """The loss, and its gradient for the connectivity [unit, unit]."""
        self.optimiser.zero_grad()
        loss = self.loss(trials)
        loss.backward()
        return loss.item(), self.weights["w_rec"].grad.numpy().copy()  # type: ignore[union-attr]


class ResearchLoop(AutogradNetwork):
    """The structure of published research code.

    Trials are drawn one by one in Python, time steps are indexed one by one, and readouts are collected in a list.
    """

    def trials(self) -> Arrays:
        return tuple(np.stack(a) for a in zip(*(self.trial() for _ in range(self.problem.batch)), strict=True))  # type: ignore

    def trial(self) -> Arrays:
        """One flip-flop trial: pulses at random times on random channels, whose last sign is to be held."""
        dt, rng = self.problem.dt, self.rng
        inputs, targets, mask = (np.zeros((STEPS, CHANNELS), np.float32) for _ in range(3))
        pulse, delay = round(1 / dt), round(2 / dt)
        onsets, channels, signs = [], [], []
        t = int(rng.integers(0, pulse + 1))
        while t < STEPS:
            onsets.append(t)
            channels.append(int(rng.integers(CHANNELS)))
            signs.append(1.0 if rng.random() < 0.5 else -1.0)
            t += delay + max(1, round(rng.uniform(3, 10) / dt))
        for onset, channel, sign in zip(onsets, channels, signs, strict=True):
            for step in range(onset, STEPS):
                if step < onset + pulse:
                    inputs[step, channel] = sign
                if step >= onset + delay:
                    targets[step, channel] = sign
                    mask[step, channel] = 1.0
        return inputs, targets, mask

    def outputs(self, x: Tensor) -> Tensor:
        dt, w = self.problem.dt, self.weights
        h = torch.zeros(x.shape[0], self.problem.n_units)
        r, readouts = torch.tanh(h), []
        for t in range(x.shape[1]):
            h = h + dt * (-h + r.matmul(w["w_rec"].t()) + x[:, t, :].matmul(w["w_in"].t()))
            r = torch.tanh(h)
            readouts.append(r.matmul(w["w_out"].t()))
        return torch.stack(readouts, dim=1)


class AutogradLoop(AutogradNetwork):
    """A cleaner loop: trials are drawn at once; inputs and readouts are single products over all steps."""

    def outputs(self, x: Tensor) -> Tensor:
        dt, w = self.problem.dt, self.weights
        currents = (dt * (x.transpose(0, 1) @ w["w_in"].T)).unbind(0)
        connectivity = dt * w["w_rec"].T
        h, rates = torch.zeros_like(currents[0]), []
        r = torch.tanh(h)
        for current in currents:
            h = torch.addmm(torch.add(current, h, alpha=1 - dt), r, connectivity)
            r = torch.tanh(h)
            rates.append(r)
        return (torch.stack(rates) @ w["w_out"].T).transpose(0, 1)


class TorchCompile(AutogradLoop):
    """The cleaner loop compiled by torch.compile, which unrolls it."""

    compiled = True

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        super().__init__(problem, seed)
        self.outputs = torch.compile(super().outputs)  # type: ignore[method-assign]


class TorchRNN(AutogradNetwork):
    """torch.nn.RNN, which has no leak (dt = 1). Its state is the rate, tanh(h) in our notation."""

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        self.problem, self.rng = problem, np.random.default_rng(seed)
        self.rnn = torch.nn.RNN(CHANNELS, problem.n_units, bias=False, batch_first=True)
        self.readout = torch.nn.Linear(problem.n_units, CHANNELS, bias=False)
        start = problem.weights(seed)
        with torch.no_grad():
            self.rnn.weight_hh_l0.copy_(torch.from_numpy(start["w_rec"]))
            self.rnn.weight_ih_l0.copy_(torch.from_numpy(start["w_in"]))
            self.readout.weight.copy_(torch.from_numpy(start["w_out"]))
        self.weights = {"w_rec": self.rnn.weight_hh_l0}
        self.optimiser = torch.optim.Adam([*self.rnn.parameters(), *self.readout.parameters()], lr=LEARNING_RATE)

    def outputs(self, x: Tensor) -> Tensor:
        return self.readout(self.rnn(x)[0])


class JaxScan:
    """jax.lax.scan under jit, compiled together with a hand-written Adam."""

    compiled = True

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        import jax
        import jax.numpy as jnp

        self.problem, self.rng = problem, np.random.default_rng(seed)
        dt = problem.dt
        self.weights = {name: jnp.asarray(w) for name, w in problem.weights(seed).items()}
        zeros = {name: jnp.zeros_like(w) for name, w in self.weights.items()}
        self.moments = (zeros, dict(zeros), 0)

        def loss(w: Any, x: Any, y: Any, mask: Any) -> Any:
            currents = dt * jnp.swapaxes(x, 0, 1) @ w["w_in"].T

            def step(h: Any, current: Any) -> Any:
                h = (1 - dt) * h + current + dt * jnp.tanh(h) @ w["w_rec"].T
                return h, jnp.tanh(h)

            _, rates = jax.lax.scan(step, jnp.zeros((x.shape[0], problem.n_units)), currents)
            z = jnp.swapaxes(rates @ w["w_out"].T, 0, 1)
            return ((z - y) ** 2 * mask).sum() / (2 * mask.sum())

        def adam(w: Any, moments: Any, *trials: Any) -> Any:
            gradient = jax.grad(loss)(w, *trials)
            mean, square, k = moments[0], moments[1], moments[2] + 1
            mean = {n: 0.9 * mean[n] + 0.1 * g for n, g in gradient.items()}
            square = {n: 0.999 * square[n] + 0.001 * g**2 for n, g in gradient.items()}
            rate = LEARNING_RATE * jnp.sqrt(1 - 0.999**k) / (1 - 0.9**k)
            return {n: w[n] - rate * mean[n] / (jnp.sqrt(square[n]) + 1e-8) for n in w}, (mean, square, k)

        self.value_and_gradient = jax.jit(jax.value_and_grad(loss))
        self.step = jax.jit(adam)

    def update(self) -> None:
        """Train the network by one update on new trials."""
        self.weights, self.moments = self.step(self.weights, self.moments, *self.problem.trials(self.rng))
        self.weights["w_rec"].block_until_ready()

    def loss_and_gradient(self, trials: Arrays) -> tuple[float, np.ndarray]:
        """The loss, and its gradient for the connectivity [unit, unit]."""
        loss, gradient = self.value_and_gradient(self.weights, *trials)
        return float(loss), np.asarray(gradient["w_rec"])


PEERS: dict[str, Any] = {
    "research_loop": ResearchLoop,
    "autograd_loop": AutogradLoop,
    "torch_rnn": TorchRNN,
    "torch_compile": TorchCompile,
}
with contextlib.suppress(ImportError):
    import jax  # noqa: F401

    PEERS["jax_scan"] = JaxScan

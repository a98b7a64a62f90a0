"""Populations of any architecture: its step for one network, unrolled, differentiated and vectorised.

Gradients by torch.func.grad_and_value, populations by torch.func.vmap over the leading [network]
axis of weights and trials: what the author writes for one network runs for all of them at once.
Very long trials go through time in segments (`rnnbench.engine.segments`), each differentiated by
torch.func.vjp from the state in which it starts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.func import grad_and_value, vjp, vmap

from rnnbench.engine.loss import error_signal, masked_loss
from rnnbench.engine.segments import segments
from rnnbench.plugin.interfaces import Architecture, Batch, Weights

ARRAYS = 48
"""Arrays [trial, unit] that autograd keeps for one step, roughly: as measured, 34 for an LSTM, 37 for a rate RNN, 64
for a GRU, 110 for two layers."""


class GenericEngine:
    """Outputs and gradients of a population of `architecture`, by autograd through the unrolled loop."""

    independent = False

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture

    def outputs(self, weights: Weights, batch: Batch) -> Tensor:
        """Readouts after every step, [network, time, trial, output]."""
        trials = [batch.each(a) for a in (batch.inputs, batch.noise) if a is not None]
        n_steps, n_trials = trials[0].shape[1:3]
        # Nothing is kept for the way back, but the small readouts of each step lie between the states of the heap,
        # which are not used again before the readouts are put together.
        parts = segments(n_steps, n_trials * self.architecture.units * trials[0].element_size())

        def start(weights: Weights) -> Any:
            return self.architecture.initial_state(weights, n_trials)

        state, readouts = vmap(start)(weights), []
        for steps in parts:
            some = [x[:, steps] for x in trials]
            state, z = vmap(lambda w, s, x, *xi: self._run(w, x, xi[0] if xi else None, s))(weights, state, *some)
            readouts.append(z)
        return readouts[0] if len(parts) == 1 else torch.cat(readouts, dim=1)

    def gradient(self, weights: Weights, batch: Batch) -> tuple[Tensor, Weights]:
        """Loss [network] and its gradient in every trained weight."""
        trained = {name: weights[name] for name in self.architecture.trained}
        frozen = {name: w for name, w in weights.items() if name not in trained}
        inputs, targets, mask = (batch.each(a) for a in (batch.inputs, batch.targets, batch.mask))
        noise = [] if batch.noise is None else [batch.each(batch.noise)]
        n_steps, n_trials = inputs.shape[1:3]
        parts = segments(n_steps, ARRAYS * n_trials * self.architecture.units * inputs.element_size())
        if len(parts) > 1:
            return self._gradient_in_segments(trained, frozen, inputs, targets, mask, noise, parts)
        gradients, losses = vmap(grad_and_value(self._loss))(trained, frozen, inputs, targets, mask, *noise)
        return losses.detach(), {name: g.detach() for name, g in gradients.items()}

    def _gradient_in_segments(
        self,
        trained: Weights,
        frozen: Weights,
        inputs: Tensor,
        targets: Tensor,
        mask: Tensor,
        noise: list[Tensor],
        parts: list[slice],
    ) -> tuple[Tensor, Weights]:
        n_trials = inputs.shape[2]

        def start(trained: Weights, frozen: Weights) -> Any:
            return self.architecture.initial_state({**trained, **frozen}, n_trials)

        def part(trained: Weights, state: Any, frozen: Weights, x: Tensor, *xi: Tensor) -> tuple[Any, Tensor]:
            return self._run({**trained, **frozen}, x, xi[0] if xi else None, state)

        trials = [[x[:, steps] for x in (inputs, *noise)] for steps in parts]
        states, readouts = [vmap(start)(trained, frozen)], []
        with torch.no_grad():
            for some in trials:
                state, z = vmap(part)(trained, states[-1], frozen, *some)
                states.append(state)
                readouts.append(z)
        z = torch.cat(readouts, dim=1)
        dz = error_signal(z, targets, mask)

        def back(trained: Weights, state: Any, d_state: Any, dz: Tensor, frozen: Weights, *some: Tensor) -> Any:
            return vjp(lambda w, s: part(w, s, frozen, *some), trained, state)[1]((d_state, dz))

        d_state = _zeros(states[-1])
        total = {name: torch.zeros_like(w) for name, w in trained.items()}
        for steps, some, state in zip(reversed(parts), reversed(trials), reversed(states[:-1]), strict=True):
            gradients, d_state = vmap(back)(trained, state, d_state, dz[:, steps], frozen, *some)
            total = {name: total[name] + gradients[name].detach() for name in total}
        (first,) = vmap(lambda w, f, d: vjp(lambda v: start(v, f), w)[1](d))(trained, frozen, d_state)
        return masked_loss(z, targets, mask), {name: total[name] + first[name].detach() for name in total}

    def _loss(
        self,
        trained: Weights,
        frozen: Weights,
        inputs: Tensor,
        targets: Tensor,
        mask: Tensor,
        noise: Tensor | None = None,
    ) -> Tensor:
        state = self.architecture.initial_state({**trained, **frozen}, inputs.shape[1])
        return masked_loss(self._run({**trained, **frozen}, inputs, noise, state)[1], targets, mask)

    def _run(self, weights: Weights, inputs: Tensor, noise: Tensor | None, state: Any) -> tuple[Any, Tensor]:
        """One network through some steps: the last state, and readouts [time, trial, output]."""
        noises = [None] * len(inputs) if noise is None else noise.unbind(0)
        readouts = []
        for x, xi in zip(inputs.unbind(0), noises, strict=True):  # unbind: indexing would be quadratic in time
            state = self.architecture.step(weights, state, x, xi)
            readouts.append(self.architecture.readout(weights, state))
        return state, torch.stack(readouts)


def _zeros(state: Any) -> Any:
    """A state, one array or a tuple of such, of zeros."""
    return torch.zeros_like(state) if isinstance(state, Tensor) else tuple(map(_zeros, state))

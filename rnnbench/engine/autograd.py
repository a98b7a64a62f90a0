"""Outputs and gradients of populations of any architecture, by autograd through its step.

An architecture defines a step for one network. The loop over time steps is differentiated by
torch.func.grad_and_value and vectorised by torch.func.vmap over the leading [network] axis of weights and trials. Very
long trials are computed in segments of time (`rnnbench.engine.segments`), each of which is differentiated by
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
"""Approximate number of arrays [trial, unit] that autograd keeps for one step. Measured: 34 for an LSTM, 37 for a rate
RNN, 64 for a GRU, 110 for two layers."""


class GenericEngine:
    """Computes outputs and gradients of a population by autograd through the unrolled loop.

    Args:
        architecture: the architecture of all networks of the population.

    Attributes:
        independent: False, since a network's last digits may depend on the other networks of the population.
    """

    independent = False

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture

    def outputs(self, weights: Weights, batch: Batch) -> Tensor:
        """Readouts after every step.

        Args:
            weights: arrays [network, ...] by name.
            batch: inputs [set, time, trial, input], and noise if the architecture uses it.

        Returns:
            Outputs [network, time, trial, output].
        """
        trials = [batch.each(a) for a in (batch.inputs, batch.noise) if a is not None]
        n_steps, n_trials = trials[0].shape[1:3]
        # No states are kept, but the small readouts of each step lie between them in memory and prevent their memory
        # from being used again until the readouts are concatenated. Segments limit this.
        parts = segments(n_steps, n_trials * self.architecture.units * trials[0].element_size())

        def start(weights: Weights) -> Any:
            return self.architecture.initial_state(weights, n_trials)

        state, readouts = vmap(start)(weights), []
        for steps in parts:
            part = [x[:, steps] for x in trials]
            state, z = vmap(lambda w, s, x, *xi: self._run(w, x, xi[0] if xi else None, s))(weights, state, *part)
            readouts.append(z)
        return readouts[0] if len(parts) == 1 else torch.cat(readouts, dim=1)

    def gradient(self, weights: Weights, batch: Batch) -> tuple[Tensor, Weights]:
        """Loss and its gradient for every trained weight.

        Args:
            weights: arrays [network, ...] by name.
            batch: inputs [set, time, trial, input], targets and mask [set, time, trial, output], and noise if the
                architecture uses it.

        Returns:
            The loss [network], and gradients by name with the shapes of the weights.
        """
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
        """As `gradient`, but keeps only the states at the starts of segments and computes each segment twice."""
        n_trials = inputs.shape[2]

        def start(trained: Weights, frozen: Weights) -> Any:
            return self.architecture.initial_state({**trained, **frozen}, n_trials)

        def part(trained: Weights, state: Any, frozen: Weights, x: Tensor, *xi: Tensor) -> tuple[Any, Tensor]:
            return self._run({**trained, **frozen}, x, xi[0] if xi else None, state)

        trials = [[x[:, steps] for x in (inputs, *noise)] for steps in parts]
        states, readouts = [vmap(start)(trained, frozen)], []
        with torch.no_grad():
            for arrays in trials:
                state, z = vmap(part)(trained, states[-1], frozen, *arrays)
                states.append(state)
                readouts.append(z)
        z = torch.cat(readouts, dim=1)
        dz = error_signal(z, targets, mask)

        def back(trained: Weights, state: Any, d_state: Any, dz: Tensor, frozen: Weights, *arrays: Tensor) -> Any:
            return vjp(lambda w, s: part(w, s, frozen, *arrays), trained, state)[1]((d_state, dz))

        d_state = _zeros(states[-1])
        total = {name: torch.zeros_like(w) for name, w in trained.items()}
        for steps, arrays, state in zip(reversed(parts), reversed(trials), reversed(states[:-1]), strict=True):
            gradients, d_state = vmap(back)(trained, state, d_state, dz[:, steps], frozen, *arrays)
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
        """Run one network for some steps; returns its last state and its readouts [time, trial, output]."""
        noises = [None] * len(inputs) if noise is None else noise.unbind(0)
        readouts = []
        for x, xi in zip(inputs.unbind(0), noises, strict=True):  # indexing would make the gradient quadratic in time
            state = self.architecture.step(weights, state, x, xi)
            readouts.append(self.architecture.readout(weights, state))
        return state, torch.stack(readouts)


def _zeros(state: Any) -> Any:
    """Zeros in the form of a state, which is an array or a nested tuple of arrays."""
    return torch.zeros_like(state) if isinstance(state, Tensor) else tuple(map(_zeros, state))

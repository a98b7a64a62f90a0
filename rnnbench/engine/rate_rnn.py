"""Hand-written backpropagation through time for populations of vanilla rate RNNs.

    h[t+1] = (1 - dt) h[t] + dt (W phi(h[t]) + W_in x[t] + b) + sqrt(dt) sigma xi[t]
    z[t]   = W_out phi(h[t+1])                     the readout of the state after the step

Source: Schuessler et al. 2020, eq. 1. The adjoint e[t] = dL/dh[t+1] is computed backwards in time from the error signal
dz = dL/dz,

    e[t] = phi'(h[t+1]) * (W_out^T dz[t] + dt W^T e[t+1]) + (1 - dt) e[t+1]

and the gradients of the weights are sums over time and trials:

    dL/dW = dt sum e[t] phi(h[t])^T,  dL/dW_in = dt sum e[t] x[t]^T,  dL/db = dt sum e[t],
    dL/dW_out = sum dz[t] phi(h[t+1])^T

In torch, input currents, readouts and gradients are single matrix products over all time steps; only the recurrent
product and the nonlinearity are computed in a loop over time. On a CPU a compiled loop is used if it can be built
(`rnnbench.engine.native`; its results are the same up to rounding). Networks are computed one at a time on a CPU, so
that a network's states stay in the cache and its results do not depend on the other networks. On a GPU the whole
population is computed at once. Very long trials are divided into segments of time (`rnnbench.engine.segments`).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnbench.engine.loss import loss_and_error
from rnnbench.engine.native.kernel import Kernel, kernel_for
from rnnbench.engine.nonlinearity import NONLINEARITIES
from rnnbench.engine.one_at_a_time import SeenTrials, by_network
from rnnbench.engine.precision import is_reduced
from rnnbench.engine.segments import segments
from rnnbench.plugin.interfaces import Batch, Weights


class ForwardPass(NamedTuple):
    """Rates, readouts and states of one pass through time. `r` and `h` are overwritten by the next pass.

    Attributes:
        r: phi(h) [.., 1 + time, trial, unit], with that of the initial state first.
        z: readouts [.., time, trial, output].
        end: last state [.., trial, unit].
        h: states after each step [.., time, trial, unit]; empty after the compiled loop, which does not keep them.
    """

    r: Tensor
    z: Tensor
    end: Tensor
    h: Tensor


class RateRNNEngine:
    """Computes outputs and gradients of a population of rate RNNs.

    The weights, each with a leading [network] axis, are w_rec [unit, unit] (W_ij from unit j to unit i),
    w_in [unit, input], w_out [output, unit], and optionally b [unit] and the initial state h0 [unit].

    Args:
        nonlinearity: name of phi in `NONLINEARITIES`.
        dt: time step (tau).
        noise: sigma of each unit's private noise (per sqrt(tau)).
        trained: names of the weights whose gradients are computed, among w_rec, w_in, w_out and b.
    """

    independent = True
    """On a CPU, the results of a network do not depend on the other networks of its population."""

    def __init__(self, nonlinearity: str, dt: float, noise: float, trained: tuple[str, ...]) -> None:
        self.phi = NONLINEARITIES[nonlinearity]
        self.dt = dt
        self.noise = noise
        self.trained = trained
        self.nonlinearity = nonlinearity
        self._buffers: dict[str, Tensor] = {}

    def outputs(self, weights: Weights, batch: Batch) -> Tensor:
        """Compute the readouts after every step.

        Args:
            weights: weights of the population, with a leading [network] axis.
            batch: the trials.

        Returns:
            Readouts z [network, time, trial, output].
        """
        return by_network(self._outputs, weights, batch)

    def rates(self, weights: Weights, batch: Batch) -> Tensor:
        """Compute the rates phi(h) after every step.

        Args:
            weights: weights of the population, with a leading [network] axis.
            batch: the trials.

        Returns:
            Rates [network, time, trial, unit].
        """
        return by_network(
            lambda w, seen: self._forward(w, seen.inputs, seen.noise).r[..., 1:, :, :].clone(), weights, batch
        )

    def gradient(self, weights: Weights, batch: Batch) -> tuple[Tensor, Weights]:
        """Compute the loss and its gradient.

        Args:
            weights: weights of the population, with a leading [network] axis.
            batch: the trials.

        Returns:
            The loss [network], and the gradient of each trained weight, of the shape of the weight.
        """
        return by_network(self._gradient, weights, batch)

    def _outputs(self, weights: Weights, seen: SeenTrials) -> Tensor:
        parts = self._segments(weights, seen.inputs)
        if len(parts) > 1:
            return self._pass(weights, seen.inputs, seen.noise, parts)[1]
        return self._forward(weights, seen.inputs, seen.noise).z

    def _segments(self, weights: Weights, inputs: Tensor) -> list[slice]:
        n_arrays = 3 if self.phi.needs_h else 2
        per_step = n_arrays * inputs.shape[-2] * weights["w_rec"].shape[-1] * inputs.element_size()
        return segments(inputs.shape[-3], per_step)

    def _pass(
        self, weights: Weights, inputs: Tensor, noise: Tensor | None, parts: list[slice]
    ) -> tuple[list[Tensor | None], Tensor]:
        """Compute the initial state of each segment (None for the network's own initial state) and all readouts."""
        starts: list[Tensor | None] = [None]
        readouts = []
        for part in parts:
            activity = self._forward(weights, _during(inputs, part), _during(noise, part), starts[-1])
            readouts.append(activity.z)
            starts.append(activity.end)
        return starts[:-1], torch.cat(readouts, dim=-3)

    def _forward(
        self, weights: Weights, inputs: Tensor, noise: Tensor | None, start: Tensor | None = None
    ) -> ForwardPass:
        """Compute one pass through time.

        Args:
            weights: weights of one network, or of all networks on a GPU.
            inputs: inputs [.., time, trial, input].
            noise: standard normal noise [.., time, trial, unit], or None.
            start: initial state [.., trial, unit]; None for the network's own initial state.
        """
        w_rec = weights["w_rec"]
        *networks, n_steps, n_trials, _ = inputs.shape
        n_units = w_rec.shape[-1]
        state = w_rec.new_zeros((*networks, n_trials, n_units)) if start is None else start.clone()
        if "h0" in weights and start is None:
            state += weights["h0"][..., None, :]
        r = self._buffer("r", (*networks, n_steps + 1, n_trials, n_units), w_rec)
        noise = noise if self.noise > 0 else None
        strength = math.sqrt(self.dt) * self.noise
        if kernel := self._kernel(w_rec):
            z = kernel.forward(weights, inputs, noise, state, r, self.dt, strength, self.nonlinearity)
            return ForwardPass(r, z, state, r.new_empty(0))
        h = self._currents(weights, inputs)
        if noise is not None:
            h.add_(noise, alpha=strength)
        self._through_time(w_rec, state, h, r)
        after = r[..., 1:, :, :]
        # W_out r^T is used because r W_out^T, a product with few columns, takes three times as long.
        z = (weights["w_out"] @ _flat(after).mT).mT.contiguous()
        return ForwardPass(r, z.unflatten(-2, after.shape[-3:-1]), h[..., -1, :, :].clone(), h)

    def _currents(self, weights: Weights, inputs: Tensor) -> Tensor:
        """The currents from inputs and bias for all time steps, [.., time, trial, unit]."""
        h = self._buffer("h", (*inputs.shape[:-1], weights["w_rec"].shape[-1]), weights["w_rec"])
        torch.matmul(_flat(inputs), (self.dt * weights["w_in"]).mT, out=_flat(h))
        if "b" in weights:
            h += (self.dt * weights["b"])[..., None, None, :]
        return h

    def _through_time(self, w_rec: Tensor, state: Tensor, h: Tensor, r: Tensor) -> None:
        """Compute states and rates for all time steps.

        Args:
            w_rec: recurrent weights.
            state: initial state [.., trial, unit].
            h: currents from inputs, bias and noise [.., time, trial, unit]; overwritten with the states.
            r: overwritten with the rates [.., 1 + time, trial, unit].
        """
        w = (self.dt * w_rec).mT.contiguous()
        states, rates = h.unbind(-3), r.unbind(-3)
        apply, leak = self.phi.apply, 1 - self.dt
        apply(state, rates[0])
        addmm = torch.addmm if w.dim() == 2 else torch.baddbmm
        for current, before, after in zip(states, rates[:-1], rates[1:], strict=True):
            current.add_(state, alpha=leak)
            addmm(current, before, w, out=current)
            apply(current, after)
            state = current

    def _gradient(self, weights: Weights, seen: SeenTrials) -> tuple[Tensor, Weights]:
        parts = self._segments(weights, seen.inputs)
        if len(parts) > 1:
            return self._gradient_in_segments(weights, seen, parts)
        activity = self._forward(weights, seen.inputs, seen.noise)
        loss, dz = loss_and_error(activity.z, seen.targets, seen.share)
        return loss, self._backpropagate(weights, seen.inputs, dz, activity)[1]

    def _gradient_in_segments(self, weights: Weights, seen: SeenTrials, parts: list[slice]) -> tuple[Tensor, Weights]:
        inputs, noise = seen.inputs, seen.noise
        starts, z = self._pass(weights, inputs, noise, parts)
        loss, dz = loss_and_error(z, seen.targets, seen.share)
        total: Weights = {}
        after: Tensor | None = None
        for part, start in zip(reversed(parts), reversed(starts), strict=True):
            x = _during(inputs, part)
            activity = self._forward(weights, x, _during(noise, part), start)
            e, gradients = self._backpropagate(weights, x, _during(dz, part), activity, after)
            total = {name: total[name] + g for name, g in gradients.items()} if total else gradients
            after = e[..., 0, :, :].clone()
        return loss, total

    def _backpropagate(
        self, weights: Weights, inputs: Tensor, dz: Tensor, activity: ForwardPass, after: Tensor | None = None
    ) -> tuple[Tensor, Weights]:
        """Compute the adjoints and the gradient from the error signal.

        Args:
            weights: weights of one network, or of all networks on a GPU.
            inputs: inputs [.., time, trial, input].
            dz: error signal dL/dz [.., time, trial, output].
            activity: the pass through time; its states may be overwritten.
            after: adjoint of the step that follows [.., trial, unit]; None at the end of the trial.

        Returns:
            Adjoints e [.., time, trial, unit], and the gradient of each trained weight.
        """
        r, h = activity.r, activity.h
        w_rec = weights["w_rec"]
        gradients: Weights = {}
        if kernel := self._kernel(w_rec):
            e = self._buffer("e", tuple(r[1:].shape), r)
            e_after = torch.zeros_like(r[0]) if after is None else after
            parameters = self.dt, self.nonlinearity, self.trained
            gradients = kernel.backward(weights, inputs, dz.contiguous(), r, e_after, e, *parameters)
        else:
            # If phi' is not computed from h, the states are not needed any more, so e can use their memory.
            e = self._buffer("e", tuple(h.shape), h) if self.phi.needs_h else h
            torch.matmul(_flat(dz), weights["w_out"], out=_flat(e))
            self._adjoints(w_rec, e, h, r, after)
        flat_e = _flat(e).mT
        products = {
            "w_rec": lambda: (flat_e @ _flat(r[..., :-1, :, :])).mul_(self.dt),
            "w_in": lambda: (_flat(inputs).mT @ flat_e.mT).mT * self.dt,
            "b": lambda: flat_e.sum(-1) * self.dt,
            "w_out": lambda: _flat(dz).mT @ _flat(r[..., 1:, :, :]),
        }
        return e, {name: gradients[name] if name in gradients else products[name]() for name in self.trained}

    def _adjoints(self, w_rec: Tensor, e: Tensor, h: Tensor, r: Tensor, after: Tensor | None) -> None:
        """Compute the adjoints for all time steps, the last step first.

        Args:
            w_rec: recurrent weights.
            e: W_out^T dz [.., time, trial, unit]; overwritten with the adjoints.
            h: states after each step [.., time, trial, unit].
            r: rates [.., 1 + time, trial, unit].
            after: adjoint of the step that follows [.., trial, unit]; None at the end of the trial.
        """
        w = self.dt * w_rec
        adjoints, states, rates = e.unbind(-3), h.unbind(-3), r.unbind(-3)
        addmm = torch.addmm if w.dim() == 2 else torch.baddbmm
        scale, leak = self.phi.scale, 1 - self.dt
        later = after
        for t in reversed(range(len(adjoints))):
            now = adjoints[t]
            if later is not None:
                addmm(now, later, w, out=now)
            scale(now, states[t], rates[t + 1])
            if later is not None:
                now.add_(later, alpha=leak)
            later = now

    def _kernel(self, w_rec: Tensor) -> Kernel | None:
        """The compiled time loop for one network in float32 on a CPU; None in other cases, or if it cannot be built."""
        if w_rec.dim() != 2 or w_rec.dtype != torch.float32 or w_rec.device.type != "cpu" or is_reduced():
            return None
        return kernel_for(self.nonlinearity)

    def _buffer(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """An array whose memory is used again at the next update; new memory would take a tenth of an update's time."""
        buffer = self._buffers.get(name)
        n = math.prod(shape)
        if buffer is None or buffer.numel() < n or buffer.dtype != like.dtype or buffer.device != like.device:
            buffer = self._buffers[name] = torch.empty(n, dtype=like.dtype, device=like.device)
        return buffer[:n].view(shape)


def _flat(x: Tensor) -> Tensor:
    """Reshape [.., time, trial, channel] to [.., time * trial, channel], without a copy if `x` is contiguous."""
    return x.view(*x.shape[:-3], x.shape[-3] * x.shape[-2], x.shape[-1]) if x.is_contiguous() else x.flatten(-3, -2)


def _during(x: Tensor | None, part: slice) -> Any:
    """Some of the time steps of an array [.., time, trial, channel]; None for None."""
    return None if x is None else x[..., part, :, :]

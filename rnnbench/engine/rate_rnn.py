"""Hand-written backpropagation through time for populations of vanilla rate RNNs.

    h[t+1] = (1 - dt) h[t] + dt (W phi(h[t]) + W_in x[t] + b) + sqrt(dt) sigma xi[t]
    z[t]   = W_out phi(h[t+1])                     the state after the step is read out

Source: Schuessler et al. 2020, eq. 1. With e[t] = dL/dh[t+1] and the error signal dz = dL/dz the
adjoint runs backwards as

    e[t] = phi'(h[t+1]) * (W_out^T dz[t] + dt W^T e[t+1]) + (1 - dt) e[t+1]

and the weight gradients are sums over time and trials:

    dL/dW = dt sum e[t] phi(h[t])^T,  dL/dW_in = dt sum e[t] x[t]^T,  dL/db = dt sum e[t],
    dL/dW_out = sum dz[t] phi(h[t+1])^T

In torch, input currents, readout and weight gradients are single matrix products over all time steps, and only the
recurrent product and the nonlinearity stay in the loop. On a CPU the loop is compiled where that can be, with all that
can be done to a step while it is at hand (`rnnbench.engine.native`; the same to rounding), and one network at a time is
computed, which keeps its states in the cache and gives the same bits whatever network stands beside it; on a GPU the
whole population is one batched program. Very long trials go through time in segments (`rnnbench.engine.segments`).
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


class Activity(NamedTuple):
    """One pass through time.

    r     phi(h) [.., 1 + time, trial, unit], that of the first state first; valid until the next pass
    z     readouts [.., time, trial, output]
    end   [.., trial, unit] the last state
    h     [.., time, trial, unit] the states after each step, valid as long; nothing from the compiled loop, which
          does not keep them
    """

    r: Tensor
    z: Tensor
    end: Tensor
    h: Tensor


class RateRNNEngine:
    """Outputs and gradients of a population of rate RNNs.

    nonlinearity   a name in NONLINEARITIES
    dt             time step (tau)
    noise          sigma of the private noise of each unit
    trained        names of the weights whose gradient is wanted: w_rec, w_in, w_out, b

    Weights, each with a leading [network] axis: w_rec [unit, unit] (W_ij from unit j to unit i),
    w_in [unit, input], w_out [output, unit], and optionally b [unit] and h0 [unit].
    """

    independent = True

    def __init__(self, nonlinearity: str, dt: float, noise: float, trained: tuple[str, ...]) -> None:
        self.phi = NONLINEARITIES[nonlinearity]
        self.dt = dt
        self.noise = noise
        self.trained = trained
        self.nonlinearity = nonlinearity
        self._buffers: dict[str, Tensor] = {}

    def outputs(self, weights: Weights, batch: Batch) -> Tensor:
        """Readouts [network, time, trial, output]."""
        return by_network(self._outputs, weights, batch)

    def rates(self, weights: Weights, batch: Batch) -> Tensor:
        """phi(h) after every step, [network, time, trial, unit]."""
        return by_network(
            lambda w, seen: self._forward(w, seen.inputs, seen.noise).r[..., 1:, :, :].clone(), weights, batch
        )

    def gradient(self, weights: Weights, batch: Batch) -> tuple[Tensor, Weights]:
        """Loss [network] and its gradients, one array for each trained weight."""
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
        """The state in which each segment starts, and all readouts."""
        starts: list[Tensor | None] = [None]
        readouts = []
        for part in parts:
            activity = self._forward(weights, _during(inputs, part), _during(noise, part), starts[-1])
            readouts.append(activity.z)
            starts.append(activity.end)
        return starts[:-1], torch.cat(readouts, dim=-3)

    def _forward(self, weights: Weights, inputs: Tensor, noise: Tensor | None, start: Tensor | None = None) -> Activity:
        """From the state `start` [.., trial, unit], the network's own initial one unless given."""
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
            return Activity(r, z, state, r.new_empty(0))
        h = self._currents(weights, inputs)
        if noise is not None:
            h.add_(noise, alpha=strength)
        self._through_time(w_rec, state, h, r)
        after = r[..., 1:, :, :]
        # W_out r^T rather than r W_out^T: a product with so few columns runs at a third of the speed.
        z = (weights["w_out"] @ _flat(after).mT).mT.contiguous()
        return Activity(r, z.unflatten(-2, after.shape[-3:-1]), h[..., -1, :, :].clone(), h)

    def _currents(self, weights: Weights, inputs: Tensor) -> Tensor:
        """Those of inputs and bias, [.., time, trial, unit], all at once."""
        h = self._buffer("h", (*inputs.shape[:-1], weights["w_rec"].shape[-1]), weights["w_rec"])
        torch.matmul(_flat(inputs), (self.dt * weights["w_in"]).mT, out=_flat(h))
        if "b" in weights:
            h += (self.dt * weights["b"])[..., None, None, :]
        return h

    def _through_time(self, w_rec: Tensor, state: Tensor, h: Tensor, r: Tensor) -> None:
        """Currents h [.., time, trial, unit] become the states, in place: leak and recurrent current are added."""
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
        return loss, self._sent_back(weights, seen.inputs, dz, activity)[1]

    def _gradient_in_segments(self, weights: Weights, seen: SeenTrials, parts: list[slice]) -> tuple[Tensor, Weights]:
        inputs, noise = seen.inputs, seen.noise
        starts, z = self._pass(weights, inputs, noise, parts)
        loss, dz = loss_and_error(z, seen.targets, seen.share)
        total: Weights = {}
        after: Tensor | None = None
        for part, start in zip(reversed(parts), reversed(starts), strict=True):
            x = _during(inputs, part)
            activity = self._forward(weights, x, _during(noise, part), start)
            e, gradients = self._sent_back(weights, x, _during(dz, part), activity, after)
            total = {name: total[name] + g for name, g in gradients.items()} if total else gradients
            after = e[..., 0, :, :].clone()
        return loss, total

    def _sent_back(
        self, weights: Weights, inputs: Tensor, dz: Tensor, activity: Activity, after: Tensor | None = None
    ) -> tuple[Tensor, Weights]:
        """Adjoints e [.., time, trial, unit] and the gradient, from the error signal; the states are overwritten.

        after  [.., trial, unit] the adjoint of the step that follows; None at the end of the trial
        """
        r, h = activity.r, activity.h
        w_rec = weights["w_rec"]
        gradients: Weights = {}
        if kernel := self._kernel(w_rec):
            e = self._buffer("e", tuple(r[1:].shape), r)
            following = torch.zeros_like(r[0]) if after is None else after
            numbers = self.dt, self.nonlinearity, self.trained
            gradients = kernel.backward(weights, inputs, dz.contiguous(), r, following, e, *numbers)
        else:
            # Unless phi' is computed from h, the states are not needed any more and their memory serves e.
            e = self._buffer("e", tuple(h.shape), h) if self.phi.needs_h else h
            torch.matmul(_flat(dz), weights["w_out"], out=_flat(e))
            self._backward(w_rec, e, h, r, after)
        flat_e = _flat(e).mT
        products = {
            "w_rec": lambda: (flat_e @ _flat(r[..., :-1, :, :])).mul_(self.dt),
            "w_in": lambda: (_flat(inputs).mT @ flat_e.mT).mT * self.dt,
            "b": lambda: flat_e.sum(-1) * self.dt,
            "w_out": lambda: _flat(dz).mT @ _flat(r[..., 1:, :, :]),
        }
        return e, {name: gradients[name] if name in gradients else products[name]() for name in self.trained}

    def _backward(self, w_rec: Tensor, e: Tensor, h: Tensor, r: Tensor, after: Tensor | None) -> None:
        """Errors of the readout, e [.., time, trial, unit], become the adjoints, in place."""
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
        """The compiled time loop, for one network in float32 on a CPU, where there is one."""
        if w_rec.dim() != 2 or w_rec.dtype != torch.float32 or w_rec.device.type != "cpu" or is_reduced():
            return None
        return kernel_for(self.nonlinearity)

    def _buffer(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Memory kept from update to update: fresh pages for every update would cost a tenth of its time."""
        kept = self._buffers.get(name)
        n = math.prod(shape)
        if kept is None or kept.numel() < n or kept.dtype != like.dtype or kept.device != like.device:
            kept = self._buffers[name] = torch.empty(n, dtype=like.dtype, device=like.device)
        return kept[:n].view(shape)


def _flat(x: Tensor) -> Tensor:
    """[.., time, trial, channel] -> [.., time * trial, channel], sharing memory."""
    return x.view(*x.shape[:-3], x.shape[-3] * x.shape[-2], x.shape[-1]) if x.is_contiguous() else x.flatten(-3, -2)


def _during(x: Tensor | None, part: slice) -> Any:
    """Some of the time steps of [.., time, trial, channel]; of nothing nothing."""
    return None if x is None else x[..., part, :, :]

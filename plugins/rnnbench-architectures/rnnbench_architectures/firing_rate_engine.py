"""Hand-written backpropagation through time for populations of firing-rate RNNs.

    a[t] = W r[t] + W_in x[t] + b + sigma xi[t] / sqrt(dt)
    r[t+1] = (1 - dt) r[t] + dt phi(a[t]),    z[t] = W_out r[t+1]

With dz = dL/dz, g[t] = dL/dr[t+1] and d[t] = dL/da[t], the adjoint is computed backwards in time:

    g[t] = W_out^T dz[t] + W^T d[t+1] + (1 - dt) g[t+1],      d[t] = dt phi'(a[t]) * g[t]

The gradients are sums over time and trials: dL/dW = sum d[t] r[t]^T, dL/dW_in = sum d[t] x[t]^T, dL/db = sum d[t],
dL/dW_out = sum dz[t] r[t+1]^T. Everything that does not depend on the state is one product over all time steps.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rnnbench import NONLINEARITIES, Batch, SeenTrials, Weights, by_network, error_signal, masked_loss


class FiringRateEngine:
    """Outputs and gradients of a population of firing-rate RNNs.

    Args:
        activation: phi, a name in NONLINEARITIES.
        dt: time step (tau).
        noise: sigma of each unit's private noise, per sqrt(tau).
        trained: names of the weights whose gradient is computed: w_rec, w_in, w_out, b.
    """

    independent = True

    def __init__(self, activation: str, dt: float, noise: float, trained: tuple[str, ...]) -> None:
        self.phi = NONLINEARITIES[activation]
        self.dt = dt
        self.noise = noise
        self.trained = trained
        self._buffers: dict[str, Tensor] = {}

    def outputs(self, weights: Weights, batch: Batch) -> Tensor:
        """Outputs after every step, [network, time, trial, output]."""
        return by_network(lambda w, seen: self._readouts(w, self._rates(w, seen)[1]), weights, batch)

    def gradient(self, weights: Weights, batch: Batch) -> tuple[Tensor, Weights]:
        """The loss [network] and its gradient with respect to every trained weight."""
        return by_network(self._gradient, weights, batch)

    # In the methods below, arrays have a [network] axis on a GPU and none on a CPU.

    def _rates(self, weights: Weights, seen: SeenTrials) -> tuple[Tensor, Tensor, Tensor]:
        """Simulate the trials.

        Returns:
            phi(a) [.., time, trial, unit]; r [.., 1 + time, trial, unit], which includes the initial state; and
            a [.., time, trial, unit], which is valid only if phi' needs it.
        """
        dt, inputs, w = self.dt, seen.inputs, weights["w_rec"].mT.contiguous()
        shape = (*inputs.shape[:-1], w.shape[-1])
        a = self._buffer("a", shape, w)
        p = self._buffer("p", shape, w) if self.phi.needs_h else a
        r = self._buffer("r", (*shape[:-3], shape[-3] + 1, *shape[-2:]), w)
        torch.matmul(_flat(inputs), weights["w_in"].mT, out=_flat(a))
        if "b" in weights:
            a += weights["b"][..., None, None, :]
        if seen.noise is not None:
            a.add_(seen.noise, alpha=self.noise / math.sqrt(dt))
        rates = r.unbind(-3)
        rates[0].zero_()
        addmm = torch.addmm if w.dim() == 2 else torch.baddbmm
        for t, (current, value) in enumerate(zip(a.unbind(-3), p.unbind(-3), strict=True)):
            addmm(current, rates[t], w, out=current)
            self.phi.apply(current, value)
            torch.lerp(rates[t], value, dt, out=rates[t + 1])
        return p, r, a

    def _readouts(self, weights: Weights, r: Tensor) -> Tensor:
        after = r[..., 1:, :, :]
        # This computes W_out r^T and not r W_out^T, because a product with so few columns is slow.
        return (weights["w_out"] @ _flat(after).mT).mT.unflatten(-2, after.shape[-3:-1])

    def _gradient(self, weights: Weights, seen: SeenTrials) -> tuple[Tensor, Weights]:
        p, r, a = self._rates(weights, seen)
        z = self._readouts(weights, r)
        dz = error_signal(z, seen.targets, seen.mask)
        d = self._buffer("d", tuple(p.shape), p)
        torch.matmul(_flat(dz), weights["w_out"], out=_flat(d))
        self._backward(weights["w_rec"], d, p, a)
        flat = _flat(d).mT
        products = {
            "w_rec": lambda: flat @ _flat(r[..., :-1, :, :]),
            "w_in": lambda: (_flat(seen.inputs).mT @ flat.mT).mT,
            "b": lambda: flat.sum(-1),
            "w_out": lambda: _flat(dz).mT @ _flat(r[..., 1:, :, :]),
        }
        return masked_loss(z, seen.targets, seen.mask), {name: products[name]() for name in self.trained}

    def _backward(self, w: Tensor, d: Tensor, p: Tensor, a: Tensor) -> None:
        """Turn the error from the readout, d [.., time, trial, unit], into dL/da, in place."""
        dt = self.dt
        addmm = torch.addmm if w.dim() == 2 else torch.baddbmm
        adjoints, values, currents = d.unbind(-3), p.unbind(-3), a.unbind(-3)
        g = torch.empty_like(adjoints[0])
        for t in reversed(range(len(adjoints))):
            adjoint = adjoints[t]
            if t + 1 < len(adjoints):
                addmm(adjoint, adjoints[t + 1], w, out=adjoint)
                adjoint.add_(g, alpha=1 - dt)
            g.copy_(adjoint)
            adjoint.mul_(dt)
            self.phi.scale(adjoint, currents[t], values[t])

    def _buffer(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """An array that is reused in every update, because allocating it anew would take much of the time."""
        kept, n = self._buffers.get(name), math.prod(shape)
        if kept is None or kept.numel() < n or kept.dtype != like.dtype or kept.device != like.device:
            kept = self._buffers[name] = torch.empty(n, dtype=like.dtype, device=like.device)
        return kept[:n].view(shape)


def _flat(x: Tensor) -> Tensor:
    """Reshape [.., time, trial, channel] to [.., time * trial, channel], without a copy if x is contiguous."""
    return x.view(*x.shape[:-3], x.shape[-3] * x.shape[-2], x.shape[-1]) if x.is_contiguous() else x.flatten(-3, -2)

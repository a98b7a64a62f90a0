"""Hand-written backpropagation through time for populations of restricted networks.

    z[t]   = U^T phi(h[t+1]) / N                            (the state after the step is read out; z[-1] is from h[0])
    h[t+1] = (1 - dt) h[t] + dt (U (M z[t-1] + x[t]) + g J phi(h[t])),    h[0] = offset sum_a u_a

This is Schuessler et al. 2020, eq. 1, with W = g J + U M U^T / N (Mastrogiuseppe & Ostojic 2018). The current along
the patterns depends only on the p readouts, so a step costs N p operations, or N^2 if there is a J. With the adjoint
e[t] = dL/dh[t+1], its projection q[t] = U^T e[t], and the error signal dz = dL/dz, the backward pass is

    e[t] = phi'(h[t+1]) * (U (dz[t] + dt M^T q[t+1]) / N + dt (g J)^T e[t+1]) + (1 - dt) e[t+1]
    dL/dM = dt sum q[t] z[t-1]^T                            (sum over time and trials)

because M enters h[t+1] only through dt U M z[t-1]. Without J, only the p numbers q[t] are carried backwards:

    q[t] = U^T (phi'(h[t+1]) * (U (dz[t] + dt M^T q[t+1]) / N)) + (1 - dt) q[t+1].

On a CPU networks are computed one at a time, so that the results of a network are bit-identical whatever other networks
are in its population. On a GPU the whole population is one batched program.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench import NONLINEARITIES, Batch, SeenTrials, Weights, by_network, error_signal, masked_loss


class RestrictedEngine:
    """Outputs and gradients of a population of restricted networks.

    The weights, each with a leading [network] axis, are m [pattern, pattern] (M_ab from pattern b to pattern a), which
    is learnt, u [unit, pattern], and optionally j [unit, unit], which is g J.

    Args:
        nonlinearity: phi, a name in NONLINEARITIES.
        dt: time step (tau).
        offset: component of h[0] along every pattern.
    """

    independent = True

    def __init__(self, nonlinearity: str, dt: float, offset: float) -> None:
        self.phi = NONLINEARITIES[nonlinearity]
        self.dt = dt
        self.offset = offset

    def outputs(self, weights: Weights, batch: Batch) -> Tensor:
        """Outputs after every step, [network, time, trial, output]."""
        return by_network(self._outputs, weights, batch)

    def gradient(self, weights: Weights, batch: Batch) -> tuple[Tensor, Weights]:
        """The loss [network] and its gradient with respect to m, [network, pattern, pattern]."""
        return by_network(self._gradient, weights, batch)

    # In the methods below, arrays have a [network] axis on a GPU and none on a CPU. Inside a loop, time is the first
    # axis, so that the arrays of one time step are contiguous.

    def _outputs(self, weights: Weights, seen: SeenTrials) -> Tensor:
        return self._forward(weights, seen.inputs, keep=False)[1][1:].movedim(0, -3)

    def _forward(self, weights: Weights, inputs: Tensor, keep: bool) -> tuple[Tensor, Tensor]:
        """Simulate the trials.

        Args:
            weights: as above.
            inputs: x [.., time, trial, pattern].
            keep: whether to keep the states of all steps.

        Returns:
            The states h [1 + time, .., trial, unit] from h[0] on, or only the last one, [1, .., trial, unit], if `keep`
            is false; and the readouts z [1 + time, .., trial, pattern], of which the first is that of h[0].
        """
        dt, u, m = self.dt, weights["u"], weights["m"]
        addmm = torch.addmm if u.dim() == 2 else torch.baddbmm
        x = inputs.movedim(-3, 0)
        n_steps = len(x)
        # Products with U use rows of U^T, because a matrix with so few columns is read several times faster that way.
        u_t, m_t = u.mT.contiguous(), m.mT
        readout = (u_t / u.shape[-2]).mT
        j_t = weights["j"].mT if "j" in weights else None

        h = u.new_empty(n_steps + 1 if keep else 1, *x.shape[1:-1], u.shape[-2])
        z = u.new_empty(n_steps + 1, *x.shape[1:])
        states = h.unbind(0) if keep else h.unbind(0) * (n_steps + 1)
        states[0].copy_(self.offset * u.sum(dim=-1)[..., None, :])
        r = self.phi.value(states[0])
        for t, (z_t, x_t) in enumerate(zip(z.unbind(0), x.unbind(0), strict=False)):
            torch.matmul(r, readout, out=z_t)
            along = addmm(x_t, z_t, m_t)
            addmm(states[t], along, u_t, beta=1 - dt, alpha=dt, out=states[t + 1])
            if j_t is not None:
                addmm(states[t + 1], r, j_t, alpha=dt, out=states[t + 1])
            r = self.phi.value(states[t + 1])
        torch.matmul(r, readout, out=z[-1])
        return h, z

    def _gradient(self, weights: Weights, seen: SeenTrials) -> tuple[Tensor, Weights]:
        h, z = self._forward(weights, seen.inputs, keep=True)
        outputs = z[1:].movedim(0, -3)
        dz = error_signal(outputs, seen.targets, seen.mask)
        q = self._projected_adjoints(weights, self.phi.slope(h[1:]), dz.movedim(-3, 0))
        d_m = self.dt * torch.einsum("t...ni,t...nj->...ij", q, z[:-1])
        return masked_loss(outputs, seen.targets, seen.mask), {"m": d_m}

    def _projected_adjoints(self, weights: Weights, slope: Tensor, dz: Tensor) -> Tensor:
        """The projections q[t] = U^T dL/dh[t+1] of the adjoints.

        Args:
            weights: as above.
            slope: phi'(h[t+1]) [time, .., trial, unit].
            dz: dL/dz[t] [time, .., trial, pattern].

        Returns:
            q [time, .., trial, pattern].
        """
        dt, u = self.dt, weights["u"]
        addmm = torch.addmm if u.dim() == 2 else torch.baddbmm
        u_t, dt_m, j = u.mT.contiguous(), dt * weights["m"], weights.get("j")
        along, back = u_t.mT, u_t / u.shape[-2]
        q = torch.empty_like(dz, memory_format=torch.contiguous_format)
        projected, slopes, errors = q.unbind(0), slope.unbind(0), dz.unbind(0)

        e = slopes[-1] * (errors[-1] @ back)
        torch.matmul(e, along, out=projected[-1])
        for t in reversed(range(len(errors) - 1)):
            later = projected[t + 1]
            into_r = addmm(errors[t], later, dt_m) @ back
            if j is None:
                addmm(later, into_r.mul_(slopes[t]), along, beta=1 - dt, out=projected[t])
            else:
                into_r = addmm(into_r, e, j, alpha=dt)
                e = e.mul_(1 - dt).addcmul_(slopes[t], into_r)
                torch.matmul(e, along, out=projected[t])
        return q

"""Hand-written backpropagation through time for populations of restricted networks.

    z[t]   = U^T phi(h[t+1]) / N                            the state after the step is read out;  z[-1] at h[0]
    h[t+1] = (1 - dt) h[t] + dt (U (M z[t-1] + x[t]) + g J phi(h[t])),    h[0] = offset sum_a u_a

which is Schuessler et al. 2020, eq. 1, with W = g J + U M U^T / N (Mastrogiuseppe & Ostojic 2018): the current along
the patterns needs nothing but the p readouts, so a step costs N p operations, and N^2 only where there is a J. With
the adjoint e[t] = dL/dh[t+1], its projection q[t] = U^T e[t], and the error signal dz = dL/dz,

    e[t] = phi'(h[t+1]) * (U (dz[t] + dt M^T q[t+1]) / N + dt (g J)^T e[t+1]) + (1 - dt) e[t+1]
    dL/dM = dt sum q[t] z[t-1]^T                            over time and trials

since M enters h[t+1] through dt U M z[t-1] alone. Without J only the p numbers q[t] are carried backwards,

    q[t] = U^T (phi'(h[t+1]) * (U (dz[t] + dt M^T q[t+1]) / N)) + (1 - dt) q[t+1].

On a CPU one network at a time is computed, which gives the same bits whatever network stands beside it; on a GPU the
whole population is one batched program.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench import NONLINEARITIES, Batch, SeenTrials, Weights, by_network, error_signal, masked_loss


class RestrictedEngine:
    """Outputs and gradients of a population of restricted networks.

    nonlinearity   a name in NONLINEARITIES
    dt             time step (tau)
    offset         h[0] along every pattern

    Weights, each with a leading [network] axis: m [pattern, pattern] (M_ab from pattern b to pattern a), which is
    learnt; u [unit, pattern]; and optionally j [unit, unit], with g in it.
    """

    independent = True

    def __init__(self, nonlinearity: str, dt: float, offset: float) -> None:
        self.phi = NONLINEARITIES[nonlinearity]
        self.dt = dt
        self.offset = offset

    def outputs(self, weights: Weights, batch: Batch) -> Tensor:
        """Readouts after every step, [network, time, trial, output]."""
        return by_network(self._outputs, weights, batch)

    def gradient(self, weights: Weights, batch: Batch) -> tuple[Tensor, Weights]:
        """Loss [network] and its gradient in m, [network, pattern, pattern]."""
        return by_network(self._gradient, weights, batch)

    # From here on arrays have a [network] axis or, on a CPU, none; inside a loop time comes first, so that the
    # arrays of one time step are in one piece.

    def _outputs(self, weights: Weights, seen: SeenTrials) -> Tensor:
        return self._forward(weights, seen.inputs, keep=False)[1][1:].movedim(0, -3)

    def _forward(self, weights: Weights, inputs: Tensor, keep: bool) -> tuple[Tensor, Tensor]:
        """States h [1 + time, .., trial, unit] and readouts z [1 + time, .., trial, pattern], the start included.

        keep   whether all states are wanted; else only the last one is kept, and h is [1, .., trial, unit]
        """
        dt, u, m = self.dt, weights["u"], weights["m"]
        addmm = torch.addmm if u.dim() == 2 else torch.baddbmm
        x = inputs.movedim(-3, 0)
        n_steps = len(x)
        # Products with U run along rows of U^T: so thin a matrix is read several times faster that way round.
        u_t, m_t = u.mT.contiguous(), m.mT
        into_z = (u_t / u.shape[-2]).mT
        j_t = weights["j"].mT if "j" in weights else None

        h = u.new_empty(n_steps + 1 if keep else 1, *x.shape[1:-1], u.shape[-2])
        z = u.new_empty(n_steps + 1, *x.shape[1:])
        states = h.unbind(0) if keep else h.unbind(0) * (n_steps + 1)
        states[0].copy_(self.offset * u.sum(dim=-1)[..., None, :])
        r = self.phi.value(states[0])
        for t, (now, x_t) in enumerate(zip(z.unbind(0), x.unbind(0), strict=False)):
            torch.matmul(r, into_z, out=now)
            along = addmm(x_t, now, m_t)
            addmm(states[t], along, u_t, beta=1 - dt, alpha=dt, out=states[t + 1])
            if j_t is not None:
                addmm(states[t + 1], r, j_t, alpha=dt, out=states[t + 1])
            r = self.phi.value(states[t + 1])
        torch.matmul(r, into_z, out=z[-1])
        return h, z

    def _gradient(self, weights: Weights, seen: SeenTrials) -> tuple[Tensor, Weights]:
        h, z = self._forward(weights, seen.inputs, keep=True)
        outputs = z[1:].movedim(0, -3)
        dz = error_signal(outputs, seen.targets, seen.mask)
        q = self._projected_adjoints(weights, self.phi.slope(h[1:]), dz.movedim(-3, 0))
        d_m = self.dt * torch.einsum("t...ni,t...nj->...ij", q, z[:-1])
        return masked_loss(outputs, seen.targets, seen.mask), {"m": d_m}

    def _projected_adjoints(self, weights: Weights, slope: Tensor, dz: Tensor) -> Tensor:
        """q[t] = U^T dL/dh[t+1], [time, .., trial, pattern], from phi' and dL/dz after every step, time first."""
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

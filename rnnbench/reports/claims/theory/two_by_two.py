"""The 2x2 model: two patterns, connectivity W = g J + U M U^T / N, and only the 2x2 matrix M learnt.

With W_in = U, W_out = U / N and Gaussian patterns the network closes, as N grows, in the two numbers
kappa = U^T h / N (Mastrogiuseppe & Ostojic 2018; Schuessler et al. 2024):

    kappa[t+1] = (1 - dt) kappa[t] + dt (Gamma(|kappa[t]|^2) M kappa[t] + x[t])
    z[t]       = Gamma(|kappa[t+1]|^2) kappa[t+1]                                  read out after the step

Derivation. U^T phi(h) / N tends to E[u phi(u . kappa + delta)] = kappa E[phi'] (Stein's lemma) = G(Delta) kappa;
U^T g J phi(h) / N vanishes as N^-1/2. Gamma(q) = G(Delta(q)) with Delta the total variance at |kappa|^2 = q. At
g = 0 the private variance is 0 at all times and the equations are exact, transients included. At g > 0 they take
the private variance at its stationary value for the kappa of the moment, which is exact at fixed points only.

Gradients are written out by hand: with a[t] = dL/dkappa[t+1],

    a[t] = (dz/dkappa)^T dL/dz[t] + A^T a[t+1],  A = (1 - dt) 1 + dt (Gamma M + 2 Gamma' (M kappa) kappa^T),
    dz/dkappa = Gamma 1 + 2 Gamma' kappa kappa^T,    dL/dM = dt sum_t Gamma a[t] kappa[t]^T.

Arrays may have leading axes, written `..`: one model for each of their places, with M [.., 2, 2] and states
[.., trial, 2]. A g that differs between models has the shape [.., 1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnbench.reports.claims.theory.mean_field import Floats, gain, gain_slope, power, power_slope, total_variance


@dataclass(frozen=True)
class Episode:
    """Trials of the model, arrays [.., trial, time, 2]: channel 0 is pattern A's, channel 1 is pattern B's.

    The mask is [trial, time, 2], the same for all models.
    """

    inputs: Floats
    targets: Floats
    mask: Floats


@dataclass(frozen=True)
class FixedPoint:
    """A stationary state kappa [2], and the eigenvalues [2] of the flow there."""

    kappa: Floats
    eigenvalues: npt.NDArray[np.complex128]

    @property
    def stable(self) -> bool:
        return bool(np.all(self.eigenvalues.real < 0))


def effective_gain(q: Floats | float, g: Floats | float) -> tuple[Floats, Floats]:
    """Gamma(q) = G(Delta(q)) and its slope Gamma'(q) = G'(Delta) / (1 - g^2 C'(Delta)), at q = |kappa|^2."""
    variance = total_variance(q, g)
    return gain(variance), gain_slope(variance) / (1 - np.asarray(g) ** 2 * power_slope(variance))


def flow(kappa: Floats, m: Floats, x: Floats, g: Floats | float = 0.0) -> Floats:
    """d kappa / dt = -kappa + Gamma M kappa + x; kappa and x [.., trial, 2], or [2] for one state of one model."""
    gamma, _ = effective_gain(_dot(kappa, kappa), g)
    return -kappa + gamma * _times(m, kappa) + x


def jacobian(kappa: Floats, m: Floats, g: float = 0.0) -> Floats:
    """Derivative of the flow at one kappa [2]: Gamma M + 2 Gamma' (M kappa) kappa^T - 1."""
    gamma, slope = effective_gain(float(kappa @ kappa), g)
    return gamma * m + 2 * slope * np.outer(m @ kappa, kappa) - np.eye(2)


def simulate(m: Floats, inputs: Floats, dt: float, g: Floats | float = 0.0, start: Floats | None = None) -> Floats:
    """kappa [.., trial, 1 + time, 2] from `start` [2] (rest unless given) under `inputs` [.., trial, time, 2]."""
    *models, n_trials, n_steps, _ = np.broadcast_shapes(inputs.shape, (*m.shape[:-2], 1, 1, 1))
    kappa = np.zeros((*models, n_trials, n_steps + 1, 2))
    if start is not None:
        kappa[..., 0, :] = start
    for t in range(n_steps):
        kappa[..., t + 1, :] = kappa[..., t, :] + dt * flow(kappa[..., t, :], m, inputs[..., t, :], g)
    return kappa


def readout(kappa: Floats, g: Floats | float = 0.0) -> Floats:
    """z = Gamma kappa, of any kappa [.., 2]."""
    gamma, _ = effective_gain(_dot(kappa, kappa), g)
    return gamma * kappa


def loss(m: Floats, episode: Episode, dt: float, g: float = 0.0, start: Floats | None = None) -> float:
    """Half the masked mean squared error of the readout, as everywhere in rnnbench."""
    z = readout(simulate(m, episode.inputs, dt, g, start)[:, 1:], g)
    return float(np.sum(episode.mask * (z - episode.targets) ** 2) / (2 * np.sum(episode.mask)))


def gradient(
    m: Floats, episode: Episode, dt: float, g: float = 0.0, start: Floats | None = None
) -> tuple[float, Floats]:
    """The loss and dL/dM [2, 2] of one model, by the adjoint equations above."""
    value, d_m = gradients(m, episode, dt, g, start)
    return float(value), d_m


def gradients(
    m: Floats, episode: Episode, dt: float, g: Floats | float = 0.0, start: Floats | None = None
) -> tuple[Floats, Floats]:
    """The losses [..] and dL/dM [.., 2, 2] of models that differ in M, inputs, targets or g [.., 1, 1]."""
    kappa = simulate(m, episode.inputs, dt, g, start)
    # A g of each model has to reach over trials and time here.
    over_time = g[..., None] if isinstance(g, np.ndarray) else g
    gamma, slope = effective_gain(_dot(kappa, kappa), over_time)
    error = (gamma * kappa)[..., 1:, :] - episode.targets
    dz = episode.mask * error / np.sum(episode.mask)
    value = np.sum(episode.mask * error**2, axis=(-3, -2, -1)) / (2 * np.sum(episode.mask))
    transposed = np.swapaxes(m, -1, -2)
    d_m, later = np.zeros((*kappa.shape[:-3], 2, 2)), np.zeros_like(kappa[..., 0, :])
    for t in reversed(range(dz.shape[-2])):
        k, gam, slo, d = kappa[..., t + 1, :], gamma[..., t + 1, :], slope[..., t + 1, :], dz[..., t, :]
        # How this state's readout moves the loss, and how it moves the next state's adjoint.
        now = gam * d + 2 * slo * k * _dot(k, d)
        now += (1 - dt) * later + dt * (gam * _times(transposed, later) + 2 * slo * k * _dot(_times(m, k), later))
        d_m += dt * np.einsum("...ni,...nj->...ij", now, gamma[..., t, :] * kappa[..., t, :])
        later = now
    return value, d_m


def _dot(a: Floats, b: Floats) -> Floats:
    """Written out, for it is called at every step, and a sum over an axis of two is slow."""
    return a[..., :1] * b[..., :1] + a[..., 1:] * b[..., 1:]


def _times(m: Floats, kappa: Floats) -> Floats:
    """M kappa for M [.., 2, 2] and kappa [.., trial, 2], or [2]."""
    if kappa.ndim == 1:
        return m @ kappa
    return kappa[..., :1] * m[..., None, :, 0] + kappa[..., 1:] * m[..., None, :, 1]


@dataclass(frozen=True)
class Learning:
    """Gradient descent on M, update by update.

    m       [1 + update, 2, 2]
    losses  [1 + update, episode], on the episode learnt (first) and on those watched
    """

    m: Floats
    losses: Floats


def learn(
    m: Floats,
    episode: Episode,
    dt: float,
    rate: float,
    max_updates: int,
    bound: float = 0.0,
    watched: tuple[Episode, ...] = (),
    g: float = 0.0,
    start: Floats | None = None,
) -> Learning:
    """Descend the loss on `episode` from M = `m` until it is at or below `bound`: gradient flow, for a small rate."""
    path, losses = [np.array(m, dtype=float)], []
    for _ in range(max_updates + 1):
        value, d_m = gradient(path[-1], episode, dt, g, start)
        losses.append([value, *(loss(path[-1], other, dt, g, start) for other in watched)])
        if value <= bound or len(losses) > max_updates:
            break
        path.append(path[-1] - rate * d_m)
    return Learning(np.array(path), np.array(losses))


def eigenvector_fixed_point_norm(eigenvalue: float, g: float = 0.0) -> float:
    """|kappa| of the fixed point along an eigenvector of M with this eigenvalue m, without input; 0 if there is none.

    There Gamma = 1/m, so Delta = (2 / pi) (m^2 - 1), and |kappa|^2 = Delta - g^2 C(Delta): at g = 0 it exists for
    m > 1. Along kappa the flow has the eigenvalue -(1 - 1/m^2) at g = 0, across it m'/m - 1 with the other one, m'.
    """
    if eigenvalue <= 1:
        return 0.0
    variance = 2 / np.pi * (eigenvalue**2 - 1)
    return float(np.sqrt(max(variance - g**2 * float(power(variance)), 0.0)))


def fixed_points(m: Floats, x: Floats | None = None, g: float = 0.0, tolerance: float = 1e-10) -> list[FixedPoint]:
    """All fixed points found from a grid of starts by damped Newton, to `tolerance` in |d kappa / dt|, without doubles.

    x [2] is a constant input, none unless given. |kappa| is at most |M| + |x|, since |z| < 1: the grid covers that.
    """
    drive = np.zeros(2) if x is None else np.asarray(x, dtype=float)
    reach = float(np.linalg.norm(m, 2) + np.linalg.norm(drive)) + 0.1
    found: list[FixedPoint] = []
    axis = np.linspace(-reach, reach, 15)
    for start in np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2):
        kappa = _newton(start, m, drive, g, tolerance)
        if kappa is not None and all(np.linalg.norm(kappa - other.kappa) > 1e-6 for other in found):
            found.append(FixedPoint(kappa, np.linalg.eigvals(jacobian(kappa, m, g)).astype(complex)))
    return sorted(found, key=lambda point: (round(point.kappa[0], 6), round(point.kappa[1], 6)))


def _newton(kappa: Floats, m: Floats, x: Floats, g: float, tolerance: float) -> Floats | None:
    speed = np.linalg.norm(flow(kappa, m, x, g))
    for _ in range(100):
        if speed < tolerance:
            return kappa
        step = np.linalg.lstsq(jacobian(kappa, m, g), -flow(kappa, m, x, g), rcond=None)[0]
        damping = 1.0
        while damping > 1e-4:
            trial = kappa + damping * step
            slower = np.linalg.norm(flow(trial, m, x, g))
            if slower < speed:
                break
            damping /= 2
        else:
            return None
        kappa, speed = trial, slower
    return None

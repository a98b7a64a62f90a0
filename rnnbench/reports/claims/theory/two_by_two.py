"""The 2x2 model: two patterns and connectivity W = g J + U M U^T / N, of which only the 2x2 matrix M is learnt.

With W_in = U, W_out = U / N and Gaussian patterns, the dynamics of a large network reduce to those of the two numbers
kappa = U^T h / N (Mastrogiuseppe & Ostojic 2018; Schuessler et al. 2024):

    kappa[t+1] = (1 - dt) kappa[t] + dt (Gamma(|kappa[t]|^2) M kappa[t] + x[t])
    z[t]       = Gamma(|kappa[t+1]|^2) kappa[t+1]                                  read out after the step

Derivation. U^T phi(h) / N tends to E[u phi(u . kappa + delta)] = kappa E[phi'] = G(Delta) kappa by Stein's lemma, and
U^T g J phi(h) / N vanishes as N^-1/2. Gamma(q) = G(Delta(q)), where Delta is the total variance at |kappa|^2 = q. At
g = 0 the private variance is 0 at all times, and the equations are exact, including transients. At g > 0 they use the
stationary value of the private variance for the current kappa, which is exact at fixed points only.

The gradients are derived by hand. With a[t] = dL/dkappa[t+1],

    a[t] = (dz/dkappa)^T dL/dz[t] + A^T a[t+1],  A = (1 - dt) 1 + dt (Gamma M + 2 Gamma' (M kappa) kappa^T),
    dz/dkappa = Gamma 1 + 2 Gamma' kappa kappa^T,    dL/dM = dt sum_t Gamma a[t] kappa[t]^T.

Arrays may have leading axes, written `..`, with one model for each index: M is [.., 2, 2] and states are
[.., trial, 2]. A g that differs between models has the shape [.., 1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnbench.reports.claims.theory.mean_field import Floats, gain, gain_slope, power, power_slope, total_variance


@dataclass(frozen=True)
class Episode:
    """Trials of the model; channel 0 belongs to pattern A and channel 1 to pattern B.

    Attributes:
        inputs: [.., trial, time, 2].
        targets: [.., trial, time, 2].
        mask: [trial, time, 2], the weights of the errors in the loss; the same for all models.
    """

    inputs: Floats
    targets: Floats
    mask: Floats


@dataclass(frozen=True)
class FixedPoint:
    """A stationary state of the flow.

    Attributes:
        kappa: [2], the state.
        eigenvalues: [2], the eigenvalues of the flow at this state.
    """

    kappa: Floats
    eigenvalues: npt.NDArray[np.complex128]

    @property
    def stable(self) -> bool:
        """Whether all eigenvalues have a negative real part."""
        return bool(np.all(self.eigenvalues.real < 0))


def effective_gain(q: Floats | float, g: Floats | float) -> tuple[Floats, Floats]:
    """The gain Gamma(q) = G(Delta(q)) and its slope Gamma'(q) = G'(Delta) / (1 - g^2 C'(Delta)).

    Args:
        q: [..], |kappa|^2.
        g: strength of the random connectivity; broadcasts with `q`.

    Returns:
        Gamma and Gamma', each [..].
    """
    variance = total_variance(q, g)
    return gain(variance), gain_slope(variance) / (1 - np.asarray(g) ** 2 * power_slope(variance))


def flow(kappa: Floats, m: Floats, x: Floats, g: Floats | float = 0.0) -> Floats:
    """The flow d kappa / dt = -kappa + Gamma M kappa + x.

    Args:
        kappa: [.., trial, 2], or [2] for one state of one model.
        m: M [.., 2, 2].
        x: input, with the shape of `kappa`.
        g: strength of the random connectivity; one number or [.., 1, 1].

    Returns:
        The flow, with the shape of `kappa`.
    """
    gamma, _ = effective_gain(_dot(kappa, kappa), g)
    return -kappa + gamma * _times(m, kappa) + x


def jacobian(kappa: Floats, m: Floats, g: float = 0.0) -> Floats:
    """Derivative of the flow at one state: Gamma M + 2 Gamma' (M kappa) kappa^T - 1.

    Args:
        kappa: [2].
        m: M [2, 2].
        g: strength of the random connectivity.

    Returns:
        [2, 2].
    """
    gamma, slope = effective_gain(float(kappa @ kappa), g)
    return gamma * m + 2 * slope * np.outer(m @ kappa, kappa) - np.eye(2)


def simulate(m: Floats, inputs: Floats, dt: float, g: Floats | float = 0.0, start: Floats | None = None) -> Floats:
    """Simulate trials with Euler steps.

    Args:
        m: M [.., 2, 2].
        inputs: [.., trial, time, 2].
        dt: time step, in tau.
        g: strength of the random connectivity; one number or [.., 1, 1].
        start: [2], kappa at the start of every trial; None for the state of rest.

    Returns:
        kappa [.., trial, 1 + time, 2].
    """
    *models, n_trials, n_steps, _ = np.broadcast_shapes(inputs.shape, (*m.shape[:-2], 1, 1, 1))
    kappa = np.zeros((*models, n_trials, n_steps + 1, 2))
    if start is not None:
        kappa[..., 0, :] = start
    for t in range(n_steps):
        kappa[..., t + 1, :] = kappa[..., t, :] + dt * flow(kappa[..., t, :], m, inputs[..., t, :], g)
    return kappa


def readout(kappa: Floats, g: Floats | float = 0.0) -> Floats:
    """The readout z = Gamma kappa.

    Args:
        kappa: [.., 2].
        g: strength of the random connectivity; broadcasts with |kappa|^2 [.., 1].

    Returns:
        z [.., 2].
    """
    gamma, _ = effective_gain(_dot(kappa, kappa), g)
    return gamma * kappa


def loss(m: Floats, episode: Episode, dt: float, g: float = 0.0, start: Floats | None = None) -> float:
    """Half the masked mean squared error of the readout of one model, the loss used everywhere in rnnbench.

    Args:
        m: M [2, 2].
        episode: the trials.
        dt: time step, in tau.
        g: strength of the random connectivity.
        start: [2], kappa at the start of every trial; None for the state of rest.

    Returns:
        The loss.
    """
    z = readout(simulate(m, episode.inputs, dt, g, start)[:, 1:], g)
    return float(np.sum(episode.mask * (z - episode.targets) ** 2) / (2 * np.sum(episode.mask)))


def gradient(
    m: Floats, episode: Episode, dt: float, g: float = 0.0, start: Floats | None = None
) -> tuple[float, Floats]:
    """The loss of one model and its gradient, by the adjoint equations of the module.

    Args:
        m: M [2, 2].
        episode: the trials.
        dt: time step, in tau.
        g: strength of the random connectivity.
        start: [2], kappa at the start of every trial; None for the state of rest.

    Returns:
        The loss and dL/dM [2, 2].
    """
    value, d_m = gradients(m, episode, dt, g, start)
    return float(value), d_m


def gradients(
    m: Floats, episode: Episode, dt: float, g: Floats | float = 0.0, start: Floats | None = None
) -> tuple[Floats, Floats]:
    """The losses of many models and their gradients, by the adjoint equations of the module.

    Args:
        m: M [.., 2, 2].
        episode: the trials; inputs and targets may differ between models.
        dt: time step, in tau.
        g: strength of the random connectivity; one number or [.., 1, 1].
        start: [2], kappa at the start of every trial; None for the state of rest.

    Returns:
        The losses [..] and dL/dM [.., 2, 2].
    """
    kappa = simulate(m, episode.inputs, dt, g, start)
    # Here g needs one more axis, because kappa has the axes trial and time.
    over_time = g[..., None] if isinstance(g, np.ndarray) else g
    gamma, slope = effective_gain(_dot(kappa, kappa), over_time)
    error = (gamma * kappa)[..., 1:, :] - episode.targets
    dz = episode.mask * error / np.sum(episode.mask)
    value = np.sum(episode.mask * error**2, axis=(-3, -2, -1)) / (2 * np.sum(episode.mask))
    transposed = np.swapaxes(m, -1, -2)
    d_m, later = np.zeros((*kappa.shape[:-3], 2, 2)), np.zeros_like(kappa[..., 0, :])
    for t in reversed(range(dz.shape[-2])):
        k, gam, slo, d = kappa[..., t + 1, :], gamma[..., t + 1, :], slope[..., t + 1, :], dz[..., t, :]
        # The adjoint has two parts: the effect of this state's readout on the loss, and its effect on later states.
        adjoint = gam * d + 2 * slo * k * _dot(k, d)
        adjoint += (1 - dt) * later + dt * (gam * _times(transposed, later) + 2 * slo * k * _dot(_times(m, k), later))
        d_m += dt * np.einsum("...ni,...nj->...ij", adjoint, gamma[..., t, :] * kappa[..., t, :])
        later = adjoint
    return value, d_m


def _dot(a: Floats, b: Floats) -> Floats:
    """Dot product over the last axis, without a sum over an axis of two, which would be slow in every step."""
    return a[..., :1] * b[..., :1] + a[..., 1:] * b[..., 1:]


def _times(m: Floats, kappa: Floats) -> Floats:
    """M kappa for M [.., 2, 2] and kappa [.., trial, 2], or [2]."""
    if kappa.ndim == 1:
        return m @ kappa
    return kappa[..., :1] * m[..., None, :, 0] + kappa[..., 1:] * m[..., None, :, 1]


@dataclass(frozen=True)
class Learning:
    """The course of gradient descent on M.

    Attributes:
        m: M [1 + update, 2, 2].
        losses: [1 + update, episode], on the episode that is learnt (first) and on the watched ones.
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
    """Gradient descent on M, which follows the gradient flow if the rate is small.

    Args:
        m: [2, 2], the M to start from.
        episode: the trials to learn.
        dt: time step, in tau.
        rate: learning rate.
        max_updates: largest number of updates.
        bound: learning stops when the loss is at or below this.
        watched: further trials whose loss is recorded.
        g: strength of the random connectivity.
        start: [2], kappa at the start of every trial; None for the state of rest.

    Returns:
        The course of learning.
    """
    path, losses = [np.array(m, dtype=float)], []
    for _ in range(max_updates + 1):
        value, d_m = gradient(path[-1], episode, dt, g, start)
        losses.append([value, *(loss(path[-1], other, dt, g, start) for other in watched)])
        if value <= bound or len(losses) > max_updates:
            break
        path.append(path[-1] - rate * d_m)
    return Learning(np.array(path), np.array(losses))


def eigenvector_fixed_point_norm(eigenvalue: float, g: float = 0.0) -> float:
    """|kappa| of the fixed point without input that lies along an eigenvector of M.

    At this fixed point Gamma = 1/m, so Delta = (2 / pi) (m^2 - 1) and |kappa|^2 = Delta - g^2 C(Delta). At g = 0 it
    exists for m > 1. The eigenvalues of the flow there are, at g = 0, -(1 - 1/m^2) along kappa and m'/m - 1 across it,
    where m' is the other eigenvalue of M.

    Args:
        eigenvalue: the eigenvalue m of M.
        g: strength of the random connectivity.

    Returns:
        |kappa|; 0 if there is no such fixed point.
    """
    if eigenvalue <= 1:
        return 0.0
    variance = 2 / np.pi * (eigenvalue**2 - 1)
    return float(np.sqrt(max(variance - g**2 * float(power(variance)), 0.0)))


def fixed_points(m: Floats, x: Floats | None = None, g: float = 0.0, tolerance: float = 1e-10) -> list[FixedPoint]:
    """Find the fixed points of one model by a damped Newton method from a grid of starts.

    |kappa| is at most |M| + |x| at a fixed point because |z| < 1, and the grid covers this range.

    Args:
        m: M [2, 2].
        x: [2], constant input; None for no input.
        g: strength of the random connectivity.
        tolerance: largest |d kappa / dt| at a fixed point.

    Returns:
        The distinct fixed points that were found, ordered by kappa.
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
    """A fixed point near `kappa` [2]; None if the damped Newton method does not converge."""
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

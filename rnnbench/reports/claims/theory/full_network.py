"""A network of N units that learns only the 2x2 matrix M; the 2x2 model is its limit for large N.

At g = 0, with W = U M U^T / N, W_in = U, W_out = U^T / N and h(0) = U kappa(0), the state stays in the span of the two
patterns: h = U kappa at all times. So the network's N equations are equivalent, exactly and for every N, to the two

    kappa[t+1] = (1 - dt) kappa[t] + dt (M F(kappa[t]) + x[t]),      z[t] = F(kappa[t+1]),
    F(kappa)   = U^T phi(U kappa) / N,      S(kappa) = dF/dkappa = U^T diag(phi'(U kappa)) U / N,

with sums over all N units. As N grows, F tends to Gamma(|kappa|^2) kappa, which is the 2x2 model. The difference is
the sampling error of an average over N units, of order N^-1/2 for each kappa. With a[t] = dL/dkappa[t+1] the gradient
is

    a[t] = S^T dL/dz[t] + (1 - dt) a[t+1] + dt S^T M^T a[t+1],      dL/dM = dt sum_t a[t] F(kappa[t])^T.

Several networks of the same size are simulated together: the first axis of the arrays is `network`.
"""

from __future__ import annotations

import numpy as np

from rnnbench.reports.claims.theory.mean_field import Floats, phi
from rnnbench.reports.claims.theory.two_by_two import Episode, Learning


def gaussian_patterns(n_units: int, rng: np.random.Generator) -> Floats:
    """Draw two Gaussian patterns, orthogonalised in the order A, B.

    Args:
        n_units: number of units N.
        rng: draws the patterns.

    Returns:
        U [unit, 2], with columns of norm sqrt(N).
    """
    u = rng.standard_normal((n_units, 2))
    u[:, 1] -= u[:, 0] * (u[:, 0] @ u[:, 1]) / (u[:, 0] @ u[:, 0])
    return np.asarray(np.sqrt(n_units) * u / np.linalg.norm(u, axis=0))


class FullNetworks:
    """Networks of the same size, each with its own two patterns.

    Attributes:
        patterns: U [network, unit, 2].
        n_units: number of units N.
    """

    def __init__(self, patterns: Floats) -> None:
        self.patterns = patterns
        self.n_units = patterns.shape[1]
        self._across = np.ascontiguousarray(np.swapaxes(patterns, 1, 2))
        # u_A^2, u_A u_B and u_B^2 of each unit: the weights of the averages of phi' in S.
        a, b = patterns[..., 0], patterns[..., 1]
        self._products = np.stack([a * a, a * b, b * b], axis=-1) / self.n_units

    def only(self, chosen: np.ndarray) -> FullNetworks:
        """A subset of the networks.

        Args:
            chosen: [network], a boolean mask or indices.

        Returns:
            The chosen networks.
        """
        return FullNetworks(self.patterns[chosen])

    def field(self, kappa: Floats) -> Floats:
        """The field F(kappa).

        Args:
            kappa: [network, trial, 2].

        Returns:
            [network, trial, 2].
        """
        return np.asarray(phi(kappa @ self._across) @ self.patterns / self.n_units)

    def field_slope(self, kappa: Floats) -> Floats:
        """The derivative S(kappa) of the field.

        Args:
            kappa: [network, trial, 2].

        Returns:
            [network, trial, 2, 2].
        """
        slope = np.exp(-np.pi / 4 * (kappa @ self._across) ** 2)
        return np.asarray((slope @ self._products)[..., [[0, 1], [1, 2]]])

    def simulate(self, m: Floats, inputs: Floats, dt: float, start: Floats) -> tuple[Floats, Floats]:
        """Simulate all trials in all networks.

        Args:
            m: M [network, 2, 2].
            inputs: [trial, time, 2].
            dt: time step, in tau.
            start: [2], kappa at the start of every trial.

        Returns:
            kappa and F(kappa), each [network, trial, 1 + time, 2].
        """
        n_trials, n_steps, _ = inputs.shape
        kappa, rates = np.empty((2, len(m), n_trials, n_steps + 1, 2))
        kappa[:, :, 0] = start
        rates[:, :, 0] = self.field(kappa[:, :, 0])
        transposed = np.swapaxes(m, 1, 2)
        for t in range(n_steps):
            kappa[:, :, t + 1] = (1 - dt) * kappa[:, :, t] + dt * (rates[:, :, t] @ transposed + inputs[:, t])
            rates[:, :, t + 1] = self.field(kappa[:, :, t + 1])
        return kappa, rates

    def loss(self, m: Floats, episode: Episode, dt: float, start: Floats) -> Floats:
        """Half the masked mean squared error of the readout.

        Args:
            m: M [network, 2, 2].
            episode: the trials.
            dt: time step, in tau.
            start: [2], kappa at the start of every trial.

        Returns:
            [network].
        """
        _, rates = self.simulate(m, episode.inputs, dt, start)
        return _loss(rates, episode)

    def gradient(self, m: Floats, episode: Episode, dt: float, start: Floats) -> tuple[Floats, Floats]:
        """The loss and its gradient, by the adjoint equations of the module.

        Args:
            m: M [network, 2, 2].
            episode: the trials.
            dt: time step, in tau.
            start: [2], kappa at the start of every trial.

        Returns:
            The losses [network] and dL/dM [network, 2, 2].
        """
        kappa, rates = self.simulate(m, episode.inputs, dt, start)
        d_z = episode.mask * (rates[:, :, 1:] - episode.targets) / np.sum(episode.mask)
        d_m, later = np.zeros_like(m), np.zeros_like(kappa[:, :, 0])
        for t in reversed(range(d_z.shape[2])):
            slope = self.field_slope(kappa[:, :, t + 1])
            later = (1 - dt) * later + np.einsum("snij,snj->sni", slope, d_z[:, :, t] + dt * (later @ m))
            d_m += dt * np.swapaxes(later, 1, 2) @ rates[:, :, t]
        return _loss(rates, episode), d_m

    def learn(
        self,
        m: Floats,
        episode: Episode,
        dt: float,
        rate: float,
        max_updates: int,
        start: Floats,
        bound: float = 0.0,
        watched: tuple[Episode, ...] = (),
    ) -> list[Learning]:
        """Gradient descent on M in each network, as in `two_by_two.learn`.

        Args:
            m: [network, 2, 2], the M that each network starts from.
            episode: the trials to learn.
            dt: time step, in tau.
            rate: learning rate.
            max_updates: largest number of updates.
            start: [2], kappa at the start of every trial.
            bound: a network stops when its loss is at or below this.
            watched: further trials whose loss is recorded.

        Returns:
            The course of learning in each network.
        """
        paths: list[list[Floats]] = [[one] for one in np.array(m, dtype=float)]
        losses: list[list[list[float]]] = [[] for _ in paths]
        active, networks = np.arange(len(paths)), self
        for update in range(max_updates + 1):
            current = np.array([paths[i][-1] for i in active])
            value, d_m = networks.gradient(current, episode, dt, start)
            others = [networks.loss(current, other, dt, start) for other in watched]
            for k, i in enumerate(active):
                losses[i].append([float(column[k]) for column in (value, *others)])
            unfinished = ~(value <= bound)
            if update == max_updates or not unfinished.any():
                break
            for k, i in enumerate(active):
                if unfinished[k]:
                    paths[i].append(current[k] - rate * d_m[k])
            if not unfinished.all():
                networks, active = networks.only(unfinished), active[unfinished]
        return [Learning(np.array(path), np.array(values)) for path, values in zip(paths, losses, strict=True)]


def _loss(rates: Floats, episode: Episode) -> Floats:
    error = rates[:, :, 1:] - episode.targets
    return np.asarray(np.sum(episode.mask * error**2, axis=(1, 2, 3)) / (2 * np.sum(episode.mask)))

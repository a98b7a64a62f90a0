"""The fixed-point task in the 2x2 model, and learning A and then B in many models at once.

The trials are those of the task plugin `fixed_points` with a pulse of `unit_time`: a pulse of sign +1 or -1 on the
task's channel for 1 tau, then `drive` for the rest; from `loss_start` on the target is the sign times 0.5 on the
task's output and 0 on the other. A trial starts from a small offset along both patterns, without which the symmetry
of the axes would never be broken and only formation could happen.

Trials of both signs start from one and the same offset. With `mirrored` the offset has the sign of the pulse: phi is
odd, so the two trials are then mirror images with the same loss and the same gradient, and one is all that is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rnnbench.reports.claims.theory.mean_field import Floats
from rnnbench.reports.claims.theory.two_by_two import Episode, gradients, loss, readout, simulate

A, B = 0, 1
"""The channels of the two tasks."""


@dataclass(frozen=True)
class Protocol:
    """What is common to the trials and the learning of both tasks; times in tau.

    offset: of kappa at time 0, along both patterns.
    mirrored: one trial, for two that mirror each other, instead of two from one offset.
    criterion: learning stops at this fraction of the untrained loss.
    rate: of gradient descent; at 0.5 and below M ends where gradient flow would take it, at 3 elsewhere. With
        `mirrored` and the small default offset that holds for formation only (docs/theory.md).
    """

    dt: float = 0.2
    duration: float = 20.0
    loss_start: float = 10.0
    pulse: float = 1.0
    target: float = 0.5
    offset: float = 0.02
    mirrored: bool = False
    criterion: float = 5e-4
    rate: float = 0.5
    max_updates: int = 4000

    @property
    def start(self) -> Floats:
        """kappa [2] at time 0."""
        return np.full(2, self.offset)

    def with_(self, **changes: float) -> Protocol:
        """The same but for `changes`."""
        return replace(self, **changes)  # type: ignore[arg-type]


def pulse_episode(task: int, drive: Floats | float, protocol: Protocol) -> Episode:
    """The trials of one task: arrays [.., trial, time, 2] for drives of shape [..], one trial for each sign."""
    drive = np.asarray(drive, dtype=float)
    n_steps, pulse_steps = round(protocol.duration / protocol.dt), round(1 / protocol.dt)
    course = np.repeat(drive[..., None] * protocol.pulse, n_steps, axis=-1)
    course[..., :pulse_steps] = protocol.pulse
    signs = np.array([1.0] if protocol.mirrored else [1.0, -1.0])[:, None]
    inputs = np.zeros((*drive.shape, len(signs), n_steps, 2))
    inputs[..., task] = signs * course[..., None, :]
    mask = np.zeros((len(signs), n_steps, 2))
    mask[:, round(protocol.loss_start / protocol.dt) :] = 1
    targets = np.zeros((len(signs), n_steps, 2))
    targets[..., task] = protocol.target * signs * mask[..., task]
    return Episode(inputs, targets, mask)


def untrained_loss(drive: float, protocol: Protocol, g: float = 0.0) -> float:
    """The loss at M = 0, on A and B alike."""
    return loss(np.zeros((2, 2)), pulse_episode(A, drive, protocol), protocol.dt, g, protocol.start)


@dataclass(frozen=True)
class Learnt:
    """What learning one task ended in, for each of the models.

    m [model, 2, 2]; loss [model] on the task learnt; updates [model]; converged [model].
    """

    m: Floats
    loss: Floats
    updates: np.ndarray
    converged: np.ndarray


def learn_many(
    m: Floats, task: int, drives: Floats, protocol: Protocol, bounds: Floats, g: Floats | float = 0.0
) -> Learnt:
    """Gradient descent on one task from M = `m` [model, 2, 2], each model until its loss is at or below its bound.

    drives, bounds and g are [model] (or g one number). As `two_by_two.learn`, without the path.
    """
    m = np.array(m, dtype=float)
    n = len(m)
    gs = np.broadcast_to(np.asarray(g, dtype=float), n)
    value, updates, active = np.full(n, np.nan), np.zeros(n, dtype=int), np.arange(n)
    episode = pulse_episode(task, np.asarray(drives, dtype=float), protocol)
    for update in range(protocol.max_updates + 1):
        # Models that are done are left out: they would cost as much as the others.
        now = Episode(episode.inputs[active], episode.targets, episode.mask)
        g_now = gs[active][:, None, None] if np.any(gs > 0) else 0.0
        value[active], d_m = gradients(m[active], now, protocol.dt, g_now, protocol.start)
        updates[active] = update
        going = ~(value[active] <= bounds[active])
        if update == protocol.max_updates or not going.any():
            break
        active, d_m = active[going], d_m[going]
        m[active] -= protocol.rate * d_m
    return Learnt(m, value, updates, value <= bounds)


def final_outputs(m: Floats, task: int, drives: Floats, protocol: Protocol, g: Floats | float = 0.0) -> Floats:
    """(z_A, z_B) at the end of the task's trials: [model, pulse, 2]."""
    inputs = pulse_episode(task, np.asarray(drives, dtype=float), protocol).inputs
    g_now = g[:, None, None] if isinstance(g, np.ndarray) else g
    return readout(simulate(m, inputs, protocol.dt, g_now, protocol.start)[..., -1, :], g_now)

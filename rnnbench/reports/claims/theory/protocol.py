"""The fixed-point task in the 2x2 model, and learning A and then B in many models at once.

The trials are those of the task plugin `fixed_points` with a pulse of `unit_time`. The task's channel receives a pulse
of sign +1 or -1 for 1 tau and then the drive. From `loss_start` on, the target is the sign times 0.5 on the task's
output and 0 on the other output. A trial starts from a small offset along both patterns. Without it the symmetry of the
axes would never be broken, and only formation could happen.

By default the trials of both signs start from the same offset. With `mirrored` the offset has the sign of the pulse.
Because phi is odd, the two trials are then mirror images with the same loss and gradient, and only one is computed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rnnbench.reports.claims.theory.mean_field import Floats
from rnnbench.reports.claims.theory.two_by_two import Episode, gradients, loss, readout, simulate
from rnnbench.results.interference import IDLE

A, B = 0, 1
"""Indices of the channels of the two tasks."""

IDLE_OUTPUTS = IDLE["zero"]
"""The output of the other task has the target 0; every figure of the theory says so."""


@dataclass(frozen=True)
class Protocol:
    """Trials and training that are the same for both tasks.

    Attributes:
        dt: time step, in tau.
        duration: length of a trial, in tau.
        loss_start: time from which the loss is computed, in tau.
        pulse: amplitude of the pulse.
        target: size of the target.
        offset: kappa along both patterns at time 0.
        mirrored: whether a single trial stands for two that mirror each other, instead of two trials that start from
            the same offset.
        criterion: learning stops at this fraction of the untrained loss.
        rate: learning rate of gradient descent. At 0.5 and below, M ends where gradient flow would take it; at 3 it
            ends elsewhere. With `mirrored` and the small default offset this holds for formation only
            (docs/theory.md).
        max_updates: largest number of updates.
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
        """The state kappa [2] at time 0."""
        return np.full(2, self.offset)

    def with_(self, **changes: float) -> Protocol:
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


def pulse_episode(task: int, drive: Floats | float, protocol: Protocol) -> Episode:
    """The trials of one task, one for each sign of the pulse.

    Args:
        task: channel of the task, `A` or `B`.
        drive: [..], input after the pulse, as a fraction of the pulse; one for each model.
        protocol: the tasks.

    Returns:
        The trials: inputs [.., trial, time, 2]; targets and mask [trial, time, 2].
    """
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
    """The loss at M = 0, which is the same on A and B."""
    return loss(np.zeros((2, 2)), pulse_episode(A, drive, protocol), protocol.dt, g, protocol.start)


@dataclass(frozen=True)
class Learnt:
    """The end of learning one task, for each model.

    Attributes:
        m: M [model, 2, 2].
        loss: [model], loss on the task.
        updates: [model], number of updates.
        converged: [model], whether the loss has reached its bound.
    """

    m: Floats
    loss: Floats
    updates: np.ndarray
    converged: np.ndarray


def learn_many(
    m: Floats, task: int, drives: Floats, protocol: Protocol, bounds: Floats, g: Floats | float = 0.0
) -> Learnt:
    """Gradient descent on one task in many models, as in `two_by_two.learn` but without the course of learning.

    Args:
        m: [model, 2, 2], the M that each model starts from.
        task: channel of the task, `A` or `B`.
        drives: [model], drive of the task.
        protocol: the task and its training.
        bounds: [model]; a model stops when its loss is at or below its bound.
        g: [model] or one number, strength of the random connectivity.

    Returns:
        The end of learning in each model.
    """
    m = np.array(m, dtype=float)
    n = len(m)
    gs = np.broadcast_to(np.asarray(g, dtype=float), n)
    value, updates, active = np.full(n, np.nan), np.zeros(n, dtype=int), np.arange(n)
    episode = pulse_episode(task, np.asarray(drives, dtype=float), protocol)
    for update in range(protocol.max_updates + 1):
        # Models that have finished are left out, because they would cost as much as the others.
        active_episode = Episode(episode.inputs[active], episode.targets, episode.mask)
        active_g = gs[active][:, None, None] if np.any(gs > 0) else 0.0
        value[active], d_m = gradients(m[active], active_episode, protocol.dt, active_g, protocol.start)
        updates[active] = update
        unfinished = ~(value[active] <= bounds[active])
        if update == protocol.max_updates or not unfinished.any():
            break
        active, d_m = active[unfinished], d_m[unfinished]
        m[active] -= protocol.rate * d_m
    return Learnt(m, value, updates, value <= bounds)


def final_outputs(m: Floats, task: int, drives: Floats, protocol: Protocol, g: Floats | float = 0.0) -> Floats:
    """The outputs (z_A, z_B) at the end of the trials of one task.

    Args:
        m: M [model, 2, 2].
        task: channel of the task, `A` or `B`.
        drives: [model], drive of the task.
        protocol: the task.
        g: [model] or one number, strength of the random connectivity.

    Returns:
        [model, trial, 2], one trial for each sign of the pulse.
    """
    inputs = pulse_episode(task, np.asarray(drives, dtype=float), protocol).inputs
    model_g = g[:, None, None] if isinstance(g, np.ndarray) else g
    return readout(simulate(m, inputs, protocol.dt, model_g, protocol.start)[..., -1, :], model_g)

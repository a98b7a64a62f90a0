"""Prediction of the 2x2 model for a network of a benchmark that learns only a 2x2 matrix."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from rnnbench.benchmark.schema import TaskSpec, Training
from rnnbench.reports.claims.theory.mean_field import Floats
from rnnbench.reports.claims.theory.two_by_two import Episode, Learning, learn, loss
from rnnbench.results.interference import interference


@dataclass(frozen=True)
class Memory:
    """A fixed-point task with one channel, and how it is trained.

    Attributes:
        duration: length of a trial, in tau.
        loss_start: time from which the loss is computed, in tau.
        pulse: shape of the pulse, "unit_time" or "one_step".
        pulse_duration: length of the pulse, in tau; not used for "one_step".
        pulse_amplitude: amplitude of the pulse.
        target_amplitude: size of the target.
        drive: input after the pulse, as a fraction of the pulse.
        rate: learning rate.
        relative_loss: learning stops at this fraction of the untrained loss; None if `absolute_loss` is used.
        absolute_loss: learning stops at this loss; None if `relative_loss` is used.
        max_updates: largest number of updates.
        training: settings of the training, which say after which updates the loss is evaluated.
    """

    duration: float
    loss_start: float
    pulse: str
    pulse_duration: float
    pulse_amplitude: float
    target_amplitude: float
    drive: float
    rate: float
    relative_loss: float | None
    absolute_loss: float | None
    max_updates: int
    training: Training

    def bound(self, untrained: float) -> float:
        """The loss at which learning stops.

        Args:
            untrained: the loss before any training.

        Returns:
            The bound.
        """
        if self.relative_loss is not None:
            return self.relative_loss * untrained
        assert self.absolute_loss is not None
        return self.absolute_loss


@dataclass(frozen=True)
class Prediction:
    """The 2x2 model after it has learnt A and then B.

    Attributes:
        m: [1 + update, 2, 2], the matrix M while B is learnt; index 0 is A's pattern, index 1 is B's.
        loss_first: [1 + update], loss on A while B is learnt.
        loss_second: [1 + update], loss on B.
        interference: interference of B with A, as defined in `rnnbench.results.interference`.
        learnt: whether both tasks reached their criterion.
    """

    m: Floats
    loss_first: Floats
    loss_second: Floats
    interference: float
    learnt: bool


def memory(task: TaskSpec, rate: float) -> Memory:
    """The parameters that the 2x2 model needs of a task.

    Args:
        task: a `fixed_points` task of a benchmark.
        rate: learning rate of the rule; used if the task does not set its own.

    Returns:
        The task's parameters.
    """
    parameters: Mapping[str, Any] = task.parameters
    training = task.training
    names = ("duration", "loss_start", "pulse", "pulse_duration", "pulse_amplitude", "target_amplitude", "drive")
    return Memory(
        **{name: parameters[name] for name in names},
        rate=rate if training.learning_rate is None else training.learning_rate,
        relative_loss=training.criterion.relative_loss,
        absolute_loss=training.criterion.loss,
        max_updates=training.max_updates,
        training=training,
    )


def episode(task: Memory, channel: int, dt: float, idle_zero: bool) -> Episode:
    """The two trials of a task (pulse of sign +1 and -1) on one of two channels; the other channel has no input.

    Times are rounded to steps as in the task plugin: half a step is rounded up.

    Args:
        task: the task.
        channel: the task's channel, 0 or 1.
        dt: time step, in tau.
        idle_zero: whether the output of the other channel is trained to zero, so that it contributes to the loss.

    Returns:
        Inputs, targets and mask, each [2, time, 2].
    """
    begin = _steps(task.loss_start, dt)
    n_steps = max(_steps(task.duration, dt), begin + 1)
    course = np.full(n_steps, task.drive * task.pulse_amplitude)
    if task.pulse == "one_step":
        course[0] = task.pulse_amplitude / dt
    else:
        course[: max(1, _steps(task.pulse_duration, dt))] = task.pulse_amplitude
    inputs, targets, mask = (np.zeros((2, n_steps, 2)) for _ in range(3))
    signs = np.array([1.0, -1.0])[:, None]
    inputs[:, :, channel] = signs * course
    targets[:, begin:, channel] = signs * task.target_amplitude
    mask[:, begin:, slice(None) if idle_zero else channel] = 1
    return Episode(inputs, targets, mask)


def _steps(time: float, dt: float) -> int:
    return int(np.floor(time / dt + 0.5 + 1e-9))


@cache
def predict(first: Memory, second: Memory, dt: float, g: float, offset: float, idle_zero: bool = True) -> Prediction:
    """Train the 2x2 model on A from M = 0 and then on B, by full gradient descent with both signs in every update.

    As in a benchmark, the loss is evaluated after some of the updates, and learning stops at the first evaluation
    at which it has reached its bound. At g > 0 the transients of the model are approximate.

    Args:
        first: task A.
        second: task B.
        dt: time step, in tau.
        g: strength of the random connectivity.
        offset: every trial starts at kappa = (offset, offset).
        idle_zero: whether the output of the other task is trained to zero.

    Returns:
        The course of learning B, and the interference.
    """
    a, b = episode(first, 0, dt, idle_zero), episode(second, 1, dt, idle_zero)
    start, m = np.full(2, offset), np.zeros((2, 2))
    untrained_a, untrained_b = (loss(m, each, dt, g, start) for each in (a, b))
    bound_a, bound_b = first.bound(untrained_a), second.bound(untrained_b)
    on_a = _learn(m, a, first, bound_a, (), dt, g, start)
    on_b = _learn(on_a.m[-1], b, second, bound_b, (a,), dt, g, start)
    loss_second, loss_first = on_b.losses.T
    lost = interference(untrained_a, float(loss_first[0]), float(loss_first[-1]))
    learnt = bool(on_a.losses[-1, 0] <= bound_a and loss_second[-1] <= bound_b)
    return Prediction(on_b.m, loss_first, loss_second, lost, learnt)


def _until_evaluated(how: Memory, updates: int) -> int:
    """Number of updates from a given number to the next one after which the benchmark evaluates networks."""
    return next(n for n in itertools.count(1) if how.training.evaluates_after(updates + n))


def _learn(
    m: Floats,
    task: Episode,
    how: Memory,
    bound: float,
    watched: tuple[Episode, ...],
    dt: float,
    g: float,
    start: Floats,
) -> Learning:
    path, losses = m[None], np.array([[loss(m, each, dt, g, start) for each in (task, *watched)]])
    while losses[-1, 0] > bound and len(path) <= how.max_updates:
        n_updates = min(_until_evaluated(how, len(path) - 1), how.max_updates + 1 - len(path))
        # A loss is never below -1, so all these updates are made before the loss is compared with the bound.
        part = learn(path[-1], task, dt, how.rate, n_updates, -1.0, watched, g, start)
        path, losses = np.concatenate([path, part.m[1:]]), np.concatenate([losses, part.losses[1:]])
    return Learning(path, losses)

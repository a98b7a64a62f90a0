"""What the 2x2 model predicts for a network of the benchmark whose 2x2 matrix alone is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from rnnbench.benchmark.schema import TaskSpec
from rnnbench.reports.claims.theory.mean_field import Floats
from rnnbench.reports.claims.theory.two_by_two import Episode, Learning, learn, loss
from rnnbench.results.interference import interference


@dataclass(frozen=True)
class Memory:
    """A fixed-point task of one channel, as its parameters stand in a benchmark; times in tau."""

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
    evaluate_every: int

    def bound(self, untrained: float) -> float:
        """The loss at which learning stops."""
        if self.relative_loss is not None:
            return self.relative_loss * untrained
        assert self.absolute_loss is not None
        return self.absolute_loss


@dataclass(frozen=True)
class Prediction:
    """The 2x2 model taken through A, then B.

    m                   [1 + update, 2, 2] while B is learnt; index 0 is A's pattern, 1 is B's
    loss_first          [1 + update] on A while B is learnt
    loss_second         [1 + update] on B
    interference        as everywhere in rnnbench
    learnt              both tasks reached their criterion
    """

    m: Floats
    loss_first: Floats
    loss_second: Floats
    interference: float
    learnt: bool


def memory(task: TaskSpec, rate: float) -> Memory:
    """The task of a benchmark, one of `fixed_points`, learnt at this rate."""
    words: Mapping[str, Any] = task.parameters
    training = task.training
    names = ("duration", "loss_start", "pulse", "pulse_duration", "pulse_amplitude", "target_amplitude", "drive")
    return Memory(
        **{name: words[name] for name in names},
        rate=rate if training.learning_rate is None else training.learning_rate,
        relative_loss=training.criterion.relative_loss,
        absolute_loss=training.criterion.loss,
        max_updates=training.max_updates,
        evaluate_every=training.evaluate_every,
    )


def episode(task: Memory, channel: int, dt: float, idle_zero: bool) -> Episode:
    """Both trials of a task (sign +1 and -1) on its channel of two, the other silent; arrays [2, time, 2].

    The other output is among the errors where idle outputs are trained to zero. Half a step is rounded up, as in the
    task.
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
    """Learn A from M = 0, then B, by full gradient descent (both signs in every update), and score A all along.

    The network starts every trial at kappa = (offset, offset). As in the benchmark, learning stops at the first look
    at the loss, every `evaluate_every` updates, that finds it at the bound. At g > 0 the model's transients are
    approximate.
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
        to_look = min(how.evaluate_every, how.max_updates + 1 - len(path))
        part = learn(path[-1], task, dt, how.rate, to_look, -1.0, watched, g, start)  # no loss is below -1: to the look
        path, losses = np.concatenate([path, part.m[1:]]), np.concatenate([losses, part.losses[1:]])
    return Learning(path, losses)

"""Conformance checks for tasks."""

from __future__ import annotations

import time

import numpy as np
import torch

from rnnbench.benchmark.schema import Channels, Training
from rnnbench.engine.builtin.gradient_descent import GradientDescent
from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.plugin.interfaces import Task, Trials
from rnnbench.randomness import rng_for
from rnnbench.testing import common_checks as any_plugin
from rnnbench.testing.check import Check, Failed, Note, Skipped
from rnnbench.testing.global_random import global_seed, without_global_randomness
from rnnbench.training.channels import Layout
from rnnbench.training.stage import Start
from rnnbench.training.trainer import Trainer
from rnnbench.training.trials import check_task, checked

DT = 0.5
"""Time step of the checks (tau)."""
ARRAYS = ("inputs", "targets", "mask")
"""Arrays of a batch of trials."""
STUDENT = VanillaRNN(units=64, learn="all", dt=DT)
"""Network that has to learn the task."""
LEARNT = 0.8
"""A task is learnt if the loss is at most this fraction of that of the best blind answer on the same trials."""
EVALUATION_TRIALS = 128
"""Trials on which learning is evaluated."""
STEPS, MOST_UPDATES = 60_000, 600
"""Largest number of time steps of training, so that tasks with long trials get fewer updates; and of updates."""

RATES = (3e-3, 1e-3, 3e-3, 1e-3)
"""Learning rates of the networks that try to learn a task, one after the other: not every task allows a high one."""


def draw(task: Task, seed: int = 0, n_trials: int = 32, dt: float = DT) -> Trials:
    """A batch of trials whose shapes have been checked.

    Args:
        task: the task to draw from.
        seed: seed of the generator.
        n_trials: number of trials.
        dt: time step (tau).
    """
    return checked(task, task.sample(rng_for(seed, "check"), n_trials, dt), n_trials)


def shapes(task: Task) -> str:
    """Arrays have the promised shapes, for any number of trials."""
    Layout(Channels(), {"task": task})  # refuses numbers of channels that are not integers
    lengths = {draw(task, n_trials=n).inputs.shape[1] for n in (1, 2, 7)}
    steps = f"{min(lengths)}" if len(lengths) == 1 else f"{min(lengths)} to {max(lengths)}"
    return f"{task.n_inputs} inputs, {task.n_outputs} outputs, {steps} steps at dt = {DT}"


def numbers(task: Task) -> str:
    """Arrays hold finite numbers."""
    check_task(task, DT, {4})
    types = {str(getattr(draw(task), name).dtype) for name in ARRAYS}
    return "float32" if types == {"float32"} else f"{', '.join(sorted(types))}: converted to float32"


def mask(task: Task) -> str:
    """The mask covers targets that are not all equal."""
    trials = draw(task)
    weights = np.broadcast_to(trials.mask, trials.targets.shape)
    if (weights < 0).any() or not (weights > 0).any():
        raise Failed(
            "the mask is negative somewhere or zero everywhere; expected the weight of each target in the loss"
        )
    if np.ptp(trials.targets[weights > 0]) == 0:
        raise Failed(f"every target under the mask is {trials.targets[weights > 0][0]:g}; targets must differ")
    empty = int((weights.sum(axis=(1, 2)) == 0).sum())
    return f"{(weights > 0).mean():.0%} of all points" + (
        f"; none in {empty} of {len(weights)} trials" if empty else ""
    )


def deterministic(task: Task) -> str:
    """Generators of the same seed give the same trials."""
    with global_seed(1):
        one = draw(task)
    with global_seed(1):
        two, other = draw(task), draw(task, seed=1)
    if not same_trials(one, two):
        raise Failed("two generators of the same seed give different trials; is something kept between calls?")
    return "all seeds give the same trials" if same_trials(one, other) else "other seeds give other trials"


def global_randomness(task: Task) -> str:
    """The global random state is neither used nor changed."""
    return without_global_randomness(lambda: draw(task), same_trials)


def time_steps(task: Task) -> str:
    """The duration of trials does not depend on the time step."""
    durations = {}
    for dt in (0.5, 0.25, 0.1):
        check_task(task, dt, {4})
        durations[dt] = max(draw(task, seed, 8, dt).inputs.shape[1] for seed in range(4)) * dt
    long, short = max(durations.values()), min(durations.values())
    # Allow for rounding to whole steps, and for random lengths, of which the longest of 32 draws is taken.
    if long - short > 4 * DT + 0.25 * short:
        found = ", ".join(f"{duration:g} at dt = {dt}" for dt, duration in durations.items())
        raise Failed(f"trials last {found} (tau); sample() must use dt to convert times into steps")
    return f"{short:g} tau at dt = 0.5, 0.25 and 0.1" if long == short else f"{short:g} to {long:g} tau"


def accuracy(task: Task) -> str:
    """Accuracy is 1 for the targets, and from 0 to 1 for any output."""
    if type(task).accuracy is Task.accuracy:
        raise Skipped("it defines no accuracy")
    trials = draw(task)
    targets = np.asarray(trials.targets, np.float32)
    noise = rng_for(0, "check", "outputs").standard_normal(targets.shape).astype(np.float32)
    found = {}
    for name, outputs in {"its targets": targets, "silence": 0 * targets, "noise": noise}.items():
        each = task.accuracy(outputs, trials)
        if each is None:
            raise Skipped("it has no accuracy with these parameters")
        if np.shape(each) != (len(targets),):
            raise Failed(f"accuracy() returns shape {np.shape(each)}; expected [trial] = ({len(targets)},)")
        if not ((np.asarray(each) >= 0) & (np.asarray(each) <= 1)).all():
            raise Failed(f"accuracy of {name} is {np.min(each):g} to {np.max(each):g}; expected 0 to 1 in every trial")
        found[name] = float(np.mean(each))
    if found["its targets"] < 1 - 1e-6:
        raise Failed(f"accuracy of its own targets is {found['its targets']:.3g}; expected 1 in every trial")
    return f"silence {found['silence']:.2f}, noise {found['noise']:.2f}"


def learnable(task: Task) -> str:
    """A small network learns to do better than the best answer that ignores the inputs."""
    trials = _trainer(task, RATES[0]).source.evaluation("task", 0, EVALUATION_TRIALS)
    chance = blind_loss(trials)
    if chance == 0:
        raise Skipped("a constant answer has no error")
    budget = max(1, min(MOST_UPDATES, STEPS // trials.inputs.shape[1]))
    training = Training(batch=32, max_updates=budget, evaluate_every=20)
    # A task that needs the whole budget may be missed by one network through rounding alone, but not by all of them.
    for seed, rate in enumerate(RATES):
        weights = STUDENT.init(rng_for(seed, "check"), task.n_inputs, task.n_outputs)
        start = Start(seed, 0, budget, LEARNT * chance, ("task",), weights)
        (outcome,) = _trainer(task, rate).train("task", 0, training, [start])
        score = outcome.curve[outcome.updates]["task"]
        message = f"loss {score.loss:.3g} after {outcome.updates} updates; best answer without inputs {chance:.3g}"
        if score.loss <= LEARNT * chance:
            return message if score.accuracy is None else f"{message}; accuracy {score.accuracy:.2f}"
    raise Failed(
        f"{message}: do the inputs determine the targets? ({len(RATES)} vanilla RNNs of {STUDENT.units} units, adam)"
    )


def _trainer(task: Task, rate: float) -> Trainer:
    rule = GradientDescent(optimizer="adam", learning_rate=rate)
    layout, evaluation = Layout(Channels(), {"task": task}), {"task": EVALUATION_TRIALS}
    return Trainer({"task": task}, layout, STUDENT, rule, evaluation, torch.float32, torch.device("cpu"))


def blind_loss(trials: Trials) -> float:
    """Loss of the best answer that ignores the inputs: at each time, the mean of the targets of all trials.

    If that answer has no error because the targets are the same in every trial, the loss of the best answer that is
    constant in time is returned.

    Args:
        trials: targets [trial, time, output] and a mask that broadcasts to the same shape.
    """
    weights = np.broadcast_to(trials.mask, trials.targets.shape).astype(float)
    for axes in ((0,), (0, 1)):
        total = weights.sum(axis=axes, keepdims=True)
        mean = (weights * trials.targets).sum(axis=axes, keepdims=True) / np.maximum(total, 1e-30)
        loss = float((weights * (trials.targets - mean) ** 2).sum() / (2 * weights.sum()))
        if loss > 1e-9:
            return loss
    return 0.0


def bounds(task: Task) -> str:
    """Parameters at their limits are usable, or refused with a reason."""
    return any_plugin.keeps_bounds(task, _draw_checked)


def _draw_checked(task: Task) -> None:
    # Draw first, since this passes on the ValueError that a task may raise.
    draw(task, n_trials=4)
    check_task(task, DT, {4})


def json(task: Task) -> str:
    """It survives a round trip through JSON and then draws the same trials."""
    again = any_plugin.rebuilt(task)
    if not same_trials(draw(task), draw(again)):
        raise Failed("created again from its parameters it draws other trials; is something stored elsewhere?")
    return f"{len(type(task).model_fields)} parameters"


def speed(task: Task) -> str:
    """Time to draw a batch of trials."""
    draw(task)
    begin = time.perf_counter()
    for seed in range(5):
        draw(task, seed)
    return Note(f"{200 * (time.perf_counter() - begin):.2g} ms for 32 trials at dt = {DT}")


def same_trials(one: Trials, two: Trials) -> bool:
    """Whether all arrays of two batches are equal, including those in `info`."""
    pairs = [(getattr(one, name), getattr(two, name)) for name in ARRAYS]
    if set(one.info) != set(two.info):
        return False
    pairs += [(one.info[name], two.info[name]) for name in one.info]
    return all(np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind == "f") for a, b in pairs)


CHECKS: tuple[Check, ...] = (
    any_plugin.described,
    json,
    bounds,
    shapes,
    numbers,
    mask,
    deterministic,
    global_randomness,
    time_steps,
    accuracy,
    learnable,
    speed,
)

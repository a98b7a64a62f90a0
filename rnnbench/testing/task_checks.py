"""What rnnbench asks of a task."""

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
from rnnbench.training.trainer import Start, Trainer
from rnnbench.training.trials import check_task, checked

DT = 0.5
ARRAYS = ("inputs", "targets", "mask")
STUDENT = VanillaRNN(units=64, learn="all", dt=DT)
LEARNT = 0.8
"""A task is learnt when the loss is at most this part of the best blind answer's, on the same trials."""
JUDGED_ON = 128
STEPS, MOST_UPDATES = 60_000, 600
"""Time steps of training at most, so that a task of long trials gets fewer updates; and updates at most."""

RATES = (3e-3, 1e-3, 3e-3, 1e-3)
"""Learning rates of the networks that may try to learn a task, one after the other: tasks differ in what they bear."""


def draw(task: Task, seed: int = 0, n_trials: int = 32, dt: float = DT) -> Trials:
    """Trials of the right shapes."""
    return checked(task, task.sample(rng_for(seed, "check"), n_trials, dt), n_trials)


def shapes(task: Task) -> str:
    """Arrays have the shapes it promises, for any number of trials."""
    Layout(Channels(), {"task": task})  # refuses channels that are no whole numbers
    lengths = {draw(task, n_trials=n).inputs.shape[1] for n in (1, 2, 7)}
    told = f"{min(lengths)}" if len(lengths) == 1 else f"{min(lengths)} to {max(lengths)}"
    return f"{task.n_inputs} inputs, {task.n_outputs} outputs, {told} steps at dt = {DT}"


def numbers(task: Task) -> str:
    """Arrays hold finite numbers."""
    check_task(task, DT, {4})
    types = {str(getattr(draw(task), name).dtype) for name in ARRAYS}
    return "float32" if types == {"float32"} else f"{', '.join(sorted(types))}: turned into float32"


def mask(task: Task) -> str:
    """The mask covers something, and what it covers is not always the same."""
    trials = draw(task)
    weights = np.broadcast_to(trials.mask, trials.targets.shape)
    if (weights < 0).any() or not (weights > 0).any():
        raise Failed("the mask is negative somewhere, or zero everywhere; it is the weight of each target in the loss")
    if np.ptp(trials.targets[weights > 0]) == 0:
        raise Failed(f"every target that counts is {trials.targets[weights > 0][0]:g}: there is nothing to tell apart")
    empty = int((weights.sum(axis=(1, 2)) == 0).sum())
    return f"{(weights > 0).mean():.0%} of all points" + (
        f"; nothing in {empty} of {len(weights)} trials" if empty else ""
    )


def deterministic(task: Task) -> str:
    """The same generator gives the same trials."""
    with global_seed(1):
        one = draw(task)
    with global_seed(1):
        two, other = draw(task), draw(task, seed=1)
    if not same_trials(one, two):
        raise Failed("two generators of one seed give different trials; is anything kept from call to call?")
    return "every draw is the same" if same_trials(one, other) else "and another gives others"


def global_randomness(task: Task) -> str:
    """Global random state is neither used nor moved."""
    return without_global_randomness(lambda: draw(task), same_trials)


def time_steps(task: Task) -> str:
    """Trials last as long whatever the time step."""
    durations = {}
    for dt in (0.5, 0.25, 0.1):
        check_task(task, dt, {4})
        durations[dt] = max(draw(task, seed, 8, dt).inputs.shape[1] for seed in range(4)) * dt
    long, short = max(durations.values()), min(durations.values())
    # Rounding to steps, and the longest of 32 draws where the length is drawn.
    if long - short > 4 * DT + 0.25 * short:
        told = ", ".join(f"{duration:g} at dt = {dt}" for dt, duration in durations.items())
        raise Failed(f"trials last {told} (tau); sample() must turn times into steps by dt")
    return f"{short:g} tau at dt = 0.5, 0.25 and 0.1" if long == short else f"{short:g} to {long:g} tau"


def accuracy(task: Task) -> str:
    """Accuracy is 1 on the targets, and in 0 to 1 on anything."""
    if type(task).accuracy is Task.accuracy:
        raise Skipped("it defines no accuracy")
    trials = draw(task)
    targets = np.asarray(trials.targets, np.float32)
    noise = rng_for(0, "check", "outputs").standard_normal(targets.shape).astype(np.float32)
    found = {}
    for name, outputs in {"its targets": targets, "silence": 0 * targets, "noise": noise}.items():
        each = task.accuracy(outputs, trials)
        if each is None:
            raise Skipped("it gives no accuracy with these parameters")
        if np.shape(each) != (len(targets),):
            raise Failed(f"accuracy() gives shape {np.shape(each)}; expected [trial] = ({len(targets)},)")
        if not ((np.asarray(each) >= 0) & (np.asarray(each) <= 1)).all():
            raise Failed(f"accuracy of {name} is {np.min(each):g} to {np.max(each):g}; expected 0 to 1 in every trial")
        found[name] = float(np.mean(each))
    if found["its targets"] < 1 - 1e-6:
        raise Failed(f"accuracy of its own targets is {found['its targets']:.3g}; expected 1 in every trial")
    return f"silence {found['silence']:.2f}, noise {found['noise']:.2f}"


def learnable(task: Task) -> str:
    """A small network learns it better than can be answered blindly."""
    judged_on = _trainer(task, RATES[0]).source.evaluation("task", 0, JUDGED_ON)
    chance = blind_loss(judged_on)
    if chance == 0:
        raise Skipped("an answer that never changes is perfect")
    budget = max(1, min(MOST_UPDATES, STEPS // judged_on.inputs.shape[1]))
    training = Training(batch=32, max_updates=budget, evaluate_every=20)
    # Near the edge of the budget a rounding decides; what one network just misses another will not.
    for seed, rate in enumerate(RATES):
        weights = STUDENT.init(rng_for(seed, "check"), task.n_inputs, task.n_outputs)
        start = Start(seed, 0, budget, LEARNT * chance, ("task",), weights)
        (outcome,) = _trainer(task, rate).train("task", 0, training, [start])
        score = outcome.curve[outcome.updates]["task"]
        told = f"loss {score.loss:.3g} after {outcome.updates} updates, of the best blind answer {chance:.3g}"
        if score.loss <= LEARNT * chance:
            return told if score.accuracy is None else f"{told}; accuracy {score.accuracy:.2f}"
    raise Failed(
        f"{told}: do the inputs say what is asked for? ({len(RATES)} vanilla RNNs of {STUDENT.units} units, adam)"
    )


def _trainer(task: Task, rate: float) -> Trainer:
    rule = GradientDescent(optimizer="adam", learning_rate=rate)
    layout, judged_on = Layout(Channels(), {"task": task}), {"task": JUDGED_ON}
    return Trainer({"task": task}, layout, STUDENT, rule, judged_on, torch.float32, torch.device("cpu"))


def blind_loss(trials: Trials) -> float:
    """The loss of the best answer that does not look at the inputs: at each time the mean of all trials' targets.

    Of the best constant answer, where even that is perfect because all trials ask for the same.
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
    # draw first: it passes on a ValueError of the task's own.
    draw(task, n_trials=4)
    check_task(task, DT, {4})


def json(task: Task) -> str:
    """It comes back from JSON and draws the same trials."""
    again = any_plugin.rebuilt(task)
    if not same_trials(draw(task), draw(again)):
        raise Failed("made anew from its parameters it draws other trials; is anything kept outside of them?")
    return f"{len(type(task).model_fields)} parameters"


def speed(task: Task) -> str:
    """How long a batch takes to draw."""
    draw(task)
    begin = time.perf_counter()
    for seed in range(5):
        draw(task, seed)
    return Note(f"{200 * (time.perf_counter() - begin):.2g} ms for 32 trials at dt = {DT}")


def same_trials(one: Trials, two: Trials) -> bool:
    """Whether all arrays are equal, what `info` holds included."""
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

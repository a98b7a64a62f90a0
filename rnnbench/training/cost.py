"""Estimates the memory and the time that a population takes, before it is computed."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from rnnbench.benchmark.cells import Cell
from rnnbench.engine.autograd import ARRAYS
from rnnbench.engine.cuda_graph import EAGER, MOST
from rnnbench.engine.precision import products
from rnnbench.engine.segments import KEPT
from rnnbench.training.cell_trainer import CellTrainer
from rnnbench.training.trainer import Trainer
from rnnbench.training.trials import KEPT_BYTES, KEPT_LOOKS

TIMED_UPDATES = 4
"""Number of updates from which the time of one is estimated, besides those before a GPU records the gradient."""

PROCESS = 450 * 2**20
"""Memory (bytes) of a worker before it computes anything (Python, torch and plugins), as measured."""

WEIGHTS = 8
"""Number of copies of the weights during training: old and new weights, gradients, moments, and stored arrays."""

RECORDED_WEIGHTS = 2
"""Number of copies of the weights in a recorded gradient: the weights and the gradients."""

STATES = 3
"""Largest number of state arrays in the rate RNN's engine: currents, rates and adjoints."""


def bytes_per_network(trainer: CellTrainer, cell: Cell) -> int:
    """Estimate the memory that one more network in a population takes on a GPU.

    The memory holds the network's states, weights and trials: once for the engine, and once more for each gradient that
    is recorded (`rnnbench.engine.cuda_graph`), which has its own states, trials of a batch, weights and gradients.

    Args:
        trainer: the trainer of the cell's setting.
        cell: the cell that the network becomes.

    Returns:
        The memory (bytes).
    """
    batch, evaluation = _trials(trainer, cell)
    recorded = _states_of_a_batch(trainer, cell) + batch + RECORDED_WEIGHTS * _weights(trainer, cell) // WEIGHTS
    return _states(trainer, cell) + _weights(trainer, cell) + batch + evaluation + MOST * recorded


def bytes_per_worker(trainer: CellTrainer, cell: Cell, networks: int) -> int:
    """Estimate the memory of a worker process that computes a population on a CPU.

    The estimate is within a factor of two of what a process takes in the tests.

    Args:
        trainer: the trainer of the cell's setting.
        cell: a cell of the population.
        networks: number of networks in the population, all of one seed.

    Returns:
        The memory (bytes).
    """
    # Independent networks are computed one after the other, so that memory for states is needed only once.
    at_once = 1 if trainer.trainer(cell).engine.independent else networks
    weights = networks * _weights(trainer, cell)
    return PROCESS + at_once * _states(trainer, cell) + weights + sum(_trials(trainer, cell))


def _states(trainer: CellTrainer, cell: Cell) -> int:
    """Bytes of the states of a batch, or of an evaluation on the longest task if these are more."""
    network, batch = trainer.trainer(cell), _states_of_a_batch(trainer, cell)
    if not network.engine.independent:
        return batch
    longest = max(trainer.setting.steps(label, network.architecture.dt) for label in cell.history)
    evaluation = longest * network.architecture.units * _itemsize(trainer) * cell.task.training.evaluation_trials
    return max(batch, min(STATES * evaluation, KEPT))


def _states_of_a_batch(trainer: CellTrainer, cell: Cell) -> int:
    network = trainer.trainer(cell)
    arrays = STATES if network.engine.independent else ARRAYS
    per_trial = (
        trainer.setting.steps(cell.task.label, network.architecture.dt)
        * network.architecture.units
        * _itemsize(trainer)
    )
    return min(arrays * per_trial * cell.task.training.batch, KEPT)


def _weights(trainer: CellTrainer, cell: Cell) -> int:
    return WEIGHTS * _itemsize(trainer) * sum(w.size for w in trainer.setting.initial_weights(cell).values())


def _trials(trainer: CellTrainer, cell: Cell) -> tuple[int, int]:
    """Bytes of a batch, once as drawn and once on the device; and of the held-out trials that are kept."""
    setting, architecture = trainer.setting, trainer.setting.architecture(cell.architecture)
    noise, layout, training = architecture.n_noise, setting.layout(cell), cell.task.training
    channels = layout.n_inputs + 2 * layout.n_outputs + noise
    steps = {label: setting.steps(label, architecture.dt) for label in dict.fromkeys(cell.history)}
    batch = 2 * steps[cell.task.label] * training.batch * channels * _itemsize(trainer)
    evaluations = [steps[label] * setting.benchmark.task(label).training.evaluation_trials for label in steps]
    largest = sorted(evaluations, reverse=True)[:KEPT_LOOKS]
    bytes_per_step = channels * _itemsize(trainer)
    on_device = min(sum(largest) * bytes_per_step, max(KEPT_BYTES, largest[0] * bytes_per_step))
    return batch, on_device + sum(evaluations) * (channels - noise) * 4


def _itemsize(trainer: CellTrainer) -> int:
    return trainer.setting.dtype.itemsize


def seconds_per_update(trainer: CellTrainer, cell: Cell, clock: Callable[[], float]) -> float:
    """Measure the time of one update of one network, including its share of the evaluation on two tasks.

    It is the median over a few real updates. The first is left out, since it also allocates memory and compiles.

    Args:
        trainer: the trainer of the cell's setting.
        cell: a cell whose last task is timed.
        clock: returns the time (s) from any origin.

    Returns:
        The time (s); NaN if a plugin is broken.
    """
    try:
        return _seconds_per_update(trainer.trainer(cell, [cell.task.label]), trainer, cell, clock)
    except (Exception, SystemExit):  # The error is reported when the cells are computed.
        return math.nan


@torch.no_grad()
def _seconds_per_update(trainer: Trainer, cells: CellTrainer, cell: Cell, clock: Callable[[], float]) -> float:
    label, training = cell.task.label, cell.task.training
    on_gpu = cells.device.type == "cuda"

    def now() -> float:
        if on_gpu:
            torch.cuda.synchronize(cells.device)  # The GPU works asynchronously.
        return clock()

    context = trainer.context(label, [cell.seed])
    weights = trainer.tensors([cells.setting.initial_weights(cell)])
    with products(cells.setting.benchmark.dtype, cells.device):
        # The first evaluation draws the trials, which later ones keep, and pays for memory.
        trainer.evaluate(label, weights, [cell.seed])
        begin = now()
        trainer.evaluate(label, weights, [cell.seed])
        evaluation = now() - begin
        state = trainer.rule.begin_task(weights, {}, context)
        ticks = []
        for update in range(TIMED_UPDATES + (EAGER if on_gpu else 0)):
            batch = context.sample("train", update, training.batch)
            weights, state = trainer.rule.learn(weights, batch, state, context)
            ticks.append(now())
    updates = np.diff(ticks[EAGER:] if on_gpu else ticks)
    return float(np.median(updates)) + 2 * evaluation / training.evaluate_every

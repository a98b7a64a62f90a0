"""What computing a population costs in memory and time, before it is computed."""

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
from rnnbench.training.trainer import Start, Trainer
from rnnbench.training.trials import KEPT_BYTES, KEPT_LOOKS

TIMED_UPDATES = 6
"""Updates from which the time of one is estimated; on a card those after the first, until the gradient is recorded."""

PROCESS = 450 * 2**20
"""Bytes of a worker before it computes: Python, torch, the plugins, as measured."""

WEIGHTS = 8
"""Copies of the weights while they are learnt: old and new, gradients, moments, and what is stored."""

RECORDED_WEIGHTS = 2
"""Copies of them in a recorded gradient: its own, and its results."""

STATES = 3
"""Arrays of states that the rate RNN's engine keeps, at most: currents, rates, adjoints."""


def bytes_per_network(trainer: CellTrainer, cell: Cell) -> int:
    """What one more network in a population on a card takes: its states, its weights, and trials of its own.

    Once for the engine, and once more for each gradient that is recorded (`rnnbench.engine.cuda_graph`), which has
    states and trials of a batch, weights and gradients of its own.
    """
    batch, looks = _trials(trainer, cell)
    recorded = _states_of_a_batch(trainer, cell) + batch + RECORDED_WEIGHTS * _weights(trainer, cell) // WEIGHTS
    return _states(trainer, cell) + _weights(trainer, cell) + batch + looks + MOST * recorded


def bytes_per_worker(trainer: CellTrainer, cell: Cell, networks: int) -> int:
    """What a worker process takes that computes a population of so many networks of one seed on a CPU.

    An estimate: within a factor of two of what a process takes in the tests.
    """
    # One after the other where they are independent, so that the room for states is needed once.
    at_once = 1 if trainer.trainer(cell).engine.independent else networks
    weights = networks * _weights(trainer, cell)
    return PROCESS + at_once * _states(trainer, cell) + weights + sum(_trials(trainer, cell))


def _states(trainer: CellTrainer, cell: Cell) -> int:
    """Of a batch, or of a look at the longest task where that is more."""
    network, batch = trainer.trainer(cell), _states_of_a_batch(trainer, cell)
    if not network.engine.independent:
        return batch
    longest = max(trainer.setting.steps(label, network.architecture.dt) for label in trainer.setting.tasks)
    looks = longest * network.architecture.units * _itemsize(trainer) * cell.task.training.evaluation_trials
    return max(batch, min(STATES * looks, KEPT))


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
    """Of a batch, drawn and placed; and of the held-out trials that are kept for the next evaluation."""
    setting, architecture = trainer.setting, trainer.setting.architecture(cell.architecture)
    noise, layout, training = architecture.n_noise, setting.layout, cell.task.training
    channels = layout.n_inputs + 2 * layout.n_outputs + noise
    steps = {label: setting.steps(label, architecture.dt) for label in setting.tasks}
    batch = 2 * steps[cell.task.label] * training.batch * channels * _itemsize(trainer)
    looks = [steps[label] * setting.benchmark.task(label).training.evaluation_trials for label in setting.tasks]
    kept = sorted(looks, reverse=True)[:KEPT_LOOKS]
    held = min(sum(kept) * channels * _itemsize(trainer), max(KEPT_BYTES, kept[0] * channels * _itemsize(trainer)))
    return batch, held + sum(looks) * (channels - noise) * 4


def _itemsize(trainer: CellTrainer) -> int:
    return trainer.setting.dtype.itemsize


def seconds_per_update(trainer: CellTrainer, cell: Cell, clock: Callable[[], float]) -> float:
    """Seconds of one network's update, its share of the evaluation of two tasks included; NaN if a plugin is broken.

    The median of a few real updates without the first, which pays for memory and compilation.

    Args:
        trainer: the trainer of the cell's setting.
        cell: a cell whose last task is timed.
        clock: seconds, from any origin.
    """
    try:
        return _seconds_per_update(trainer.trainer(cell, [cell.task.label]), trainer, cell, clock)
    except (Exception, SystemExit):  # reported when its cells are computed
        return math.nan


def _seconds_per_update(trainer: Trainer, cells: CellTrainer, cell: Cell, clock: Callable[[], float]) -> float:
    label, training = cell.task.label, cell.task.training
    weights = cells.setting.initial_weights(cell)
    on_card = cells.device.type == "cuda"
    start = Start(cell.seed, 0, TIMED_UPDATES + (EAGER if on_card else 0), None, (label,), weights)
    ticks: list[float] = []

    def now() -> float:
        if on_card:
            torch.cuda.synchronize(cells.device)  # otherwise only the time of asking would be measured
        return clock()

    with products(cells.setting.benchmark.dtype, cells.device):
        trainer.train(label, 0, training, [start], lambda n: ticks.append(now()))
        begin = now()
        trainer.evaluate(label, trainer.tensors([weights]), [cell.seed])
        look = now() - begin
    ticks = ticks[EAGER:] if on_card else ticks
    if len(ticks) < 2:  # the loss was not finite from the start
        return math.nan
    return float(np.median(np.diff(ticks))) + 2 * look / training.evaluate_every

"""How much memory computing a population takes, told before it is computed."""

from __future__ import annotations

from rnnbench.benchmark.cells import Cell
from rnnbench.engine.autograd import ARRAYS
from rnnbench.engine.cuda_graph import MOST
from rnnbench.engine.segments import KEPT
from rnnbench.training.cell_trainer import DTYPES, CellTrainer
from rnnbench.training.trials import KEPT_BYTES, KEPT_LOOKS

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
    longest = max(trainer.steps(cell, label) for label in trainer.tasks)
    looks = longest * network.architecture.units * _itemsize(trainer) * cell.task.training.evaluation_trials
    return max(batch, min(STATES * looks, KEPT))


def _states_of_a_batch(trainer: CellTrainer, cell: Cell) -> int:
    network = trainer.trainer(cell)
    arrays = STATES if network.engine.independent else ARRAYS
    per_trial = trainer.steps(cell, cell.task.label) * network.architecture.units * _itemsize(trainer)
    return min(arrays * per_trial * cell.task.training.batch, KEPT)


def _weights(trainer: CellTrainer, cell: Cell) -> int:
    return WEIGHTS * _itemsize(trainer) * sum(w.size for w in trainer.initial_weights(cell).values())


def _trials(trainer: CellTrainer, cell: Cell) -> tuple[int, int]:
    """Of a batch, drawn and placed; and of the held-out trials that are kept for the next look."""
    layout, noise = trainer.layout, trainer.trainer(cell).architecture.n_noise
    channels = layout.n_inputs + 2 * layout.n_outputs + noise
    training = cell.task.training
    batch = 2 * trainer.steps(cell, cell.task.label) * training.batch * channels * _itemsize(trainer)
    looks = [
        trainer.steps(cell, label) * trainer.benchmark.task(label).training.evaluation_trials for label in trainer.tasks
    ]
    kept = sorted(looks, reverse=True)[:KEPT_LOOKS]
    held = min(sum(kept) * channels * _itemsize(trainer), max(KEPT_BYTES, kept[0] * channels * _itemsize(trainer)))
    return batch, held + sum(looks) * (channels - noise) * 4


def _itemsize(trainer: CellTrainer) -> int:
    return DTYPES[trainer.benchmark.dtype].itemsize

"""Finds, before anything is trained, tasks that an architecture cannot learn to its criterion, and says what helps.

Two things are looked for, in the networks of one seed: a loss that cannot fall to the criterion because the readout is
not trained (`rnnbench.training.reachable`), and a gradient that is 0, nearly 0 or not finite at the first
update.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from rnnbench.benchmark.cells import Cell
from rnnbench.benchmark.schema import ArchitectureSpec, Training
from rnnbench.plugin.interfaces import Batch, Weights
from rnnbench.plugin.learning_rule import LearningRule, TaskContext
from rnnbench.training.cell_trainer import CellTrainer, CellTrainers
from rnnbench.training.reachable import Floor, fixed_readout, floor
from rnnbench.training.trainer import Trainer

NO_INPUT = (
    "its inputs are 0 throughout, and at the first update the gradient of every trained weight is exactly 0. "
    "Give the task an input, or the network a bias or an initial state"
)
NO_GRADIENT = (
    "at the first update the gradient of every trained weight is exactly 0. "
    "Check the inputs and the mask of the task and the initial weights"
)
FAINT = (
    "at the first update its gradient is nearly 0, so that a whole budget of such updates would hardly change the "
    "weights. The activity may have decayed before the outputs count: use a larger drive, input or g"
)
NOT_FINITE = "at the first update its gradient is not finite. Try smaller initial weights (g)"

NEARLY_0 = 1e-3
"""Norm of the gradient, relative to the root mean squared error of the outputs, below which FAINT may be reported."""

HARDLY = 0.01
"""Norm of the change of the weights after a budget of updates like the first, below which FAINT is reported.

Without drive and at g = 0, networks of 64 units learnt the fixed-point task where it was 0.1 or more, with adam and
with sgd and for gradients of 1e-3 to 1e-10. At 0.03 and below none learnt.
"""


@dataclass(frozen=True)
class Obstacle:
    """Why the networks of one architecture cannot learn a task under one condition.

    Attributes:
        task: label of the task.
        architecture: the architecture.
        condition: the condition; empty if the benchmark has none.
        gradient: what is wrong with the gradient; empty if it is the loss that cannot fall to the criterion.
        floor: what a readout that is not trained cannot do; None if the gradient is wrong.
        least: lower bound of the loss, in the unit of the criterion.
        criterion: the criterion: a loss, or a fraction of the untrained loss.
        is_relative: whether it is a fraction of the untrained loss.
        remedy: what can be changed.
    """

    task: str
    architecture: ArchitectureSpec
    condition: str
    gradient: str = ""
    floor: Floor | None = None
    least: float = 0.0
    criterion: float = 0.0
    is_relative: bool = True
    remedy: str = ""


def warnings_of(cells: Iterable[Cell], trainers: CellTrainers) -> tuple[str, ...]:
    """One line for each task and architecture of which no network can learn the task to its criterion.

    It never fails: what a broken plugin raises is reported when its cells are computed.

    Args:
        cells: the cells to be computed.
        trainers: the trainers of their settings, on the CPU.
    """
    groups: dict[tuple[str, str, str], list[Obstacle]] = {}
    for found in _obstacles(cells, trainers):
        groups.setdefault((found.task, found.architecture.label, found.gradient), []).append(found)
    return tuple(_line(group) for group in groups.values())


Check = Callable[[CellTrainer, Cell], Obstacle | None]


def _obstacles(cells: Iterable[Cell], trainers: CellTrainers) -> Iterator[Obstacle]:
    """Look once for each condition, task and architecture, with the seed and the rule of the first cell that serves."""
    readouts = _Readouts()
    kinds: set[tuple[str, str, int, int, bool]] = set()
    checked: set[tuple[str, str, int, Check]] = set()
    for cell in cells:
        # The ids stay valid, because the benchmark keeps the descriptions of architectures and rules.
        kind = cell.benchmark.condition, cell.task.label, id(cell.architecture), id(cell.rule), cell.parent is None
        if kind in kinds or cell.is_drift_control or not cell.task.training.max_updates:
            continue
        kinds.add(kind)
        checks: tuple[Check, ...] = (_gradient_fails, readouts.limit)
        for check, serves in zip(checks, _serves(trainers, cell), strict=True):
            if not serves or (*kind[:3], check) in checked:
                continue
            checked.add((*kind[:3], check))
            try:
                found = check(trainers.of(cell.benchmark), cell)
            except (Exception, SystemExit):  # A plugin is broken; it is reported when its cells are computed.
                continue
            if found is not None:
                yield found


def _serves(trainers: CellTrainers, cell: Cell) -> tuple[bool, bool]:
    """Whether the gradient and whether the readout of an untrained network say what a cell's network can learn."""
    try:
        rule = type(trainers.of(cell.benchmark).setting.rule(cell.rule.on(cell.task.training)))
    except (Exception, SystemExit):
        return False, False
    descends = rule.gradient is LearningRule.gradient and rule.learn is LearningRule.learn
    # A rule that performs each task with weights of its own may have another readout.
    return descends and cell.parent is None, rule.weights_for is LearningRule.weights_for


@torch.no_grad()
def _gradient_fails(trainers: CellTrainer, cell: Cell) -> Obstacle | None:
    """An obstacle if the gradient at a network's first update is not finite, 0 for all trained weights, or nearly 0."""
    trainer, training = trainers.trainer(cell, []), cell.task.training
    context = trainer.context(cell.task.label, [cell.seed])
    batch = context.sample("train", 0, training.batch)
    weights = trainer.tensors([trainers.setting.initial_weights(cell)])
    loss, gradients = context.gradient(weights, batch)
    error = math.sqrt(2 * float(loss[0]))
    if not all(bool(g.isfinite().all()) for g in gradients.values()):
        reason = NOT_FINITE
    elif float(loss[0]) <= training.criterion.bound(float(loss[0])):  # It need not learn.
        return None
    elif not any(bool(g.any()) for g in gradients.values()):
        reason = NO_GRADIENT if bool(batch.inputs.any()) else NO_INPUT
    elif _norm(gradients) < NEARLY_0 * error and _budgeted_change(trainer, context, weights, batch, training) < HARDLY:
        reason = FAINT
    else:
        return None
    return Obstacle(cell.task.label, cell.architecture, cell.benchmark.condition, reason)


def _budgeted_change(
    trainer: Trainer, context: TaskContext, weights: Weights, batch: Batch, training: Training
) -> float:
    """Norm of the change of all weights if every update of the budget were equal to the first."""
    state = trainer.rule.begin_task(weights, {}, context)
    new, _ = trainer.rule.learn(weights, batch, state, context)
    return training.max_updates * _norm({name: new[name] - w for name, w in weights.items()})


def _norm(arrays: Weights) -> float:
    return math.sqrt(sum(float(a.double().square().sum()) for a in arrays.values()))


class _Readouts:
    """The readouts that are not trained, computed once for each architecture and condition."""

    def __init__(self) -> None:
        self._matrices: dict[tuple[str, int], np.ndarray | None] = {}

    def limit(self, trainers: CellTrainer, cell: Cell) -> Obstacle | None:
        """An obstacle if the readout of a cell's network keeps the loss above the criterion.

        Only the task's own outputs are used: idle outputs are assumed to be at their best.
        """
        readout = self._of(trainers, cell)
        if readout is None:
            return None
        trainer, label, training = trainers.trainer(cell, [cell.task.label]), cell.task.label, cell.task.training
        batch = trainer.source.evaluation_batch(label, [cell.seed], training.evaluation_trials)
        owned = trainers.setting.layout(cell).owned(label)
        targets, mask = (a[0].flatten(0, 1).numpy()[:, owned] for a in (batch.targets, batch.mask))
        found = floor(readout[owned], targets, mask)
        least = found.loss * float(mask.sum(dtype=float)) / float(batch.mask.sum(dtype=torch.float64))
        if least <= 0:
            return None
        weights = trainer.tensors([trainers.setting.initial_weights(cell)])
        untrained = trainer.evaluate(label, weights, [cell.seed])[0].loss
        if least <= training.criterion.bound(untrained):
            return None
        relative = training.criterion.relative_loss
        criterion, unit = (relative, untrained) if relative else (training.criterion.bound(untrained), 1.0)
        remedy = _remedy(trainers, cell)
        where = label, cell.architecture, cell.benchmark.condition
        return Obstacle(*where, "", found, least / unit, criterion, relative is not None, remedy)

    def _of(self, trainers: CellTrainer, cell: Cell) -> np.ndarray | None:
        key = cell.benchmark.condition, id(cell.architecture)
        if key not in self._matrices:
            self._matrices[key] = None  # also if the next lines raise
            architecture = trainers.setting.architecture(cell.architecture)
            arrays = trainers.setting.initial_weights(cell)
            weights = {name: torch.from_numpy(np.array(a, np.float64)) for name, a in arrays.items()}
            self._matrices[key] = fixed_readout(architecture, weights)
        return self._matrices[key]


def _remedy(trainers: CellTrainer, cell: Cell) -> str:
    """What can be changed, in the words of the parameters that the architecture and the task have."""
    parameters = cell.architecture.parameters
    train = "Train the readout (learn: all)" if parameters.get("learn") == "recurrent" else "Train the readout"
    large = ["readout_scale: large"] if parameters.get("readout_scale") == "small" else []
    has_amplitude = "target_amplitude" in type(trainers.setting.tasks[cell.task.label]).model_fields
    smaller = "a smaller target_amplitude" if has_amplitude else "smaller targets"
    return f"{train}, or use {' or '.join([*large, smaller])}"


def _line(group: list[Obstacle]) -> str:
    """The message about the obstacles of one task, architecture and kind; its numbers hold for all of them."""
    networks, task = _networks(group), group[0].task
    if group[0].gradient:
        return f"{task} cannot be learnt by {networks}: {group[0].gradient}"
    nearest = max((o.floor for o in group if o.floor), key=lambda f: f.reached / f.target)
    lowest = min(group, key=lambda o: o.least / o.criterion)
    unit = " of its untrained value" if lowest.is_relative else ""
    outputs = f"outputs of at most {nearest.reached:.2g} for targets of {nearest.target:.2g}"
    loss = f"the loss stays above {lowest.least:.2g}{unit} (criterion {lowest.criterion:.2g})"
    return f"{task} cannot reach its criterion with {networks}: {outputs}; {loss}. {group[0].remedy}"


def _networks(group: list[Obstacle]) -> str:
    """The architecture of some obstacles, with the values of N and g and with the conditions."""
    architectures = [o.architecture for o in group]
    sizes = dict.fromkeys(str(a.units) for a in architectures)
    strengths = dict.fromkeys(f"{a.g:g}" for a in architectures if a.g is not None)
    values = [f"N = {', '.join(sizes)}"] if len(sizes) > 1 else []
    values += [f"g = {', '.join(strengths)}"] if strengths else []
    conditions = list(dict.fromkeys(o.condition for o in group if o.condition))
    name = architectures[0].label + (f" ({'; '.join(values)})" if values else "")
    return name + (f" under {', '.join(conditions)}" if conditions else "")

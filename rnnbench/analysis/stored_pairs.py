"""The rows of the analysis table: measures of the stored weights of each pair of tasks, and when to repeat them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnbench.analysis.pair import (
    fixed_point_measures,
    mode_measures,
    update_measures,
)
from rnnbench.benchmark.cells import Cell
from rnnbench.benchmark.schema import digest
from rnnbench.errors import PluginError, StoreError
from rnnbench.messages import error_line
from rnnbench.plugin.added_channels import ChannelAxes
from rnnbench.plugin.interfaces import Architecture, Batch
from rnnbench.plugin.rate_network import connectivity_of
from rnnbench.results.analysis_columns import measured
from rnnbench.results.networks import Records, alone_of
from rnnbench.results.records import WEIGHT, split
from rnnbench.results.store import Store
from rnnbench.training.cell_trainer import CellTrainer
from rnnbench.training.initial_weights import with_all_channels
from rnnbench.training.stage import Arrays
from rnnbench.training.trials import EVALUATION

ANALYSIS = 3
"""Version of the measures. Increase it whenever the same weights would give other numbers."""


def made_from(cell: Cell, records: Records) -> str | None:
    """Checksum of everything that a row of the table depends on.

    Args:
        cell: the cell of the pair's second task.
        records: the cells of the results folder.

    Returns:
        16 hexadecimal digits, or None if the weights of the pair are not stored.
    """
    weights = []
    for stage in (cell.parent, cell, alone_of(cell)):
        result = records.result(stage) if stage else None
        done = result is not None and result.status == "done"
        weights.append(result.arrays_sha256 if result is not None and done else None)
    if weights[0] is None or weights[1] is None:
        return None
    return digest([ANALYSIS, list(cell.benchmark.analyses), cell.identity, weights])[:16]


def measures(cell: Cell, trainer: CellTrainer, store: Store) -> dict[str, Any]:
    """Compute the benchmark's analyses for one pair of tasks.

    Args:
        cell: the cell of the pair's second task.
        trainer: gives the architecture and the trials.
        store: the store of the results folder, which contains the weights.

    Returns:
        Each measure by name, NaN if it is not defined, and under `failure` the error that the analysis raised or None.
    """
    wanted = measured(cell.benchmark.analyses)
    found: dict[str, Any] = {}
    failure = None
    try:
        found = _measures(cell, trainer, Records(store))
    except (Exception, SystemExit) as error:  # a failed analysis must not make a trained network fail
        failure = error_line(error)
    return {name: found.get(name, math.nan) for name in wanted} | {"failure": failure}


def _measures(cell: Cell, trainer: CellTrainer, records: Records) -> dict[str, float]:
    assert cell.parent is not None
    first, second = _weights(cell.parent, records), _weights(cell, records)
    if first is None or second is None:
        raise StoreError("the weights are damaged or missing; run the benchmark again")
    architecture = trainer.trainer(cell).architecture
    _check_declared(architecture, first)
    a, b = cell.history[-2:]
    layout, untrained = trainer.setting.layout(cell), trainer.setting.initial_weights(cell)
    first = with_all_channels(first, untrained)
    trials = _trials(a, cell, trainer), _trials(b, cell, trainer)
    own = layout.owned(a), layout.owned(b)
    found: dict[str, float] = {}
    if "modes" in cell.benchmark.analyses:
        found |= mode_measures(architecture, second, trials[0], *own)
    if "updates" in cell.benchmark.analyses:
        # The network before it learnt A, either untrained or after the earlier tasks.
        before = _weights(cell.parent.parent, records) if cell.parent.parent else untrained
        # B learnt alone is comparable only if A was the first task; otherwise the two started from other weights.
        alone = alone_of(cell) if cell.parent.parent is None and a != b else None
        learnt_alone = _learnt_alone(alone, cell, trainer, records) if alone else None
        if before is not None:
            before = with_all_channels(before, untrained)
            found |= update_measures(architecture, before, first, second, learnt_alone, *trials, *own)
    if "fixed_points" in cell.benchmark.analyses:
        found |= fixed_point_measures(architecture, first, second, *trials, *own)
    return found


def _learnt_alone(alone: Cell, cell: Cell, trainer: CellTrainer, records: Records) -> Arrays | None:
    """The weights that learning B alone gives a network with the channels of A and B; None if they are not stored.

    What was learnt is added to the network's initial weights, since a task's vectors may depend on the earlier tasks.
    """
    learnt = _weights(alone, records)
    if learnt is None:
        return None
    setting, layout = trainer.setting, trainer.setting.layout(alone)
    architecture, initial = setting.architecture(cell.architecture), setting.initial_weights(alone)
    change = {name: w - initial[name] for name, w in learnt.items()}
    untrained = setting.initial_weights(cell)
    nothing = {name: np.zeros_like(w) for name, w in untrained.items()}
    axes = ChannelAxes(architecture.input_axes, architecture.output_axes)
    placed = axes.placed_last(change, nothing, layout.n_inputs, layout.n_outputs)
    return {name: w + placed[name] for name, w in untrained.items()}


def _trials(label: str, cell: Cell, trainer: CellTrainer) -> Batch:
    """The evaluation trials of a task, on the channels of the benchmark."""
    n_trials = cell.benchmark.task(label).training.evaluation_trials
    return trainer.trainer(cell).source.batch(label, [cell.seed], EVALUATION, n_trials)


def _weights(cell: Cell, records: Records) -> Arrays | None:
    record = records.of(cell)
    arrays = records.store.arrays(record) if record else None
    return None if arrays is None else {name: np.asarray(w) for name, w in split(arrays, WEIGHT).items()}


def _check_declared(architecture: Architecture, weights: Mapping[str, np.ndarray]) -> None:
    """Raise PluginError for a network that has a connectivity by its name and does not declare it.

    Its other weights would be measured in the place of W, without a word.
    """
    w = weights.get("w_rec")
    if w is not None and w.ndim == 2 and w.shape[0] == w.shape[1] and connectivity_of(architecture) is None:
        raise PluginError(
            f"architecture {architecture.id()} has a weight w_rec and declares no connectivity; "
            "add a method recurrent(weights) (docs/plugins.md)"
        )

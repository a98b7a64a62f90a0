"""Puts the trials of each task on the inputs and outputs that the tasks of a benchmark share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, reduce

import numpy as np

from rnnbench.benchmark.schema import Channels
from rnnbench.errors import PluginError
from rnnbench.plugin.interfaces import Task, Trials

MOST_CHANNELS = 10_000
"""Inputs or outputs of a task: far beyond any that is known, and far below what memory has no room for."""


class Layout:
    """Which channels of the network each task drives and reads.

    channels   the benchmark's description of them
    tasks      the tasks by label, in the benchmark's order
    """

    def __init__(self, channels: Channels, tasks: Mapping[str, Task]) -> None:
        self.idle_outputs = channels.idle_outputs
        inputs = {label: _count(task, "n_inputs", at_least=0) for label, task in tasks.items()}
        outputs = {label: _count(task, "n_outputs", at_least=1) for label, task in tasks.items()}
        if channels.layout == "separate":
            self._inputs = _blocks(inputs, channels.input_correlation)
            self._outputs = _blocks(outputs, channels.output_correlation)
            self._context: dict[str, int] = {}
        else:
            first_context = max(inputs.values())
            width = first_context + (len(tasks) if channels.context else 0)
            self._inputs = {label: np.eye(n, width) for label, n in inputs.items()}
            self._outputs = {label: np.eye(n, max(outputs.values())) for label, n in outputs.items()}
            self._context = {label: first_context + i for i, label in enumerate(tasks)} if channels.context else {}
        self.n_inputs = next(iter(self._inputs.values())).shape[1]
        self.n_outputs = next(iter(self._outputs.values())).shape[1]

    def place(self, label: str, trials: Trials) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs, targets and mask on the network's channels, time first: [time, trial, channel]."""
        into, out, counts = self._spread[label]
        inputs = into(_float32(trials.inputs))
        if label in self._context:
            inputs[..., self._context[label]] = 1
        own = _float32(trials.mask)
        mask = counts(np.broadcast_to(own, trials.targets.shape))
        if self.idle_outputs == "zero":
            # An idle output is held at zero while any output of the task at hand counts, with its weight.
            # (The largest over so few channels is found much faster channel by channel than by a reduction.)
            mask[..., ~self.owned(label)] = reduce(np.maximum, np.moveaxis(own, -1, 0)).T[..., None]
        return inputs, out(_float32(trials.targets)), mask

    @cached_property
    def _spread(self) -> dict[str, tuple[Spread, Spread, Spread]]:
        """How each task's inputs, outputs and mask are put on the network's channels."""
        return {
            label: (Spread(into), Spread(self._outputs[label]), Spread(self._outputs[label] != 0))
            for label, into in self._inputs.items()
        }

    def owned(self, label: str) -> np.ndarray:
        """Which of the network's outputs [channel] carry the targets of a task; the others are idle."""
        return self._owned[label]

    @cached_property
    def _owned(self) -> dict[str, np.ndarray]:
        return {label: np.asarray((matrix != 0).any(axis=0)) for label, matrix in self._outputs.items()}

    def own_outputs(self, label: str, outputs: np.ndarray) -> np.ndarray:
        """The outputs of one task: readouts [.., n_outputs] of the network -> [.., n_outputs of the task]."""
        return outputs @ self._outputs[label].T.astype(outputs.dtype)


def _count(task: Task, name: str, at_least: int) -> int:
    """How many inputs or outputs a task has; PluginError unless it can tell."""
    try:
        count = getattr(task, name)
    except Exception as error:
        raise PluginError(f"task {task.id()}: {name} raises {type(error).__name__}: {error}") from error
    if isinstance(count, bool) or not isinstance(count, int) or not at_least <= count <= MOST_CHANNELS:
        told = f"{count!r}; expected a whole number from {at_least} to {MOST_CHANNELS:,}"
        raise PluginError(f"task {task.id()}: {name} is {told}")
    return count


def _float32(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, dtype=np.float32)


class Spread:
    """[trial, time, own] -> [time, trial, channel] through `matrix` [own, channel]."""

    def __init__(self, matrix: np.ndarray) -> None:
        self._matrix = matrix.astype(np.float32)
        self._columns = _placed(matrix)

    def __call__(self, array: np.ndarray) -> np.ndarray:
        array = array.swapaxes(0, 1)
        if self._columns is None:
            return np.asarray(array @ self._matrix)
        # Channels are only placed, none is mixed: much faster than a product of small matrices.
        spread = np.zeros((*array.shape[:-1], self._matrix.shape[1]), dtype=np.float32)
        spread[..., self._columns] = array
        return spread


def _placed(matrix: np.ndarray) -> slice | np.ndarray | None:
    """The channel of each row, where each is put on one of its own as it is; else None."""
    rows, columns = np.nonzero(matrix)
    if not np.array_equal(rows, np.arange(len(matrix))) or len(set(columns.tolist())) < len(columns):
        return None
    if not np.all(matrix[rows, columns] == 1):
        return None
    first = int(columns[0]) if len(columns) else 0
    together = np.array_equal(columns, np.arange(first, first + len(columns)))
    return slice(first, first + len(columns)) if together else columns


def _blocks(widths: Mapping[str, int], correlation: float) -> dict[str, np.ndarray]:
    """For each task a matrix [own, channel] with orthonormal rows: its block, rotated towards the others'.

    With G = (1 - c) 1 + c (all ones), the Gram matrix of tasks whose vectors have pairwise cosine c, the rows of
    the symmetric root of G turn all tasks alike, so that none is favoured (as `corr_in` and `corr_out` do for two
    tasks in the fixed-point task of Schuessler et al. 2024). Only the k-th channels of all tasks are mixed.
    """
    start = dict(zip(widths, np.cumsum([0, *widths.values()]), strict=False))
    total = sum(widths.values())
    blocks = {label: np.eye(n, total, start[label]) for label, n in widths.items()}
    if correlation == 0:
        return blocks
    for k in range(max(widths.values())):
        members = [label for label, n in widths.items() if n > k]
        columns = [start[label] + k for label in members]
        gram = np.full((len(members), len(members)), correlation) + (1 - correlation) * np.eye(len(members))
        values, vectors = np.linalg.eigh(gram)
        root = vectors * np.sqrt(values) @ vectors.T
        for label, row in zip(members, root, strict=True):
            blocks[label][k, columns] = row
    return blocks

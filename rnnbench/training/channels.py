"""Maps the inputs and outputs of tasks to the channels of a network that learns them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, reduce

import numpy as np

from rnnbench.benchmark.schema import Channels
from rnnbench.errors import PluginError
from rnnbench.plugin.interfaces import Task, Trials

MOST_CHANNELS = 10_000
"""Largest number of inputs or outputs of a task: far above any known task, and small enough to fit into memory."""


class Layout:
    """Which input channels each task uses, and which output channels carry its targets.

    Args:
        channels: the channels as the benchmark describes them.
        tasks: the tasks by label, in the order of their channels.

    Attributes:
        blocks: name, number of inputs and number of outputs of each group of channels, in the order of the channels:
            one group for each task, or one for all tasks that share their channels.
        n_inputs: input channels of the network.
        n_outputs: output channels of the network.
        idle_outputs: "zero" if outputs of other tasks are trained to zero, "free" if they do not count.

    Raises:
        PluginError: a task's number of inputs or outputs is not a whole number in the allowed range.
    """

    def __init__(self, channels: Channels, tasks: Mapping[str, Task]) -> None:
        self.idle_outputs = channels.idle_outputs
        inputs = {label: _count(task, "n_inputs", at_least=0) for label, task in tasks.items()}
        outputs = {label: _count(task, "n_outputs", at_least=1) for label, task in tasks.items()}
        if channels.layout == "separate":
            self._inputs = _blocks(inputs, channels.input_correlation)
            self._outputs = _blocks(outputs, channels.output_correlation)
            self._context: dict[str, int] = {}
            self.blocks = [(label, inputs[label], outputs[label]) for label in tasks]
        else:
            first_context = max(inputs.values())
            width = first_context + (len(tasks) if channels.context else 0)
            self._inputs = {label: np.eye(n, width) for label, n in inputs.items()}
            self._outputs = {label: np.eye(n, max(outputs.values())) for label, n in outputs.items()}
            self._context = {label: first_context + i for i, label in enumerate(tasks)} if channels.context else {}
            self.blocks = [("shared", width, max(outputs.values()))]
        self.n_inputs = next(iter(self._inputs.values())).shape[1]
        self.n_outputs = next(iter(self._outputs.values())).shape[1]

    def place(self, label: str, trials: Trials) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Put the trials of a task on the network's channels.

        Args:
            label: the task.
            trials: inputs, targets and mask [trial, time, channel of the task].

        Returns:
            Inputs [time, trial, n_inputs], targets and mask [time, trial, n_outputs], float32.
        """
        spread_inputs, spread_targets, spread_mask = self._spreads[label]
        inputs = spread_inputs(_float32(trials.inputs))
        if label in self._context:
            inputs[..., self._context[label]] = 1
        own_mask = _float32(trials.mask)
        mask = spread_mask(np.broadcast_to(own_mask, trials.targets.shape))
        if self.idle_outputs == "zero":
            # The target of an idle output is zero; its weight is the largest weight of the task's own outputs.
            # For so few channels, pairwise maxima are much faster than a maximum along the axis.
            mask[..., ~self.owned(label)] = reduce(np.maximum, np.moveaxis(own_mask, -1, 0)).T[..., None]
        return inputs, spread_targets(_float32(trials.targets)), mask

    @cached_property
    def _spreads(self) -> dict[str, tuple[Spread, Spread, Spread]]:
        """The maps of inputs, targets and mask of each task, by label."""
        return {
            label: (Spread(matrix), Spread(self._outputs[label]), Spread(self._outputs[label] != 0))
            for label, matrix in self._inputs.items()
        }

    def owned(self, label: str) -> np.ndarray:
        """Which of the network's outputs carry the targets of a task, bool [n_outputs]; the others are idle."""
        return self._owned[label]

    @cached_property
    def _owned(self) -> dict[str, np.ndarray]:
        return {label: np.asarray((matrix != 0).any(axis=0)) for label, matrix in self._outputs.items()}

    def own_outputs(self, label: str, outputs: np.ndarray) -> np.ndarray:
        """Extract the outputs of one task from the readouts of the network.

        Args:
            label: the task.
            outputs: readouts [.., n_outputs] of the network.

        Returns:
            Outputs [.., n_outputs of the task].
        """
        return outputs @ self._outputs[label].T.astype(outputs.dtype)


def _count(task: Task, name: str, at_least: int) -> int:
    """The number of inputs or outputs of a task; raises PluginError if it is not a whole number in the range."""
    try:
        count = getattr(task, name)
    except Exception as error:
        raise PluginError(f"task {task.id()}: {name} raises {type(error).__name__}: {error}") from error
    if isinstance(count, bool) or not isinstance(count, int) or not at_least <= count <= MOST_CHANNELS:
        expected = f"a whole number from {at_least} to {MOST_CHANNELS:,}"
        raise PluginError(f"task {task.id()}: {name} is {count!r}; expected {expected}")
    return count


def _float32(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, dtype=np.float32)


class Spread:
    """Maps arrays from the channels of a task to the channels of the network.

    Args:
        matrix: [channel of the task, channel of the network].
    """

    def __init__(self, matrix: np.ndarray) -> None:
        self._matrix = matrix.astype(np.float32)
        self._columns = _columns(matrix)

    def __call__(self, array: np.ndarray) -> np.ndarray:
        """Map an array [trial, time, channel of the task] to [time, trial, channel of the network]."""
        array = array.swapaxes(0, 1)
        if self._columns is None:
            return np.asarray(array @ self._matrix)
        # No channels are mixed, so copying is enough; it is much faster than a product of small matrices.
        spread = np.zeros((*array.shape[:-1], self._matrix.shape[1]), dtype=np.float32)
        spread[..., self._columns] = array
        return spread


def _columns(matrix: np.ndarray) -> slice | np.ndarray | None:
    """The column of the 1 in each row if every row has a single 1 in a column of its own, otherwise None."""
    rows, columns = np.nonzero(matrix)
    if not np.array_equal(rows, np.arange(len(matrix))) or len(set(columns.tolist())) < len(columns):
        return None
    if not np.all(matrix[rows, columns] == 1):
        return None
    first = int(columns[0]) if len(columns) else 0
    adjacent = np.array_equal(columns, np.arange(first, first + len(columns)))
    return slice(first, first + len(columns)) if adjacent else columns


def _blocks(widths: Mapping[str, int], correlation: float) -> dict[str, np.ndarray]:
    """A matrix [channel of the task, channel of the network] with orthonormal rows for each task, by label.

    Without correlation each task has a block of channels of its own. With a correlation c, the k-th channels of all
    tasks are mixed so that their vectors have pairwise cosine c: the vectors are the rows of the symmetric square root
    of the Gram matrix G = (1 - c) I + c 1 1^T. The symmetric root treats all tasks alike, as `corr_in` and `corr_out`
    do for two tasks in the fixed-point task of Schuessler et al. 2024.

    Args:
        widths: number of channels of each task, by label.
        correlation: c.
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

"""Draws the trials of a population, checks them, and puts them on the network's channels and on the device.

Each seed has random streams of its own.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch

from rnnbench.errors import PluginError
from rnnbench.messages import error_line
from rnnbench.plugin.interfaces import Architecture, Batch, Task, Trials
from rnnbench.randomness import rng_for
from rnnbench.training.channels import Layout

EVALUATION = ("evaluation",)
"""Name of the random stream of the held-out trials."""

KEPT_LOOKS = 8
"""Largest number of batches of held-out trials that are kept on the device for the next evaluation."""

KEPT_BYTES = 2**30
"""Largest memory (bytes) for these batches; a single batch is kept even if it is larger."""


class TrialSource:
    """Draws trials of the benchmark's tasks for networks of given seeds.

    Networks of one seed see the same trials of a task, whatever their history, connectivity or learning rule.

    Args:
        tasks: the tasks by label.
        layout: the channels of the network.
        architecture: the networks' architecture, for its time step and its noise.
        dtype: type of the arrays.
        device: where the arrays go.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        layout: Layout,
        architecture: Architecture,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.tasks = tasks
        self.layout = layout
        self.dt = architecture.dt
        self.n_noise = architecture.n_noise
        self.dtype = dtype
        self.device = device
        self._evaluation: dict[tuple[str, int, int], Trials] = {}
        self._evaluation_batches: OrderedDict[tuple[str, tuple[int, ...], int], Batch] = OrderedDict()

    def evaluation(self, label: str, seed: int, n_trials: int) -> Trials:
        """The held-out trials of one task, which are the same at every evaluation.

        They are kept in memory, since they are used often.

        Args:
            label: the task.
            seed: seed of the networks.
            n_trials: number of trials.

        Raises:
            PluginError: the trials do not have the shapes that the task promises.
        """
        key = label, seed, n_trials
        if key not in self._evaluation:
            self._evaluation[key] = self.trials(label, seed, EVALUATION, n_trials)
        return self._evaluation[key]

    def trials(self, label: str, seed: int, stream: Sequence[str | int], n_trials: int) -> Trials:
        """Draw trials of one task from the random stream (seed, "trials", label, *stream).

        Args:
            label: the task.
            seed: seed of the networks.
            stream: names of the random stream.
            n_trials: number of trials.

        Raises:
            PluginError: the trials do not have the shapes that the task promises.
        """
        task = self.tasks[label]
        return checked(task, task.sample(rng_for(seed, "trials", label, *stream), n_trials, self.dt), n_trials)

    def evaluation_batch(self, label: str, seeds: Sequence[int], n_trials: int) -> Batch:
        """The held-out trials of one task for networks of given seeds, as a batch.

        The batches used last are kept on the device for the next evaluation.

        Args:
            label: the task.
            seeds: seeds of the networks, [network].
            n_trials: number of trials.
        """
        key, kept = (label, tuple(seeds), n_trials), self._evaluation_batches
        if key not in kept:
            kept[key] = self.batch(label, seeds, EVALUATION, n_trials)
            while len(kept) > 1 and (len(kept) > KEPT_LOOKS or self._kept_bytes() > KEPT_BYTES):
                kept.popitem(last=False)
        kept.move_to_end(key)
        return kept[key]

    def _kept_bytes(self) -> int:
        batches = self._evaluation_batches.values()
        arrays = (a for batch in batches for a in (batch.inputs, batch.targets, batch.mask, batch.noise))
        return sum(a.numel() * a.element_size() for a in arrays if a is not None)

    def batch(self, label: str, seeds: Sequence[int], stream: Sequence[str | int], n_trials: int) -> Batch:
        """Draw one set of trials for each distinct seed.

        Args:
            label: the task.
            seeds: seeds of the networks, [network].
            stream: names of the random stream.
            n_trials: number of trials in each set.

        Returns:
            The sets, [set, time, trial, channel], and the set that each network sees.

        Raises:
            PluginError: the trials do not have the shapes that the task promises.
        """
        distinct = list(dict.fromkeys(seeds))
        drawn = [
            self.evaluation(label, seed, n_trials)
            if stream == EVALUATION
            else self.trials(label, seed, stream, n_trials)
            for seed in distinct
        ]
        placed = [self.layout.place(label, trials) for trials in drawn]
        n_steps = max(inputs.shape[0] for inputs, _, _ in placed)
        noise = [
            rng_for(seed, "noise", label, *stream).standard_normal((n_steps, n_trials, self.n_noise), dtype=np.float32)
            for seed in distinct
            if self.n_noise
        ]
        inputs, targets, mask = (self._tensor([p[i] for p in placed], n_steps) for i in range(3))
        sets = tuple(distinct.index(seed) for seed in seeds)
        return Batch(inputs, targets, mask, sets, self._tensor(noise, n_steps) if noise else None)

    def _tensor(self, arrays: list[np.ndarray], n_steps: int) -> torch.Tensor:
        """Stack the arrays of sets, [set, time, trial, channel]; shorter trials are padded with zeros (mask 0)."""
        padded = [np.pad(a, ((0, n_steps - len(a)), (0, 0), (0, 0))) if len(a) < n_steps else a for a in arrays]
        # A single array may be a transposed view, which the engine would have to copy at every use.
        stacked = np.stack(padded) if len(padded) > 1 else np.ascontiguousarray(padded[0])[None]
        array = torch.from_numpy(stacked)
        if self.device.type == "cpu":
            # A copy, since memory of torch is aligned and memory of numpy is not. The last digits of a product depend
            # on the alignment.
            return array.to(dtype=self.dtype, copy=True)
        # From pinned memory the GPU copies the array while it computes, so that the CPU need not wait.
        pinned = array.pin_memory() if torch.cuda.is_available() else array
        return pinned.to(self.device, non_blocking=True).to(self.dtype)


def checked(task: Task, trials: Trials, n_trials: int) -> Trials:
    """Check that trials have the shapes that their task promises.

    Args:
        task: the task.
        trials: what its `sample` returned.
        n_trials: number of trials that were asked for.

    Returns:
        The trials, unchanged.

    Raises:
        PluginError: an array is missing or has the wrong shape.
    """
    shapes = {name: getattr(getattr(trials, name, None), "shape", None) for name in ("inputs", "targets", "mask")}
    n_steps = shapes["inputs"][1] if shapes["inputs"] is not None and len(shapes["inputs"]) == 3 else 0
    time = str(n_steps) if n_steps else "time"
    n_in, n_out = task.n_inputs, task.n_outputs
    expected = {
        "inputs": ([n_in], f"[trial, time, input] = ({n_trials}, {time}, {n_in})"),
        "targets": ([n_out], f"[trial, time, output] = ({n_trials}, {time}, {n_out})"),
        "mask": ([n_out, 1], f"[trial, time, output or 1] = ({n_trials}, {time}, {n_out} or 1)"),
    }
    for name, (channels, shape) in expected.items():
        if n_steps == 0 or shapes[name] not in [(n_trials, n_steps, c) for c in channels]:
            raise PluginError(f"task {task.id()}: sample() gives {name} of shape {shapes[name]}; expected {shape}")
    return trials


def check_task(task: Task, dt: float, sizes: Iterable[int]) -> None:
    """Check before training that a task gives usable trials.

    Args:
        task: the task.
        dt: time step (tau).
        sizes: numbers of trials that will be drawn at once; each is tried.

    Raises:
        PluginError: `sample` or `accuracy` fails; an array has the wrong shape, type or values; the mask has negative
            weights or is zero everywhere.
    """
    for n_trials in sorted(sizes):
        try:
            trials = checked(task, task.sample(rng_for(0, "check", task.id()), n_trials, dt), n_trials)
        except PluginError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(f"task {task.id()}: sample() raises {error_line(error)}") from error
        for name in ("inputs", "targets", "mask"):
            array = getattr(trials, name)
            if array.dtype.kind not in "fiub":
                raise PluginError(f"task {task.id()}: sample() gives {name} of type {array.dtype}; expected numbers")
            if not np.isfinite(array).all():
                raise PluginError(
                    f"task {task.id()}: sample() gives {name} with NaN or infinity; expected finite numbers"
                )
        if (trials.mask < 0).any() or not (trials.mask > 0).any():
            message = "sample() gives a mask with negative or only zero weights; expected some positive, none negative"
            raise PluginError(f"task {task.id()}: {message}")
        accuracy_of(task, np.asarray(trials.targets, np.float32), trials)


def accuracy_of(task: Task, outputs: np.ndarray, trials: Trials) -> float | None:
    """The mean accuracy of outputs over trials.

    Args:
        task: the task.
        outputs: outputs [trial, time, output] of a network.
        trials: the trials that it was given.

    Returns:
        The mean accuracy in 0..1, or None if the task defines none or the mean is not finite.

    Raises:
        PluginError: the task's `accuracy` fails or returns an array of the wrong shape.
    """
    if type(task).accuracy is Task.accuracy:
        return None
    try:
        accuracy = task.accuracy(outputs, trials)
    except (Exception, SystemExit) as error:
        raise PluginError(f"task {task.id()}: accuracy() raises {error_line(error)}") from error
    if accuracy is None:
        return None
    if np.shape(accuracy) != (len(trials.inputs),):
        message = f"accuracy() gives shape {np.shape(accuracy)}; expected [trial] = ({len(trials.inputs)},)"
        raise PluginError(f"task {task.id()}: {message}")
    mean = float(np.mean(accuracy))
    return mean if math.isfinite(mean) else None

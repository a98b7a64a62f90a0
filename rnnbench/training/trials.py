"""Draws the trials of a population: each seed's own stream, checked, placed on the channels, on the device."""

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
"""The stream of held-out trials."""

KEPT_LOOKS = 8
"""Batches of held-out trials kept on the device: those of the tasks that a population watches."""

KEPT_BYTES = 2**30
"""Bytes beyond which fewer of them are kept."""


class TrialSource:
    """Trials of the benchmark's tasks for networks of given seeds.

    Networks of one seed see the same trials of a task, whatever their history, connectivity or rule.
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
        self._looks: OrderedDict[tuple[str, tuple[int, ...], int], Batch] = OrderedDict()

    def evaluation(self, label: str, seed: int, n_trials: int) -> Trials:
        """The held-out trials of one task, the same at every look; kept, since they are looked at often."""
        key = label, seed, n_trials
        if key not in self._evaluation:
            self._evaluation[key] = self.trials(label, seed, EVALUATION, n_trials)
        return self._evaluation[key]

    def trials(self, label: str, seed: int, stream: Sequence[str | int], n_trials: int) -> Trials:
        """Trials of one task from the stream (seed, "trials", label, *stream)."""
        task = self.tasks[label]
        return checked(task, task.sample(rng_for(seed, "trials", label, *stream), n_trials, self.dt), n_trials)

    def evaluation_batch(self, label: str, seeds: Sequence[int], n_trials: int) -> Batch:
        """The held-out trials of one task for networks of given seeds; the latest are kept, for the next look."""
        key = label, tuple(seeds), n_trials
        if key not in self._looks:
            self._looks[key] = self.batch(label, seeds, EVALUATION, n_trials)
            while len(self._looks) > 1 and (len(self._looks) > KEPT_LOOKS or self._held() > KEPT_BYTES):
                self._looks.popitem(last=False)
        self._looks.move_to_end(key)
        return self._looks[key]

    def _held(self) -> int:
        arrays = (a for look in self._looks.values() for a in (look.inputs, look.targets, look.mask, look.noise))
        return sum(a.numel() * a.element_size() for a in arrays if a is not None)

    def batch(self, label: str, seeds: Sequence[int], stream: Sequence[str | int], n_trials: int) -> Batch:
        """One set of trials for each distinct seed; `seeds` has one entry for each network."""
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
        """Stacked, [set, time, trial, channel]; a shorter trial is padded with steps that nothing asks about."""
        padded = [np.pad(a, ((0, n_steps - len(a)), (0, 0), (0, 0))) if len(a) < n_steps else a for a in arrays]
        # ascontiguousarray: an array of one set may still be a transposed view, which the engine would copy at each use
        stacked = np.stack(padded) if len(padded) > 1 else np.ascontiguousarray(padded[0])[None]
        array = torch.from_numpy(stacked)
        if self.device.type == "cpu":
            # A copy, because torch's own memory is aligned and numpy's is not: a product's last digits depend on it.
            return array.to(dtype=self.dtype, copy=True)
        # Sent while the card computes, from memory that it can read by itself: nobody waits.
        sent = array.pin_memory() if torch.cuda.is_available() else array
        return sent.to(self.device, non_blocking=True).to(self.dtype)


def checked(task: Task, trials: Trials, n_trials: int) -> Trials:
    """The trials, if they have the shapes that the task promises; else a PluginError that says what was expected."""
    shapes = {name: getattr(getattr(trials, name, None), "shape", None) for name in ("inputs", "targets", "mask")}
    n_steps = shapes["inputs"][1] if shapes["inputs"] is not None and len(shapes["inputs"]) == 3 else 0
    time = str(n_steps) if n_steps else "time"
    n_in, n_out = task.n_inputs, task.n_outputs
    expected = {
        "inputs": ([n_in], f"[trial, time, input] = ({n_trials}, {time}, {n_in})"),
        "targets": ([n_out], f"[trial, time, output] = ({n_trials}, {time}, {n_out})"),
        "mask": ([n_out, 1], f"[trial, time, output or 1] = ({n_trials}, {time}, {n_out} or 1)"),
    }
    for name, (channels, told) in expected.items():
        if n_steps == 0 or shapes[name] not in [(n_trials, n_steps, c) for c in channels]:
            raise PluginError(f"task {task.id()}: sample() gives {name} of shape {shapes[name]}; expected {told}")
    return trials


def check_task(task: Task, dt: float, sizes: Iterable[int]) -> None:
    """Draw batches of the sizes to come, before any training, and raise PluginError for what would spoil it later."""
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
            raise PluginError(f"task {task.id()}: sample() gives a mask negative or zero everywhere; expected weights")
        accuracy_of(task, np.asarray(trials.targets, np.float32), trials)


def accuracy_of(task: Task, outputs: np.ndarray, trials: Trials) -> float | None:
    """Mean accuracy of outputs [trial, time, output], None where the task defines none; PluginError if it breaks."""
    if type(task).accuracy is Task.accuracy:
        return None
    try:
        accuracy = task.accuracy(outputs, trials)
    except (Exception, SystemExit) as error:
        raise PluginError(f"task {task.id()}: accuracy() raises {error_line(error)}") from error
    if accuracy is None:
        return None
    if np.shape(accuracy) != (len(trials.inputs),):
        told = f"accuracy() gives shape {np.shape(accuracy)}; expected [trial] = ({len(trials.inputs)},)"
        raise PluginError(f"task {task.id()}: {told}")
    mean = float(np.mean(accuracy))
    return mean if math.isfinite(mean) else None

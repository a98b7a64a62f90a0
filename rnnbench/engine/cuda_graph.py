"""Records the operations of a gradient as a CUDA graph and replays them in later updates.

A graphics card computes a time step of a small population in a few microseconds, which is less than Python needs to
launch it. The operations of a gradient are the same in every update; only the numbers change. A gradient is therefore
recorded once the same shapes have occurred a few times. From then on the new numbers are copied into the arrays of the
recording, and the recording is replayed.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rnnbench.messages import error_line
from rnnbench.plugin.interfaces import Batch, Engine, Weights

SWITCH = "RNNBENCH_CUDA_GRAPHS"
"""Environment variable; the value 0 turns recording off."""

EAGER = 2
"""Calls with the same shapes that are computed step by step before a recording, which does not pay off for fewer."""

MOST = 2
"""Recordings that are kept. Each holds the states of its population. A replay rule has trials of two shapes."""

LONGEST = 2000
"""Longest trials (time steps) that are recorded, since the memory of a graph grows with the number of steps."""

TOLERANCE = 1e-3
"""Largest difference allowed between recorded and eager gradients, relative to each network's largest number."""

Gradient = tuple[Tensor, Weights]
Recorder = Callable[[Callable[[], Gradient]], tuple[Callable[[], object], Gradient]]
"""Records a function without arguments; returns a function that repeats it, and the arrays that hold its results."""

_refused: set[str] = set()
"""Kinds that could not be recorded in this process. They are not tried again: a failed recording may leak memory."""


def cuda_graph(function: Callable[[], Gradient]) -> tuple[Callable[[], object], Gradient]:
    """Record a function as a CUDA graph.

    Args:
        function: computes a gradient; called twice.

    Returns:
        A function that replays the recording, and the arrays that hold its results.

    Raises:
        RuntimeError: the function does something that cannot be recorded, such as waiting for the card.
    """
    current, side = torch.cuda.current_stream(), torch.cuda.Stream()
    try:
        side.wait_stream(current)
        with torch.cuda.stream(side):
            function()  # the first call initialises libraries and memory, which must not be recorded
        current.wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = function()
    finally:
        torch.cuda.set_stream(current)  # a failed recording leaves its own stream current
    return graph.replay, results


class Recorded:
    """The gradient of an engine, recorded and replayed for shapes that occur repeatedly.

    If a recording cannot be made, or differs from what the engine computes, a warning is issued and gradients of its
    kind are computed step by step from then on.

    Args:
        engine: computes what is not recorded.
        another: creates an engine of the same kind for one recording, since a recording refers to the memory in which
            its engine keeps states.
        kind: name of what is recorded. After a failure it is not tried again in this process.
        record: the recorder.
    """

    def __init__(self, engine: Engine, another: Callable[[], Engine], kind: str, record: Recorder = cuda_graph) -> None:
        self.engine, self.another, self.kind, self.record = engine, another, kind, record
        self._is_off = os.environ.get(SWITCH, "") == "0"
        self._seen: Counter[Any] = Counter()
        self._wanted = EAGER
        self._recordings: dict[Any, _Recording] = {}

    def gradient(self, weights: Weights, batch: Batch) -> Gradient:
        """Loss and gradients, equal to those of the engine up to rounding.

        Args:
            weights: arrays [network, ...] by name.
            batch: trials, arrays [set, time, trial, channel].

        Returns:
            The loss [network], and gradients by name with the shapes of the weights.

        Warns:
            UserWarning: the gradient cannot be recorded.
        """
        if self._is_off or self.kind in _refused or batch.inputs.shape[1] > LONGEST:
            return self.engine.gradient(weights, batch)
        shapes = _shapes(weights, batch)
        if recording := self._recordings.pop(shapes, None):
            self._recordings[shapes] = recording  # the most recent one is last
            return recording(weights, batch)
        result = self.engine.gradient(weights, batch)
        self._seen[shapes] += 1
        # A recording is compared with this result, which needs finite numbers. A network that has diverged delays it.
        if self._seen[shapes] > self._wanted and all(bool(a.isfinite().all()) for a in _arrays(result)):
            self._make_room(len(batch.sets))
            self._record(shapes, weights, batch, result)
        return result

    def _make_room(self, n_networks: int) -> None:
        """Delete recordings of larger populations, since populations only shrink, and then the least recent ones."""
        self._recordings = {s: r for s, r in self._recordings.items() if len(r.batch.sets) <= n_networks}
        while len(self._recordings) >= MOST:
            del self._recordings[next(iter(self._recordings))]
            # There are more shapes than recordings that can be kept: the next shape has to occur twice as often.
            self._wanted *= 2
            self._seen.clear()

    def _record(self, shapes: Any, weights: Weights, batch: Batch, expected: Gradient) -> None:
        try:
            engine = self.another()
            if engine is self.engine:
                raise ValueError("engine() returns the same object each time; each recording needs its own engine")
            recording = _Recording(engine, weights, batch, self.record)
            reason = "" if _agree(recording(weights, batch), expected) else "it gives other numbers"
        except Exception as error:  # the step of an architecture may do anything that cannot be recorded
            cause = error.__context__ or error
            reason = error_line(cause, 200)
        if reason:
            _refused.add(self.kind)
            self._recordings.clear()
            message = f"cannot record the gradient of {self.kind} as a CUDA graph ({reason}); computing it step by step"
            warnings.warn(message, stacklevel=2)
            return
        self._recordings[shapes] = recording


class _Recording:
    """A recorded gradient for given shapes, with the arrays that it reads and writes."""

    def __init__(self, engine: Engine, weights: Weights, batch: Batch, record: Recorder) -> None:
        self.engine = engine  # keeps the memory of the states alive
        # The numbers differ from those of the first replay, which thus reveals a recording that ignores new numbers.
        self.weights = {name: 0.5 * w if w.is_floating_point() else w.clone() for name, w in weights.items()}
        trials = [None if a is None else 0.5 * a for a in _trials(batch)]
        self.batch = Batch(trials[0], trials[1], trials[2], batch.sets, trials[3])  # type: ignore[arg-type]
        self.index = self.batch.index  # the recording reads it, so that it must stay alive
        self.replay, self.results = record(lambda: engine.gradient(self.weights, self.batch))

    def __call__(self, weights: Weights, batch: Batch) -> Gradient:
        for name, w in self.weights.items():
            w.copy_(weights[name])
        for recorded, new in zip(_trials(self.batch), _trials(batch), strict=True):
            if recorded is not None and new is not None:
                recorded.copy_(new)
        self.replay()
        loss, gradients = self.results
        return loss.clone(), {name: g.clone() for name, g in gradients.items()}


def _trials(batch: Batch) -> tuple[Tensor | None, ...]:
    return batch.inputs, batch.targets, batch.mask, batch.noise


def _arrays(gradient: Gradient) -> list[Tensor]:
    return [gradient[0], *gradient[1].values()]


def _shapes(weights: Weights, batch: Batch) -> Any:
    """Key of a recording: names, shapes, types and devices of all arrays, and the set of each network."""
    arrays = [*weights.values(), *_trials(batch)]
    kinds = tuple(None if a is None else (tuple(a.shape), a.dtype, a.device) for a in arrays)
    return tuple(weights), kinds, tuple(batch.sets)


def _agree(found: Gradient, expected: Gradient) -> bool:
    """Whether two gradients are equal up to rounding for every network."""
    if found[1].keys() != expected[1].keys():
        return False
    pairs = [(found[0], expected[0]), *((found[1][name], g) for name, g in expected[1].items())]
    return all(bool((_largest(a - b) <= TOLERANCE * _largest(b)).all()) for a, b in pairs)


def _largest(x: Tensor) -> Tensor:
    """Largest absolute number of each network, [network]."""
    return x.abs().flatten(1).amax(1) if x.dim() > 1 else x.abs()

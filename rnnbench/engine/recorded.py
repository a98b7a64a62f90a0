"""Asks a card for a whole gradient at once: its operations are recorded as a CUDA graph, and replayed.

A time step of a small population takes a card some microseconds, and Python takes longer to ask for it. What a gradient
consists of does not change from update to update, only the numbers do: it is recorded when the same shapes have come
before, and replayed from then on, with the new numbers copied to where the first ones were.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rnnbench.interfaces import Batch, Engine, Weights

SWITCH = "RNNBENCH_CUDA_GRAPHS"
"""Environment variable; 0 turns recording off."""

EAGER = 2
"""Calls of the same shapes that are computed step by step before one is recorded: a few updates are not worth it."""

MOST = 2
"""Recordings kept: each holds the states of its population. A rule that replays has trials of two shapes."""

TOLERANCE = 1e-3
"""Of what a recording gives, relative to the largest number: it makes the same operations, in another order at most."""

Gradient = tuple[Tensor, Weights]
Recorder = Callable[[Callable[[], Gradient]], tuple[Callable[[], object], Gradient]]
"""Records a function without arguments: what repeats it, and where its results then stand."""


def cuda_graph(function: Callable[[], Gradient]) -> tuple[Callable[[], object], Gradient]:
    """A recorder. Raises RuntimeError where there is something that cannot be recorded, as a wait for the card."""
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        function()  # what the first call sets up, libraries and memory, is no part of the recording
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        results = function()
    return graph.replay, results


class Recorded:
    """The gradient of an engine, replayed where shapes come again.

    engine   computes what is not recorded
    another  makes an engine like it for a recording alone, since a recording knows where the engine keeps its states
    record   the recorder

    A recording that cannot be made, or does not give what the engine gives, ends all recording with a warning: then
    everything is computed step by step.
    """

    def __init__(self, engine: Engine, another: Callable[[], Engine], record: Recorder = cuda_graph) -> None:
        self.engine, self.another, self.record = engine, another, record
        self._on = os.environ.get(SWITCH, "") != "0"
        self._seen: dict[Any, int] = {}
        self._recordings: dict[Any, _Recording] = {}

    def gradient(self, weights: Weights, batch: Batch) -> Gradient:
        """Loss [network] and its gradients, as the engine's."""
        if not self._on:
            return self.engine.gradient(weights, batch)
        shapes = _shapes(weights, batch)
        if recording := self._recordings.get(shapes):
            return recording(weights, batch)
        found = self.engine.gradient(weights, batch)
        self._seen[shapes] = self._seen.get(shapes, 0) + 1
        if self._seen[shapes] > EAGER:
            self._record(shapes, weights, batch, found)
        return found

    def _record(self, shapes: Any, weights: Weights, batch: Batch, expected: Gradient) -> None:
        while len(self._recordings) >= MOST:
            oldest = next(iter(self._recordings))
            del self._recordings[oldest]
            self._seen[oldest] = 0
        try:
            recording = _Recording(self.another(), weights, batch, self.record)
            agrees = _agree(recording(weights, batch), expected)
            why = "" if agrees else "it gives other numbers"
        except Exception as error:  # whatever an architecture's step does that no recording can hold
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        if why:
            self._on = False
            self._recordings.clear()
            told = f"a gradient cannot be recorded as a CUDA graph ({why}); it is computed step by step"
            warnings.warn(told, stacklevel=2)
            return
        self._recordings[shapes] = recording


class _Recording:
    """A gradient of given shapes, with what it reads and writes."""

    def __init__(self, engine: Engine, weights: Weights, batch: Batch, record: Recorder) -> None:
        self.engine = engine  # keeps the memory of its states
        # Other numbers than those to come next: a recording that holds on to them must not go unnoticed.
        self.weights = {name: 0.5 * w if w.is_floating_point() else w.clone() for name, w in weights.items()}
        trials = [None if a is None else 0.5 * a for a in _trials(batch)]
        self.batch = Batch(trials[0], trials[1], trials[2], batch.sets, trials[3])  # type: ignore[arg-type]
        self.index = self.batch.index
        self.replay, self.results = record(lambda: self.engine.gradient(self.weights, self.batch))

    def __call__(self, weights: Weights, batch: Batch) -> Gradient:
        for name, w in self.weights.items():
            w.copy_(weights[name])
        for mine, given in zip(_trials(self.batch), _trials(batch), strict=True):
            if mine is not None and given is not None:
                mine.copy_(given)
        self.replay()
        loss, gradients = self.results
        return loss.clone(), {name: g.clone() for name, g in gradients.items()}


def _trials(batch: Batch) -> tuple[Tensor | None, ...]:
    return batch.inputs, batch.targets, batch.mask, batch.noise


def _shapes(weights: Weights, batch: Batch) -> Any:
    """What a recording is made for."""
    arrays = [*weights.values(), *_trials(batch)]
    kinds = tuple(None if a is None else (tuple(a.shape), a.dtype, a.device) for a in arrays)
    return tuple(weights), kinds, batch.sets


def _agree(found: Gradient, expected: Gradient) -> bool:
    pairs = [(found[0], expected[0]), *((found[1][name], g) for name, g in expected[1].items())]
    return all(bool((a - b).abs().max() <= TOLERANCE * b.abs().max()) for a, b in pairs)

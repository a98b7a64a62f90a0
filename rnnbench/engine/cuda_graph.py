"""Asks a card for a whole gradient at once: its operations are recorded as a CUDA graph, and replayed.

A time step of a small population takes a card some microseconds, and Python takes longer to ask for it. What a gradient
consists of does not change from update to update, only the numbers do: it is recorded when the same shapes have come
before, and replayed from then on, with the new numbers copied to where the first ones were.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rnnbench.plugin.interfaces import Batch, Engine, Weights

SWITCH = "RNNBENCH_CUDA_GRAPHS"
"""Environment variable; 0 turns recording off."""

EAGER = 2
"""Calls of the same shapes that are computed step by step before one is recorded: a few updates are not worth it."""

MOST = 2
"""Recordings kept: each holds the states of its population. A rule that replays has trials of two shapes."""

LONGEST = 2000
"""Time steps above which nothing is recorded: a graph's size grows with them, and the less of the time is Python's."""

TOLERANCE = 1e-3
"""Of what a recording gives, relative to a network's largest number: the same operations, in another order at most."""

Gradient = tuple[Tensor, Weights]
Recorder = Callable[[Callable[[], Gradient]], tuple[Callable[[], object], Gradient]]
"""Records a function without arguments: what repeats it, and where its results then stand."""

_refused: set[str] = set()
"""What could not be recorded in this process: a recording that fails may leave memory of the card behind."""


def cuda_graph(function: Callable[[], Gradient]) -> tuple[Callable[[], object], Gradient]:
    """A recorder. Raises RuntimeError where there is something that cannot be recorded, as a wait for the card."""
    current, beside = torch.cuda.current_stream(), torch.cuda.Stream()
    try:
        beside.wait_stream(current)
        with torch.cuda.stream(beside):
            function()  # what the first call sets up, libraries and memory, is no part of the recording
        current.wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = function()
    finally:
        torch.cuda.set_stream(current)  # a recording that fails leaves its own
    return graph.replay, results


class Recorded:
    """The gradient of an engine, replayed where shapes come again.

    engine   computes what is not recorded
    another  makes an engine like it for a recording alone, since a recording knows where the engine keeps its states
    kind     name of what is recorded: what cannot be recorded once is not tried again in this process
    record   the recorder

    A recording that cannot be made, or does not give what the engine gives, ends all recording of its kind with a
    warning: then everything is computed step by step.
    """

    def __init__(self, engine: Engine, another: Callable[[], Engine], kind: str, record: Recorder = cuda_graph) -> None:
        self.engine, self.another, self.kind, self.record = engine, another, kind, record
        self._is_off = os.environ.get(SWITCH, "") == "0"
        self._seen: Counter[Any] = Counter()
        self._wanted = EAGER
        self._recordings: dict[Any, _Recording] = {}

    def gradient(self, weights: Weights, batch: Batch) -> Gradient:
        """Loss [network] and its gradients, as the engine's."""
        if self._is_off or self.kind in _refused or batch.inputs.shape[1] > LONGEST:
            return self.engine.gradient(weights, batch)
        shapes = _shapes(weights, batch)
        if recording := self._recordings.pop(shapes, None):
            self._recordings[shapes] = recording  # the latest stands last
            return recording(weights, batch)
        found = self.engine.gradient(weights, batch)
        self._seen[shapes] += 1
        # Checked against numbers: a network that has none any more, and is about to leave, would prove nothing.
        if self._seen[shapes] > self._wanted and all(bool(a.isfinite().all()) for a in _arrays(found)):
            self._make_room(len(batch.sets))
            self._record(shapes, weights, batch, found)
        return found

    def _make_room(self, networks: int) -> None:
        """Populations only become smaller: what was recorded of a larger one goes, then the least recent."""
        self._recordings = {s: r for s, r in self._recordings.items() if len(r.batch.sets) <= networks}
        while len(self._recordings) >= MOST:
            del self._recordings[next(iter(self._recordings))]
            # More shapes than there is room for: each time the next one has to come twice as often.
            self._wanted *= 2
            self._seen.clear()

    def _record(self, shapes: Any, weights: Weights, batch: Batch, expected: Gradient) -> None:
        try:
            engine = self.another()
            if engine is self.engine:
                raise ValueError("engine() gives the same object each time; a recording needs one of its own")
            recording = _Recording(engine, weights, batch, self.record)
            why = "" if _agree(recording(weights, batch), expected) else "it gives other numbers"
        except Exception as error:  # whatever an architecture's step does that no recording can hold
            cause = error.__context__ or error
            why = f"{type(cause).__name__}: {' '.join(str(cause).split())[:200]}"
        if why:
            _refused.add(self.kind)
            self._recordings.clear()
            told = f"the gradient of {self.kind} cannot be recorded as a CUDA graph ({why}): computed step by step"
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
        self.index = self.batch.index  # read by the recording, wherever else it is forgotten
        self.replay, self.results = record(lambda: engine.gradient(self.weights, self.batch))

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


def _arrays(gradient: Gradient) -> list[Tensor]:
    return [gradient[0], *gradient[1].values()]


def _shapes(weights: Weights, batch: Batch) -> Any:
    """What a recording is made for."""
    arrays = [*weights.values(), *_trials(batch)]
    kinds = tuple(None if a is None else (tuple(a.shape), a.dtype, a.device) for a in arrays)
    return tuple(weights), kinds, tuple(batch.sets)


def _agree(found: Gradient, expected: Gradient) -> bool:
    """Whether they are the same but for rounding, network by network."""
    if found[1].keys() != expected[1].keys():
        return False
    pairs = [(found[0], expected[0]), *((found[1][name], g) for name, g in expected[1].items())]
    return all(bool((_largest(a - b) <= TOLERANCE * _largest(b)).all()) for a, b in pairs)


def _largest(x: Tensor) -> Tensor:
    """Of each network, [network]."""
    return x.abs().flatten(1).amax(1) if x.dim() > 1 else x.abs()

"""Measures the speed of all approaches side by side.

Approaches are interleaved in one process with one thread. Results are medians over repeats. The peak rate of matrix
products on the machine is measured in every repeat.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ours import Ours, approaches
from peers import PEERS
from problem import Problem

SHORTEST = 0.25
"""Shortest time for which an approach is measured in each repeat (s)."""
SLOWEST = 20.0
"""Longest time of a single update (s); slower approaches are left out of a row."""


@dataclass(frozen=True)
class Row:
    """The speed of one approach at one size.

    Attributes:
        n_units: units of a network.
        batch: trials of an update.
        population: networks that are trained together.
        approach: name of the approach.
        updates_per_second: network-updates per second, median over repeats.
        fraction_of_peak: floating-point operations per second, relative to the peak.
        spread: range of the rates over repeats, relative to the median.
    """

    n_units: int
    batch: int
    population: int
    approach: str
    updates_per_second: float
    fraction_of_peak: float
    spread: float


def peak(seconds: float = SHORTEST) -> float:
    """Floating-point operations per second of a float32 product of two 1024 x 1024 matrices on one thread."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    return 2 * 1024**3 * rate(lambda: torch.mm(a, b), seconds)


def rate(function: Callable[[], Any], seconds: float = SHORTEST) -> float:
    """Calls of a function per second, measured for at least so many seconds and one call."""
    calls, begin = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < seconds or not calls:
        function()
        calls += 1
    return calls / elapsed if elapsed >= seconds else calls / (time.perf_counter() - begin)


def check(problem: Problem, name: str, network: Any) -> None:
    """Check that an approach computes the same loss and gradient as `autograd_loop`.

    Raises:
        RuntimeError: the loss or the gradient differs.
    """
    trials = network.problem.trials(np.random.default_rng(1))
    reference = PEERS["autograd_loop"](network.problem)
    (loss, gradient), (expected, wanted) = (one.loss_and_gradient(trials) for one in (network, reference))
    size = np.abs(wanted).max()
    if abs(loss - expected) > 1e-4 * abs(expected) or np.abs(gradient - wanted).max() > 1e-3 * size:
        raise RuntimeError(
            f"{name} at N = {problem.n_units} does not compute what the others do, so that it is not timed"
        )


def networks(problem: Problem, population: int, names: list[str]) -> dict[str, tuple[Any, int]]:
    """The object to time for each approach, and the number of network-updates that one call of its `update` makes.

    Approaches that train one network at a time would train a population in a loop, at the rate of a single network.

    Raises:
        RuntimeError: an approach does not compute what the others do.
    """
    objects: dict[str, tuple[Any, int]] = {}
    for name in names:
        if name in approaches():
            network = Ours(problem, population, approaches()[name])
            objects[name] = network, network.networks
        else:
            own = Problem(problem.n_units, problem.batch, 1.0) if name == "torch_rnn" else problem
            objects[name] = PEERS[name](own), 1
        check(problem, name, objects[name][0])
    return objects


def rows(problem: Problem, population: int, names: list[str], repeats: int) -> Iterator[Row]:
    """Measure every approach at one size; each repeat measures the peak and then all approaches in turn."""
    objects = networks(problem, population, names)
    for network, _ in objects.values():
        for _ in range(2):  # allocates memory and compiles
            network.update()
    slow = {name for name, (network, _) in objects.items() if rate(network.update, 0.0) < 1 / SLOWEST}
    found: dict[str, list[float]] = {name: [] for name in objects if name not in slow}
    peaks = []
    for _ in range(repeats):
        peaks.append(peak())
        for name in found:
            network, n_updates = objects[name]
            found[name].append(n_updates * rate(network.update))
    for name, rates in found.items():
        median = statistics.median(rates)
        fraction = median * problem.operations / statistics.median(peaks)
        spread = (max(rates) - min(rates)) / median
        yield Row(problem.n_units, problem.batch, population, name, median, fraction, spread)

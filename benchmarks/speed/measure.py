"""Times the approaches side by side: interleaved, in one process of one thread, medians over repeats, and the machine's
own matrix-product peak measured in between."""

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
"""Seconds that an approach is timed for in each repeat, at least."""
SLOWEST = 20.0
"""Seconds of a single update above which an approach is left out of a row."""


@dataclass(frozen=True)
class Row:
    """network-updates per second of one approach, and the fraction of the peak that their operations are."""

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
    """Calls per second."""
    calls, begin = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < seconds or not calls:
        function()
        calls += 1
    return calls / elapsed if elapsed >= seconds else calls / (time.perf_counter() - begin)


def check(problem: Problem, name: str, network: Any) -> None:
    """Raise RuntimeError unless an approach computes the loss and the gradient that the tidy loop does."""
    trials = network.problem.trials(np.random.default_rng(1))
    reference = PEERS["autograd_loop"](network.problem)
    (loss, gradient), (expected, wanted) = (one.loss_and_gradient(trials) for one in (network, reference))
    size = np.abs(wanted).max()
    if abs(loss - expected) > 1e-4 * abs(expected) or np.abs(gradient - wanted).max() > 1e-3 * size:
        raise RuntimeError(f"{name} at N = {problem.n_units} does not compute what the others do: it is not timed")


def networks(problem: Problem, population: int, names: list[str]) -> dict[str, tuple[Any, int]]:
    """Of each approach what is timed, and how many network-updates one call of its `update` makes.

    Those that train one network at a time would go through a population in a loop: their rate is that of one.
    """
    made: dict[str, tuple[Any, int]] = {}
    for name in names:
        if name in approaches():
            network = Ours(problem, population, approaches()[name])
            made[name] = network, network.networks
        else:
            own = Problem(problem.n_units, problem.batch, 1.0) if name == "torch_rnn" else problem
            made[name] = PEERS[name](own), 1
        check(problem, name, made[name][0])
    return made


def rows(problem: Problem, population: int, names: list[str], repeats: int) -> Iterator[Row]:
    """Every approach at one size: in each repeat all of them, one after the other, and the peak."""
    made = networks(problem, population, names)
    for network, _ in made.values():
        for _ in range(2):  # pays for memory and compilation
            network.update()
    slow = {name for name, (network, _) in made.items() if rate(network.update, 0.0) < 1 / SLOWEST}
    found: dict[str, list[float]] = {name: [] for name in made if name not in slow}
    peaks = []
    for _ in range(repeats):
        peaks.append(peak())
        for name in found:
            network, at_once = made[name]
            found[name].append(at_once * rate(network.update))
    for name, rates in found.items():
        middle = statistics.median(rates)
        part = middle * problem.operations / statistics.median(peaks)
        yield Row(problem.n_units, problem.batch, population, name, middle, part, (max(rates) - min(rates)) / middle)

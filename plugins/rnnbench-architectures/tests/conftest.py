"""Fixtures of the tests: one thread for all, because networks this small are slower with two."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from rnnbench import Architecture, Batch, Weights


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def draw() -> Callable[..., Weights]:
    """Initial weights of a population in float64, one network for each seed."""

    def drawn(architecture: Architecture, n_inputs: int = 2, n_outputs: int = 2, seeds: int = 1) -> Weights:
        each = [architecture.init(np.random.default_rng(seed), n_inputs, n_outputs) for seed in range(seeds)]
        return {name: torch.tensor(np.stack([w[name] for w in each]), dtype=torch.float64) for name in each[0]}

    return drawn


@pytest.fixture(scope="session")
def trials() -> Callable[..., Batch]:
    """Trials with random inputs, targets, mask and noise, so that no zero or symmetry can hide a mistake."""

    def random_trials(
        sets: tuple[int, ...] = (0,), n_inputs: int = 2, n_outputs: int = 2, n_steps: int = 12, n_noise: int = 0
    ) -> Batch:
        rng = np.random.default_rng(42)

        def numbers(channels: int) -> torch.Tensor:
            return torch.tensor(rng.standard_normal((max(sets) + 1, n_steps, 5, channels)))

        inputs, targets, mask = numbers(n_inputs), numbers(n_outputs), (numbers(n_outputs) > 0).double()
        return Batch(inputs, targets, mask, sets, numbers(n_noise) if n_noise else None)

    return random_trials

"""Populations taken apart on a CPU, one network at a time, so that no network's digits depend on those beside it.

One network at a time also keeps its states in the cache. Elsewhere, on a GPU, a population stays in one piece.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench import Batch, Weights


def on_cpu(x: Tensor) -> bool:
    """Whether the population that an array belongs to is to be computed one network at a time."""
    return x.device.type == "cpu"


def separate(weights: Weights) -> list[Weights]:
    """A population's weights network by network, without the [network] axis; as they are, in one part, on a GPU."""
    first = next(iter(weights.values()))
    if not on_cpu(first):
        return [weights]
    return [{name: aligned(w[n]) for name, w in weights.items()} for n in range(len(first))]


def parts_of(array: Tensor, batch: Batch) -> list[Tensor]:
    """The trials that each part of a population sees, [.., time, trial, channel], from [set, time, trial, channel]."""
    if not on_cpu(array):
        return [batch.each(array)]
    of_set = {s: aligned(array[s]) for s in set(batch.sets)}
    return [of_set[s] for s in batch.sets]


def joined(parts: list[Tensor]) -> Tensor:
    """What was computed from each part of a population, with its [network] axis again."""
    return torch.stack(parts) if on_cpu(parts[0]) else parts[0]


def all_joined(parts: list[Weights]) -> Weights:
    """The same for arrays by name."""
    return {name: joined([part[name] for part in parts]) for name in parts[0]}


def aligned(x: Tensor) -> Tensor:
    """`x` in one piece at an address that is a multiple of 64: last digits of a product depend on both."""
    x = x.contiguous()
    return x if x.data_ptr() % 64 == 0 else x.clone()

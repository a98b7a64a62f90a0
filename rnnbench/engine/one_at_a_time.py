"""Populations computed one network at a time on a CPU, so that no network's digits depend on those beside it.

One network at a time also keeps its states in the processor's cache. On a GPU a population stays in one piece.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import torch
from torch import Tensor

from rnnbench.engine.loss import shares
from rnnbench.plugin.interfaces import Batch, Weights

R = TypeVar("R")


def one_at_a_time(array: Tensor) -> bool:
    """Whether the population that an array belongs to is computed one network at a time."""
    return array.device.type == "cpu"


@dataclass(frozen=True)
class SeenTrials:
    """The trials that one network sees; those of all networks, with a leading [network] axis, on a GPU.

    Attributes:
        inputs: [.., time, trial, input]
        targets: [.., time, trial, output]
        mask: [.., time, trial, output]
        noise: [.., time, trial, n_noise], or None
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor
    noise: Tensor | None

    @cached_property
    def share(self) -> Tensor:
        """The mask, normalised: the weight of each squared error in twice the loss."""
        return shares(self.mask)


def by_network(compute: Callable[[Weights, SeenTrials], R], weights: Weights, batch: Batch) -> R:
    """What `compute` returns for each network of a population, stacked along a leading [network] axis.

    Args:
        compute: called with the weights of one network, without the [network] axis, and the trials it sees; on a GPU
            once, with those of all networks. It returns a tensor, or tuples or dictionaries of tensors.
        weights: of the population, with a leading [network] axis.
        batch: the trials.
    """
    if not one_at_a_time(batch.inputs):
        noise = None if batch.noise is None else batch.each(batch.noise)
        inputs, targets, mask = map(batch.each, (batch.inputs, batch.targets, batch.mask))
        return compute(weights, SeenTrials(inputs, targets, mask, noise))
    seen = {s: _seen(batch, s) for s in set(batch.sets)}
    return joined([compute(w, seen[s]) for w, s in zip(separate(weights), batch.sets, strict=True)])


def separate(weights: Weights) -> list[Weights]:
    """A population's weights network by network, without the [network] axis; on a GPU all of them as one part."""
    first = next(iter(weights.values()))
    if not one_at_a_time(first):
        return [weights]
    return [{name: aligned(w[n]) for name, w in weights.items()} for n in range(len(first))]


def joined(parts: list[R]) -> R:
    """What was computed from each part of a population, with its [network] axis again.

    Args:
        parts: tensors, or tuples or dictionaries of tensors, all of the same form.
    """
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.stack(parts) if one_at_a_time(first) else first  # type: ignore[arg-type, return-value]
    if isinstance(first, tuple):
        return tuple(joined(list(column)) for column in zip(*parts, strict=True))  # type: ignore[return-value]
    return {name: joined([part[name] for part in parts]) for name in first}  # type: ignore[return-value, index, attr-defined]


def aligned(x: Tensor) -> Tensor:
    """`x` in one piece at an address that is a multiple of 64, since the last digits of a product depend on both."""
    x = x.contiguous()
    return x if x.data_ptr() % 64 == 0 else x.clone()


def _seen(batch: Batch, s: int) -> SeenTrials:
    """The trials of one set."""
    noise = None if batch.noise is None else aligned(batch.noise[s])
    return SeenTrials(aligned(batch.inputs[s]), aligned(batch.targets[s]), aligned(batch.mask[s]), noise)

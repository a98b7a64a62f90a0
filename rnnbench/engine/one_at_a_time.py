"""Computes populations one network at a time on a CPU, so that a network's results do not depend on the others.

This also keeps the states of a network in the processor's cache. On a GPU a population is computed at once.
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
    """Whether a population is computed one network at a time.

    Args:
        array: any array of the population.
    """
    return array.device.type == "cpu"


@dataclass(frozen=True)
class SeenTrials:
    """The trials that one network sees; on a GPU those of all networks, with a leading [network] axis.

    Attributes:
        inputs: inputs [.., time, trial, input].
        targets: targets [.., time, trial, output].
        mask: weights of the squared errors [.., time, trial, output].
        noise: standard normal noise [.., time, trial, n_noise], or None.
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor
    noise: Tensor | None

    @cached_property
    def share(self) -> Tensor:
        """The normalised mask [.., time, trial, output]: the weight of each squared error in twice the loss."""
        return shares(self.mask)


def by_network(compute: Callable[[Weights, SeenTrials], R], weights: Weights, batch: Batch) -> R:
    """Compute something for each network of a population.

    Args:
        compute: called with the weights of one network, without the [network] axis, and the trials that it sees. On a
            GPU it is called once, with weights and trials of all networks. It returns a tensor, or a tuple or
            dictionary of tensors.
        weights: weights of the population, with a leading [network] axis.
        batch: the trials.

    Returns:
        What `compute` returns, with a leading [network] axis.
    """
    if not one_at_a_time(batch.inputs):
        noise = None if batch.noise is None else batch.each(batch.noise)
        inputs, targets, mask = map(batch.each, (batch.inputs, batch.targets, batch.mask))
        return compute(weights, SeenTrials(inputs, targets, mask, noise))
    seen = {s: _seen(batch, s) for s in set(batch.sets)}
    return joined([compute(w, seen[s]) for w, s in zip(separate(weights), batch.sets, strict=True)])


def separate(weights: Weights) -> list[Weights]:
    """Separate the weights of a population.

    Args:
        weights: weights of the population, with a leading [network] axis.

    Returns:
        The weights of each network, without the [network] axis; on a GPU a single part with all networks.
    """
    first = next(iter(weights.values()))
    if not one_at_a_time(first):
        return [weights]
    return [{name: aligned(w[n]) for name, w in weights.items()} for n in range(len(first))]


def joined(parts: list[R]) -> R:
    """Join what was computed from each part of a population; the inverse of `separate`.

    Args:
        parts: tensors, or tuples or dictionaries of tensors, all of the same form.

    Returns:
        The same form, with a leading [network] axis.
    """
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.stack(parts) if one_at_a_time(first) else first  # type: ignore[arg-type, return-value]
    if isinstance(first, tuple):
        return tuple(joined(list(column)) for column in zip(*parts, strict=True))  # type: ignore[return-value]
    return {name: joined([part[name] for part in parts]) for name in first}  # type: ignore[return-value, index, attr-defined]


def aligned(x: Tensor) -> Tensor:
    """An array in contiguous memory at a multiple of 64 bytes, since the last digits of products depend on both.

    Args:
        x: any array.

    Returns:
        `x`, or a copy if it is not contiguous or not aligned.
    """
    x = x.contiguous()
    return x if x.data_ptr() % 64 == 0 else x.clone()


def _seen(batch: Batch, s: int) -> SeenTrials:
    """The trials of one set, without the [set] axis."""
    noise = None if batch.noise is None else aligned(batch.noise[s])
    return SeenTrials(aligned(batch.inputs[s]), aligned(batch.targets[s]), aligned(batch.mask[s]), noise)

"""Batches in which every network, or every single trial, has targets of its own."""

from __future__ import annotations

import torch

from rnnbench import Batch


def of_each_network(batch: Batch) -> Batch:
    """Give every network a set of its own; the trials stay the same."""
    noise = None if batch.noise is None else batch.each(batch.noise)
    inputs, targets, mask = (batch.each(a) for a in (batch.inputs, batch.targets, batch.mask))
    return Batch(inputs, targets, mask, tuple(range(len(batch.sets))), noise)


def of_each_trial(batch: Batch, trials: slice) -> Batch:
    """Give every network and trial a set of its own.

    Args:
        batch: the trials.
        trials: which of the trials to take.

    Returns:
        Batch whose arrays are [network * trial, time, 1, channel].
    """

    def alone(a: torch.Tensor) -> torch.Tensor:
        return batch.each(a)[:, :, trials].movedim(2, 1).flatten(0, 1).unsqueeze(2)

    inputs, targets, mask = alone(batch.inputs), alone(batch.targets), alone(batch.mask)
    noise = None if batch.noise is None else alone(batch.noise)
    return Batch(inputs, targets, mask, tuple(range(len(inputs))), noise)

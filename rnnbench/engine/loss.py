"""The loss, in one place, so that losses of all tasks, architectures and rules can be compared.

L = sum(mask (z - y)^2) / (2 sum(mask)),  half the masked mean squared error: the sum runs over
time, trials and channels (Schuessler et al. 2020, section 2; the benchmark's idle outputs are
among the channels where they are trained to zero).
"""

from __future__ import annotations

import torch

from rnnbench.plugin.interfaces import Batch


def error_signal(outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """dL/dz = mask (z - y) / sum(mask); all [time, trial, output], any leading axes are separate losses."""
    weight = mask.sum(dim=(-3, -2, -1), keepdim=True)
    return (outputs - targets) * mask / weight


def shares(mask: torch.Tensor) -> torch.Tensor:
    """mask / sum(mask) [.., time, trial, output]: what a point's squared error has of twice the loss."""
    return mask / mask.sum(dim=(-3, -2, -1), keepdim=True)


def loss_and_error(
    outputs: torch.Tensor, targets: torch.Tensor, share: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """L and dL/dz at once, from the `shares` of the mask: `masked_loss` and `error_signal` in three operations."""
    difference = outputs - targets
    error = difference * share
    return difference.mul_(error).sum(dim=(-3, -2, -1)).div_(2), error


def losses(outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
    """L of each network, [network], from its readouts [network, time, trial, output]."""
    if outputs.device.type != "cpu":
        return masked_loss(outputs, batch.each(batch.targets), batch.each(batch.mask))
    # One network at a time: in a sum over several, the order of additions would depend on how many there are.
    each = [masked_loss(z, batch.targets[s], batch.mask[s]) for z, s in zip(outputs, batch.sets, strict=True)]
    return torch.stack(each)


def masked_loss(outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """L over the last three axes [time, trial, output]; one loss for each leading index."""
    squares = (outputs - targets).square() * mask
    axes = (-3, -2, -1)
    return squares.sum(dim=axes) / (2 * mask.sum(dim=axes))

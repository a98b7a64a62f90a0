"""The loss, in one place, so that losses of all tasks, architectures and rules can be compared.

L = sum(mask (z - y)^2) / (2 sum(mask)),  half the masked mean squared error: the sum runs over
time, trials and channels (Schuessler et al. 2020, section 2; the benchmark's idle outputs are
among the channels where they are trained to zero).
"""

from __future__ import annotations

import torch

from rnnbench.interfaces import Batch


def error_signal(outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """dL/dz = mask (z - y) / sum(mask); all [time, trial, output], any leading axes are separate losses."""
    weight = mask.sum(dim=(-3, -2, -1), keepdim=True)
    return (outputs - targets) * mask / weight


def loss_and_error(
    outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """L and dL/dz at once, with the bits of `masked_loss` and `error_signal`: what they share is computed once."""
    axes = (-3, -2, -1)
    difference, weight = outputs - targets, mask.sum(dim=axes, keepdim=True)
    loss = (difference.square() * mask).sum(dim=axes) / (2 * weight.view(outputs.shape[:-3]))
    return loss, difference.mul_(mask).div_(weight)


def losses(outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
    """L of each network, [network], from its readouts [network, time, trial, output]."""
    if outputs.device.type != "cpu":
        sets = list(batch.sets)
        return masked_loss(outputs, batch.targets[sets], batch.mask[sets])
    # One network at a time: in a sum over several, the order of additions would depend on how many there are.
    each = [masked_loss(z, batch.targets[s], batch.mask[s]) for z, s in zip(outputs, batch.sets, strict=True)]
    return torch.stack(each)


def masked_loss(outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """L over the last three axes [time, trial, output]; one loss for each leading index."""
    squares = (outputs - targets).square() * mask
    axes = (-3, -2, -1)
    return squares.sum(dim=axes) / (2 * mask.sum(dim=axes))

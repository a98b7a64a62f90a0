"""The loss. All tasks, architectures and rules use the same one, so that their losses can be compared.

    L = sum(mask (z - y)^2) / (2 sum(mask))

This is half the masked mean squared error of outputs z and targets y. The sums run over time, trials and channels
(Schuessler et al. 2020, section 2). Outputs of other tasks are included if they are trained to zero.
"""

from __future__ import annotations

import torch

from rnnbench.plugin.interfaces import Batch


def error_signal(outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The derivative of the loss with respect to the outputs, dL/dz = mask (z - y) / sum(mask).

    Args:
        outputs: z [.., time, trial, output]; any leading axes are separate losses.
        targets: y, of the same shape.
        mask: weights of the squared errors, of the same shape.

    Returns:
        dL/dz, of the same shape.
    """
    weight = mask.sum(dim=(-3, -2, -1), keepdim=True)
    return (outputs - targets) * mask / weight


def shares(mask: torch.Tensor) -> torch.Tensor:
    """The normalised mask, mask / sum(mask): the weight of each squared error in twice the loss.

    Args:
        mask: [.., time, trial, output]; any leading axes are normalised separately.

    Returns:
        An array of the same shape.
    """
    return mask / mask.sum(dim=(-3, -2, -1), keepdim=True)


def loss_and_error(
    outputs: torch.Tensor, targets: torch.Tensor, share: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss and its derivative at once, as `masked_loss` and `error_signal` compute them.

    Args:
        outputs: z [.., time, trial, output]; any leading axes are separate losses.
        targets: y, of the same shape.
        share: the mask as normalised by `shares`, of the same shape.

    Returns:
        The loss [..], and dL/dz of the shape of the outputs.
    """
    difference = outputs - targets
    error = difference * share
    return difference.mul_(error).sum(dim=(-3, -2, -1)).div_(2), error


def losses(outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The loss of each network.

    Args:
        outputs: readouts [network, time, trial, output].
        batch: targets and mask [set, time, trial, output], and the set of each network.

    Returns:
        The loss [network].
    """
    if outputs.device.type != "cpu":
        return masked_loss(outputs, batch.each(batch.targets), batch.each(batch.mask))
    # One network at a time, since in a sum over several the order of additions would depend on their number.
    each = [masked_loss(z, batch.targets[s], batch.mask[s]) for z, s in zip(outputs, batch.sets, strict=True)]
    return torch.stack(each)


def masked_loss(outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The loss over the last three axes.

    Args:
        outputs: z [.., time, trial, output]; any leading axes are separate losses.
        targets: y, of the same shape.
        mask: weights of the squared errors, of the same shape.

    Returns:
        The loss [..].
    """
    squares = (outputs - targets).square() * mask
    axes = (-3, -2, -1)
    return squares.sum(dim=axes) / (2 * mask.sum(dim=axes))

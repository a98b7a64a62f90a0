"""Random targets, as the Fisher information of a network's outputs asks for them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def normal_where_counted(rng: np.random.Generator, mask: Tensor) -> Tensor:
    """Draw standard normal numbers for the outputs that count anywhere in a batch of trials; the others get 0.

    Outputs that never count take no numbers from the stream, so that further idle outputs change nothing.

    Args:
        rng: the source of the numbers.
        mask: weights of the targets in the loss, [time, trial, output].

    Returns:
        An array like the mask.
    """
    counted = (mask > 0).any(0).any(0)
    drawn = rng.standard_normal((*mask.shape[:2], int(counted.sum())), dtype=np.float32)
    numbers = torch.zeros_like(mask)
    numbers[..., counted] = torch.from_numpy(drawn).to(mask)
    return numbers

"""Kronecker factors of the curvature of the benchmark's loss in the weights of a rate RNN."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rnnbench import Batch, State, VanillaRNN, Weights
from rnnbench_rules.projection.activity import READOUT, activities, second_moment
from rnnbench_rules.targets import normal_where_counted


def factors(architecture: VanillaRNN, weights: Weights, batch: Batch, rngs: Sequence[np.random.Generator]) -> State:
    """Compute the Fisher information of the loss as a Kronecker product for each map.

    L is the negative log likelihood of independent Gaussian targets with precisions m/M, where m is the mask and M its
    sum. Its Fisher information is also its Gauss-Newton matrix: the sum over time and trials of the products of inputs
    z and errors e. These are taken as independent of each other and over time (Martens & Grosse 2015; Kao et al. 2021):

        F = mean(z z^T) x sum(e e^T),   e = dL/d(current) for targets drawn from the network's own distribution.

    For the readout no targets need to be drawn: e e^T is diagonal and holds the precisions, by which z is weighted too.
    This factor is exact where all outputs share a mask.

    Args:
        architecture: a rate RNN.
        weights: weights by name, [network, ...].
        batch: the trials.
        rngs: one generator for each network, for the targets.

    Returns:
        For each map `kind` the factors `kind.in` and `kind.out`, each [network, n, n].
    """
    signals = [_signal(batch.mask[s], rng) for s, rng in zip(batch.sets, rngs, strict=True)]
    found: dict[str, list[Tensor]] = {}
    for one in activities(architecture, weights, batch, signals):
        precision = one.mask.double() / one.mask.double().sum()
        for kind, z in one.sources.items():
            if kind == READOUT:
                A, B = second_moment(z, precision.sum(-1)), precision.sum((0, 1)).diag()
            else:
                e = one.errors[kind].flatten(0, 1).double()
                A, B = second_moment(z), e.mT @ e
            found.setdefault(f"{kind}.in", []).append(A)
            found.setdefault(f"{kind}.out", []).append(B)
    return {name: torch.stack(each) for name, each in found.items()}


def _signal(mask: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw dL/dz for random targets, [time, trial, output]: its standard deviation is (m/M) / sqrt(m/M)."""
    return (mask / mask.sum()).sqrt() * normal_where_counted(rng, mask)

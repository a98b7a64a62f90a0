"""The diagonal Fisher information of a network's answers, by backpropagation alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from rnnbench import TaskContext, Weights
from rnnbench_rules.regularisation.batches import of_each_network


def diagonal_fisher(weights: Weights, context: TaskContext, n_batches: int, n_trials: int) -> Weights:
    """Diagonal of the Fisher information of the context's task in every trained weight, in units of its loss.

    F_i = sum_{trial, t, o} m (dz/dw_i)^2 / sum m,  averaged over trials

    Read the answers z as the mean of a Gaussian with variance 1/m (m the mask): its log-likelihood is -1/2 sum m
    (z - y)^2, and F, divided by sum m as the loss is, is the diagonal of the loss's Gauss-Newton matrix, hence of its
    Hessian where the task is solved. It depends on the number of trials only through sampling error.

    The targets y are drawn from the network's own answers, y = z + xi / sqrt(m) with standard normal xi, as the
    definition has it. The task's targets instead would give the "empirical Fisher", made of squared errors, which
    vanishes just where the network has learnt to hit them (Kunstner, Balles & Hennig, NeurIPS 2019). The noise xi is
    independent between trials, times and outputs, so that in the square of the gradient g of a whole batch all cross
    terms are 0 on average: E[g^2] sum m = F, at the price of one update for each batch. An average over K batches has
    a relative error of sqrt(2/K) in each weight.

    Weights and result are [network, ...]; networks of one seed see the same trials and the same xi.
    """
    total = {name: torch.zeros_like(weights[name]) for name in context.architecture.trained}
    rngs = context.rngs("fisher", context.task, context.position)
    for step in range(n_batches):
        batch = of_each_network(context.sample("fisher", step, n_trials))
        outputs = context.outputs(weights, batch)
        noise = torch.stack([_normal(rng, z) for rng, z in zip(rngs, outputs, strict=True)])
        drawn = outputs + torch.where(batch.mask > 0, noise * batch.mask.clamp_min(1e-12).rsqrt(), 0)
        _, gradients = context.gradient(weights, replace(batch, targets=drawn))
        weight = batch.mask.sum((1, 2, 3))
        for name, g in gradients.items():
            total[name] += weight.view(-1, *[1] * (g.dim() - 1)) * g.square() / n_batches
    return total


def _normal(rng: np.random.Generator, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(rng.standard_normal(tuple(like.shape), dtype=np.float32)).to(like)

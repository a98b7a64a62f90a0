"""Diagonal Fisher information of a network's outputs, from backpropagation alone."""

from __future__ import annotations

from dataclasses import replace

import torch

from rnnbench import TaskContext, Weights
from rnnbench_rules.regularisation.batches import of_each_network
from rnnbench_rules.targets import normal_where_counted


def diagonal_fisher(weights: Weights, context: TaskContext, n_batches: int, n_trials: int) -> Weights:
    """Estimate the diagonal Fisher information of the context's task, in units of its loss.

    F_i = sum_{trial, t, o} m (dz/dw_i)^2 / sum m,  averaged over trials

    The outputs z are taken as the mean of a Gaussian with variance 1/m, where m is the mask. Its log-likelihood is
    -1/2 sum m (z - y)^2. F, divided by sum m like the loss, is the diagonal of the loss's Gauss-Newton matrix, which
    is the Hessian where the task is solved. F depends on the number of trials only through sampling error.

    As the definition asks, the targets are drawn from the network's own distribution: y = z + xi / sqrt(m) with
    standard normal xi. The task's targets would give the "empirical Fisher" instead, which is made of squared errors
    and vanishes where the network reproduces its targets (Kunstner, Balles & Hennig, NeurIPS 2019). The noise xi is
    independent between trials, times and outputs, so in the squared gradient g of a whole batch all cross terms are 0
    on average: E[g^2] sum m = F. Each batch thus costs one gradient. An average over K batches has a relative error of
    sqrt(2/K) in each weight.

    Args:
        weights: weights by name, [network, ...].
        context: the task. Networks of one seed get the same trials and the same xi.
        n_batches: number of batches K.
        n_trials: trials in each batch.

    Returns:
        F by name for every trained weight, [network, ...].
    """
    total = {name: torch.zeros_like(weights[name]) for name in context.architecture.trained}
    rngs = context.rngs("fisher", context.task, context.position)
    for step in range(n_batches):
        batch = of_each_network(context.sample("fisher", step, n_trials))
        outputs = context.outputs(weights, batch)
        noise = torch.stack([normal_where_counted(rng, mask) for rng, mask in zip(rngs, batch.mask, strict=True)])
        drawn = outputs + torch.where(batch.mask > 0, noise * batch.mask.clamp_min(1e-12).rsqrt(), 0)
        _, gradients = context.gradient(weights, replace(batch, targets=drawn))
        weight = batch.mask.sum((1, 2, 3))
        for name, g in gradients.items():
            total[name] += weight.view(-1, *[1] * (g.dim() - 1)) * g.square() / n_batches
    return total

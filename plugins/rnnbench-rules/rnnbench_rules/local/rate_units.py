"""Rate units step by step: every state and rate of a population, for rules that need more than outputs and gradients.

    h[t+1] = (1 - dt) h[t] + dt (W r[t] + W_in x[t] + b) + sqrt(dt) sigma xi[t],  r = phi(h),  z[t] = W_out r[t+1]

Source: Schuessler et al., NeurIPS 2020, eq. 1. All arrays have a leading [network] axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from rnnbench import Architecture, Batch, VanillaRNN, Weights
from rnnbench_rules.rate_rnn import is_rate_rnn

Arrays = dict[str, Tensor]


@dataclass(frozen=True)
class Trajectories:
    """What the units did: h and r [network, 1 + time, trial, unit] with the start, z [network, time, trial, output]."""

    h: Tensor
    r: Tensor
    z: Tensor


def rate_units(rule: str, architecture: Architecture) -> VanillaRNN:
    """Return the architecture if it has the rate units of the vanilla RNN.

    Raises:
        ValueError: it has others; the message names the rule and what it needs.
    """
    if not is_rate_rnn(architecture):
        raise ValueError(f"{rule} needs the rate units of vanilla_rnn; {architecture.name} has others")
    if strange := set(architecture.trained) - {"w_rec", "w_in", "w_out", "b"}:
        raise ValueError(f"{rule} trains w_rec, w_in, w_out and b; {architecture.name} trains {min(strange)} too")
    return cast(VanillaRNN, architecture)  # or what declares the same equation and weights


def currents(architecture: VanillaRNN, weights: Weights, batch: Batch) -> Tensor:
    """What each step adds to h from outside, dt (W_in x + b) + sqrt(dt) sigma xi, [network, time, trial, unit]."""
    dt = architecture.dt
    drive = batch.each(batch.inputs) @ (dt * weights["w_in"]).mT[:, None]
    if "b" in weights:
        drive += dt * weights["b"][:, None, None]
    if batch.noise is not None and architecture.noise > 0:
        drive += math.sqrt(dt) * architecture.noise * batch.each(batch.noise)
    return drive


def start(weights: Weights, n_trials: int) -> Tensor:
    """h[0], [network, trial, unit]."""
    w_rec = weights["w_rec"]
    state = w_rec.new_zeros(len(w_rec), n_trials, w_rec.shape[-1])
    return state + weights["h0"][:, None] if "h0" in weights else state


def simulate(architecture: VanillaRNN, weights: Weights, batch: Batch, kicks: Tensor | None = None) -> Trajectories:
    """Run the trials.

    kicks   added to h after each step, [network, time, trial, unit]
    """
    phi, leak = architecture.phi, 1 - architecture.dt
    drive = currents(architecture, weights, batch)
    if kicks is not None:
        drive += kicks
    n_networks, n_steps, n_trials, n_units = drive.shape
    h = drive.new_empty(n_networks, n_steps + 1, n_trials, n_units)
    r = torch.empty_like(h)
    h[:, 0] = start(weights, n_trials)
    phi.apply(h[:, 0], r[:, 0])
    w = (architecture.dt * weights["w_rec"]).mT.contiguous()
    for t in range(n_steps):
        now = torch.baddbmm(drive[:, t], r[:, t], w).add_(h[:, t], alpha=leak)
        h[:, t + 1] = now
        phi.apply(now, r[:, t + 1])
    z = (weights["w_out"] @ flat(r[:, 1:]).mT).mT.reshape(n_networks, n_steps, n_trials, -1)
    return Trajectories(h, r, z)


def slopes(architecture: VanillaRNN, activity: Trajectories) -> Tensor:
    """phi'(h) after every step, [network, time, trial, unit]."""
    slope = torch.ones_like(activity.h[:, 1:])
    architecture.phi.scale(slope, activity.h[:, 1:], activity.r[:, 1:])
    return slope


def flat(x: Tensor) -> Tensor:
    """[network, time, trial, channel] -> [network, time * trial, channel]."""
    return x.flatten(1, 2)


def network_by_network(
    function: Callable[[Weights, Batch, Arrays], Arrays], weights: Weights, batch: Batch, arrays: Mapping[str, Tensor]
) -> Arrays:
    """`function` of weights, batch and other arrays, all with a [network] axis, as are those that it returns.

    On a CPU one network at a time, so that its numbers are the same bits whatever network stands beside it, and its
    states stay in the cache; elsewhere the population at once.
    """
    if weights["w_rec"].device.type != "cpu":
        return function(weights, batch, dict(arrays))
    each = [
        function(_only(weights, n), batch.of([n]), _only(arrays, n))  # copies: a product's last digits depend on
        for n in range(len(batch.sets))  # how its factors lie in memory
    ]
    return {name: torch.cat([one[name] for one in each]) for name in each[0]}


def _only(arrays: Mapping[str, Tensor], network: int) -> Arrays:
    return {name: a[network : network + 1].clone() for name, a in arrays.items()}

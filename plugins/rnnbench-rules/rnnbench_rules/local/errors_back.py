"""Errors carried back to the units by matrices that need not be the transposes of the forward ones.

    e[t] = phi'(h[t+1]) * (B dz[t] + dt V e[t+1]) + (1 - dt) e[t+1],   dz = dL/dz

With B = W_out^T and V = W^T this is backpropagation through time (rnnbench.engine.rate_rnn). A random B is feedback
alignment, and without V every unit is on its own: what is left is the memory of its leak, which an eligibility trace
carries forward instead (see rflo).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rnnbench import Batch, TaskContext, VanillaRNN, Weights, error_signal, losses
from rnnbench_rules.local.rate_units import Activity, Arrays, flat, network_by_network, simulate, slopes


def random_feedback(weights: Weights, context: TaskContext, scale: float) -> Tensor:
    """B [network, unit, output], scale / sqrt(outputs) times standard normal numbers: a network's own for life."""
    n_outputs, n_units = weights["w_out"].shape[1:]
    drawn = [rng.standard_normal((n_units, n_outputs)) for rng in context.rngs("feedback")]
    return (scale / math.sqrt(n_outputs) * torch.stack([torch.from_numpy(b) for b in drawn])).to(weights["w_out"])


def gradient_through(
    architecture: VanillaRNN, weights: Weights, batch: Batch, feedback: Tensor, recurrent: Tensor | None = None
) -> tuple[Tensor, Weights]:
    """Loss [network] and the gradient's stand-in for every trained weight.

    feedback    B [network, unit, output]
    recurrent   V [network, unit, unit], or None for none
    """
    others = {"B": feedback} if recurrent is None else {"B": feedback, "V": recurrent}

    def compute(weights: Weights, batch: Batch, others: Arrays) -> Arrays:
        activity = simulate(architecture, weights, batch)
        dz = error_signal(activity.z, batch.each(batch.targets), batch.each(batch.mask))
        e = _carried_back(architecture, activity, dz, others["B"], others.get("V"))
        gradients = _weight_gradients(architecture, activity, batch.each(batch.inputs), dz, e)
        return gradients | {"loss": losses(activity.z, batch)}

    found = network_by_network(compute, weights, batch, others)
    return found.pop("loss"), found


def _carried_back(architecture: VanillaRNN, activity: Activity, dz: Tensor, b: Tensor, v: Tensor | None) -> Tensor:
    """e [network, time, trial, unit]."""
    dt, slope = architecture.dt, slopes(architecture, activity)
    e = dz @ b.mT[:, None]
    into = None if v is None else (dt * v).mT.contiguous()
    last = e.shape[1] - 1
    e[:, last] *= slope[:, last]
    for t in reversed(range(last)):
        now, later = e[:, t], e[:, t + 1]
        if into is not None:
            now += later @ into
        now *= slope[:, t]
        now.add_(later, alpha=1 - dt)
    return e


def _weight_gradients(architecture: VanillaRNN, activity: Activity, inputs: Tensor, dz: Tensor, e: Tensor) -> Weights:
    """dt sum e[t] r[t]^T and the like, for every trained weight."""
    dt, units = architecture.dt, flat(e).mT
    products = {
        "w_rec": lambda: dt * (units @ flat(activity.r[:, :-1])),
        "w_in": lambda: dt * (units @ flat(inputs)),
        "b": lambda: dt * units.sum(-1),
        "w_out": lambda: flat(dz).mT @ flat(activity.r[:, 1:]),
    }
    return {name: products[name]() for name in architecture.trained}

"""Errors sent back to the units through matrices that need not be the transposes of the forward ones.

    e[t] = phi'(h[t+1]) * (B dz[t] + dt V e[t+1]) + (1 - dt) e[t+1],   dz = dL/dz

With B = W_out^T and V = W^T this is backpropagation through time (rnnbench.engine.rate_rnn). A random B gives
feedback alignment. Without V no error passes between units: each unit's error goes back in time only through its own
leak, and an eligibility trace computes the same sum forwards (see rflo).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rnnbench import Batch, TaskContext, VanillaRNN, Weights, error_signal, losses
from rnnbench_rules.local.rate_units import Arrays, Trajectories, flat, network_by_network, simulate, slopes


def random_feedback(weights: Weights, context: TaskContext, scale: float) -> Tensor:
    """Draw the random feedback matrix B of each network, which is the same in all of its tasks up to its scale.

    Args:
        weights: weights by name, [network, ...]; w_out gives the shape.
        context: the task; a column of B is drawn from the network's seed and the position of its output.
        scale: the standard deviation of B is scale / sqrt(outputs of the task).

    Returns:
        B, [network, unit, output].
    """
    # Drawn output by output, so that outputs which are added later change nothing.
    drawn = [torch.from_numpy(rng.standard_normal(weights["w_out"].shape[1:])) for rng in context.rngs("feedback")]
    n_outputs = int(context.own_outputs.sum())
    return (scale / math.sqrt(n_outputs) * torch.stack(drawn).mT).to(weights["w_out"])


def gradient_through(
    architecture: VanillaRNN, weights: Weights, batch: Batch, feedback: Tensor, recurrent: Tensor | None = None
) -> tuple[Tensor, Weights]:
    """Compute the loss and what replaces its gradient when errors are sent back through B and V.

    Args:
        architecture: the rate RNN.
        weights: weights by name, [network, ...].
        batch: the trials.
        feedback: B, [network, unit, output].
        recurrent: V, [network, unit, unit]; None if errors do not pass between units.

    Returns:
        The loss [network], and by name an array [network, ...] for every trained weight.
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


def _carried_back(architecture: VanillaRNN, activity: Trajectories, dz: Tensor, b: Tensor, v: Tensor | None) -> Tensor:
    """Compute the errors e, [network, time, trial, unit]."""
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


def _weight_gradients(
    architecture: VanillaRNN, activity: Trajectories, inputs: Tensor, dz: Tensor, e: Tensor
) -> Weights:
    """Sum e[t] times its source over time and trials for every trained weight, such as dt sum_t e[t] r[t]^T."""
    dt, units = architecture.dt, flat(e).mT
    products = {
        "w_rec": lambda: dt * (units @ flat(activity.r[:, :-1])),
        "w_in": lambda: dt * (units @ flat(inputs)),
        "b": lambda: dt * units.sum(-1),
        "w_out": lambda: flat(dz).mT @ flat(activity.r[:, 1:]),
    }
    return {name: products[name]() for name in architecture.trained}

"""Activity of a rate RNN: the sources and targets of its weights, and the errors propagated back to them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from rnnbench import AddedChannels, Architecture, Batch, VanillaRNN, Weights
from rnnbench_rules.rate_rnn import is_rate_rnn

CURRENT, READOUT = "current", "readout"
"""The two linear maps of a rate RNN: [phi(h); x; 1] -> current through [W, W_in, b]; phi(h) -> z through W_out."""

SOURCES = {CURRENT: ("w_rec", "w_in", "b"), READOUT: ("w_out",)}
"""The weights that make up each map, in the order of their columns."""


def require_rate_rnn(architecture: Architecture, rule: str) -> VanillaRNN:
    """Return the architecture if it is a rate RNN whose trained weights belong to the maps above.

    Raises:
        ValueError: it is another architecture; the message names the rule and what it needs.
    """
    if not is_rate_rnn(architecture) or unknown(architecture):
        raise ValueError(f"{rule} needs rate units with weights w_rec, w_in, w_out, b: vanilla_rnn")
    return cast(VanillaRNN, architecture)  # or what declares the same equation and weights


def unknown(architecture: Architecture) -> set[str]:
    """Return the names of the trained weights that belong to neither map."""
    return set(architecture.trained) - {name for names in SOURCES.values() for name in names}


def maps(arrays: Weights) -> dict[str, Tensor]:
    """Join the weights of each map into one matrix.

    Args:
        arrays: weights or gradients by name, [network, ...]; names that are absent are skipped.

    Returns:
        By map, a matrix [network, target, source].
    """
    out: Weights = {}
    for kind, names in SOURCES.items():
        parts = [arrays[name].unsqueeze(-1) if name == "b" else arrays[name] for name in names if name in arrays]
        if parts:
            out[kind] = torch.cat(parts, dim=-1)
    return out


def arrays(matrices: dict[str, Tensor], like: Weights) -> Weights:
    """Split the matrices of `maps` into weights again.

    Args:
        matrices: by map, a matrix [network, target, source].
        like: arrays whose names and shapes the result has.
    """
    out: Weights = {}
    for kind, matrix in matrices.items():
        names = [name for name in SOURCES[kind] if name in like]
        widths = [1 if name == "b" else like[name].shape[-1] for name in names]
        out |= {n: part.view_as(like[n]) for n, part in zip(names, matrix.split(widths, dim=-1), strict=True)}
    return out


def with_channels(
    matrix: Tensor, kind: str, side: str, added: AddedChannels, trained: Collection[str], new: Tensor
) -> Tensor:
    """Give a matrix between the sources of a map, or between its targets, the rows and columns of new channels.

    Args:
        matrix: [network, n, n].
        kind: the map.
        side: "in" for its sources, "out" for its targets.
        added: the new channels.
        trained: names of the trained weights.
        new: diagonal element of a new channel, [network]; elements off the diagonal are 0.

    Returns:
        The matrix with the new channels, [network, m, m].
    """
    before, after = added.before, added.after
    if side == "in":
        names = [name for name in SOURCES[kind] if name in trained]
        widths = [(1, 1) if name == "b" else (before[name].shape[-1], after[name].shape[-1]) for name in names]
    else:
        n_old = before[SOURCES[kind][0]].shape[-2]
        widths = [(n_old, after[SOURCES[kind][0]].shape[-2])]
    ends = np.cumsum([wide for _, wide in widths])
    old = np.concatenate([np.arange(end - wide, end - wide + n) for end, (n, wide) in zip(ends, widths, strict=True)])
    kept = torch.from_numpy(old).to(matrix.device)
    grown = torch.diag_embed(new[:, None].expand(-1, int(ends[-1]))).to(matrix)
    grown[:, kept[:, None], kept] = matrix
    return grown


@dataclass(frozen=True)
class SourcesAndTargets:
    """Activity of one network on a set of trials; all arrays are [time, trial, ..].

    Attributes:
        sources: by map, for trained weights only: phi(h[t]), x[t] and 1 of the current; phi(h[t+1]) of the readout.
        targets: by map: the recurrent current W phi(h[t]) + W_in x[t] + b; the readout z[t].
        mask: weight of each target in the loss, [time, trial, output].
        errors: by map: derivative of sum(z * signal) in the current and in the readout; empty without a signal.
    """

    sources: dict[str, Tensor]
    targets: dict[str, Tensor]
    mask: Tensor
    errors: dict[str, Tensor]


def activities(
    architecture: VanillaRNN, weights: Weights, batch: Batch, signals: list[Tensor] | None = None
) -> Iterator[SourcesAndTargets]:
    """Yield the activity of each network, one after the other.

    Args:
        architecture: a rate RNN.
        weights: weights by name, [network, ...].
        batch: the trials.
        signals: for each network the factor of its outputs in `Activity.errors`, [time, trial, output]; None for none.
    """
    for n, s in enumerate(batch.sets):
        noise = None if batch.noise is None else batch.noise[s]
        one = {name: w[n] for name, w in weights.items()}
        signal = None if signals is None else signals[n]
        yield _activity(architecture, one, batch.inputs[s], batch.mask[s], noise, signal)


def _activity(
    architecture: VanillaRNN,
    weights: Weights,
    inputs: Tensor,
    mask: Tensor,
    noise: Tensor | None,
    signal: Tensor | None,
) -> SourcesAndTargets:
    n_steps, n_trials, _ = inputs.shape
    dt, trained = architecture.dt, architecture.trained
    nudge = inputs.new_zeros(n_steps, n_trials, architecture.units, requires_grad=signal is not None)
    state = architecture.initial_state(weights, n_trials)
    states, readouts = [state], []
    with torch.set_grad_enabled(signal is not None):
        for t in range(n_steps):
            # The architecture's own step is used; a nudge of the current enters the state multiplied by dt.
            state = architecture.step(weights, state, inputs[t], None if noise is None else noise[t]) + dt * nudge[t]
            states.append(state)
            readouts.append(architecture.readout(weights, state))
        z = torch.stack(readouts)
        errors = {}
        if signal is not None:
            (errors[CURRENT],) = torch.autograd.grad((z * signal).sum(), nudge)
            errors[READOUT] = signal
    rates = architecture.phi(torch.stack(states).detach())
    before, after = rates[:-1], rates[1:]
    into = {"w_rec": before, "w_in": inputs, "b": torch.ones_like(before[..., :1])}
    current = before @ weights["w_rec"].mT + inputs @ weights["w_in"].mT + weights.get("b", 0.0)
    chosen = [into[name] for name in SOURCES[CURRENT] if name in trained]
    sources = {CURRENT: torch.cat(chosen, dim=-1)} if chosen else {}
    if "w_out" in trained:
        sources[READOUT] = after
    return SourcesAndTargets(sources, {CURRENT: current, READOUT: z.detach()}, mask, errors)


def second_moment(x: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean of x x^T over time and trials.

    Args:
        x: activity, [time, trial, channel].
        weight: weights of the mean, [time, trial]; None for equal weights.

    Returns:
        The second moment in double precision, [channel, channel].
    """
    flat = x.flatten(0, 1).double()
    if weight is None:
        return flat.mT @ flat / len(flat)
    w = weight.flatten().double()
    return (flat * w[:, None]).mT @ flat / w.sum()

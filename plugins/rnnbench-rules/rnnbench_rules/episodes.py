"""Memories of past trials: rings, reservoirs, and batches drawn from them.

For a memory called `name` the state holds `name.inputs`, `name.targets` and `name.mask`, each [network, slot, time,
channel], and `name.seen` [network, 1], the number of trials offered so far. Trials shorter than the time axis are
padded with steps whose mask is 0. The arrays are allocated before a task begins, from trials of that task: the networks
of a population may train for different numbers of updates, but their memories must have the same shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import pad

from rnnbench import AddedChannels, Batch, State

FIELDS = ("inputs", "targets", "mask")
STEPS = 16
"""The length of the time axis is a multiple of this number of steps."""

Writes = list[dict[int, int]]
"""For each network, a map from a slot to the trial of the batch that is stored there."""


@dataclass(frozen=True)
class Drawn:
    """Trials drawn from a memory.

    Attributes:
        batch: the trials; every network has a set of its own.
        outputs: outputs stored with the trials, [network, time, trial, output]; None if none were stored.
        some: [network] 1, or 0 for a network whose memory is still empty; the trials of such a network are blank.
    """

    batch: Batch
    outputs: torch.Tensor | None
    some: torch.Tensor


def make_room(state: State, name: str, slots: int, like: Batch, with_outputs: bool = False) -> None:
    """Allocate arrays for `slots` trials as long as the longest in `like`.

    Arrays that exist already keep their trials and may only become longer.

    Args:
        state: the rule's state, changed in place.
        name: name of the memory.
        slots: number of trials stored per network.
        like: trials of the task that is about to begin.
        with_outputs: whether to allocate `name.outputs` as well.
    """
    n_networks, n_steps = len(like.sets), -(-like.inputs.shape[1] // STEPS) * STEPS
    state.setdefault(f"{name}.seen", torch.zeros(n_networks, 1, dtype=torch.float64, device=like.inputs.device))
    for field in [*FIELDS, "outputs"] if with_outputs else FIELDS:
        channels = getattr(like, "targets" if field == "outputs" else field)
        kept = state.get(f"{name}.{field}", channels.new_zeros(n_networks, slots, 0, channels.shape[-1]))
        state[f"{name}.{field}"] = pad(kept, (0, 0, 0, max(0, n_steps - kept.shape[2])))


def with_channels(name: str, array: torch.Tensor, added: AddedChannels) -> torch.Tensor:
    """Put stored trials on the channels of networks that have received more: they are silent on the new ones.

    Args:
        name: name of the array in the memory.
        array: the array.
        added: the new channels.
    """
    field = name.rpartition(".")[2]
    if field not in (*FIELDS, "outputs"):
        return array
    n_channels = added.n_inputs if field == "inputs" else added.n_outputs
    return pad(array, (0, n_channels - array.shape[-1]))


def latest(state: State, name: str, slots: int, batch: Batch) -> Writes:
    """Choose the slots of a ring for the trials of a batch: each trial overwrites the oldest one.

    Args:
        state: the rule's state.
        name: name of the memory.
        slots: number of trials stored per network.
        batch: the trials offered.

    Returns:
        For each network, a map from slot to trial.
    """
    n_trials = batch.inputs.shape[2]
    first = max(0, n_trials - slots)
    seen = _seen(state, name)
    return [{(n + trial) % slots: trial for trial in range(first, n_trials)} for n in seen]


def reservoir(state: State, name: str, slots: int, batch: Batch, rngs: Sequence[np.random.Generator]) -> Writes:
    """Choose the slots of a reservoir: after t trials each of them is stored with probability slots/t.

    Source: Vitter, ACM Trans. Math. Softw. 1985, algorithm R.

    Args:
        state: the rule's state.
        name: name of the memory.
        slots: number of trials stored per network.
        batch: the trials offered.
        rngs: one generator for each network.

    Returns:
        For each network, a map from slot to trial.
    """
    n_trials = batch.inputs.shape[2]
    seen = _seen(state, name)
    return [_accepted(rng, n, n_trials, slots) for rng, n in zip(rngs, seen, strict=True)]


def _seen(state: State, name: str) -> list[int]:
    return [int(n) for n in state[f"{name}.seen"]]


def _accepted(rng: np.random.Generator, seen: int, n_trials: int, slots: int) -> dict[int, int]:
    # Trial t takes the t-th slot. Once all are full, it draws a number below t and is stored if that is a slot.
    number = seen + 1 + np.arange(n_trials)
    slot = np.where(number <= slots, number - 1, rng.integers(0, number))
    return {int(s): trial for trial, s in enumerate(slot) if s < slots}  # if two trials share a slot, the later stays


def write(state: State, name: str, batch: Batch, writes: Writes, outputs: torch.Tensor | None = None) -> None:
    """Store trials of a batch in their slots, in place, and count the whole batch as seen.

    A trial longer than the allocated time axis is cut; this is rare.

    Args:
        state: the rule's state, changed in place.
        name: name of the memory.
        batch: the trials offered.
        writes: for each network, a map from slot to trial.
        outputs: outputs to store with the trials as `name.outputs`, [network, time, trial, output], or None.
    """
    state[f"{name}.seen"] = state[f"{name}.seen"] + batch.inputs.shape[2]
    network = [n for n, w in enumerate(writes) for _ in w]
    slot, trial = [s for w in writes for s in w], [t for w in writes for t in w.values()]
    if not network:
        return
    sets = [batch.sets[n] for n in network]
    new = {field: getattr(batch, field)[sets, :, trial] for field in FIELDS}
    if outputs is not None:
        new["outputs"] = outputs[network, :, trial]
    for field, trials in new.items():
        kept = state[f"{name}.{field}"]
        kept[network, slot] = pad(trials, (0, 0, 0, kept.shape[2] - trials.shape[1])).to(kept)


def draw(state: State, names: Sequence[str], n_trials: int, rngs: Sequence[np.random.Generator], n_noise: int) -> Drawn:
    """Draw trials at random with replacement; every trial stored under any of the names is equally likely.

    Args:
        state: the rule's state.
        names: names of the memories to draw from.
        n_trials: number of trials for each network.
        rngs: one generator for each network.
        n_noise: standard normal numbers that the architecture needs for each trial and step.

    Returns:
        The trials, [network, time, trial, channel].
    """
    counts = np.stack([_kept(state, name) for name in names], axis=1)  # [network, name]
    picks = [rng.integers(0, max(1, c.sum()), n_trials) for rng, c in zip(rngs, counts, strict=True)]
    each = list(zip(picks, counts, strict=True))
    which = np.stack([np.searchsorted(c.cumsum(), p, side="right").clip(max=len(c) - 1) for p, c in each])
    slot = np.stack([p - (c.cumsum() - c)[w] for (p, c), w in zip(each, which, strict=True)])  # both [network, trial]
    fields = [*FIELDS, "outputs"] if all(f"{name}.outputs" in state for name in names) else FIELDS
    drawn = {field: _gather([state[f"{name}.{field}"] for name in names], which, slot) for field in fields}
    return _drawn(drawn, counts.sum(1) > 0, rngs, n_noise)


def all_of(state: State, name: str, rngs: Sequence[np.random.Generator], n_noise: int) -> Drawn:
    """Return every trial stored under a name; empty slots have mask 0.

    Args:
        state: the rule's state.
        name: name of the memory.
        rngs: one generator for each network.
        n_noise: standard normal numbers that the architecture needs for each trial and step.

    Returns:
        The trials, [network, time, slot, channel].
    """
    fields = {field: state[f"{name}.{field}"].transpose(1, 2) for field in FIELDS}
    return _drawn(fields, _kept(state, name) > 0, rngs, n_noise)


def _kept(state: State, name: str) -> np.ndarray:
    """Number of trials that each network has stored under a name, [network]."""
    return np.minimum(_seen(state, name), state[f"{name}.inputs"].shape[1])


def _gather(kept: Sequence[torch.Tensor], which: np.ndarray, slot: np.ndarray) -> torch.Tensor:
    """Gather trials [network, time, trial, channel]: trial i of network n is in slot[n, i] of the array which[n, i]."""
    n_steps = max(a.shape[2] for a in kept)
    out = kept[0].new_zeros(*which.shape, n_steps, kept[0].shape[-1])
    for i, array in enumerate(kept):
        here = np.nonzero(which == i)
        network, trial = (torch.from_numpy(index).to(array.device) for index in here)
        out[network, trial, : array.shape[2]] = array[network, torch.from_numpy(slot[here]).to(array.device)]
    return out.transpose(1, 2).contiguous()


def _drawn(fields: State, some: np.ndarray, rngs: Sequence[np.random.Generator], n_noise: int) -> Drawn:
    inputs, targets, mask = (fields[field].contiguous() for field in FIELDS)
    has = torch.from_numpy(some).to(inputs)
    mask = mask.where(has.view(-1, 1, 1, 1) > 0, 1.0)  # with mask 0 everywhere the loss would be NaN
    noise = None
    if n_noise:
        shape = (*inputs.shape[1:3], n_noise)
        drawn = np.stack([rng.standard_normal(shape, dtype=np.float32) for rng in rngs])
        noise = torch.from_numpy(drawn).to(inputs)
    return Drawn(Batch(inputs, targets, mask, tuple(range(len(inputs))), noise), fields.get("outputs"), has)

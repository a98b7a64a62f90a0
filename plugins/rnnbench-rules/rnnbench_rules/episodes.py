"""Trials kept from one task to the next: rings, reservoirs, and batches drawn from them.

Of trials kept under a name the state holds `name.inputs`, `name.targets`, `name.mask`, each [network, slot, time,
channel], and `name.seen` [network, 1], how many trials were offered. A trial shorter than the others ends in steps of
mask 0. The time axis only grows, by STEPS at a time, so that it tells nothing of which trials a network kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import pad

from rnnbench import Batch, State

FIELDS = ("inputs", "targets", "mask")
STEPS = 16
"""The time axis is a multiple of so many steps."""

Writes = list[dict[int, int]]
"""For each network, slot -> the trial of the batch that goes there."""


def is_kept(state: State, name: str) -> bool:
    """Whether any trials were offered under this name."""
    return f"{name}.seen" in state


def latest(state: State, name: str, slots: int, batch: Batch) -> Writes:
    """The slots of a ring: each trial overwrites the oldest."""
    n_trials = batch.inputs.shape[2]
    first = max(0, n_trials - slots)
    seen = _seen(state, name, len(batch.sets))
    return [{(n + trial) % slots: trial for trial in range(first, n_trials)} for n in seen]


def reservoir(state: State, name: str, slots: int, batch: Batch, rngs: Sequence[np.random.Generator]) -> Writes:
    """The slots of a reservoir: after t trials each is kept with probability slots/t. Vitter 1985, algorithm R."""
    n_trials = batch.inputs.shape[2]
    seen = _seen(state, name, len(batch.sets))
    return [_accepted(rng, n, n_trials, slots) for rng, n in zip(rngs, seen, strict=True)]


def _seen(state: State, name: str, n_networks: int) -> list[int]:
    return [int(n) for n in state[f"{name}.seen"]] if is_kept(state, name) else [0] * n_networks


def _accepted(rng: np.random.Generator, seen: int, n_trials: int, slots: int) -> dict[int, int]:
    number = seen + 1 + np.arange(n_trials)  # the t-th trial of all goes to slot t or, once those are full, anywhere
    slot = np.where(number <= slots, number - 1, rng.integers(0, number))
    return {int(s): trial for trial, s in enumerate(slot) if s < slots}  # of two in one slot the later stays


def write(
    state: State, name: str, slots: int, batch: Batch, writes: Writes, outputs: torch.Tensor | None = None
) -> None:
    """Put trials of a batch in their slots, in place, and count all of the batch as seen.

    outputs   [network, time, trial, output], kept beside the trials as `name.outputs` if given
    """
    n_networks, n_steps = len(batch.sets), batch.inputs.shape[1]
    _make_room(state, name, slots, batch, with_outputs=outputs is not None)
    state[f"{name}.seen"] = state[f"{name}.seen"] + batch.inputs.shape[2]
    network, slot, trial = (
        [n for n in range(n_networks) for _ in writes[n]],
        [s for w in writes for s in w],
        [t for w in writes for t in w.values()],
    )
    if not network:
        return
    sets = [batch.sets[n] for n in network]
    new = {field: getattr(batch, field)[sets, :, trial] for field in FIELDS}
    if outputs is not None:
        new["outputs"] = outputs[network, :, trial]
    for field, trials in new.items():
        kept = state[f"{name}.{field}"]
        kept[network, slot] = pad(trials, (0, 0, 0, kept.shape[2] - n_steps)).to(kept)


def draw(
    state: State, names: Sequence[str], n_trials: int, rngs: Sequence[np.random.Generator], n_noise: int
) -> tuple[Batch, torch.Tensor | None]:
    """Trials drawn at random, with replacement, each kept trial of all names being equally likely.

    Returns a batch [network, time, trial, channel] of each network's own, and their outputs as they were kept, if so.
    """
    seen = torch.cat([state[f"{name}.seen"] for name in names], dim=1).cpu().numpy()  # [network, name]
    slots = [state[f"{name}.inputs"].shape[1] for name in names]
    counts = np.minimum(seen, slots).astype(int)
    picks = [rng.integers(0, c.sum(), n_trials) for rng, c in zip(rngs, counts, strict=True)]
    which = np.stack([np.searchsorted(c.cumsum(), p, side="right") for p, c in zip(picks, counts, strict=True)])
    slot = np.stack(
        [p - (c.cumsum() - c)[w] for p, c, w in zip(picks, counts, which, strict=True)]
    )  # both [network, trial]
    fields = [*FIELDS, "outputs"] if all(f"{name}.outputs" in state for name in names) else FIELDS
    drawn = {field: _gather([state[f"{name}.{field}"] for name in names], which, slot) for field in fields}
    return _as_batch(drawn, rngs, n_noise), drawn.get("outputs")


def all_of(state: State, name: str, rngs: Sequence[np.random.Generator], n_noise: int) -> Batch:
    """Every trial kept under a name, [network, time, slot, channel]; empty slots have mask 0."""
    return _as_batch({field: state[f"{name}.{field}"].transpose(1, 2) for field in FIELDS}, rngs, n_noise)


def _make_room(state: State, name: str, slots: int, batch: Batch, with_outputs: bool) -> None:
    n_steps = -(-batch.inputs.shape[1] // STEPS) * STEPS
    n_networks = len(batch.sets)
    if not is_kept(state, name):
        state[f"{name}.seen"] = torch.zeros(n_networks, 1, dtype=torch.float64, device=batch.inputs.device)
    for field in [*FIELDS, "outputs"] if with_outputs else FIELDS:
        key, like = f"{name}.{field}", getattr(batch, "targets" if field == "outputs" else field)
        if key not in state:
            state[key] = like.new_zeros(n_networks, slots, n_steps, like.shape[-1])
        elif state[key].shape[2] < n_steps:
            state[key] = pad(state[key], (0, 0, 0, n_steps - state[key].shape[2]))


def _gather(kept: Sequence[torch.Tensor], which: np.ndarray, slot: np.ndarray) -> torch.Tensor:
    """Trials [network, time, trial, channel]: for network n the trial slot[n, i] of the array which[n, i]."""
    n_steps = max(a.shape[2] for a in kept)
    out = kept[0].new_zeros(*which.shape, n_steps, kept[0].shape[-1])
    for i, array in enumerate(kept):
        here = np.nonzero(which == i)
        network, trial = (torch.from_numpy(index).to(array.device) for index in here)
        out[network, trial, : array.shape[2]] = array[network, torch.from_numpy(slot[here]).to(array.device)]
    return out.transpose(1, 2).contiguous()


def _as_batch(fields: State, rngs: Sequence[np.random.Generator], n_noise: int) -> Batch:
    inputs, targets, mask = (fields[field].contiguous() for field in FIELDS)
    shape = (*inputs.shape[1:3], n_noise)
    noise = np.stack([rng.standard_normal(shape, dtype=np.float32) for rng in rngs]) if n_noise else None
    return Batch(
        inputs,
        targets,
        mask,
        tuple(range(len(inputs))),
        None if noise is None else torch.from_numpy(noise).to(inputs),
    )

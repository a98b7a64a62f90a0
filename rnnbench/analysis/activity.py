"""What one network does on given trials, and what kind of network it is: states, rates, outputs, W and W_out.

Everything is computed in float64 and without noise, through the architecture's own step and readout. Where a
measure needs the matrices of a rate network,

    dh/dt = -h + W phi(h) + input,        z = W_out phi(h),

an architecture shows that it is one by a weight `w_rec` or a method `recurrent(weights) -> W [unit, unit]`, and by
a field `nonlinearity` that names one of rnnbench's phi.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import jacrev

from rnnbench.engine.nonlinearity import NONLINEARITIES
from rnnbench.plugin.interfaces import Architecture, Weights


@dataclass(frozen=True)
class Activity:
    """One network on a batch of trials.

    states   [1 + time, trial, unit], the start first; None where the state is not one array [trial, unit]
    rates    [time, trial, unit] after each step: phi(h) of a rate network, else the state itself (all parts of it)
    outputs  [time, trial, output] after each step
    """

    states: np.ndarray | None
    rates: np.ndarray
    outputs: np.ndarray


def float64(weights: Mapping[str, Any]) -> Weights:
    """The weights of one network, arrays or tensors, as tensors in double precision."""
    return {name: torch.as_tensor(w).to(torch.float64) for name, w in weights.items()}


def run_trials(architecture: Architecture, weights: Mapping[str, np.ndarray], inputs: np.ndarray) -> Activity:
    """Follow one network through trials with `inputs` [time, trial, input]."""
    arrays = float64(weights)
    x = torch.tensor(np.asarray(inputs), dtype=torch.float64)
    with torch.no_grad():
        state = architecture.initial_state(arrays, x.shape[1])
        states, outputs = [state], []
        for current in x.unbind(0):
            state = architecture.step(arrays, state, current, None)
            states.append(state)
            outputs.append(architecture.readout(arrays, state))
        one_array = isinstance(state, Tensor) and state.dim() == 2
        phi = nonlinearity_of(architecture, arrays) if one_array else None
        rates = [phi(h) if phi is not None else _flat(h) for h in states[1:]]
    return Activity(
        torch.stack(states).numpy() if one_array else None, torch.stack(rates).numpy(), torch.stack(outputs).numpy()
    )


def _flat(state: object) -> Tensor:
    """All parts of a state side by side, [trial, unit]."""
    parts = [state] if isinstance(state, Tensor) else list(state)  # type: ignore[call-overload]
    return torch.cat([part.reshape(len(part), -1) for part in parts], dim=-1)


def has_recurrent_matrix(architecture: Architecture, weights: Mapping[str, Any]) -> bool:
    """Whether the architecture is a rate network with a matrix W [unit, unit]."""
    if callable(getattr(architecture, "recurrent", None)):
        return True
    return "w_rec" in weights and weights["w_rec"].ndim == 2 and len(set(weights["w_rec"].shape)) == 1


def recurrent_matrix(architecture: Architecture, weights: Mapping[str, Any]) -> Tensor | None:
    """W [unit, unit] of a rate network in float64, from arrays or tensors; None where there is no such matrix."""
    if not has_recurrent_matrix(architecture, weights):
        return None
    recurrent = getattr(architecture, "recurrent", None)
    w = recurrent(float64(weights)) if callable(recurrent) else weights["w_rec"]
    return torch.as_tensor(w).to(torch.float64)


def nonlinearity_of(architecture: Architecture, weights: Mapping[str, Any]) -> Callable[[Tensor], Tensor] | None:
    """phi of a rate network; None where the architecture is none, or does not tell."""
    if not has_recurrent_matrix(architecture, weights):
        return None
    known = NONLINEARITIES.get(str(getattr(architecture, "nonlinearity", "")))
    return known.value if known else None


def readout_matrix(architecture: Architecture, weights: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """W_out [output, unit] of a rate network, z = W_out phi(h); None where the architecture is none.

    Where no weight is named `w_out`, W_out = (dz/dh) / phi'(h), taken at a state where no phi has slope 0.
    """
    arrays = float64(weights)
    phi = nonlinearity_of(architecture, arrays)
    if phi is None:
        return None
    if "w_out" in arrays:
        return np.asarray(arrays["w_out"].numpy())
    h = torch.ones(architecture.units, dtype=torch.float64)
    slope = jacrev(phi)(h).diagonal()
    return np.asarray((jacrev(lambda h: architecture.readout(arrays, h[None])[0])(h) / slope).numpy())


@dataclass(frozen=True)
class Distinct:
    """Trials with each input only once.

    inputs   [time, trial, input]
    of       for each of the trials, which of the distinct ones it is
    """

    inputs: np.ndarray
    of: np.ndarray


def distinct(inputs: Tensor) -> Distinct:
    """The trials of different input among `inputs` [time, trial, input], in the order in which they come."""
    array = np.asarray(inputs.detach().cpu().numpy(), dtype=float)
    rows = array.swapaxes(0, 1).reshape(array.shape[1], -1)
    _, first, of = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return Distinct(array[:, first[order]], np.argsort(order)[of.reshape(-1)])

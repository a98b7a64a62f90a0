"""The activity of one network on given trials (states, rates, outputs), and its matrices W and W_out.

Everything is computed in float64 and without noise, with the architecture's own step and readout. Measures that need
W, phi or W_out of a rate network use what the architecture declares (`rnnbench.plugin.rate_network`). Whether it is
a rate network is not guessed from the names of its fields and weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import jacrev

from rnnbench.plugin.interfaces import Architecture, Weights
from rnnbench.plugin.rate_network import as_rate_network, connectivity_of


@dataclass(frozen=True)
class Activity:
    """The activity of one network on a batch of trials.

    Attributes:
        states: [1 + time, trial, unit], beginning with the initial state; None if the state is not one array
            [trial, unit].
        rates: [time, trial, unit] after each step: phi(h) of a declared rate network, otherwise the state itself.
        outputs: [time, trial, output] after each step.
    """

    states: np.ndarray | None
    rates: np.ndarray
    outputs: np.ndarray


def float64(weights: Mapping[str, Any]) -> Weights:
    """Convert the weights of one network to tensors in double precision.

    Args:
        weights: arrays or tensors by name, of any shape.
    """
    return {name: torch.as_tensor(w).to(torch.float64) for name, w in weights.items()}


def run_trials(architecture: Architecture, weights: Mapping[str, np.ndarray], inputs: np.ndarray) -> Activity:
    """Simulate one network on given inputs, in float64 and without noise.

    Args:
        architecture: the network's architecture.
        weights: weights of one network by name.
        inputs: [time, trial, input].

    Returns:
        States, rates and outputs at every time step.
    """
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
        network = as_rate_network(architecture) if one_array else None
        rates = [network.phi(h) if network else _flat(h) for h in states[1:]]
    return Activity(
        torch.stack(states).numpy() if one_array else None, torch.stack(rates).numpy(), torch.stack(outputs).numpy()
    )


def _flat(state: object) -> Tensor:
    """The parts of a state concatenated to one array [trial, unit]."""
    parts = [state] if isinstance(state, Tensor) else list(state)  # type: ignore[call-overload]
    return torch.cat([part.reshape(len(part), -1) for part in parts], dim=-1)


def recurrent_matrix(architecture: Architecture, weights: Mapping[str, Any]) -> Tensor | None:
    """The connectivity of one network.

    Args:
        architecture: the network's architecture.
        weights: weights of one network by name, arrays or tensors.

    Returns:
        W [unit, unit] in float64, or None if the architecture declares no connectivity.
    """
    recurrent = connectivity_of(architecture)
    return None if recurrent is None else recurrent(float64(weights)).to(torch.float64)


def readout_matrix(architecture: Architecture, weights: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The readout matrix of a rate network, z = W_out phi(h).

    If no weight is named `w_out`, W_out = (dz/dh) / phi'(h) is computed at h = 1, where no phi has slope 0.

    Args:
        architecture: the network's architecture.
        weights: weights of one network by name.

    Returns:
        W_out [output, unit] in float64, or None if the architecture does not declare a rate network.
    """
    if (network := as_rate_network(architecture)) is None:
        return None
    arrays = float64(weights)
    if "w_out" in arrays:
        return np.asarray(arrays["w_out"].numpy())
    h = torch.ones(architecture.units, dtype=torch.float64)
    slope = jacrev(network.phi)(h).diagonal()
    return np.asarray((jacrev(lambda h: architecture.readout(arrays, h[None])[0])(h) / slope).numpy())


@dataclass(frozen=True)
class Distinct:
    """Trials without repeated inputs.

    Attributes:
        inputs: [time, distinct trial, input].
        of: for each original trial, the index of its distinct trial, [trial].
    """

    inputs: np.ndarray
    of: np.ndarray


def distinct(inputs: Tensor) -> Distinct:
    """Find the trials with different inputs, in the order of their first occurrence.

    Args:
        inputs: [time, trial, input].
    """
    array = np.asarray(inputs.detach().cpu().numpy(), dtype=float)
    rows = array.swapaxes(0, 1).reshape(array.shape[1], -1)
    _, first, of = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return Distinct(array[:, first[order]], np.argsort(order)[of.reshape(-1)])

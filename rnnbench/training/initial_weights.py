"""The weights of a network before any training, and what becomes of weights and memory when it receives channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from rnnbench.errors import PluginError
from rnnbench.plugin.added_channels import AddedChannels, ChannelAxes, enlarged
from rnnbench.plugin.interfaces import Architecture
from rnnbench.plugin.learning_rule import LearningRule, TaskContext
from rnnbench.randomness import rng_for
from rnnbench.training.channels import Layout

Arrays = dict[str, np.ndarray]
"""Arrays of one network by name, without a [network] axis."""


def initial_weights(architecture: Architecture, seed: int, layout: Layout) -> Arrays:
    """Draw the weights of a network before any training.

    The weights of each block of channels come from the stream (seed, "channels", architecture, block), and all others
    from (seed, "weights", architecture). So networks of one seed that know different tasks have the same recurrent
    weights, and a task has the same channels whatever other tasks there are; an architecture with orthogonal vectors
    makes those of a later block orthogonal to the earlier ones.

    Args:
        architecture: the network's architecture.
        seed: seed of the network.
        layout: the network's channels.

    Returns:
        Arrays by name.

    Raises:
        PluginError: the architecture returns no array for one of its trained weights.
    """
    axes = ChannelAxes(architecture.input_axes, architecture.output_axes)
    drawn = architecture.init(rng_for(seed, "weights", architecture.id()), 1, 1)
    weights = axes.removed({name: np.asarray(w) for name, w in drawn.items()}, 1, 1)
    for name, n_inputs, n_outputs in layout.blocks:
        rng = rng_for(seed, "channels", architecture.id(), name)
        weights = architecture.with_channels(weights, rng, n_inputs, n_outputs)
    missing = [name for name in architecture.trained if name not in weights]
    if missing:
        raise PluginError(f"architecture {architecture.id()}: init() returns no {missing[0]!r}, a trained weight")
    return {name: np.asarray(w) for name, w in weights.items()}


def check_channel_axes(architecture: Architecture) -> None:
    """Check that an architecture declares the axes of its weights that count channels.

    Raises:
        PluginError: the shapes of its initial weights do not depend on the numbers of channels as it declares.
    """
    # As many outputs as inputs, which some architectures require.
    one, three = (architecture.init(rng_for(0, "check"), n, n) for n in (1, 3))
    axes = ChannelAxes(architecture.input_axes, architecture.output_axes)
    for name, w in one.items():
        widths = axes.widths(name, 2, 2)
        expected = tuple(n + widths.get(axis, 0) for axis, n in enumerate(np.shape(w)))
        if (shape := np.shape(three[name]) if name in three else None) != expected:
            message = f"weight {name} has shape {np.shape(w)} with one channel and {shape} with three"
            raise PluginError(
                f"architecture {architecture.id()}: {message}; declare the axes that count channels in input_axes and "
                'output_axes, e.g. input_axes = {"w_in": 1}'
            )


def with_all_channels(weights: Mapping[str, np.ndarray], initial: Mapping[str, np.ndarray]) -> Arrays:
    """Return the weights of a network with initial values on the channels that it did not have.

    Args:
        weights: weights by name.
        initial: initial weights of the network with all channels.
    """
    return {name: enlarged(w, initial[name].astype(w.dtype)) for name, w in weights.items()}


def with_new_channels(
    weights: Arrays,
    memory: Arrays,
    initial: Mapping[str, np.ndarray],
    layout: Layout,
    rule: LearningRule,
    context: TaskContext,
    tensors: Callable[[list[Arrays]], dict[str, torch.Tensor]],
) -> tuple[Arrays, Arrays]:
    """Give a network the channels of its next task, behind those that it has.

    Args:
        weights: its weights by name.
        memory: what its learning rule remembers, by name.
        initial: initial weights of the network with all channels, whose values the new channels get.
        layout: all channels.
        rule: the learning rule.
        context: context of the next task.
        tensors: stacks the arrays of networks along a leading [network] axis.

    Returns:
        Weights and memory; they are unchanged if the network has all channels already.
    """
    grown = with_all_channels(weights, initial)
    if memory and any(w.shape != grown[name].shape for name, w in weights.items()):
        added = AddedChannels(tensors([weights]), tensors([grown]), layout.n_inputs, layout.n_outputs)
        memory = {name: a[0].cpu().numpy() for name, a in rule.grow(tensors([memory]), added, context).items()}
    return grown, memory

"""Adds the input and output channels of a task to the weights of a network and to what its learning rule remembers.

A network receives the channels of a task when it begins to learn it, behind the channels that it has. Along the axes
that count channels a weight therefore becomes longer at its end, and everything learnt so far stays where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

Axes = Mapping[str, int]
"""For each weight that has one, the axis that counts channels."""

Arrays = dict[str, np.ndarray]
Array = TypeVar("Array", np.ndarray, "torch.Tensor")


@dataclass(frozen=True)
class AddedChannels:
    """Channels that networks received for their next task.

    Attributes:
        before: weights without the new channels by name, [network, ...].
        after: the weights with them; the new channels have their initial weights.
        n_inputs: number of input channels that the networks have now.
        n_outputs: number of output channels that they have now.
    """

    before: dict[str, torch.Tensor]
    after: dict[str, torch.Tensor]
    n_inputs: int
    n_outputs: int


def enlarged(array: Array, to: Array) -> Array:
    """Return `to` with its first elements along every axis replaced by those of `array`.

    Args:
        array: what was there before channels were added.
        to: an array with the new shape, which gives the values of the new elements; it is not changed.

    Raises:
        ValueError: the array does not fit into the new shape.
    """
    if len(array.shape) != len(to.shape) or any(n > m for n, m in zip(array.shape, to.shape, strict=True)):
        raise ValueError(f"an array of shape {tuple(array.shape)} does not fit into {tuple(to.shape)}")
    result = to.copy() if isinstance(to, np.ndarray) else to.clone()
    result[tuple(slice(n) for n in array.shape)] = array
    return result


@dataclass(frozen=True)
class ChannelAxes:
    """The axes of weights that count channels; the channels are the last elements along their axis.

    Attributes:
        inputs: axis of the input channels, for each weight that has one.
        outputs: axis of the output channels, for each weight that has one.
    """

    inputs: Axes
    outputs: Axes

    def widths(self, name: str, n_inputs: int, n_outputs: int) -> dict[int, int]:
        """Return the number of channels along each axis of a weight that counts channels."""
        numbers = ((self.inputs, n_inputs), (self.outputs, n_outputs))
        return {axes[name]: n for axes, n in numbers if name in axes}

    def removed(self, weights: Mapping[str, np.ndarray], n_inputs: int, n_outputs: int) -> Arrays:
        """Return the weights without their last channels.

        Args:
            weights: weights by name.
            n_inputs: number of input channels to remove.
            n_outputs: number of output channels to remove.
        """
        result = {}
        for name, w in weights.items():
            widths = self.widths(name, n_inputs, n_outputs)
            result[name] = w[tuple(slice(n - widths.get(axis, 0)) for axis, n in enumerate(w.shape))]
        return result

    def appended(
        self, weights: Mapping[str, np.ndarray], new: Mapping[str, np.ndarray], n_inputs: int, n_outputs: int
    ) -> Arrays:
        """Return the weights with the channels of another network behind their own.

        A weight between the input channels of one network and the output channels of the other is 0.

        Args:
            weights: weights by name.
            new: weights of a network that has only the new channels.
            n_inputs: number of its input channels.
            n_outputs: number of its output channels.
        """
        result = {}
        for name, w in weights.items():
            widths = self.widths(name, n_inputs, n_outputs)
            shape = [n + widths.get(axis, 0) for axis, n in enumerate(w.shape)]
            result[name] = enlarged(w, np.zeros(shape, w.dtype))
            if widths:
                result[name][_last(result[name], widths)] = new[name][_last(new[name], widths)]
        return result

    def placed_last(
        self,
        weights: Mapping[str, np.ndarray],
        among: Mapping[str, np.ndarray],
        n_inputs: int,
        n_outputs: int,
    ) -> Arrays:
        """Return the weights of a network with more channels, with those of another network on its last channels.

        Args:
            weights: weights of the other network by name.
            among: weights of the network with more channels, which are kept on all other channels.
            n_inputs: number of input channels of the other network.
            n_outputs: number of its output channels.
        """
        result = {}
        for name, w in weights.items():
            result[name] = among[name].copy()
            widths = self.widths(name, n_inputs, n_outputs)
            positions = []
            for axis, n in enumerate(w.shape):
                # A weight may have elements in front of its channels; they stay in front.
                in_front, end = n - widths.get(axis, 0), among[name].shape[axis]
                positions.append([*range(in_front), *range(end - widths.get(axis, 0), end)])
            result[name][np.ix_(*positions)] = w
        return result


def _last(array: np.ndarray, widths: Mapping[int, int]) -> tuple[slice, ...]:
    """Return the index of the last channels of an array, given how many there are along each axis."""
    return tuple(slice(n - widths[axis] if axis in widths else 0, None) for axis, n in enumerate(array.shape))

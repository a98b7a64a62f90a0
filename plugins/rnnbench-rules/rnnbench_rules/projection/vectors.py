"""Conversion between the trained weights of a network and one vector, for inner products of gradients."""

from __future__ import annotations

import torch

from rnnbench import Weights


def as_vectors(arrays: Weights) -> torch.Tensor:
    """Join the arrays of each network into one vector, in alphabetical order of their names: [network, weight]."""
    return torch.cat([arrays[name].flatten(1) for name in sorted(arrays)], dim=1)


def as_weights(vectors: torch.Tensor, like: Weights) -> Weights:
    """Split vectors [network, weight] into arrays with the names and shapes of `like`."""
    names = sorted(like)
    parts = vectors.split([like[name][0].numel() for name in names], dim=1)
    return {name: part.view_as(like[name]) for name, part in zip(names, parts, strict=True)}

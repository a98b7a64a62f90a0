"""Orthogonal weights modification."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from rnnbench_rules.projection.owp import OrthogonalWeightProjection


class OrthogonalWeightsModification(OrthogonalWeightProjection):
    """Steps in the weights are kept out of the directions of earlier tasks' inputs; a step D becomes D P.

        P = I - A (A^T A + alpha I)^-1 A^T = (I + s A A^T)^-1,   s = 1/alpha,

    with the inputs of all earlier tasks as the columns of A. The published recursion over the inputs one by one,

        k = P x / (alpha + x^T P x),   P <- P - k x^T P,

    arrives at the same P, which is computed at once here. Inputs of a map are z = [phi(h); x; 1] for [W, W_in, b],
    phi(h) for W_out. Published with the mean input of each batch as x; the trials of these tasks are mirror images
    of each other as often as not and their mean says little, so every trial's input at every time step counts here,
    divided by the square root of their number, which gives s the unit it has in owp. Unlike owp it leaves outputs
    alone and adds tasks up rather than averaging them. The step is projected, whatever the optimizer.
    """

    name, version = "owm", 1
    source = "Zeng, Chen, Cui, Yu, Nature Machine Intelligence 2019, methods"
    sides: ClassVar[tuple[str, ...]] = ("in",)

    def joined(self, before: Tensor | None, new: Tensor, n_earlier: int) -> Tensor:
        return new if before is None else before + new

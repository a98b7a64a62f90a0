"""Gradient episodic memory, GEM."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from rnnbench import State, TaskContext, Weights
from rnnbench_rules import episodes
from rnnbench_rules.episodic_rule import EpisodicRule
from rnnbench_rules.projection.vectors import as_vectors, as_weights


class GEM(EpisodicRule):
    """The gradient is moved as little as possible until it raises the loss of no earlier task on its kept trials.

    With g_k the gradient on all kept trials of the k-th earlier task, G their rows, if any g . g_k < 0:

        g~ = g + G^T v,   v = argmin 1/2 v^T G G^T v + g^T G^T v   over v >= gamma

    so that without margin (gamma = 0) g~ is the vector nearest to g with g~ . g_k >= 0 for all k; gamma > 0 turns it
    further towards the earlier tasks. Otherwise g~ = g. It is the gradient that is projected, as published for plain
    gradient descent; adam and rmsprop rescale what is left of it. Each task keeps its latest trials. Every earlier
    task costs a gradient more per update.
    """

    name, version = "gem", 1
    source = "Lopez-Paz & Ranzato, NeurIPS 2017, eq. 11 and section 3"
    strength: ClassVar[str | None] = "projection"

    projection: float = Field(1.0, ge=0, le=1, description="s, how much of the way from g to g~ is gone (fraction)")
    margin: float = Field(0.5, ge=0, description="gamma, lower bound of each v; published: 0.5 (per unit of g_k)")
    slots: int = Field(64, ge=1, description="trials kept of each task (per network)")

    def before_update(self, weights: Weights, gradients: Weights, state: State, context: TaskContext) -> Weights:
        kept = [self.kept_under(task) for task in context.earlier]
        if not self.is_on() or not kept:
            return gradients
        g, references = as_vectors(gradients), []
        for name in kept:
            rngs = self.rngs(f"noise of {name}", state, context)
            drawn = episodes.all_of(state, name, rngs, context.architecture.n_noise)
            references.append(as_vectors(context.gradient(weights, drawn.batch)[1]) * drawn.some[:, None])
        G = torch.stack(references, dim=1)  # [network, earlier task, weight]
        each = [one + self.projection * correction(one, rows, self.margin) for one, rows in zip(g, G, strict=True)]
        return as_weights(torch.stack(each), gradients)


def correction(g: torch.Tensor, G: torch.Tensor, margin: float = 0.0) -> torch.Tensor:
    """Compute the correction G^T v that GEM adds to a gradient.

    Args:
        g: gradient of the present task, [weight].
        G: gradients of the earlier tasks, [task, weight].
        margin: gamma, lower bound of each element of v.

    Returns:
        G^T v, [weight]; 0 if g raises the loss of no earlier task, or if G is not finite.
    """
    if not (torch.mv(G, g) < 0).any() or not torch.isfinite(G).all():
        return torch.zeros_like(g)
    from scipy.optimize import nnls  # imported here because it takes half a second and only GEM needs it

    rows, wanted = G.double().cpu().numpy(), g.double().cpu().numpy()
    # v = gamma + u with u >= 0 turns the quadratic programme into least squares: min |G^T u + g + gamma G^T 1|.
    u, _ = nnls(rows.T, -(wanted + margin * rows.sum(0)))
    return torch.from_numpy(rows.T @ (margin + np.asarray(u))).to(g)

"""Averaged gradient episodic memory, A-GEM."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field

from rnnbench import State, TaskContext, Weights
from rnnbench_rules import episodes
from rnnbench_rules.episodic_rule import EpisodicRule
from rnnbench_rules.projection.vectors import as_vectors, as_weights


class AveragedGEM(EpisodicRule):
    """The gradient loses whatever of it would raise the mean loss on trials kept of earlier tasks.

    With g_ref the gradient on a batch drawn from the memory of all earlier tasks,

        g~ = g                                    if g . g_ref >= 0
        g~ = g - s (g . g_ref / |g_ref|^2) g_ref   otherwise.

    It is the gradient that is projected, as published for plain gradient descent; adam and rmsprop rescale what is
    left of it, after which the step may have a part along g_ref again. Each task keeps its latest trials.
    """

    name, version = "a_gem", 1
    source = "Chaudhry, Ranzato, Rohrbach, Elhoseiny, ICLR 2019, eq. 11"
    strength: ClassVar[str | None] = "projection"

    projection: float = Field(1.0, ge=0, le=1, description="s, how much of the projection is done (fraction)")
    slots: int = Field(64, ge=1, description="trials kept of each task (per network)")
    replayed: int = Field(64, ge=1, description="trials in the batch that gives g_ref (per update)")

    def before_update(self, weights: Weights, gradients: Weights, state: State, context: TaskContext) -> Weights:
        pool = [self.kept_under(task) for task in context.earlier]
        if not self.is_on() or not pool:
            return gradients
        rngs = self.rngs("reference gradient", state, context)
        drawn = episodes.draw(state, pool, self.replayed, rngs, context.architecture.n_noise)
        g, g_ref = as_vectors(gradients), as_vectors(context.gradient(weights, drawn.batch)[1]) * drawn.some[:, None]
        each = [freed(one, ref, self.projection) for one, ref in zip(g, g_ref, strict=True)]
        return as_weights(torch.stack(each), gradients)


def freed(g: torch.Tensor, g_ref: torch.Tensor, s: float = 1.0) -> torch.Tensor:
    """Remove the component of a gradient that opposes a reference gradient, if there is one.

    Args:
        g: the gradient, [weight].
        g_ref: the reference gradient, [weight].
        s: fraction of the component that is removed.

    Returns:
        g - s (g . g_ref / |g_ref|^2) g_ref if g . g_ref < 0, otherwise g; [weight].
    """
    against = torch.dot(g, g_ref)
    return g if against >= 0 else g - s * against / torch.dot(g_ref, g_ref) * g_ref

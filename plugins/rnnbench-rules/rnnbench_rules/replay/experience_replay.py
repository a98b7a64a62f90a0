"""Base class of experience replay: updates also learn trials from a memory, which a subclass chooses."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from rnnbench import State, TaskContext, Weights
from rnnbench_rules import episodes
from rnnbench_rules.episodic_rule import EpisodicRule


class ExperienceReplay(EpisodicRule):
    """From the second task on an update follows the gradient of

        L(batch) + s [beta L(y, f(x)) + alpha L(z, f(x'))]

    where x, y and x', z are two draws from the memory: y are targets, z the outputs of when the trial was seen. Plain
    replay has beta = 1, alpha = 0. During the first task trials are kept, but there is nothing to rehearse.
    """

    strength: ClassVar[str | None] = "replay"

    replay: float = Field(
        1.0, ge=0, description="s, weight of what the memory adds; published: 1 (fraction of the batch's loss)"
    )
    replayed: int = Field(32, ge=1, description="trials in a draw from the memory (per update)")

    def pool(self, context: TaskContext) -> list[str]:
        """Return the names of the memories to draw from."""
        return list(dict.fromkeys(self.kept_under(task) for task in [*context.earlier, context.task]))

    def terms(self) -> list[tuple[str, float]]:
        """Return for each draw what it is compared with, "targets" or "outputs", and its weight in the loss."""
        return [("targets", 1.0)]

    def before_update(self, weights: Weights, gradients: Weights, state: State, context: TaskContext) -> Weights:
        if not self.is_on() or context.position == 0:
            return gradients
        for against, weight in self.terms():
            rngs = self.rngs(f"replay of {against}", state, context)
            drawn = episodes.draw(state, self.pool(context), self.replayed, rngs, context.architecture.n_noise)
            batch = drawn.batch
            if against == "outputs" and drawn.outputs is not None:
                batch = replace(batch, targets=drawn.outputs)
            _, replayed = context.gradient(weights, batch)
            factor = self.replay * weight * drawn.some
            gradients = {n: g + factor.view(-1, *[1] * (g.dim() - 1)) * replayed[n] for n, g in gradients.items()}
        return gradients

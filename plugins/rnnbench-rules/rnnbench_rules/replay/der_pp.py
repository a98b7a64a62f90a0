"""Dark experience replay with targets, DER++."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from rnnbench import Batch, State, TaskContext, Weights
from rnnbench_rules import episodes
from rnnbench_rules.replay.experience_replay import ExperienceReplay
from rnnbench_rules.replay.reservoir_replay import RESERVOIR


class DarkExperienceReplay(ExperienceReplay):
    """Replay that asks for the targets and, of other trials, for the outputs that were given when they were seen.

        L(batch) + s [alpha L(z', f(x')) + beta L(y'', f(x''))]

    (x', z') and (x'', y'') are independent draws from a reservoir over all trials seen; z' are the outputs f gave to
    x' just before it learnt from them. Outputs are compared where the task asks for something (its mask), in the
    benchmark's loss, half the masked mean squared error; the published alpha belongs to a mean squared error, twice
    as large. alpha and beta are those published for sequential CIFAR-10 with 200 slots.
    """

    name, version = "der_pp", 1
    source = "Buzzega, Boschini, Porrello, Abati, Calderara, NeurIPS 2020, eq. 6 and algorithm 2"

    keeps_outputs: ClassVar[bool] = True

    alpha: float = Field(0.1, ge=0, description="weight of the loss against kept outputs (fraction of the batch's)")
    beta: float = Field(0.5, ge=0, description="weight of the loss against kept targets (fraction of the batch's)")

    def kept_under(self, task: str) -> str:
        return RESERVOIR

    def terms(self) -> list[tuple[str, float]]:
        return [("outputs", self.alpha), ("targets", self.beta)]

    def keep(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> None:
        writes = episodes.reservoir(state, RESERVOIR, self.slots, batch, self.rngs("reservoir", state, context))
        # The outputs are computed only if a trial is stored.
        episodes.write(state, RESERVOIR, batch, writes, context.outputs(weights, batch) if any(writes) else None)

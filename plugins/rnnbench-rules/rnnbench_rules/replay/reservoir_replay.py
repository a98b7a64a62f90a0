"""Experience replay from a reservoir over all trials seen."""

from __future__ import annotations

from rnnbench import Batch, State, TaskContext, Weights
from rnnbench_rules import episodes
from rnnbench_rules.replay.experience_replay import ExperienceReplay

RESERVOIR = "trials.all tasks"


class ReservoirReplay(ExperienceReplay):
    """Every update also learns trials drawn from a memory, which is a fair sample of all trials seen so far.

    The t-th trial takes slot t while there are free ones; then it replaces a random one with probability slots/t, so
    that every trial seen is in the memory with equal probability. From the second task on the gradient is that of

        L(batch) + s L(trials drawn from the memory),

    which at s = 1 is a union of both batches, up to a factor in the learning rate. During the first task trials are
    kept but not replayed. Trials of the present task are in the memory with the others, as published.
    """

    name, version = "reservoir_replay", 1
    source = (
        "Vitter, ACM Trans. Math. Softw. 1985, algorithm R; Rolnick, Ahuja, Schwarz, Lillicrap, Wayne, NeurIPS 2019; "
        "Chaudhry et al., arXiv:1902.10486, 2019"
    )

    def kept_under(self, task: str) -> str:
        return RESERVOIR

    def keep(self, weights: Weights, batch: Batch, state: State, context: TaskContext) -> None:
        rngs = self.rngs("reservoir", state, context)
        episodes.write(state, RESERVOIR, batch, episodes.reservoir(state, RESERVOIR, self.slots, batch, rngs))

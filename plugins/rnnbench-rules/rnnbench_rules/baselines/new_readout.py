"""A frozen network with a new readout for each task."""

from __future__ import annotations

from rnnbench import Architecture, State, TaskContext, Weights
from rnnbench_rules.baselines.own_weights import OwnWeightsDescent

READOUT = ("w_out", "b_out")
"""Names of the readout weights; an architecture may have no b_out."""


class NewReadout(OwnWeightsDescent):
    """A new readout for each task: after the first task the recurrent network is frozen, with its inputs and biases.

    Each task has the whole readout W_out for itself, idle outputs included, and begins with the initial one; tasks
    may share channels or not. Whatever A needs is left as it was, so I(A <- B) = 0 exactly for A other than B: the
    question is not what is lost but whether B can be read from what A's network does with B's inputs, which nobody
    has trained. The drift control I(A <- A) learns on with the readout alone. The readout must be among the trained
    weights, as w_out (vanilla_rnn: `learn: all`).
    """

    name, version = "new_readout", 1
    source = "the feature extraction of Li & Hoiem, IEEE TPAMI 2018, section 2; the readouts of Maass et al. 2002"

    def check(self, architecture: Architecture) -> None:
        if "w_out" not in architecture.trained:
            trained = ", ".join(architecture.trained)
            raise ValueError(
                f"new_readout trains w_out, but w_out is not among the trained weights ({trained}); set learn: all"
            )

    def own(self, weights: Weights) -> tuple[str, ...]:
        return tuple(name for name in READOUT if name in weights)

    def before_update(self, weights: Weights, gradients: Weights, state: State, context: TaskContext) -> Weights:
        if context.position == 0:
            return gradients
        return {name: gradients[name] for name in READOUT if name in gradients}

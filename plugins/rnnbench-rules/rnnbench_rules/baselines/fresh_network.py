"""A separate network for each task."""

from __future__ import annotations

from rnnbench import Weights
from rnnbench_rules.baselines.own_weights import OwnWeightsDescent


class FreshNetwork(OwnWeightsDescent):
    """A network of its own for each task: nothing is shared, so nothing is lost and nothing is gained.

    All begin with the same initial weights, so that task B as the second task is learnt exactly as it would be as the
    first, on the same trials. A task that comes again goes on with its network. The zero of the scales: I(A <- B) = 0
    exactly for A other than B, a second task takes as many updates as it takes alone, and a task not yet learnt is
    done as well as before any training. It costs the weights of a network for each task. The drift control I(A <- A)
    is gradient descent's.
    """

    name, version = "fresh_network", 1
    source = "the zero of the scales: independent networks, e.g. Lopez-Paz & Ranzato, NeurIPS 2017, section 4.2"

    def own(self, weights: Weights) -> tuple[str, ...]:
        return tuple(weights)

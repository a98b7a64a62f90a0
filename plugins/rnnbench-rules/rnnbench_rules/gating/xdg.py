"""Context-dependent gating."""

from __future__ import annotations

from typing import ClassVar

from rnnbench_rules.gating.gates import GatedDescent


class XdG(GatedDescent):
    """Context-dependent gating: in each task a random part of the units is silent, so that tasks share few units.

    x^ = G_k phi(h) in task k,  G_k diagonal, with `gated` N of its entries 0 and the others 1

    in the recurrent input and in the readout. G_k is drawn once from the seed and the task's label: it is the same
    whenever task k is learnt or tested, before any training too. Exactly round(gated N) units are silent, where the
    published code decides for each unit on its own. The task is told to the network, as in the paper. Two tasks share
    a fraction (1 - gated)^2 of all recurrent weights: 4 % at 0.8, and (1 - gated) of the input weights of either.
    """

    name, version = "xdg", 1
    source = "Masse, Grant & Freedman, PNAS 2018"
    strength: ClassVar[str | None] = "gated"

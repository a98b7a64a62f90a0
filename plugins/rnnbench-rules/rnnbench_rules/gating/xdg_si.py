"""Context-dependent gating with synaptic intelligence."""

from __future__ import annotations

from typing import ClassVar

from rnnbench_rules.gating.gates import GatedDescent
from rnnbench_rules.regularisation.synaptic_intelligence import SynapticIntelligence


class XdGSI(GatedDescent, SynapticIntelligence):
    """Context-dependent gating with synaptic intelligence: what two tasks still share is held.

    The units of `xdg` are silent in each task, and the weights are held as in `synaptic_intelligence`. With `gated` 0
    it is synaptic intelligence, with `penalty` 0 it is gating, with both 0 gradient descent, to the bit.
    """

    name, version = "xdg_si", 1
    source = "Masse, Grant & Freedman, PNAS 2018; Zenke, Poole & Ganguli, ICML 2017"
    # Two parameters separate the rule from gradient descent; setting only one of them to 0 does not recover it.
    strength: ClassVar[str | None] = None

"""Penalties that keep weights or outputs near the values that earlier tasks left."""

from rnnbench import LearningRule
from rnnbench_rules.regularisation.ewc import EWC
from rnnbench_rules.regularisation.l2_to_old import L2ToOld
from rnnbench_rules.regularisation.lwf import LwF
from rnnbench_rules.regularisation.mas import MAS
from rnnbench_rules.regularisation.online_ewc import OnlineEWC
from rnnbench_rules.regularisation.synaptic_intelligence import SynapticIntelligence

RULES: list[type[LearningRule]] = [EWC, OnlineEWC, SynapticIntelligence, MAS, LwF, L2ToOld]

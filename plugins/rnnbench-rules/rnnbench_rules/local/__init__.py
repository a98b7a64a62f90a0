"""Biologically plausible rules: local in time or space, or by trial and error."""

from rnnbench import LearningRule
from rnnbench_rules.local.eprop import EProp
from rnnbench_rules.local.feedback_alignment import FeedbackAlignment
from rnnbench_rules.local.force import Force
from rnnbench_rules.local.node_perturbation import NodePerturbation
from rnnbench_rules.local.rflo import RFLO

RULES: list[type[LearningRule]] = [Force, RFLO, EProp, NodePerturbation, FeedbackAlignment]

"""Rules that silence some of the units in each task."""

from rnnbench import LearningRule
from rnnbench_rules.gating.xdg import XdG
from rnnbench_rules.gating.xdg_si import XdGSI

RULES: list[type[LearningRule]] = [XdG, XdGSI]

"""Baselines for the other rules: no forgetting by construction, or training on all tasks at once."""

from rnnbench import LearningRule
from rnnbench_rules.baselines.fresh_network import FreshNetwork
from rnnbench_rules.baselines.joint import Joint
from rnnbench_rules.baselines.new_readout import NewReadout

RULES: list[type[LearningRule]] = [Joint, NewReadout, FreshNetwork]

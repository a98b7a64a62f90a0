"""What other rules are measured against: forgetting made impossible, or all tasks at once."""

from rnnbench import LearningRule
from rnnbench_rules.baselines.fresh_network import FreshNetwork
from rnnbench_rules.baselines.joint import Joint
from rnnbench_rules.baselines.new_readout import NewReadout

RULES: list[type[LearningRule]] = [Joint, NewReadout, FreshNetwork]

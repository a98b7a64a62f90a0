"""What other rules are measured against: forgetting made impossible, or all tasks at once."""

from rnnbench import LearningRule

RULES: list[type[LearningRule]] = []

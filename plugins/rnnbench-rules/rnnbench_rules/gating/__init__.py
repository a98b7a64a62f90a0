"""Units that are silent in some tasks."""

from rnnbench import LearningRule

RULES: list[type[LearningRule]] = []

"""Rules that a brain could use: local in time or space, or by trial and error."""

from rnnbench import LearningRule

RULES: list[type[LearningRule]] = []

"""Trials of earlier tasks, kept and learnt again."""

from rnnbench import LearningRule

RULES: list[type[LearningRule]] = []

"""Gradients turned so that they do not disturb earlier tasks."""

from rnnbench import LearningRule

RULES: list[type[LearningRule]] = []

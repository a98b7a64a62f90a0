"""Penalties that hold weights or outputs near what earlier tasks left."""

from rnnbench import LearningRule

RULES: list[type[LearningRule]] = []

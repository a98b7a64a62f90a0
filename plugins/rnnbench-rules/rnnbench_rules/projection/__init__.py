"""Gradients turned so that they do not disturb earlier tasks."""

from rnnbench import LearningRule
from rnnbench_rules.projection.a_gem import AveragedGEM
from rnnbench_rules.projection.gem import GEM

RULES: list[type[LearningRule]] = [AveragedGEM, GEM]

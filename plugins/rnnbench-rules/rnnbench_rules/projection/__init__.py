"""Rules that project gradients or steps so that they disturb earlier tasks less, and the natural gradient."""

from rnnbench import LearningRule
from rnnbench_rules.projection.a_gem import AveragedGEM
from rnnbench_rules.projection.gem import GEM
from rnnbench_rules.projection.natural_gradient import NaturalGradient
from rnnbench_rules.projection.ncl import NaturalContinualLearning
from rnnbench_rules.projection.owm import OrthogonalWeightsModification
from rnnbench_rules.projection.owp import OrthogonalWeightProjection

RULES: list[type[LearningRule]] = [
    OrthogonalWeightProjection,
    OrthogonalWeightsModification,
    NaturalContinualLearning,
    AveragedGEM,
    GEM,
    NaturalGradient,
]

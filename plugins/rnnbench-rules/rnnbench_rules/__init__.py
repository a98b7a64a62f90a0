"""Learning rules of continual learning and of computational neuroscience, for rnnbench."""

from rnnbench import LearningRule, hookimpl
from rnnbench_rules import baselines, gating, local, projection, regularisation, replay


@hookimpl
def rnnbench_rules() -> list[type[LearningRule]]:
    """The learning rules of this package."""
    families = (regularisation, projection, replay, gating, local, baselines)
    return [rule for family in families for rule in family.RULES]

"""Learning rules from continual learning and computational neuroscience, for rnnbench."""

from rnnbench import LearningRule, hookimpl
from rnnbench_rules import baselines, gating, local, projection, regularisation, replay


@hookimpl
def rnnbench_rules() -> list[type[LearningRule]]:
    """Return the learning rules of this package."""
    families = (regularisation, projection, replay, gating, local, baselines)
    return [rule for family in families for rule in family.RULES]

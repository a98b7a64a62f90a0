"""Learning rules from continual learning and computational neuroscience, for rnnbench."""

from rnnbench import LearningRule, hookimpl


@hookimpl
def rnnbench_rules() -> list[type[LearningRule]]:
    """Return the learning rules of this package."""
    # Imported here, so that who asks for a task does not wait for the rules.
    from rnnbench_rules import baselines, gating, local, projection, regularisation, replay

    families = (regularisation, projection, replay, gating, local, baselines)
    return [rule for family in families for rule in family.RULES]

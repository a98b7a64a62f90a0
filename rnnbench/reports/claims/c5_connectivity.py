"""C5: stronger random initial connectivity reduces interference, at equal progress too."""

from __future__ import annotations

from matplotlib.figure import Figure

from rnnbench.reports.claims.along import MOMENTS, MOMENTS_IN_WORDS, SAME, along, change, drawn, finding, tested
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.groups import values_of
from rnnbench.reports.estimates import Estimate
from rnnbench.results.comparisons import TITLES, Compared, changes
from rnnbench.results.reading import Results

ID = "C5"
CHANGE = -0.1
"""A tenth of what was learnt. A smaller change of interference would not matter to a learner."""
RULE = (
    "The change of interference along all values of g is that of a least-squares line over the ranks of the values, "
    f"from the smallest to the largest, over {SAME}. Its mean over the pairs of each seed is below {CHANGE} at each of "
    f"three moments of the training on B: {MOMENTS_IN_WORDS}. Beside it stand the number of pairs that fall, the g at "
    "which the mean is smallest, the change of the skill lost, and intervals over tasks, which say whether it holds "
    "for other tasks of this kind; they do not decide."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged on C5; "" if different tasks were run at two values of g or more."""
    table = results.interference
    if not len(table) or (table["first_task"] == table["second_task"]).all():
        return "there are no pairs of different tasks"
    if len(values_of(table, "g")) < 2:
        return "fewer than two values of g were run"
    return "" if along(results, "g") else "no networks differ in g alone"


def judge(results: Results) -> list[Finding]:
    """One finding for each condition, architecture, rule and size."""
    return [_finding(name, one) for name, one in along(results, "g")]


def _finding(name: str, one: Compared) -> Finding:
    parts = [_part(one, moment, name) for moment in MOMENTS]
    further: list[Estimate] = []
    for moment in MOMENTS:
        further += [
            change(one, moment, "interference", (ID, name))[1],
            change(one, moment, "skill_lost", (ID, name))[0],
        ]
    return finding(ID, name, one, parts, further)


def _part(one: Compared, moment: str, name: str) -> Estimate:
    span = f"from g = {one.values[0]:g} to {one.values[-1]:g}" if one.values else "along g"
    statement = f"change of interference {span}, {TITLES[moment]}"
    return tested(changes(one, f"{moment} interference"), "change", statement, CHANGE, "below", (ID, name, moment))


def figure(results: Results) -> Figure:
    """Interference against g at the moments of equal progress, with all pairs and seeds."""
    return drawn(results, "g")


CLAIM = Claim(
    ID,
    "Less interference with stronger connectivity",
    "Across tasks, larger random initial connectivity g reduces interference.",
    RULE,
    applies,
    judge,
    figure,
)

"""What a claim is, and what a results folder says about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from rnnbench.reports.estimates import Estimate, Verdict, combine, combine_any
from rnnbench.results.reading import Results


@dataclass(frozen=True)
class Finding:
    """What one group of networks says about a claim.

    group       the networks: condition, architecture, rule, g, units
    parts       the estimates that decide
    further     estimates told for information
    networks    how many networks were to be compared, a network being one that learnt A, then B
    left_out    those of them that do not count (A or B not learnt, or a measure missing)
    hindrance   why nothing can be decided whatever the estimates are; "" if nothing hinders
    notes       lines for the report
    any_part    one supported part is enough, and all must fail for "not supported"
    """

    claim: str
    group: str
    parts: tuple[Estimate, ...]
    further: tuple[Estimate, ...] = ()
    networks: int = 0
    left_out: int = 0
    hindrance: str = ""
    notes: tuple[str, ...] = ()
    any_part: bool = False

    @property
    def verdict(self) -> Verdict:
        """Of the parts together; undecided where something hinders or more than half of the networks do not count."""
        if self.obstacle:
            return "undecided"
        verdicts = [part.verdict for part in self.parts]
        return combine_any(verdicts) if self.any_part else combine(verdicts)

    @property
    def obstacle(self) -> str:
        """Why nothing is decided whatever the estimates are; "" if nothing stands in the way."""
        if self.hindrance:
            return self.hindrance
        if 2 * self.left_out > self.networks:
            return f"{self.left_out} of {self.networks} networks do not count"
        return ""

    @property
    def reason(self) -> str:
        """Why the verdict is "undecided"; "" otherwise."""
        if self.verdict != "undecided":
            return ""
        return self.obstacle or "; ".join(dict.fromkeys(part.reason for part in self.parts if part.reason))


@dataclass(frozen=True)
class Claim:
    """A claim and how it is judged.

    statement   the claim
    rule        how results decide it, as the report prints it
    applies     "" if a results folder can be judged on it, else why not
    judge       the findings, one for each group of networks that are compared with one another
    figure      what the findings are about, drawn
    """

    id: str
    title: str
    statement: str
    rule: str
    applies: Callable[[Results], str]
    judge: Callable[[Results], list[Finding]]
    figure: Callable[[Results], Figure]

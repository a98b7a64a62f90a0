"""A claim, and the findings that results give about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.reports.estimates import Estimate, Verdict, combine, combine_any
from rnnbench.results.reading import Results


@dataclass(frozen=True)
class Finding:
    """What one group of networks says about a claim.

    Attributes:
        claim: id of the claim.
        group: the networks, named by condition, architecture, rule, g and units.
        parts: the estimates that decide the claim.
        further: estimates that are reported but do not decide it.
        networks: how many networks were to be compared. A network is one that learnt A, then B.
        left_out: how many of them do not count, because A or B was not learnt or a measure is missing.
        hindrance: why nothing can be decided whatever the estimates are; empty if the estimates can decide.
        notes: lines for the report.
        any_part: if True, one supported part is enough, and the claim is "not supported" only if no part is supported.
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

    @classmethod
    def of(
        cls,
        claim: str,
        group: str,
        rows: pd.DataFrame,
        parts: Iterable[Estimate],
        further: Iterable[Estimate] = (),
        hindrance: str = "",
        notes: Iterable[str] = (),
        any_part: bool = False,
    ) -> Finding:
        """The finding on some networks; of their rows, a row for each network, `counted` says which ones count.

        The other arguments are the attributes of those names.
        """
        left_out = int((~rows["counted"]).sum())
        return cls(claim, group, tuple(parts), tuple(further), len(rows), left_out, hindrance, tuple(notes), any_part)

    @property
    def verdict(self) -> Verdict:
        """The verdict of the parts together; undecided if there is a hindrance or most of the networks do not count."""
        if self.obstacle:
            return "undecided"
        verdicts = [part.verdict for part in self.parts]
        return combine_any(verdicts) if self.any_part else combine(verdicts)

    @property
    def obstacle(self) -> str:
        """The hindrance, or that more than half of the networks do not count; empty if the estimates can decide."""
        if self.hindrance:
            return self.hindrance
        if 2 * self.left_out > self.networks:
            return f"{self.left_out} of {self.networks} networks do not count"
        return ""

    @property
    def reason(self) -> str:
        """Why the verdict is "undecided"; empty for any other verdict."""
        if self.verdict != "undecided":
            return ""
        return self.obstacle or "; ".join(dict.fromkeys(part.reason for part in self.parts if part.reason))


@dataclass(frozen=True)
class Claim:
    """A claim and how it is judged.

    Attributes:
        id: C1, C2, and so on.
        title: a few words for headings.
        statement: the claim as a sentence.
        rule: how results decide the claim, as the report prints it.
        applies: returns an empty string if the claim can be judged on these results, and otherwise why not.
        judge: returns the findings, one for each group of networks that are compared with one another.
        figure: draws the data that the findings are about.
    """

    id: str
    title: str
    statement: str
    rule: str
    applies: Callable[[Results], str]
    judge: Callable[[Results], list[Finding]]
    figure: Callable[[Results], Figure]

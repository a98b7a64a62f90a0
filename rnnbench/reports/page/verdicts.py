"""Verdicts of the results on the claims that their benchmark names."""

from __future__ import annotations

from dataclasses import dataclass

from rnnbench.reports.claims.claim import Finding
from rnnbench.reports.claims.judge import Judgement, judge
from rnnbench.reports.claims.report import numbers_of
from rnnbench.reports.estimates import Estimate
from rnnbench.reports.page.pictures import data_uri
from rnnbench.results.reading import Results

SIGNS = {"supported": "✓", "not supported": "✗", "undecided": "?"}


@dataclass(frozen=True)
class EstimateTexts:
    """An estimate as a row of texts for the page."""

    statement: str
    value: str
    held_to: str
    p: str
    seeds: int
    verdict: str


@dataclass(frozen=True)
class FindingTexts:
    """A finding as texts for the page.

    Attributes:
        group: what the finding is about.
        verdict: the verdict in words.
        sign: the verdict as a sign.
        reason: why the finding is undecided; empty otherwise.
        parts: its estimates.
        notes: notes on the finding, such as the number of networks that were left out.
    """

    group: str
    verdict: str
    sign: str
    reason: str
    parts: list[EstimateTexts]
    notes: list[str]


@dataclass(frozen=True)
class Judged:
    """A claim judged on these results.

    Attributes:
        id: identifier of the claim.
        title: title of the claim.
        statement: what the claim states.
        rule: the rule by which it is judged.
        why_not: why it could not be judged; empty if it was.
        verdicts: one verdict for each finding.
        picture: the figure as a data: address; empty if there is none.
    """

    id: str
    title: str
    statement: str
    rule: str
    why_not: str
    verdicts: list[FindingTexts]
    picture: str

    @property
    def told(self) -> str:
        """The verdicts in words, for the alternative text of the picture."""
        return "; ".join(f"{one.verdict}: {one.group}" for one in self.verdicts)


def verdicts(results: Results) -> tuple[list[Judged], str]:
    """Judge the claims that the benchmark names.

    Args:
        results: the results of one benchmark.

    Returns:
        The judged claims, and the reason if they could not be judged; the reason is empty otherwise.
    """
    if not results.benchmark.claims:
        return [], ""
    try:
        return [_judged(one) for one in judge([results])], ""
    except Exception as error:  # tables of other origin may lack a column; the rest of the page is still shown
        return [], f"{type(error).__name__}: {' '.join(str(error).split())}"


def _judged(one: Judgement) -> Judged:
    found = [_verdict(finding) for finding in one.findings]
    picture = data_uri(one.claim.figure(one.results)) if found else ""
    claim = one.claim
    return Judged(claim.id, claim.title, claim.statement, claim.rule, one.why_not, found, picture)


def _verdict(finding: Finding) -> FindingTexts:
    left_out = f"{finding.left_out} of {finding.networks} networks left out"
    parts = [_part(one) for one in (*finding.parts, *finding.further)]
    sign = SIGNS[finding.verdict]
    return FindingTexts(finding.group, finding.verdict, sign, finding.reason, parts, [left_out, *finding.notes])


def _part(one: Estimate) -> EstimateTexts:
    value, claimed, p, _ = numbers_of(one)
    return EstimateTexts(
        one.statement,
        value,
        claimed,
        p,
        one.n_seeds,
        one.verdict if one.direction != "none" else "for information",
    )

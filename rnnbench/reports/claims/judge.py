"""Judging results folders on the claims."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rnnbench.errors import BenchmarkError
from rnnbench.reports.claims import (
    c1_forgetting,
    c2_drive,
    c3_modes,
    c4_restricted,
    c5_connectivity,
    c6_acceleration,
    c7_correlation,
    c8_history,
    gradient_flow,
)
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.results.interference import idle_outputs
from rnnbench.results.reading import Results

CLAIMS: dict[str, Claim] = {
    module.CLAIM.id: module.CLAIM
    for module in (
        c1_forgetting,
        c2_drive,
        c3_modes,
        c4_restricted,
        c5_connectivity,
        c6_acceleration,
        c7_correlation,
        c8_history,
        gradient_flow,
    )
}


@dataclass(frozen=True)
class Judgement:
    """One claim judged on one results folder.

    Attributes:
        claim: the claim.
        results: the contents of the results folder.
        findings: one finding for each group of networks.
        why_not: why the results cannot be judged on the claim; "" if they were judged.
    """

    claim: Claim
    results: Results
    findings: tuple[Finding, ...] = ()
    why_not: str = ""

    @property
    def name(self) -> str:
        """Name of the benchmark that the results belong to."""
        return str(self.results.benchmark.name)

    @property
    def idle(self) -> str:
        """What happened to the outputs that a task does not use, in these results."""
        return idle_outputs(self.results.interference)


def judge(every: Iterable[Results]) -> list[Judgement]:
    """Judge each results folder on the claims that its benchmark names, or on all claims that apply to it.

    Args:
        every: the contents of the results folders.

    Returns:
        The judgements, ordered by claim and then by results. A claim that a benchmark names but that cannot be judged
        is included with the reason.

    Raises:
        BenchmarkError: a benchmark names a claim that does not exist.
    """
    found = [one for results in every for one in _judge(results)]
    return sorted(found, key=lambda judgement: list(CLAIMS).index(judgement.claim.id))


def _judge(results: Results) -> Iterable[Judgement]:
    named: Sequence[str] = tuple(getattr(results.benchmark, "claims", ()))
    for name in named:
        if name not in CLAIMS:
            raise BenchmarkError(
                f"{results.benchmark.name}: claims: there is no claim {name!r:.60}; the claims are {', '.join(CLAIMS)}"
            )
    for claim in CLAIMS.values():
        if named and claim.id not in named:
            continue
        why_not = claim.applies(results)
        if not why_not:
            yield Judgement(claim, results, tuple(claim.judge(results)))
        elif named:
            yield Judgement(claim, results, why_not=why_not)

"""The report of the verdicts on claims: Markdown with figures, and a CSV table."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.figures import style
from rnnbench.reports.claims.claim import Finding
from rnnbench.reports.claims.judge import CLAIMS, Judgement
from rnnbench.reports.estimates import GENERAL_RULE, Estimate
from rnnbench.reports.markdown import escaped, table
from rnnbench.reports.numbers import number
from rnnbench.results.files import write_text, write_with

COLUMNS: dict[str, str] = {
    "claim": "id of the claim",
    "results": "name of the benchmark",
    "idle_outputs": "what happened to the outputs that a task does not use",
    "group": "the networks that are compared with one another",
    "part": "what was estimated",
    "decides": "whether it decides the claim or is given for information",
    "value": "mean over seeds",
    "low": "lower end of its interval",
    "high": "upper end of its interval",
    "level": "confidence level of the interval",
    "threshold": "value that the estimate is compared with",
    "direction": "the claimed side of the threshold; away: beyond it in absolute value",
    "p": "p-value of the test",
    "test": "name of the test",
    "seeds": "number of seeds that have a value",
    "part_verdict": "verdict of this estimate alone",
    "verdict": "verdict on the claim for this group, over all its parts",
    "reason": "why it is undecided",
    "networks": "number of networks that were to be compared",
    "left_out": "number of them that do not count",
}
"""What each column of claims.csv means."""


def write_report(judgements: Sequence[Judgement], folder: Path) -> list[Path]:
    """Write claims.md, claims.csv and figures/. Each file is written completely or not at all.

    Args:
        judgements: a claim and its findings on each results folder.
        folder: the folder to write to.

    Returns:
        The paths of all files.
    """
    figures: dict[int, str] = {}
    paths = [folder / "claims.md", folder / "claims.csv"]
    for position, judgement in enumerate(judgements):
        if judgement.findings:
            name = _file_name(judgement, set(figures.values()))
            drawn = judgement.claim.figure(judgement.results)
            write_with(folder / "figures" / name, partial(style.save, drawn))
            figures[position] = name
            paths.append(folder / "figures" / name)
    write_text(paths[0], markdown(judgements, figures))
    write_text(paths[1], csv_table(judgements).to_csv(index=False))
    return paths


def _file_name(judgement: Judgement, taken: set[str]) -> str:
    stem = f"{judgement.claim.id}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', judgement.name)}"
    names = (f"{stem}{f'.{n}' if n > 1 else ''}.png" for n in range(1, 10_000))
    return next(name for name in names if name not in taken)


def csv_table(judgements: Iterable[Judgement]) -> pd.DataFrame:
    """A table with a row for each estimate; COLUMNS says what the columns mean."""
    rows = []
    for judgement in judgements:
        for finding in judgement.findings:
            for estimate in (*finding.parts, *finding.further):
                rows.append(_row(judgement, finding, estimate))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(judgement: Judgement, finding: Finding, estimate: Estimate) -> dict[str, Any]:
    decides = estimate.direction != "none"
    return {
        "claim": finding.claim,
        "results": judgement.name,
        "idle_outputs": judgement.idle,
        "group": finding.group,
        "part": estimate.statement,
        "decides": decides,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "level": estimate.level,
        "threshold": estimate.threshold,
        "direction": estimate.direction,
        "p": math.nan if estimate.p is None else estimate.p,
        "test": estimate.test,
        "seeds": estimate.n_seeds,
        "part_verdict": estimate.verdict if decides else "",
        "verdict": finding.verdict,
        "reason": finding.reason,
        "networks": finding.networks,
        "left_out": finding.left_out,
    }


def markdown(judgements: Sequence[Judgement], figures: dict[int, str]) -> str:
    """The report as Markdown.

    Args:
        judgements: a claim and its findings on each results folder.
        figures: file name of the figure of a judgement, by its position in `judgements`.
    """
    lines = ["# Claims", "", *_summary(judgements), GENERAL_RULE, ""]
    for claim_id in dict.fromkeys(judgement.claim.id for judgement in judgements):
        claim = CLAIMS[claim_id]
        lines += [f"## {claim.id}: {claim.title}", "", f"*{claim.statement}*", "", f"Rule: {claim.rule}", ""]
        for position, judgement in enumerate(judgements):
            if judgement.claim.id == claim_id:
                lines += _section(judgement, figures.get(position))
    return "\n".join(lines).rstrip() + "\n"


def _summary(judgements: Sequence[Judgement]) -> list[str]:
    head = [
        "claim",
        "results",
        "networks compared",
        "statistic",
        "value (interval over seeds, 95 % unless stated)",
        "held to",
        "p",
        "seeds",
        "verdict",
    ]
    rows: list[list[str]] = []
    for judgement in judgements:
        for finding in judgement.findings:
            for position, part in enumerate(finding.parts):
                names = [finding.claim, _named(judgement), finding.group] if position == 0 else ["", "", ""]
                rows.append([*names, part.statement, *numbers_of(part), finding.verdict if position == 0 else ""])
        if judgement.why_not:
            empty = [""] * 6
            rows.append([judgement.claim.id, _named(judgement), f"not judged: {judgement.why_not}", *empty])
    return [*table(head, rows)]


def _named(judgement: Judgement) -> str:
    """The results of a judgement, with what happened to the idle outputs."""
    return f"{judgement.name} ({judgement.idle})"


def _section(judgement: Judgement, figure: str | None) -> list[str]:
    lines = [f"### {escaped(_named(judgement))}", ""]
    if judgement.why_not:
        return [*lines, f"Not judged: {escaped(judgement.why_not)}.", ""]
    if figure:
        lines += [f"![{judgement.claim.title} ({judgement.idle})](figures/{figure})", ""]
    for finding in judgement.findings:
        reason = f" ({escaped(finding.reason)})" if finding.reason else ""
        lines.append(f"- **{finding.verdict}**{reason}: {escaped(finding.group)}, {judgement.idle}")
        for estimate in (*finding.parts, *finding.further):
            value, threshold, p, seeds = numbers_of(estimate)
            numbers = [value, *([threshold] if threshold else []), *([f"p = {p}"] if p else []), f"{seeds} seeds"]
            numbers += [estimate.verdict] if estimate.direction != "none" else []
            lines.append(f"  - {escaped(estimate.statement)}: {', '.join(numbers)}")
        notes = [f"{finding.left_out} of {finding.networks} networks left out", *finding.notes]
        lines += [f"  - {escaped(note)}" for note in notes]
    return [*lines, ""]


def numbers_of(one: Estimate) -> list[str]:
    """Text of the numbers of an estimate: value with interval, claimed side of the threshold, p, number of seeds."""
    level = "" if one.level == 0.95 else f" at {100 * one.level:.3g} %"
    threshold = f"{one.threshold:g}".replace("-", "−")
    claimed = {"above": f"> {threshold}", "below": f"< {threshold}", "away": f"beyond ±{threshold}", "none": ""}
    interval = f" ({number(one.low)} to {number(one.high)}{level})" if math.isfinite(one.low) else ""
    return [
        number(one.value) + interval,
        claimed[one.direction],
        "" if one.p is None else f"{one.p:.2g}",
        str(one.n_seeds),
    ]


def rules() -> str:
    """The general rule and the rule of every claim, as Markdown."""
    each = [f"**{claim.id}. {claim.statement}** {claim.rule}\n" for claim in CLAIMS.values()]
    return "\n".join([GENERAL_RULE + "\n", *each])

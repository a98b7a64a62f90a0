"""The verdicts on claims as a report: Markdown with figures for people, CSV for programs."""

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
from rnnbench.results.store import write_text, write_with

COLUMNS: dict[str, str] = {
    "claim": "id",
    "results": "name of the benchmark",
    "group": "the networks that are compared with one another",
    "part": "what was estimated",
    "decides": "whether it decides the claim or is told for information",
    "value": "mean over seeds",
    "low": "lower end of its interval",
    "high": "upper end of its interval",
    "level": "of the interval",
    "threshold": "what it is held against",
    "direction": "the claimed side of the threshold; away: beyond it in size",
    "p": "of the test",
    "test": "what test",
    "seeds": "that have a value",
    "part_verdict": "of this estimate by itself",
    "verdict": "of the claim for this group, over all its parts",
    "reason": "why it is undecided",
    "networks": "compared",
    "left_out": "of them do not count",
}


def write_report(judgements: Sequence[Judgement], folder: Path) -> list[Path]:
    """Write claims.md, claims.csv and figures/ to `folder`, each whole or not at all; returns their paths."""
    figures: dict[int, str] = {}
    paths = [folder / "claims.md", folder / "claims.csv"]
    for place, judgement in enumerate(judgements):
        if judgement.findings:
            name = _file_name(judgement, set(figures.values()))
            drawn = judgement.claim.figure(judgement.results)
            write_with(folder / "figures" / name, partial(style.save, drawn))
            figures[place] = name
            paths.append(folder / "figures" / name)
    write_text(paths[0], markdown(judgements, figures))
    write_text(paths[1], csv_table(judgements).to_csv(index=False))
    return paths


def _file_name(judgement: Judgement, taken: set[str]) -> str:
    stem = f"{judgement.claim.id}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', judgement.name)}"
    names = (f"{stem}{f'.{n}' if n > 1 else ''}.png" for n in range(1, 10_000))
    return next(name for name in names if name not in taken)


def csv_table(judgements: Iterable[Judgement]) -> pd.DataFrame:
    """A row for each estimate; the columns are described in COLUMNS."""
    rows = []
    for judgement in judgements:
        for finding in judgement.findings:
            for one in (*finding.parts, *finding.further):
                rows.append(_row(judgement, finding, one))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(judgement: Judgement, finding: Finding, one: Estimate) -> dict[str, Any]:
    decides = one.direction != "none"
    return {
        "claim": finding.claim,
        "results": judgement.name,
        "group": finding.group,
        "part": one.statement,
        "decides": decides,
        "value": one.value,
        "low": one.low,
        "high": one.high,
        "level": one.level,
        "threshold": one.threshold,
        "direction": one.direction,
        "p": math.nan if one.p is None else one.p,
        "test": one.test,
        "seeds": one.n_seeds,
        "part_verdict": one.verdict if decides else "",
        "verdict": finding.verdict,
        "reason": finding.reason,
        "networks": finding.networks,
        "left_out": finding.left_out,
    }


def markdown(judgements: Sequence[Judgement], figures: dict[int, str]) -> str:
    """The report; `figures` has the file name of a judgement's figure by its place."""
    lines = ["# Claims", "", *_summary(judgements), GENERAL_RULE, ""]
    for claim_id in dict.fromkeys(judgement.claim.id for judgement in judgements):
        claim = CLAIMS[claim_id]
        lines += [f"## {claim.id}: {claim.title}", "", f"*{claim.statement}*", "", f"Rule: {claim.rule}", ""]
        for place, judgement in enumerate(judgements):
            if judgement.claim.id == claim_id:
                lines += _section(judgement, figures.get(place))
    return "\n".join(lines).rstrip() + "\n"


def _summary(judgements: Sequence[Judgement]) -> list[str]:
    head = [
        "claim",
        "results",
        "networks compared",
        "statistic",
        "value [interval]",
        "held to",
        "p",
        "seeds",
        "verdict",
    ]
    rows: list[list[str]] = []
    for judgement in judgements:
        for finding in judgement.findings:
            for place, one in enumerate(finding.parts):
                names = [finding.claim, judgement.name, finding.group] if place == 0 else ["", "", ""]
                rows.append([*names, one.statement, *numbers_of(one), finding.verdict if place == 0 else ""])
        if judgement.why_not:
            empty = [""] * 6
            rows.append([judgement.claim.id, judgement.name, f"not judged: {judgement.why_not}", *empty])
    return [*table(head, rows)]


def _section(judgement: Judgement, figure: str | None) -> list[str]:
    lines = [f"### {escaped(judgement.name)}", ""]
    if judgement.why_not:
        return [*lines, f"Not judged: {escaped(judgement.why_not)}.", ""]
    if figure:
        lines += [f"![{judgement.claim.title}](figures/{figure})", ""]
    for finding in judgement.findings:
        reason = f" ({escaped(finding.reason)})" if finding.reason else ""
        lines.append(f"- **{finding.verdict}**{reason}: {escaped(finding.group)}")
        for one in (*finding.parts, *finding.further):
            value, held_to, p, seeds = numbers_of(one)
            told = [value, *([held_to] if held_to else []), *([f"p = {p}"] if p else []), f"{seeds} seeds"]
            told += [one.verdict] if one.direction != "none" else []
            lines.append(f"  - {escaped(one.statement)}: {', '.join(told)}")
        notes = [f"{finding.left_out} of {finding.networks} networks left out", *finding.notes]
        lines += [f"  - {escaped(note)}" for note in notes]
    return [*lines, ""]


def numbers_of(one: Estimate) -> list[str]:
    """Value with interval, what it is held to, p, seeds."""
    level = "" if one.level == 0.95 else f" at {100 * one.level:.3g} %"
    threshold = f"{one.threshold:g}".replace("-", "−")
    held_to = {"above": f"> {threshold}", "below": f"< {threshold}", "away": f"beyond ±{threshold}", "none": ""}
    return [
        f"{number(one.value)} ({number(one.low)} to {number(one.high)}{level})",
        held_to[one.direction],
        "" if one.p is None else f"{one.p:.2g}",
        str(one.n_seeds),
    ]


def rules() -> str:
    """The general rule and that of every claim, as Markdown."""
    each = [f"**{claim.id}. {claim.statement}** {claim.rule}\n" for claim in CLAIMS.values()]
    return "\n".join([GENERAL_RULE + "\n", *each])

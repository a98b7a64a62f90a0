"""What was found, for people (Markdown with a figure) and for programs (CSV)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.figures import style
from rnnbench.reports.comparison.comparison import Comparison
from rnnbench.reports.comparison.figure import figures
from rnnbench.reports.comparison.matching import CellKey
from rnnbench.reports.comparison.rates import WHAT
from rnnbench.reports.comparison.settings_diff import Difference
from rnnbench.reports.comparison.two_labs import CellFinding, Pair
from rnnbench.reports.comparison.wording import notes, pair_sentence, rule, verdict_sentence
from rnnbench.results.interference import CELL
from rnnbench.results.store import write_text, write_with

COLUMNS: dict[str, str] = {
    "lab_a": "name of the first lab",
    "lab_b": "name of the second",
    **dict.fromkeys(CELL, "as in interference.csv"),
    "n_a": "networks (seeds) of the first lab that count",
    "n_b": "of the second",
    "mean_a": "mean interference in the first lab",
    "mean_b": "in the second",
    "sd_a": "standard deviation over seeds in the first lab",
    "sd_b": "in the second",
    "difference": "mean_b - mean_a; of the seeds that count in both, where the labs have the same seeds",
    "low": "lower end of its 95 % interval, for all cells of the two labs together",
    "high": "upper end",
    "equivalence_low": "lower end of the cell's own 90 % interval, which decides on agreement",
    "equivalence_high": "upper end",
    "margin": "what that interval has to lie within",
    "p": "of no difference, adjusted for all cells of the two labs (step-down max-T)",
    "seeds_needed": "in each lab, to show with power 0.9 that labs which are alike agree in this cell",
    "verdict": "agree, disagree or inconclusive",
    "labs_verdict": "of the two labs over all cells and rates",
}


def write_report(comparison: Comparison, folder: Path) -> list[Path]:
    """Write compare.md, compare.csv and the figures to `folder`, each whole or not at all; returns their paths."""
    paths = [folder / "compare.md", folder / "compare.csv"]
    for stale in folder.glob("compare*.png"):
        stale.unlink()
    drawn = []
    for name, figure in figures(comparison):
        write_with(folder / name, partial(style.save, figure))
        drawn.append(name)
    write_text(paths[0], markdown(comparison, drawn))
    write_text(paths[1], csv_table(comparison.pairs).to_csv(index=False))
    return paths + [folder / name for name in drawn]


def csv_table(pairs: Iterable[Pair]) -> pd.DataFrame:
    """A row for each cell of each two labs; the columns are described in COLUMNS."""
    rows = [_row(pair, cell) for pair in pairs for cell in pair.cells]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(pair: Pair, cell: CellFinding) -> dict[str, Any]:
    names: dict[str, Any] = dict(zip(CELL, cell.key, strict=False))
    two = {"lab": pair.names, "n": cell.n, "mean": cell.means, "sd": cell.sds}
    return {
        **{f"{what}_{lab}": value for what, values in two.items() for lab, value in zip("ab", values, strict=True)},
        **{name: getattr(cell.key, name) for name in names},
        "difference": cell.difference,
        "low": cell.low,
        "high": cell.high,
        "equivalence_low": cell.alone_low,
        "equivalence_high": cell.alone_high,
        "margin": pair.margin,
        "p": cell.p,
        "seeds_needed": cell.seeds_needed,
        "verdict": cell.verdict,
        "labs_verdict": pair.verdict,
    }


def markdown(comparison: Comparison, drawn: Sequence[str]) -> str:
    """The report; `drawn` are the file names of its figures."""
    lines = ["# Labs compared", "", f"**{_text(verdict_sentence(comparison))}**", ""]
    lines += [f"- {_text(note)}" for note in notes(comparison)]
    lines += ["", rule(comparison), "", "## What was measured", "", *_setup(comparison)]
    for pair in comparison.pairs:
        lines += [f"## {_text(pair.names[0])} and {_text(pair.names[1])}", ""]
        lines += [_text(pair_sentence(pair)), ""] if len(comparison.pairs) > 1 else []
        lines += [*_wholes(pair), *_cells(pair), *_rates(pair)]
    lines += _heterogeneity(comparison)
    lines += [f"![{name}]({name})\n" for name in drawn]
    return "\n".join(lines).rstrip() + "\n"


def _setup(comparison: Comparison) -> Iterator[str]:
    names = [lab.name for lab in comparison.labs]
    yield from _table(
        ["lab", "benchmark", "seeds", "made"],
        [
            [lab.name, lab.results.benchmark.name, seeds_text(lab.results.benchmark.seeds), _made(lab.provenance)]
            for lab in comparison.labs
        ],
    )
    for title, found in (("Settings", comparison.settings), ("Versions and machines", comparison.versions)):
        if found:
            yield f"{title} that differ:\n"
            yield from _table([title.lower(), *names], _differences(found))
        else:
            yield f"{title}: the same.\n"


def _differences(found: Sequence[Difference]) -> list[list[str]]:
    return [[one.path, *one.values] for one in found]


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds as a range where they are one."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds[:12])) + (f", ... ({len(seeds)})" if len(seeds) > 12 else "")


def _made(provenance: dict[str, Any]) -> str:
    told = [f"{name} {provenance[name]}" for name in ("rnnbench", "torch") if name in provenance]
    return ", ".join(told) or "not told"


def _wholes(pair: Pair) -> Iterator[str]:
    heading = [
        "matrix",
        "cells",
        "agree",
        "disagree",
        "open",
        "concordance",
        "Pearson",
        "Spearman",
        "p (renaming tasks)",
    ]
    yield from _table(heading, matrix_rows(pair))


def matrix_rows(pair: Pair) -> list[list[str]]:
    """One row of texts for each matrix: its cells by verdict, and how well the two matrices agree as wholes."""
    rows = []
    for matrix, found in pair.wholes.items():
        verdicts = [cell.verdict for cell in pair.cells if cell.key.matrix == matrix]
        counted = [str(verdicts.count(one)) for one in ("agree", "disagree", "inconclusive")]
        agreement = [number(one) for one in (found.concordance, found.pearson, found.spearman)]
        p = "fewer than 5 tasks" if found.n_tasks < 5 else "–" if found.p is None else p_text(found.p)
        rows.append([matrix.title, str(len(verdicts)), *counted, *agreement, p])
    return rows


def _cells(pair: Pair) -> Iterator[str]:
    a, b = pair.names
    several = len(pair.wholes) > 1
    heading = ["cell A ← B", f"{a} (n)", f"{b} (n)", "difference [95 %, all cells]", "[90 %, alone]", "p", "verdict"]
    rows = [cell_row(cell) for cell in pair.cells]
    matrices = [[cell.key.matrix.title] for cell in pair.cells]
    if several:
        rows = [matrix + row for matrix, row in zip(matrices, rows, strict=True)]
    yield from _table(["matrix", *heading] if several else heading, rows)


def cell_row(cell: CellFinding) -> list[str]:
    """A cell's numbers as texts."""
    means = [f"{number(mean)} ± {number(sd)} ({n})" for mean, sd, n in zip(cell.means, cell.sds, cell.n, strict=True)]
    return [
        cell_name(cell.key),
        *means,
        f"{number(cell.difference)} {interval(cell.low, cell.high)}",
        interval(cell.alone_low, cell.alone_high),
        p_text(cell.p),
        cell.verdict,
    ]


def cell_name(key: CellKey) -> str:
    return f"{key.first_task} ← {key.second_task}"


def _rates(pair: Pair) -> Iterator[str]:
    if not pair.rates:
        yield "Every network of both labs reached its criteria with finite losses.\n"
        return
    a, b = pair.names
    test = "McNemar" if pair.paired else "Fisher"
    yield f"Rates, where any network failed ({test}'s exact test; Holm over all of them):\n"
    rows = []
    for rate in pair.rates:
        where = rate.cell.first_task if rate.what == "learnt A" else cell_name(rate.cell)
        shares = [f"{k}/{n}" for k, n in zip(rate.successes, rate.networks, strict=True)]
        rows.append([WHAT[rate.what], rate.cell.matrix.title, where, *shares, p_text(rate.p), p_text(rate.adjusted)])
    yield from _table(["rate", "matrix", "cell", a, b, "p", "adjusted"], rows)


def _heterogeneity(comparison: Comparison) -> Iterator[str]:
    if not comparison.heterogeneity:
        return
    yield "## Scatter over all labs\n"
    yield (
        "Random effects (DerSimonian & Laird 1986): τ is the standard deviation between labs, I² the share of the "
        "scatter that seeds do not explain, the interval of the mean that of Hartung & Knapp (2001), p that of Welch "
        "(1951), of one mean common to all labs, not adjusted for the number of cells.\n"
    )
    rows = [
        [
            *(key.matrix.title, cell_name(key), str(one.labs)),
            f"{number(one.mean)} {interval(one.low, one.high)}",
            *(number(one.tau), f"{100 * one.i2:.0f} %", number(one.q), p_text(one.p)),
        ]
        for key, one in comparison.heterogeneity.items()
    ]
    yield from _table(["matrix", "cell A ← B", "labs", "mean [95 %]", "τ", "I²", "Q", "p"], rows)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(_text, heading))} |"
    yield f"|{' --- |' * len(heading)}"
    yield from (f"| {' | '.join(map(_text, row))} |" for row in rows)
    yield ""


def _text(text: str) -> str:
    """Text such that Markdown shows it as it is: names come from other labs."""
    for mark in "\\`*_{}[]<>|#":
        text = text.replace(mark, f"\\{mark}" if mark not in "<>" else {"<": "&lt;", ">": "&gt;"}[mark])
    return " ".join(text.split())


def number(value: float) -> str:
    return "–" if math.isnan(value) else style.number(value) if math.isfinite(value) else "∞".rjust(1)


def interval(low: float, high: float) -> str:
    if math.isnan(low) or math.isnan(high):
        return "[–]"
    ends = ["−∞" if low == -math.inf else number(low), number(high)]
    return f"[{', '.join(ends)}]"


def p_text(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.2g}"

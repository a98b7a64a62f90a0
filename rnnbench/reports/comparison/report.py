"""The report of a comparison: Markdown with figures for readers, and CSV for programs."""

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
from rnnbench.reports.comparison.matching import EntryKey
from rnnbench.reports.comparison.rates import WHAT
from rnnbench.reports.comparison.settings_diff import Difference
from rnnbench.reports.comparison.two_labs import EntryFinding, Pair
from rnnbench.reports.comparison.verdict import MIN_SEEDS
from rnnbench.reports.comparison.wording import notes, pair_sentence, rule, verdict_sentence
from rnnbench.reports.markdown import escaped, table
from rnnbench.reports.numbers import interval, number, p_text
from rnnbench.results.columns import ENTRY
from rnnbench.results.files import write_text, write_with

COLUMNS: dict[str, str] = {
    "lab_a": "name of the first lab",
    "lab_b": "name of the second lab",
    **dict.fromkeys(ENTRY, "as in interference.csv"),
    "n_a": "number of networks (seeds) of the first lab that count",
    "n_b": "number of networks (seeds) of the second lab that count",
    "mean_a": "mean interference in the first lab",
    "mean_b": "mean interference in the second lab",
    "sd_a": "standard deviation over seeds in the first lab",
    "sd_b": "standard deviation over seeds in the second lab",
    "difference": "mean_b - mean_a; if the labs have the same seeds, over the seeds that count in both",
    "low": "lower end of the 95 % interval of the difference, simultaneous for all entries of the two labs",
    "high": "upper end of that interval",
    "equivalence_low": "lower end of the entry's own 90 % interval, which decides on agreement",
    "equivalence_high": "upper end of that interval",
    "margin": "the entry agrees if its own interval lies within plus or minus this",
    "p": "p-value of no difference, adjusted for all entries of the two labs (step-down max-T)",
    "seeds_needed": "seeds in each lab that show agreement in this entry with power 0.9 if the labs are alike",
    "verdict": "verdict on this entry: agree, disagree or inconclusive",
    "labs_verdict": "verdict on the two labs over all entries and rates",
}
"""Columns of compare.csv and their meaning. There is one row for each entry of the interference matrices."""


def write_report(comparison: Comparison, folder: Path) -> list[Path]:
    """Write compare.md, compare.csv and the figures.

    Each file is written atomically. Figures of an earlier comparison are deleted from the folder.

    Args:
        comparison: what to report.
        folder: where the files go.

    Returns:
        The paths written.
    """
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
    """A table with one row for each entry of each pair of labs; the columns are described in COLUMNS."""
    rows = [_row(pair, entry) for pair in pairs for entry in pair.entries]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(pair: Pair, entry: EntryFinding) -> dict[str, Any]:
    names: dict[str, Any] = dict(zip(ENTRY, entry.key, strict=False))
    two = {"lab": pair.names, "n": entry.n, "mean": entry.means, "sd": entry.sds}
    return {
        **{f"{what}_{lab}": value for what, values in two.items() for lab, value in zip("ab", values, strict=True)},
        **{name: getattr(entry.key, name) for name in names},
        "difference": entry.difference,
        "low": entry.low,
        "high": entry.high,
        "equivalence_low": entry.alone_low,
        "equivalence_high": entry.alone_high,
        "margin": pair.margin,
        "p": entry.p,
        "seeds_needed": entry.seeds_needed,
        "verdict": entry.verdict,
        "labs_verdict": pair.verdict,
    }


def markdown(comparison: Comparison, drawn: Sequence[str]) -> str:
    """The report as Markdown.

    Args:
        comparison: what to report.
        drawn: file names of the figures, relative to the report.
    """
    idle = comparison.idle
    lines = [f"# Labs compared ({escaped(idle)})", "", f"**{escaped(verdict_sentence(comparison))}**", ""]
    lines += [f"- {escaped(note)}" for note in notes(comparison)]
    lines += ["", rule(comparison), "", "## What was measured", "", *_setup(comparison)]
    for pair in comparison.pairs:
        lines += [f"## {escaped(pair.names[0])} and {escaped(pair.names[1])}", ""]
        lines += [escaped(pair_sentence(pair)), ""] if len(comparison.pairs) > 1 else []
        lines += [*_wholes(pair, idle), *_entries(pair, idle), *_rates(pair)]
    lines += _heterogeneity(comparison)
    lines += [f"![interference ({escaped(idle)}), {name}]({name})\n" for name in drawn]
    return "\n".join(lines).rstrip() + "\n"


def _setup(comparison: Comparison) -> Iterator[str]:
    names = [lab.name for lab in comparison.labs]
    yield from table(
        ["lab", "benchmark", "seeds", "made with"],
        [
            [lab.name, lab.results.benchmark.name, seeds_text(lab.results.benchmark.seeds), _made(lab.provenance)]
            for lab in comparison.labs
        ],
    )
    for title, found in (("Settings", comparison.settings), ("Versions and machines", comparison.versions)):
        if found:
            yield f"{title} that differ:\n"
            yield from table([title.lower(), *names], _differences(found))
        else:
            yield f"{title}: the same.\n"


def _differences(found: Sequence[Difference]) -> list[list[str]]:
    return [[one.path, *one.values] for one in found]


def seeds_text(seeds: Sequence[int]) -> str:
    """Seeds as text, abbreviated to a range if they are consecutive."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds[:12])) + (f", ... ({len(seeds)})" if len(seeds) > 12 else "")


def _made(provenance: dict[str, Any]) -> str:
    versions = [f"{name} {provenance[name]}" for name in ("rnnbench", "torch") if name in provenance]
    return ", ".join(versions) or "not recorded"


def _wholes(pair: Pair, idle: str) -> Iterator[str]:
    heading = [
        f"matrix of interference, {idle}",
        "entries",
        "agree",
        "disagree",
        "inconclusive",
        "concordance",
        "Pearson",
        "Spearman",
        "p (tasks permuted)",
    ]
    yield from table(heading, matrix_rows(pair))


def matrix_rows(pair: Pair) -> list[list[str]]:
    """One row of texts for each matrix: the number of entries by verdict, and the agreement of the whole matrices."""
    rows = []
    for matrix, found in pair.wholes.items():
        verdicts = [entry.verdict for entry in pair.entries if entry.key.matrix == matrix]
        counted = [str(verdicts.count(one)) for one in ("agree", "disagree", "inconclusive")]
        agreement = [number(one) for one in (found.concordance, found.pearson, found.spearman)]
        p = "fewer than 5 tasks" if found.n_tasks < 5 else "–" if found.p is None else p_text(found.p)
        rows.append([matrix.title, str(len(verdicts)), *counted, *agreement, p])
    return rows


def _entries(pair: Pair, idle: str) -> Iterator[str]:
    a, b = pair.names
    several = len(pair.wholes) > 1
    intervals = ["difference [95 % over seeds, all entries]", "[90 % over seeds, this entry]"]
    means = [f"{lab}: mean ± standard deviation over seeds (n)" for lab in (a, b)]
    heading = [f"interference A ← B, {idle}", *means, *intervals, "p", "verdict"]
    rows = [entry_row(entry) for entry in pair.entries]
    matrices = [[entry.key.matrix.title] for entry in pair.entries]
    if several:
        rows = [matrix + row for matrix, row in zip(matrices, rows, strict=True)]
    yield from table(["matrix", *heading] if several else heading, rows)


def entry_row(entry: EntryFinding) -> list[str]:
    """The numbers of one matrix entry as texts."""
    means = [
        f"{number(mean)} ± {number(sd)} ({n})" for mean, sd, n in zip(entry.means, entry.sds, entry.n, strict=True)
    ]
    return [
        entry_name(entry.key),
        *means,
        f"{number(entry.difference)} {interval(entry.low, entry.high)}",
        interval(entry.alone_low, entry.alone_high),
        p_text(entry.p),
        entry.verdict,
    ]


def entry_name(key: EntryKey) -> str:
    """The pair of tasks of a matrix entry, as A ← B."""
    return f"{key.first_task} ← {key.second_task}"


def _rates(pair: Pair) -> Iterator[str]:
    if not pair.rates:
        yield "Every network of both labs reached its criteria, and all losses are finite.\n"
        return
    a, b = pair.names
    test = "McNemar" if pair.paired else "Fisher"
    yield f"Rates in which at least one network failed ({test}'s exact test, adjusted by Holm's procedure):\n"
    rows = []
    for rate in pair.rates:
        where = rate.entry.first_task if rate.what == "learnt A" else entry_name(rate.entry)
        shares = [f"{k}/{n}" for k, n in zip(rate.successes, rate.networks, strict=True)]
        rows.append([WHAT[rate.what], rate.entry.matrix.title, where, *shares, p_text(rate.p), p_text(rate.adjusted)])
    yield from table(["rate", "matrix", "entry", a, b, "p", "adjusted p"], rows)


def _heterogeneity(comparison: Comparison) -> Iterator[str]:
    if not comparison.heterogeneity:
        return
    yield "## Scatter over all labs\n"
    yield (
        "Random effects (DerSimonian & Laird 1986): τ is the standard deviation between labs, and I² is the share of "
        "the scatter that seeds do not explain. The interval of the mean is that of Hartung & Knapp (2001). p tests "
        "whether all labs have the same mean (Welch 1951) and is not adjusted for the number of entries.\n"
    )
    few = {entry.key for pair in comparison.pairs for entry in pair.entries if min(entry.n) < MIN_SEEDS}
    rows = [
        [
            *(key.matrix.title, entry_name(key), str(one.labs)),
            f"{number(one.mean)} {interval(math.nan, math.nan) if key in few else interval(one.low, one.high)}",
            *(number(one.tau), f"{100 * one.i2:.0f} %", number(one.q), p_text(one.p)),
        ]
        for key, one in comparison.heterogeneity.items()
    ]
    yield from table(
        ["matrix", f"interference A ← B, {comparison.idle}", "labs", "mean [95 % over labs]", "τ", "I²", "Q", "p"], rows
    )

"""What was found, in sentences: the verdict, and what one has to know to read it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median

from rnnbench.reports.comparison.comparison import Comparison
from rnnbench.reports.comparison.two_labs import CellFinding, Pair
from rnnbench.reports.comparison.verdict import LEVEL, RATES_SHARE


def verdict_sentence(comparison: Comparison) -> str:
    """The verdict over all labs, in one sentence."""
    if len(comparison.pairs) == 1:
        return pair_sentence(comparison.pairs[0])
    told = {
        verdict: [pair for pair in comparison.pairs if pair.verdict == verdict]
        for verdict in ("disagree", "inconclusive", "agree")
    }
    n, verdict = len(comparison.pairs), comparison.verdict
    counted = ", ".join(f"{len(pairs)} {word}" for word, pairs in told.items() if pairs)
    named = ""
    if told["disagree"]:
        named = f" ({'; '.join(' and '.join(pair.names) for pair in told['disagree'])} disagree)"
    heading = {"agree": "The labs agree", "disagree": "The labs disagree", "inconclusive": "Inconclusive"}[verdict]
    return f"{heading}: of {n} pairs of labs {counted}{named}{_scatter(comparison)}."


def _scatter(comparison: Comparison) -> str:
    found = comparison.heterogeneity.values()
    if not found:
        return ""
    typical = median(one.tau for one in found)
    return f"; between labs the typical cell varies by {typical:.2g} (standard deviation) beyond what seeds explain"


def pair_sentence(pair: Pair) -> str:
    """The verdict on two labs, in one sentence."""
    a, b = pair.names
    n = len(pair.cells)
    if pair.verdict == "agree":
        return f"{a} and {b} agree: each of the {n} cells they share is shown to differ by less than {pair.margin:g}."
    if pair.verdict == "disagree":
        return f"{a} and {b} disagree: {' and '.join(_what_differs(pair))}."
    return f"Inconclusive: {_no_difference(pair)}, and {_open(pair)}."


def _what_differs(pair: Pair) -> Iterator[str]:
    if pair.cells_shown and pair.omnibus:
        by_itself = _count(pair, "disagree")
        told = f"{by_itself} by themselves" if by_itself else "none by itself, but all together"
        yield f"of the {len(pair.cells)} cells they share {told} (p = {pair.omnibus.p:.2g})"
    if pair.rates_shown:
        bound = RATES_SHARE * pair.level
        worst = [rate for rate in pair.rates if rate.adjusted <= bound]
        yield f"{len(worst)} rates of convergence or divergence differ (p = {pair.p_rates:.2g})"


def _no_difference(pair: Pair) -> str:
    a, b = pair.names
    if pair.omnibus and pair.omnibus.smallest > (1 - RATES_SHARE) * pair.level:
        seeds = f"{pair.shared} common seeds" if pair.paired else f"{pair.seeds[0]} and {pair.seeds[1]} seeds"
        return (
            f"{seeds} are too few to show any difference between {a} and {b} (no p below {pair.omnibus.smallest:.2g})"
        )
    p = f" (p = {pair.omnibus.p:.2g})" if pair.omnibus else ""
    return f"no difference between {a} and {b} is shown{p}"


def _open(pair: Pair) -> str:
    still = [cell for cell in pair.cells if cell.verdict != "agree"]
    if not still:
        return "cells agree, but rates of convergence could not be told apart" if pair.cells else "they share no cell"
    told = f"{len(still)} of {len(pair.cells)} cells could still differ by {pair.margin:g} or more"
    needed = sorted(cell.seeds_needed for cell in still if math.isfinite(cell.seeds_needed))
    if not needed:
        return told
    half, all_of_them = needed[(len(needed) - 1) // 2], needed[-1]
    if half == all_of_them:
        return f"{told}; if the labs are alike, about {half:.0f} seeds in each would show it"
    would = f"about {half:.0f} seeds in each would show it for half of them, {all_of_them:.0f} for all"
    return f"{told}; if the labs are alike, {would}"


def _count(pair: Pair, verdict: str) -> int:
    return sum(cell.verdict == verdict for cell in pair.cells)


def notes(comparison: Comparison) -> list[str]:
    """What has to be known to read the verdict, loudest first."""
    told = []
    if comparison.by_label and comparison.settings:
        told.append(
            "THE LABS DID NOT MEASURE THE SAME THING: cells of the same name are compared in spite of "
            f"{len(comparison.settings)} settings that differ."
        )
    for pair in comparison.pairs:
        told += _pair_notes(pair)
    for one in comparison.left_out:
        told.append(f"Not compared, {len(one.cells)} cells: {one.reason}.")
    return list(dict.fromkeys(told))


def _pair_notes(pair: Pair) -> Iterator[str]:
    a, b = pair.names
    if pair.paired:
        more = max(pair.seeds) - pair.shared
        rest = f" The other {more} seeds of one of them are not used." if more else ""
        yield (
            f"{a} and {b} have {pair.shared} seeds in common, that is the same initial weights and trials, and "
            "networks of a seed are compared with one another. This tests code and machines, and says less about other "
            f"seeds than labs with seeds of their own would.{rest}"
        )
    elif pair.shared:
        yield (
            f"{a} and {b} have {pair.shared} seeds in common (of {pair.seeds[0]} and {pair.seeds[1]}) and are compared "
            "as if they had none: the shared ones make the labs more alike than the tests assume, so that the tests "
            "are conservative."
        )
    if pair.empty:
        yield f"{len(pair.empty)} cells have no network that counts, neither in {a} nor in {b}."
    few = [cell for cell in pair.cells if math.isnan(cell.low)]
    if few:
        yield f"{len(few)} cells have too few networks that count, in {a} or {b}, for an interval: {_names(few)}."


def _names(cells: Sequence[CellFinding]) -> str:
    shown = [f"{cell.key.first_task} ← {cell.key.second_task}" for cell in cells[:3]]
    return ", ".join(shown + (["..."] if len(cells) > 3 else []))


def rule(comparison: Comparison) -> str:
    """How the verdict is reached."""
    return (
        f"A cell agrees if the 90 % interval of its difference lies within ±{comparison.margin:g} (the margin, "
        "declared before looking, in units of interference). It disagrees if it does not, and a difference is shown by "
        "permutations of whole seeds, over all cells (largest score and sum of their squares, min-p) and then for the "
        "cell (step-down "
        f"max-T). Labs agree if every cell does; they disagree if a difference is shown and not every cell agrees. A "
        f"difference is shown with an error of at most {100 * LEVEL:g} % for all pairs, cells and rates together. "
        "Networks that did not learn A, or whose loss is not finite, are left out of the cells and compared as rates."
    )

"""The result of a comparison in sentences: the verdict, and notes that are needed to interpret it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median

from rnnbench.reports.comparison.comparison import Comparison
from rnnbench.reports.comparison.two_labs import EntryFinding, Pair
from rnnbench.reports.comparison.verdict import LEVEL, MIN_SEEDS, RATES_SHARE


def verdict_sentence(comparison: Comparison) -> str:
    """The verdict over all labs, in one sentence."""
    if len(comparison.pairs) == 1:
        return pair_sentence(comparison.pairs[0])
    by_verdict = {
        verdict: [pair for pair in comparison.pairs if pair.verdict == verdict]
        for verdict in ("disagree", "inconclusive", "agree")
    }
    n, verdict = len(comparison.pairs), comparison.verdict
    counted = ", ".join(f"{len(pairs)} {word}" for word, pairs in by_verdict.items() if pairs)
    named = ""
    if by_verdict["disagree"]:
        named = f" ({'; '.join(' and '.join(pair.names) for pair in by_verdict['disagree'])} disagree)"
    heading = {"agree": "The labs agree", "disagree": "The labs disagree", "inconclusive": "Inconclusive"}[verdict]
    return f"{heading}: of {n} pairs of labs, {counted}{named}{_scatter(comparison)}."


def _scatter(comparison: Comparison) -> str:
    found = comparison.heterogeneity.values()
    if not found:
        return ""
    typical = median(one.tau for one in found)
    return f"; the median standard deviation between labs, beyond what seeds explain, is {typical:.2g}"


def pair_sentence(pair: Pair) -> str:
    """The verdict on two labs, in one sentence."""
    a, b = pair.names
    n = len(pair.entries)
    if pair.verdict == "agree":
        return f"{a} and {b} agree: each of the {n} entries they share is shown to differ by less than {pair.margin:g}."
    if pair.verdict == "disagree":
        return f"{a} and {b} disagree: {' and '.join(_what_differs(pair))}."
    return f"Inconclusive: {_no_difference(pair)}, and {_undecided(pair)}."


def _what_differs(pair: Pair) -> Iterator[str]:
    if pair.entries_shown and pair.omnibus:
        n, n_disagree = len(pair.entries), _count(pair, "disagree")
        if n_disagree:
            which = f"{n_disagree} of the {n} entries they share differ individually"
        else:
            which = f"the {n} entries they share differ together, but none individually"
        yield f"{which} (p = {pair.omnibus.p:.2g})"
    if pair.rates_shown:
        bound = RATES_SHARE * pair.level
        worst = [rate for rate in pair.rates if rate.adjusted <= bound]
        yield f"{len(worst)} rates of convergence or divergence differ (p = {pair.p_rates:.2g})"


def _no_difference(pair: Pair) -> str:
    a, b = pair.names
    if pair.omnibus and pair.omnibus.smallest > (1 - RATES_SHARE) * pair.level:
        seeds = f"{pair.shared} common seeds" if pair.paired else f"{pair.seeds[0]} and {pair.seeds[1]} seeds"
        return (
            f"{seeds} are too few to show any difference between {a} and {b} "
            f"(the smallest possible p is {pair.omnibus.smallest:.2g})"
        )
    p = f" (p = {pair.omnibus.p:.2g})" if pair.omnibus else ""
    return f"no difference between {a} and {b} is shown{p}"


def _undecided(pair: Pair) -> str:
    undecided = [entry for entry in pair.entries if entry.verdict != "agree"]
    if not undecided:
        return (
            "the entries agree, but the rates of convergence are undecided" if pair.entries else "they share no entry"
        )
    text = f"{len(undecided)} of {len(pair.entries)} entries could still differ by {pair.margin:g} or more"
    needed = sorted(entry.seeds_needed for entry in undecided if math.isfinite(entry.seeds_needed))
    if not needed:
        return text
    for_half, for_all = needed[(len(needed) - 1) // 2], needed[-1]
    if for_half == for_all:
        return f"{text}; if the labs are alike, about {for_half:.0f} seeds in each lab would show that they agree"
    return (
        f"{text}; if the labs are alike, about {for_half:.0f} seeds in each lab would show that half of these entries "
        f"agree, and about {for_all:.0f} that all of them do"
    )


def _count(pair: Pair, verdict: str) -> int:
    return sum(entry.verdict == verdict for entry in pair.entries)


def notes(comparison: Comparison) -> list[str]:
    """Notes that are needed to interpret the verdict, the most important first."""
    texts = []
    if comparison.by_label and comparison.settings:
        texts.append(
            "THE LABS DID NOT MEASURE THE SAME THING: entries of the same name are compared although "
            f"{len(comparison.settings)} settings differ."
        )
    for pair in comparison.pairs:
        texts += _pair_notes(pair)
    for one in comparison.left_out:
        texts.append(f"{len(one.entries)} entries are not compared: {one.reason}.")
    return list(dict.fromkeys(texts))


def _pair_notes(pair: Pair) -> Iterator[str]:
    a, b = pair.names
    if pair.paired:
        more = max(pair.seeds) - pair.shared
        rest = f" The other {more} seeds of one lab are not used." if more else ""
        yield (
            f"{a} and {b} have {pair.shared} seeds in common, which means the same initial weights and trials, so "
            "networks of the same seed are compared. This tests code and machines; it says less about other seeds than "
            f"labs with different seeds would.{rest}"
        )
    elif pair.shared:
        yield (
            f"{a} and {b} have {pair.shared} seeds in common (of {pair.seeds[0]} and {pair.seeds[1]}) but are compared "
            "as if they had none. The shared seeds make the labs more alike than the tests assume, so the tests are "
            "conservative."
        )
    if pair.empty:
        yield f"In {len(pair.empty)} entries no network counts, neither in {a} nor in {b}."
    few = [entry for entry in pair.entries if math.isnan(entry.low)]
    if few:
        yield f"In {len(few)} entries too few networks of {a} or {b} count for an interval: {_names(few)}."


def _names(entries: Sequence[EntryFinding]) -> str:
    shown = [f"{entry.key.first_task} ← {entry.key.second_task}" for entry in entries[:3]]
    return ", ".join(shown + (["..."] if len(entries) > 3 else []))


def rule(comparison: Comparison) -> str:
    """The rule by which the verdict is reached, as a paragraph."""
    return (
        f"An entry agrees if the 90 % interval of its difference lies within ±{comparison.margin:g} (the margin, in "
        "units of interference, chosen in advance). It disagrees if the interval does not and a difference is shown by "
        "permutations of whole seeds, both over all entries (largest score and sum of squared scores, min-p) and for "
        "this entry (step-down max-T). Labs agree if every entry agrees and no rate is shown to differ. Otherwise they "
        "disagree if a difference is shown in entries or rates. The probability of showing any difference between labs "
        f"that are alike is at most {100 * LEVEL:g} %, over all pairs, entries and rates together. Networks that did "
        "not learn A, or whose loss is not finite, are left out of the entries and compared as rates. Entries in which "
        f"fewer than {MIN_SEEDS} networks of a lab count have no interval. Interference is with {comparison.idle}."
    )

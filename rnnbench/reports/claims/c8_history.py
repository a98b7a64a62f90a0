"""C8: learning the same task B costs A a different amount after different histories."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import ttest_1samp

from rnnbench.figures import style
from rnnbench.randomness import rng_for
from rnnbench.reports.claims import drawing
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.groups import Floats, groups, pairs, per_seed
from rnnbench.reports.estimates import LEVEL, Estimate, estimate, informative
from rnnbench.results.intervals import mean_interval
from rnnbench.results.reading import Results

ID = "C8"
MATTERS = 0.1
"""A tenth of what was learnt. A history with a smaller effect makes no difference to a learner."""
BLUE, PALE = "#31688e", "#b5b5b5"
RULE = (
    "For every pair (A, B) that was learnt after at least two histories, the contrast is the interference after the "
    "longest history (of equally long ones, that which the protocol names first) minus that after the shortest one, "
    "within seeds. So each pair has one contrast, which the protocol chooses before anything is trained; the other "
    "histories are reported and do not decide. The k contrasts share the error rate of 5 % (Bonferroni): intervals "
    f"are at 1 - 0.05/k, and p is k times the p-value of a t test against a size of {MATTERS}. Supported if the whole"
    f" interval of any contrast is above {MATTERS} or below -{MATTERS}, with p <= 0.05. Not supported if the "
    f"intervals of all contrasts lie within -{MATTERS} to {MATTERS}. Otherwise undecided."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged on C8; "" if some pair of tasks was learnt after two histories or more."""
    has_several = any(histories for _, rows in _groups(results) if (histories := _contrasted(rows)))
    return "" if has_several else "no pair of tasks was learnt after two different histories"


def judge(results: Results) -> list[Finding]:
    """One finding for each condition, architecture, rule, g and size, over all its pairs and histories."""
    findings = []
    for name, rows in _groups(results):
        contrasted = _contrasted(rows)
        if not contrasted:
            continue
        parts, further = [], []
        for pair, (shortest, longest, *others) in contrasted.items():
            reference = _of(rows, pair, shortest)
            parts.append(
                contrast(_of(rows, pair, longest), reference, said(pair, longest, shortest), len(contrasted), name)
            )
            for history in others:
                change = (per_seed(_of(rows, pair, history)) - per_seed(reference)).dropna()
                statement = said(pair, history, shortest)
                further.append(informative(statement, change.to_numpy(float), (ID, name, statement)))
        used = pd.concat([_of(rows, pair, each) for pair, several in contrasted.items() for each in several[:2]])
        findings.append(Finding.of(ID, name, used, parts, further, any_part=True))
    return findings


def said(pair: tuple[str, str], history: str, reference: str) -> str:
    """Name of a contrast in words.

    The name is part of the name of the contrast's stream of random numbers, so a different wording would give a
    slightly different interval.

    Args:
        pair: (A, B).
        history: the tasks learnt before A; "" if there were none.
        reference: the history that it is compared with.

    Returns:
        For example "I(A ← B) after C minus with no history".
    """
    return f"I({pair[0]} ← {pair[1]}) {_after(history)} minus {_after(reference)}"


def _after(history: str) -> str:
    return f"after {history}" if history else "with no history"


def contrast(rows: pd.DataFrame, reference: pd.DataFrame, statement: str, k: int, name: str) -> Estimate:
    """Difference of interference between two histories within seeds, as one of k contrasts.

    A t test is used because sign flips of n seeds give no p-value below 2^-n, which is too coarse when several
    contrasts share the error rate.

    Args:
        rows: the networks of one pair after one history.
        reference: the networks of the same pair after the reference history.
        statement: name of the contrast.
        k: number of contrasts that share the error rate.
        name: name of the group; names the stream of random numbers.

    Returns:
        The estimate, compared with a size of `MATTERS`.
    """
    change = (per_seed(rows) - per_seed(reference)).dropna().to_numpy(float)
    found = estimate(statement, change, MATTERS, "away", (ID, name, statement), level=1 - (1 - LEVEL) / k)
    p = min(1.0, k * size_p(change, MATTERS))
    return Estimate(**{**vars(found), "p": p, "test": f"t test, times {k}"})


def size_p(values: Floats, threshold: float) -> float:
    """One-sided p-value of a t test that a mean is larger in size than a threshold, on the side of its own sign.

    Args:
        values: [seed].
        threshold: the size that the mean is compared with.

    Returns:
        The p-value; 1 for fewer than two values.
    """
    if len(values) < 2:
        return 1.0
    excess = np.sign(values.mean()) * values - threshold
    if np.ptp(excess) == 0:
        return 0.0 if excess[0] > 0 else 1.0
    return float(ttest_1samp(excess, 0.0, alternative="greater").pvalue)


def _groups(results: Results) -> list[tuple[str, pd.DataFrame]]:
    table = pairs(results)
    return list(groups(table[~table["same"]], leaving_out=["earlier_tasks"]))


def _contrasted(rows: pd.DataFrame) -> dict[tuple[str, str], list[str]]:
    """The histories of each pair (A, B) that has more than one: the shortest, the longest, and all others."""
    found = {}
    for (first, second), each in rows.groupby(["first_task", "second_task"], sort=False):
        histories = list(dict.fromkeys(each["earlier_tasks"]))
        if len(histories) > 1:
            shortest = min(histories, key=_length)
            longest = max((history for history in histories if history != shortest), key=_length)
            others = [history for history in histories if history not in (shortest, longest)]
            found[str(first), str(second)] = [shortest, longest, *others]
    return found


def _length(history: str) -> int:
    """The number of tasks in a history."""
    return history.count(" > ") + 1 if history else 0


def _of(rows: pd.DataFrame, pair: tuple[str, str], history: str) -> pd.DataFrame:
    of_pair = (rows["first_task"] == pair[0]) & (rows["second_task"] == pair[1])
    return rows[of_pair & (rows["earlier_tasks"] == history)]


def figure(results: Results) -> Figure:
    """Interference after each history with its interval over seeds, with a panel for each group and pair."""
    blocks = [
        (name, rows, pair, histories)
        for name, rows in _groups(results)
        for pair, histories in _contrasted(rows).items()
    ][: drawing.MOST_PANELS]
    group_titles = drawing.titles([name for name, *_ in blocks])
    with style.look("ticks"):
        most = max(len(histories) for *_, histories in blocks)
        page, axes = drawing.panels(len(blocks), columns=2, height=1.3 + 0.28 * most)
        for one, group_title, (_, rows, pair, histories) in zip(axes, group_titles, blocks, strict=True):
            drawing.zero_and_one_upright(one)
            for y, history in enumerate(histories):
                seeds = per_seed(_of(rows, pair, history)).to_numpy(float)
                low, high = mean_interval(seeds, rng_for(0, "claims", "figure", ID))
                mean = seeds.mean() if len(seeds) else math.nan
                one.plot(seeds, np.full(len(seeds), y), "o", color=PALE, ms=3, zorder=1)
                one.plot([low, high], [y, y], color=BLUE, lw=2.5, solid_capstyle="butt")
                one.plot(mean, y, "o", color=BLUE, ms=5)
            one.set_yticks(range(len(histories)), [style.pretty(_after(h), 34, 2) for h in histories])
            one.set_ylim(len(histories) - 0.5, -0.5)
            # The panels are narrow beside long names of histories, and a title wider than its panel would be cut off.
            title = style.pretty(f"{pair[1]} learnt after {pair[0]}", 36, 2)
            one.set_title(f"{title}\n{group_title}" if group_title else title)
            one.set_xlabel("interference")
        drawing.same_limits(axes, "x")
        bar = Line2D([], [], color=BLUE, lw=2.5, marker="o", ms=5, label="mean, 95 % interval over seeds")
        dot = Line2D([], [], color=PALE, lw=0, marker="o", ms=3, label="one seed")
        page.legend(handles=[bar, dot], loc="outside upper center", ncols=2, frameon=False)
        drawing.note(page, results.interference, drawing.OVER_SEEDS)
    return page


CLAIM = Claim(
    ID,
    "History matters",
    "The history of a learner matters: the same B costs A differently after different histories.",
    RULE,
    applies,
    judge,
    figure,
)

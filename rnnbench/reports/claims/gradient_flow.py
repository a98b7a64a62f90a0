"""The check under C2 to C6: plain gradient descent with steps so small that it follows the gradient flow."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench.figures import style
from rnnbench.reports.claims import drawing
from rnnbench.reports.claims.claim import Claim, Finding, Results
from rnnbench.reports.claims.groups import groups, left_out, paired_change, pairs, per_seed, too_few
from rnnbench.reports.estimates import LEVEL, Estimate, estimate, informative

ID = "flow"
LEAST = 0.02
"""Where interference hardly varies over seeds its interval is narrower than anything matters: a fiftieth of what was
learnt is allowed in any case."""
RULE = (
    "At the two largest learning rates of a rule, one at most half of the other: the interference at the smaller minus "
    "that at the larger, per seed over the pairs that count at both, has its whole interval within +- the width of the "
    f"interval of the interference itself (or +-{LEAST}, where that is narrower)."
)


def applies(results: Results) -> str:
    """Empty if a rule was run at two learning rates."""
    return "" if any(True for _ in _compared(results)) else "no rule was run at two learning rates, one half the other"


def judge(results: Results) -> list[Finding]:
    """A finding for each condition, architecture, g and size."""
    findings = []
    for name, rows, small, large in _compared(results):
        rows = rows[rows["rate"].isin([small, large])]
        of_large = per_seed(rows[rows["rate"] == large])
        itself = informative(f"interference at rate {large:g}", of_large, (ID, name, "itself"))
        change = paired_change(rows, "rate", large, small)
        findings.append(
            Finding(
                ID,
                name,
                (_within(change, itself, f"interference at rate {small:g} minus {large:g}", (ID, name)),),
                (itself,),
                hindrance=too_few(rows, "both rates"),
                networks=len(rows),
                left_out=left_out(rows),
            )
        )
    return findings


def _within(change: np.ndarray, itself: Estimate, statement: str, names: tuple[str, ...]) -> Estimate:
    """The change as an estimate of its size, to be below the width of the interval of the interference itself."""
    allowed = max(itself.high - itself.low, LEAST)
    signed = estimate(statement, change, 0.0, "none", names, tested=False)
    # Of both ends of the interval the larger in size decides.
    low, high = sorted(abs(end) for end in (signed.low, signed.high))
    inside = 0.0 if signed.low < 0 < signed.high else low
    return Estimate(
        f"size of ({statement})", abs(signed.value), inside, high, allowed, "below", signed.n_seeds, level=LEVEL
    )


def figure(results: Results) -> Figure:
    """The interference of each seed at the smaller rate against that at the larger one."""
    blocks = list(_compared(results))[: drawing.MOST_PANELS]
    with style.look("ticks"):
        page, axes = drawing.panels(len(blocks))
        titles = drawing.titles([name for name, *_ in blocks])
        for one, title, (_, rows, small, large) in zip(axes, titles, blocks, strict=True):
            both = pd.DataFrame({rate: per_seed(rows[rows["rate"] == rate]) for rate in (large, small)}).dropna()
            ends = [
                min(0.0, float(both.min().min())) if len(both) else 0.0,
                float(both.max().max()) if len(both) else 1.0,
            ]
            one.plot(ends, ends, color="#cfcfcf", lw=0.8, zorder=0)
            one.plot(both[large], both[small], "o", ms=4, color=style.INK, alpha=0.7, label="one seed")
            one.set_title(title)
            one.set_xlabel(f"interference at rate {large:g}")
            one.set_ylabel(f"at rate {small:g}")
    return page


def _compared(results: Results) -> list[tuple[str, pd.DataFrame, float, float]]:
    """Each group of networks alike in all but the learning rate: name, rows, the two rates."""
    table = pairs(results)
    table = table[~table["same"]]
    rates = {spec.label: spec.parameters.get("learning_rate") for spec in results.benchmark.rules}
    table = table.assign(
        rate=[float(rates.get(label) or np.nan) for label in table["rule"]],
        rule=[re.sub(r"learning_rate=[^,\]]*,?", "", label).replace("[]", "") for label in table["rule"]],
    )
    found = []
    for name, rows in groups(table):
        values = sorted((float(rate) for rate in rows["rate"].dropna().unique()), reverse=True)
        half = [value for value in values[1:] if value <= values[0] / 2]
        if half:
            found.append((name, rows, half[0], values[0]))
    return found


CLAIM = Claim(
    ID,
    "Steps small enough",
    "Gradient descent follows the gradient flow: halving its rate changes interference by less than its interval.",
    RULE,
    applies,
    judge,
    figure,
)

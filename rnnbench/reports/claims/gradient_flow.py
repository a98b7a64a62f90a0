"""Check for the assumption of C2 to C6 that gradient descent takes small enough steps to follow the gradient flow."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench.figures import style
from rnnbench.reports.claims import drawing
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.groups import equal, groups, paired_change, pairs, per_seed, too_few
from rnnbench.reports.estimates import LEVEL, Estimate, estimate, informative
from rnnbench.results.reading import Results

ID = "flow"
MARGIN = 0.1
"""A tenth of what was learnt, as in the other claims. The margin must not grow with the scatter of the seeds: otherwise
scattered seeds would hide a change."""
RULE = (
    "Two learning rates of plain gradient descent (optimizer sgd) are compared: the largest one and the largest of "
    "those that are at most half of it. The difference is the interference at the smaller rate minus that at the "
    "larger rate, for each seed, over the pairs that count at both. The whole interval of this difference lies "
    f"within +-{MARGIN}. Adam has no gradient flow, so its rates are not compared here."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged; "" if a rule was run at two learning rates, one at most half of the other."""
    if any(True for _ in _compared(results)):
        return ""
    return "no rule with the optimizer sgd was run at two learning rates of which one is at most half of the other"


def judge(results: Results) -> list[Finding]:
    """One finding for each condition, architecture, g and size."""
    findings = []
    for name, rows, small, large in _compared(results):
        rows = rows[rows["rate"].isin([small, large])]
        at_large = per_seed(rows[rows["rate"] == large])
        itself = informative(f"interference at rate {large:g}", at_large, (ID, name, "itself"))
        change = paired_change(rows, "rate", large, small)
        findings.append(
            Finding.of(
                ID,
                name,
                rows,
                (_within(change, f"interference at rate {small:g} minus {large:g}", (ID, name)),),
                (itself,),
                hindrance=too_few(rows, "both rates"),
            )
        )
    return findings


def _within(change: np.ndarray, statement: str, names: tuple[str, ...]) -> Estimate:
    """Estimate of the size of a change, which has to be below the margin."""
    signed = estimate(statement, change, 0.0, "none", names, tested=False)
    # The interval of the size runs up to the end of the signed interval that is larger in size.
    smaller, larger = sorted(abs(end) for end in (signed.low, signed.high))
    low = 0.0 if signed.low < 0 < signed.high else smaller
    return Estimate(
        f"size of ({statement})", abs(signed.value), low, larger, MARGIN, "below", signed.n_seeds, level=LEVEL
    )


def figure(results: Results) -> Figure:
    """Interference of each seed at the smaller rate against interference at the larger rate."""
    blocks = list(_compared(results))[: drawing.MOST_PANELS]
    with style.look("ticks"):
        page, axes = drawing.panels(len(blocks))
        titles = drawing.titles([name for name, *_ in blocks])
        for one, title, (_, rows, small, large) in zip(axes, titles, blocks, strict=True):
            rows, _ = equal(rows[rows["rate"].isin([large, small])], "rate")
            both = pd.DataFrame({rate: per_seed(rows[rows["rate"] == rate]) for rate in (large, small)}).dropna()
            diagonal = [
                min(0.0, float(both.min().min())) if len(both) else 0.0,
                float(both.max().max()) if len(both) else 1.0,
            ]
            one.plot(diagonal, diagonal, color="#cfcfcf", lw=0.8, zorder=0)
            one.plot(both[large], both[small], "o", ms=4, color=style.INK, alpha=0.7, label="one seed")
            one.set_title(title)
            one.set_xlabel(f"interference at rate {large:g}")
            one.set_ylabel(f"at rate {small:g}")
        drawing.note(page, results.interference, "seeds that count at both rates, over the same pairs")
    return page


def _compared(results: Results) -> list[tuple[str, pd.DataFrame, float, float]]:
    """Groups of networks that differ only in the learning rate: name, rows, smaller and larger rate."""
    table = pairs(results)
    table = table[~table["same"]]
    plain = [spec for spec in results.benchmark.rules if spec.parameters.get("optimizer") == "sgd"]
    rates = {spec.label: spec.parameters.get("learning_rate") for spec in plain}
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
    "Gradient descent follows the gradient flow: halving its rate changes interference by less than a tenth of what "
    "was learnt.",
    RULE,
    applies,
    judge,
    figure,
)

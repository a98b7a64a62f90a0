"""C4: the two modes where only a 2x2 matrix learns, against the theory of that model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench.reports.claims.c2_drive import MIN_DRIVES
from rnnbench.reports.claims.c3_modes import FORMATION, MODE_FALL, mode_parts
from rnnbench.reports.claims.claim import Claim, Finding, Results
from rnnbench.reports.claims.groups import (
    groups,
    labels_of,
    lacking,
    left_out,
    settled,
    values_of,
)
from rnnbench.reports.claims.restricted_figure import draw
from rnnbench.reports.claims.restricted_networks import matrices, network_of, prediction, theory_table
from rnnbench.reports.estimates import Estimate, Floats, estimate

ID = "C4"
CLOSE = 0.1
"""A tenth of what was learnt, averaged over drives: smaller than the difference between the modes by ten."""
RULE = (
    "Networks W = g J + U M U^T / N that learn M alone. At the largest N: (a) mode index at the lowest minus that at "
    f"the highest drive is above {MODE_FALL}; (c) mode index at the highest drive is below {FORMATION}; (d) the "
    "absolute difference between interference and that of the 2x2 model with the same parameters, averaged over pairs "
    f"and drives, is below {CLOSE}. (e) Per seed, the slope of log(rms deviation of M along the training of B from the "
    "model; of the final interference where M was not tracked) against log N is below 0; expected are -1/2 from "
    f"Gaussian fluctuations of the patterns. At least {MIN_DRIVES} drives at which more than half count, and two N."
)


def applies(results: Results) -> str:
    """Empty if restricted networks learnt two memories by plain gradient descent at three drives."""
    benchmark = results.benchmark
    if not labels_of(benchmark.architectures, "restricted_rnn"):
        return "no restricted_rnn among the architectures"
    if len(values_of(results.interference, "drive")) < MIN_DRIVES:
        return f"fewer than {MIN_DRIVES} values of drive"
    if reason := lacking(results, "mode_index"):
        return reason
    if len(benchmark.tasks) != 2 or len(labels_of(benchmark.tasks, "fixed_points")) != 2:
        return "the 2x2 model needs exactly two tasks, both fixed_points"
    if any(task.parameters.get("channels", 1) != 1 for task in benchmark.tasks):
        return "the 2x2 model needs tasks of one channel"
    return "" if len(theory_table(results)) else "no restricted network of erf units learns by plain gradient descent"


def judge(results: Results) -> list[Finding]:
    """A finding for each architecture, rule and g, over all N."""
    findings = []
    for name, rows in groups(theory_table(results), leaving_out=["units"]):
        sizes = values_of(rows, "units")
        largest = rows[rows["units"] == sizes[-1]]
        drives, notes = settled(largest, "drive")
        rows = rows[rows["drive"].isin(drives)] if drives else rows
        largest = rows[rows["units"] == sizes[-1]]
        hindrance = "" if len(drives) >= MIN_DRIVES else f"fewer than {MIN_DRIVES} values of drive were learnt"
        if len(sizes) < 2:
            hindrance = hindrance or "one size only: that the deviation falls with N cannot be seen"
        for drive in values_of(rows[~rows["theory_learnt"].astype(bool)], "drive"):
            notes.append(f"the model itself does not reach its criteria at drive = {drive:g}")
        change, formed = mode_parts(largest, drives, (ID, name))
        parts = (change, formed, distance(largest, name), scaling(results, rows, name))
        notes.append(f"(a), (c), (d) at N = {sizes[-1]:g}; (e) over N = {', '.join(f'{n:g}' for n in sizes)}")
        findings.append(
            Finding(
                ID, name, parts, hindrance=hindrance, notes=tuple(notes), networks=len(rows), left_out=left_out(rows)
            )
        )
    return findings


def distance(largest: pd.DataFrame, name: str) -> Estimate:
    """(d) |I - I of the model|, each seed's mean over pairs and drives."""
    counted = largest[largest["counted"]]
    away = (counted["interference"] - counted["theory"]).abs().groupby(counted["seed"]).mean()
    said = "distance of interference from the 2x2 model's, largest N"
    return estimate(said, away.to_numpy(float), CLOSE, "below", (ID, name, "distance"))


def scaling(results: Results, rows: pd.DataFrame, name: str) -> Estimate:
    """(e) The power with which the deviation from the model falls with N, per seed."""
    table, of = deviations(results, rows)
    slopes = []
    for _, seed in table.groupby("seed"):
        if len(seed) > 1 and (seed["deviation"] > 0).all():
            slopes.append(np.polyfit(np.log(seed["units"].to_numpy(float)), np.log(seed["deviation"].to_numpy()), 1)[0])
    return estimate(f"power of N in the rms deviation of {of}", slopes, 0.0, "below", (ID, name, "scaling"))


def deviations(results: Results, rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """rms deviation from the model of each seed at each N (columns seed, units, deviation), and of what it is.

    Over the pairs and conditions that count at every N of that seed, so that all N are compared on the same.
    """
    tracked = results.tracked
    is_tracked = len(tracked) > 0 and (tracked["weight"] == "m").any()
    counted = rows[rows["counted"]].copy()
    n_sizes = counted["units"].nunique()
    names = ["seed", "setting", "first_task", "second_task"]
    counted = counted[counted.groupby(names)["units"].transform("nunique") == n_sizes]
    if is_tracked:
        paths = matrices(results, counted)
        squares = [_mean_square(results, row, paths.get(network_of(row))) for row in counted.to_dict("records")]
    else:
        squares = ((counted["interference"] - counted["theory"]) ** 2).to_list()
    by = counted.assign(deviation=squares).groupby(["seed", "units"])["deviation"].mean()
    return np.sqrt(by).reset_index(), "M along training" if is_tracked else "interference"


def _mean_square(results: Results, row: Any, path: tuple[Floats, Floats] | None) -> float:
    """Mean squared deviation of M's entries over the updates that network and model both made."""
    expected = prediction(results, row)
    if path is None or expected is None:
        return math.nan
    updates, m = path
    common = updates < len(expected.m)
    return float(np.mean((m[common] - expected.m[updates[common].astype(int)]) ** 2))


def figure(results: Results) -> Figure:
    """M and both losses along the training of B against the model, and interference against drive for each N."""
    return draw(results, theory_table(results))


CLAIM = Claim(
    ID,
    "The two modes in the 2x2 model",
    "The same two modes appear where learning is restricted to a 2x2 matrix, and can be solved there.",
    RULE,
    applies,
    judge,
    figure,
)

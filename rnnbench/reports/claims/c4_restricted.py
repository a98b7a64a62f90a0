"""C4: the two modes of learning in networks that learn only a 2x2 matrix, compared with the theory of that model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench.reports.claims.c2_drive import MIN_DRIVES
from rnnbench.reports.claims.c3_modes import FORMATION, MODE_FALL, mode_parts
from rnnbench.reports.claims.claim import Claim, Finding
from rnnbench.reports.claims.groups import (
    groups,
    labels_of,
    lacking,
    settled,
    values_of,
)
from rnnbench.reports.claims.restricted_figure import draw
from rnnbench.reports.claims.restricted_networks import matrices, network_of, prediction, theory_table
from rnnbench.reports.estimates import Estimate, Floats, estimate
from rnnbench.results.reading import Results

ID = "C4"
CLOSE = 0.1
"""A tenth of what was learnt, averaged over drives. The difference between the two modes is ten times as large."""
RULE = (
    "The networks are W = g J + U M U^T / N and learn only M. At the largest N: (a) the mode index at the lowest drive "
    f"minus that at the highest drive is above {MODE_FALL}; (c) the mode index at the highest drive is below "
    f"{FORMATION}; (d) the absolute difference between the interference of the network and that of the 2x2 model with "
    f"the same parameters, averaged over pairs and drives, is below {CLOSE}. Over all N: (e) for each seed, the slope "
    "of log(rms deviation from the model) against log N is below 0. The deviation is that of M during the training of "
    "B, or that of the final interference where M was not tracked. Gaussian fluctuations of the patterns would give a "
    f"slope of -1/2. At least {MIN_DRIVES} drives at which more than half of the networks count and two values of N "
    "are needed."
)


def applies(results: Results) -> str:
    """Why the results cannot be judged on C4; "" if they can.

    They need restricted networks that learn two fixed-point tasks by plain gradient descent at three drives or more.
    """
    benchmark = results.benchmark
    if not labels_of(benchmark.architectures, "restricted_rnn"):
        return "there is no restricted_rnn among the architectures"
    if len(values_of(results.interference, "drive")) < MIN_DRIVES:
        return f"fewer than {MIN_DRIVES} values of drive were run"
    if reason := lacking(results, "mode_index"):
        return reason
    if len(benchmark.tasks) != 2 or len(labels_of(benchmark.tasks, "fixed_points")) != 2:
        return "the 2x2 model needs exactly two tasks, and both must be fixed_points"
    if any(task.parameters.get("channels", 1) != 1 for task in benchmark.tasks):
        return "the 2x2 model needs tasks with one channel"
    return "" if len(theory_table(results)) else "no restricted network of erf units learns by plain gradient descent"


def judge(results: Results) -> list[Finding]:
    """One finding for each architecture, rule and g, over all N."""
    findings = []
    for name, rows in groups(theory_table(results), leaving_out=["units"]):
        sizes = values_of(rows, "units")
        largest = rows[rows["units"] == sizes[-1]]
        drives, notes = settled(largest, "drive")
        rows = rows[rows["drive"].isin(drives)] if drives else rows
        largest = rows[rows["units"] == sizes[-1]]
        hindrance = "" if len(drives) >= MIN_DRIVES else f"fewer than {MIN_DRIVES} values of drive were learnt"
        if len(sizes) < 2:
            hindrance = hindrance or "only one N was run, so a fall of the deviation with N cannot be seen"
        for drive in values_of(rows[~rows["theory_learnt"].astype(bool)], "drive"):
            notes.append(f"the 2x2 model itself does not reach its criteria at drive = {drive:g}")
        change, formed = mode_parts(largest, drives, (ID, name))
        parts = (change, formed, distance(largest, name), scaling(results, rows, name))
        notes.append(f"(a), (c), (d) at N = {sizes[-1]:g}; (e) over N = {', '.join(f'{n:g}' for n in sizes)}")
        findings.append(Finding.of(ID, name, rows, parts, hindrance=hindrance, notes=notes))
    return findings


def distance(largest: pd.DataFrame, name: str) -> Estimate:
    """Part (d): |interference - interference of the model|, averaged over the pairs and drives of each seed.

    Args:
        largest: the networks of the largest N, a row for each pair, drive and seed, with the column `theory`.
        name: name of the group; names the stream of random numbers.

    Returns:
        The estimate, compared with `CLOSE`.
    """
    counted = largest[largest["counted"]]
    distances = (counted["interference"] - counted["theory"]).abs().groupby(counted["seed"]).mean()
    statement = "distance of interference from the 2x2 model's, largest N"
    return estimate(statement, distances.to_numpy(float), CLOSE, "below", (ID, name, "distance"))


def scaling(results: Results, rows: pd.DataFrame, name: str) -> Estimate:
    """Part (e): the exponent of N in the deviation from the model, for each seed.

    Args:
        results: the results that the rows were taken from; their tracked weights are used where there are any.
        rows: the networks of one group at all N, a row for each pair, drive and seed.
        name: name of the group; names the stream of random numbers.

    Returns:
        The estimate of the slope of log(deviation) against log N, compared with 0.
    """
    table, quantity = deviations(results, rows)
    slopes = []
    for _, seed in table.groupby("seed"):
        if len(seed) > 1 and (seed["deviation"] > 0).all():
            slopes.append(np.polyfit(np.log(seed["units"].to_numpy(float)), np.log(seed["deviation"].to_numpy()), 1)[0])
    return estimate(f"power of N in the rms deviation of {quantity}", slopes, 0.0, "below", (ID, name, "scaling"))


def deviations(results: Results, rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Root-mean-square deviation from the model for each seed and N.

    Only the pairs and conditions that count at every N of a seed are used, so that all N are compared on the same
    pairs and conditions.

    Args:
        results: the results that the rows were taken from; their tracked weights are used where there are any.
        rows: the networks of one group at all N, a row for each pair, drive and seed.

    Returns:
        A table with the columns seed, units and deviation, and the quantity that deviates: "M along training" where
        M was tracked, "interference" otherwise.
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
    """Mean squared deviation of the elements of M, over the updates that both the network and the model made."""
    expected = prediction(results, row)
    if path is None or expected is None:
        return math.nan
    updates, m = path
    common = updates < len(expected.m)
    return float(np.mean((m[common] - expected.m[updates[common].astype(int)]) ** 2))


def figure(results: Results) -> Figure:
    """M and both losses during the training of B with the model's prediction, and interference against drive."""
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

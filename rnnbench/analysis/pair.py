"""Everything that is measured on one pair of tasks, A learnt first and B then, from one network's weights.

Functions of weights and trials, each returning numbers by name: `update_measures` what learning did to W, to the
activity and to the outputs; `mode_measures` the outputs alone; `fixed_point_measures` where A's fixed points went.
A number that does not exist, because a network has no such thing, has decayed, or is not finite, is NaN; nothing
raises.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnnbench.analysis import updates
from rnnbench.analysis.activity import (
    Activity,
    distinct,
    readout_matrix,
    recurrent_matrix,
    run_trials,
)
from rnnbench.analysis.fixed_points import find_fixed_points, settle
from rnnbench.plugin.interfaces import Architecture, Batch
from rnnbench.plugin.rate_network import connectivity_of
from rnnbench.results import modes
from rnnbench.results.columns import measured

Arrays = Mapping[str, np.ndarray]

MOST_STARTS = 16
"""Distinct trials of one task from whose ends fixed points are looked for."""

SETTLING = 50.0
"""Time (tau) without input after which a trial's state is taken to be in the basin it belongs to."""

NEWTON_STEPS = 50

AT_REST = 1e-3
"""Root mean square of a state's units below which it is at rest and has no direction."""


def update_measures(
    architecture: Architecture,
    untrained: Arrays,
    first: Arrays,
    second: Arrays,
    alone: Arrays | None,
    trials_a: Batch,
    trials_b: Batch,
    own_a: np.ndarray,
    own_b: np.ndarray,
) -> dict[str, float]:
    """What learning B after A did to the weights and to A's activity and outputs: the columns of `updates`.

    untrained, first, second   weights of one network by name: before training, after A, after B
    alone                      after B learnt as a first task, or None
    trials_a, trials_b         one set of trials [1, time, trial, channel] of each task
    own_a, own_b               [output] which of the network's outputs carry the task's targets
    """
    measures = dict.fromkeys(measured(["updates"]), float("nan"))
    if not (_finite(untrained) and _finite(first) and _finite(second)):
        return measures
    with np.errstate(all="ignore"):
        measures |= _of_weights(architecture, untrained, first, second, alone)
        before, after = (_run(architecture, weights, trials_a) for weights in (first, second))
        measures["participation_ratio_first"] = updates.participation_ratio(before.rates)
        measures["participation_ratio_after"] = updates.participation_ratio(after.rates)
        measures |= _of_outputs(after.outputs, trials_a, own_a, own_b)
        rates_b = _run(architecture, second, trials_b).rates
        measures |= _alignments(architecture, first, second, {"a": before.rates, "b": rates_b}, own_a, own_b)
    return measures


def mode_measures(
    architecture: Architecture, second: Arrays, trials_a: Batch, own_a: np.ndarray, own_b: np.ndarray
) -> dict[str, float]:
    """What A's trials give after B: those of `update_measures` that need nothing but outputs, at little cost."""
    measures = dict.fromkeys(measured(["modes"]), float("nan"))
    if _finite(second):
        with np.errstate(all="ignore"):
            measures |= _of_outputs(_run(architecture, second, trials_a).outputs, trials_a, own_a, own_b)
    return measures


def _of_weights(
    architecture: Architecture, untrained: Arrays, first: Arrays, second: Arrays, alone: Arrays | None
) -> dict[str, float]:
    w0, w1, w2 = (_learnt(architecture, weights) for weights in (untrained, first, second))
    d_first, d_second = w1 - w0, w2 - w1
    measures = {
        "update_correlation": updates.correlation(d_first, d_second),
        "update_norm_first": float(np.linalg.norm(d_first)),
        "update_norm_second": float(np.linalg.norm(d_second)),
    }
    if alone is not None and _finite(alone):
        measures["update_correlation_alone"] = updates.correlation(d_first, _learnt(architecture, alone) - w0)
    if connectivity_of(architecture):
        for stage, update in (("first", d_first), ("second", d_second)):
            measures[f"update_rank_{stage}"] = updates.effective_rank(update)
            measures[f"numerical_rank_{stage}"] = float(updates.numerical_rank(update))
        for stage, w in (("untrained", w0), ("first", w1), ("after", w2)):
            measures[f"spectral_abscissa_{stage}"] = float(updates.spectrum(w)[0].real)
    return measures


def _learnt(architecture: Architecture, weights: Arrays) -> np.ndarray:
    """W [unit, unit] of a rate network; all trained weights in one row of any other."""
    matrix = recurrent_matrix(architecture, weights)
    if matrix is not None:
        return np.asarray(matrix.numpy())
    return np.concatenate([np.asarray(weights[name], dtype=float).ravel() for name in architecture.trained])


def _run(architecture: Architecture, weights: Arrays, trials: Batch) -> Activity:
    """The activity in all trials; those of equal input are computed once, since there is no noise."""
    few = distinct(trials.inputs[0])
    activity = run_trials(architecture, weights, few.inputs)
    return Activity(None, activity.rates[:, few.of], activity.outputs[:, few.of])


def _of_outputs(outputs: np.ndarray, trials: Batch, own_a: np.ndarray, own_b: np.ndarray) -> dict[str, float]:
    own, other = np.flatnonzero(own_a), np.flatnonzero(own_b)
    asked = trials.mask[0].cpu().numpy()[..., own].max(axis=-1) > 0
    measures = {"output_first": float(np.sqrt(modes.mean_square(outputs[asked][:, own])))}
    if not (own_a & own_b).any():
        floor = modes.FLOOR * modes.mean_square(trials.targets[0].cpu().numpy()[asked][:, own]) ** 0.5
        measures["output_second"] = float(np.sqrt(modes.mean_square(outputs[asked][:, other])))
        measures["mode_index"] = modes.mode_index(outputs[asked], own.tolist(), other.tolist(), floor)
    return measures


def _alignments(
    architecture: Architecture,
    first: Arrays,
    second: Arrays,
    rates: Mapping[str, np.ndarray],
    own_a: np.ndarray,
    own_b: np.ndarray,
) -> dict[str, float]:
    """W_out is the one after B, where it is trained too."""
    w_out = readout_matrix(architecture, second)
    if w_out is None:
        return {}
    update = _learnt(architecture, second) - _learnt(architecture, first)
    return {
        f"alignment_{source}{target}": updates.alignment(update, rates[source], w_out[own])
        for source in ("a", "b")
        for target, own in (("a", own_a), ("b", own_b))
    }


def fixed_point_measures(
    architecture: Architecture,
    first: Arrays,
    second: Arrays,
    trials_a: Batch,
    trials_b: Batch,
    own_a: np.ndarray,
    own_b: np.ndarray,
    tolerance: float = 1e-9,
) -> dict[str, float]:
    """Where the fixed points of A's trials went, and how many stable ones there are: the columns of `fixed_points`.

    Arguments as for `update_measures`; `tolerance` is the largest norm of dh/dt (1/tau) at a fixed point. NaN
    throughout for a network whose state is not one array [trial, unit]. At most MOST_STARTS distinct trials of each
    task are followed.
    """
    measures = dict.fromkeys(measured(["fixed_points"]), float("nan"))
    if not (_finite(first) and _finite(second)):
        return measures
    a, b = (distinct(trials.inputs[0]).inputs[:, :MOST_STARTS] for trials in (trials_a, trials_b))
    with np.errstate(all="ignore"):
        ends = [[run_trials(architecture, w, x).states for x in (a, b)] for w in (first, second)]
        if any(states is None for pair in ends for states in pair):
            return measures
        before, _ = _points(architecture, first, a[-1], _last(ends[0][0]), tolerance, stability=False)
        after, stable = _points(architecture, second, a[-1], _last(ends[1][0]), tolerance)
        found = np.isfinite(after).all(axis=1)
        measures["rotation_angle"] = _angle(before, after)
        measures["fixed_points_found"] = float(found.mean())
        measures["fixed_points_stable"] = float(stable[found].mean()) if found.any() else float("nan")
        for name, weights, (end_a, end_b) in (("first", first, ends[0]), ("after", second, ends[1])):
            starts = np.concatenate([_last(end_a), _last(end_b)])
            measures[f"stable_points_{name}"] = _count_stable(architecture, weights, starts, a.shape[-1], tolerance)
    return measures


def _last(states: np.ndarray | None) -> np.ndarray:
    assert states is not None
    return states[-1]


def _points(
    architecture: Architecture,
    weights: Arrays,
    inputs: np.ndarray,
    starts: np.ndarray,
    tolerance: float,
    stability: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """From each start [trial, unit] under its own constant input [trial, input]: the fixed point [trial, unit], NaN
    where none is found, and whether it is stable [trial]. Trials of one input are followed as one batch.
    """
    points, stable = np.full_like(starts, np.nan), np.zeros(len(starts), dtype=bool)
    levels, of = np.unique(inputs, axis=0, return_inverse=True)
    for level, x in enumerate(levels):
        rows = np.flatnonzero(of.reshape(-1) == level)
        found = find_fixed_points(
            architecture, weights, x, starts[rows], tolerance, NEWTON_STEPS, with_eigenvalues=stability
        )
        led = found.found_from >= 0
        points[rows[led]] = found.states[found.found_from[led]]
        stable[rows[led]] = found.stable[found.found_from[led]]
    return points, stable


def _angle(before: np.ndarray, after: np.ndarray) -> float:
    """Mean rotation angle over the trials [trial, unit] whose fixed point exists, away from rest, on both sides."""
    away = np.all([np.sqrt(np.mean(points**2, axis=1)) > AT_REST for points in (before, after)], axis=0)
    angles = [modes.rotation_angle(*pair) for pair in zip(before[away], after[away], strict=True)]
    return float(np.mean(angles)) if angles else float("nan")


def _count_stable(
    architecture: Architecture, weights: Arrays, starts: np.ndarray, n_inputs: int, tolerance: float
) -> float:
    starts = starts[np.isfinite(starts).all(axis=1)]
    if not len(starts):
        return float("nan")
    silence = np.zeros(n_inputs)
    settled = settle(architecture, weights, silence, starts, SETTLING)
    found = find_fixed_points(architecture, weights, silence, settled, tolerance, NEWTON_STEPS)
    return float(found.stable.sum())


def _finite(weights: Arrays) -> bool:
    return all(bool(np.isfinite(w).all()) for w in weights.values())

"""Measures of one network that learnt task A and then task B.

The functions take weights and trials, and return numbers by name. `update_measures` says what learning did to W, to
the activity and to the outputs. `mode_measures` is about the outputs alone. `fixed_point_measures` says where A's fixed
points moved.

A number that does not exist is NaN, and no function raises an error for it: the network has no such matrix, its
activity has decayed, or its weights are not finite.
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
from rnnbench.results.analysis_columns import measured

Arrays = Mapping[str, np.ndarray]
"""Weights of one network by name."""

MOST_STARTS = 16
"""How many distinct trials of one task at most are used as starts for finding fixed points."""

SETTLING = 50.0
"""Time (tau) that is simulated without input after a trial, so that the state is near the attractor it goes to."""

NEWTON_STEPS = 50
"""Largest number of Newton steps from each start."""

AT_REST = 1e-3
"""A state is at rest, and has no direction, if the root mean square over its units is below this."""


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
    """What learning B after A did to the weights and to A's activity and outputs (the `updates` columns).

    Args:
        architecture: the network's architecture.
        untrained: weights by name before learning A.
        first: weights after A.
        second: weights after B.
        alone: weights after B was learnt as a first task, or None.
        trials_a: one set of A's trials, [1, time, trial, channel].
        trials_b: one set of B's trials, [1, time, trial, channel].
        own_a: boolean [output], which of the network's outputs carry A's targets.
        own_b: boolean [output], which of them carry B's targets.

    Returns:
        The numbers by name. `rnnbench.results.columns` says what each means.
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
    """The measures of `update_measures` that need only the outputs in A's trials after B (the `modes` columns).

    Args:
        architecture: the network's architecture.
        second: weights by name after B.
        trials_a: one set of A's trials, [1, time, trial, channel].
        own_a: boolean [output], which of the network's outputs carry A's targets.
        own_b: boolean [output], which of them carry B's targets.

    Returns:
        The numbers by name.
    """
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
    """W [unit, unit] of an architecture that declares its connectivity; otherwise all trained weights in one array."""
    matrix = recurrent_matrix(architecture, weights)
    if matrix is not None:
        return np.asarray(matrix.numpy())
    return np.concatenate([np.asarray(weights[name], dtype=float).ravel() for name in architecture.trained])


def _run(architecture: Architecture, weights: Arrays, trials: Batch) -> Activity:
    """The activity in all trials. Trials with equal inputs are computed once, since there is no noise."""
    unique = distinct(trials.inputs[0])
    activity = run_trials(architecture, weights, unique.inputs)
    return Activity(None, activity.rates[:, unique.of], activity.outputs[:, unique.of])


def _of_outputs(outputs: np.ndarray, trials: Batch, own_a: np.ndarray, own_b: np.ndarray) -> dict[str, float]:
    """Sizes of A's and B's outputs [time, trial, output] in A's trials, at the steps that A's mask counts."""
    own, other = np.flatnonzero(own_a), np.flatnonzero(own_b)
    counted = trials.mask[0].cpu().numpy()[..., own].max(axis=-1) > 0
    measures = {"output_first": float(np.sqrt(modes.mean_square(outputs[counted][:, own])))}
    if not (own_a & own_b).any():
        floor = modes.FLOOR * modes.mean_square(trials.targets[0].cpu().numpy()[counted][:, own]) ** 0.5
        measures["output_second"] = float(np.sqrt(modes.mean_square(outputs[counted][:, other])))
        measures["mode_index"] = modes.mode_index(outputs[counted], own.tolist(), other.tolist(), floor)
    return measures


def _alignments(
    architecture: Architecture,
    first: Arrays,
    second: Arrays,
    rates: Mapping[str, np.ndarray],
    own_a: np.ndarray,
    own_b: np.ndarray,
) -> dict[str, float]:
    """Alignments of B's update with rates and readouts. W_out is taken after B, since it may be trained."""
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
    """Where the fixed points of A's trials moved, and how many are stable (the `fixed_points` columns).

    At most MOST_STARTS distinct trials of each task are used.

    Args:
        architecture: the network's architecture.
        first: weights by name after A.
        second: weights after B.
        trials_a: one set of A's trials, [1, time, trial, channel].
        trials_b: one set of B's trials, [1, time, trial, channel].
        own_a: not used; it is here so that the arguments are those of `update_measures`.
        own_b: not used either.
        tolerance: largest norm of dh/dt (1/tau) at a fixed point.

    Returns:
        The numbers by name; all are NaN if the network's state is not one array [trial, unit].
    """
    measures = dict.fromkeys(measured(["fixed_points"]), float("nan"))
    if not (_finite(first) and _finite(second)):
        return measures
    a, b = (distinct(trials.inputs[0]).inputs[:, :MOST_STARTS] for trials in (trials_a, trials_b))
    with np.errstate(all="ignore"):
        runs = [[run_trials(architecture, w, x).states for x in (a, b)] for w in (first, second)]
        if any(states is None for pair in runs for states in pair):
            return measures
        before, _ = _points(architecture, first, a[-1], _last(runs[0][0]), tolerance, stability=False)
        after, stable = _points(architecture, second, a[-1], _last(runs[1][0]), tolerance)
        found = np.isfinite(after).all(axis=1)
        measures["rotation_angle"] = _angle(before, after)
        measures["fixed_points_found"] = float(found.mean())
        measures["fixed_points_stable"] = float(stable[found].mean()) if found.any() else float("nan")
        for name, weights, (states_a, states_b) in (("first", first, runs[0]), ("after", second, runs[1])):
            starts = np.concatenate([_last(states_a), _last(states_b)])
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
    """Find the fixed point that each trial leads to. Trials with the same input are computed as one batch.

    Args:
        architecture: the network's architecture.
        weights: weights of one network by name.
        inputs: the constant input of each trial, [trial, input].
        starts: the states from which to start, [trial, unit].
        tolerance: largest norm of dh/dt (1/tau) at a fixed point.
        stability: whether to compute the stability.

    Returns:
        The fixed points [trial, unit], NaN where none is found, and whether each is stable [trial].
    """
    points, stable = np.full_like(starts, np.nan), np.zeros(len(starts), dtype=bool)
    levels, of = np.unique(inputs, axis=0, return_inverse=True)
    for level, x in enumerate(levels):
        rows = np.flatnonzero(of.reshape(-1) == level)
        found = find_fixed_points(
            architecture, weights, x, starts[rows], tolerance, NEWTON_STEPS, with_eigenvalues=stability
        )
        succeeded = found.found_from >= 0
        points[rows[succeeded]] = found.states[found.found_from[succeeded]]
        stable[rows[succeeded]] = found.stable[found.found_from[succeeded]]
    return points, stable


def _angle(before: np.ndarray, after: np.ndarray) -> float:
    """Mean rotation angle (rad) over the trials whose two fixed points [trial, unit] exist and are not at rest."""
    away = np.all([np.sqrt(np.mean(points**2, axis=1)) > AT_REST for points in (before, after)], axis=0)
    angles = [modes.rotation_angle(*pair) for pair in zip(before[away], after[away], strict=True)]
    return float(np.mean(angles)) if angles else float("nan")


def _count_stable(
    architecture: Architecture, weights: Arrays, starts: np.ndarray, n_inputs: int, tolerance: float
) -> float:
    """Number of distinct stable fixed points without input that are reached from starts [start, unit]."""
    starts = starts[np.isfinite(starts).all(axis=1)]
    if not len(starts):
        return float("nan")
    no_input = np.zeros(n_inputs)
    settled = settle(architecture, weights, no_input, starts, SETTLING)
    found = find_fixed_points(architecture, weights, no_input, settled, tolerance, NEWTON_STEPS)
    return float(found.stable.sum())


def _finite(weights: Arrays) -> bool:
    return all(bool(np.isfinite(w).all()) for w in weights.values())

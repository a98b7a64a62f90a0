"""Measures of a pair of tasks, on networks W = U M U^T / N of two patterns, for which M determines the answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from rnnbench import VanillaRNN
from rnnbench.analysis.pair import (
    fixed_point_measures,
    mode_measures,
    update_measures,
)
from rnnbench.reports.claims.theory import two_by_two as model
from rnnbench.results.analysis_columns import measured

OWN_A, OWN_B = np.array([True, False]), np.array([False, True])

UNTRAINED = np.zeros((2, 2))
AFTER_A = np.diag([1.24, 0.0])
ROTATED = np.array([[0.23, 0.0], [-0.95, 1.24]])
FORMED = np.diag([0.93, 0.98])


def singular_values(m: np.ndarray) -> np.ndarray:
    return np.linalg.svd(m, compute_uv=False)


def test_updates_of_w_are_measured_as_those_of_m(network, pulses):
    """W = U M U^T / N with orthogonal U of norm sqrt(N) has the norms, angles, singular and eigenvalues of M."""
    n = 200
    first, second, alone = (network(n, m) for m in (AFTER_A, ROTATED, FORMED))
    trials = pulses(0, 0.1), pulses(1, 0.1)
    architecture = VanillaRNN(units=n)
    found = update_measures(architecture, network(n, UNTRAINED), first, second, alone, *trials, OWN_A, OWN_B)
    assert found.keys() == {*measured(["updates"])}
    d_a, d_b = AFTER_A, ROTATED - AFTER_A
    norm_a, norm_b = np.linalg.norm(d_a), np.linalg.norm(d_b)
    squares = singular_values(d_b) ** 2
    expected = {
        "update_correlation": np.sum(d_a * d_b) / (norm_a * norm_b),
        "update_correlation_alone": np.sum(d_a * FORMED) / (norm_a * np.linalg.norm(FORMED)),
        "update_norm_first": norm_a,
        "update_norm_second": norm_b,
        "update_rank_first": 1,
        "update_rank_second": squares.sum() ** 2 / (squares**2).sum(),
        "numerical_rank_first": 1,
        "numerical_rank_second": 2,
        "spectral_abscissa_untrained": 0,
        "spectral_abscissa_first": 1.24,
        "spectral_abscissa_after": 1.24,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)  # inputs are float32
    without = update_measures(architecture, network(n, UNTRAINED), first, second, None, *trials, OWN_A, OWN_B)
    assert math.isnan(without["update_correlation_alone"])


def test_the_modes_alone_are_those_of_all_measures(network, pulses):
    n = 200
    stages = [network(n, m) for m in (UNTRAINED, AFTER_A, ROTATED)]
    trials = pulses(0, 0.02), pulses(1, 0.02)
    alone = mode_measures(VanillaRNN(units=n), stages[2], trials[0], OWN_A, OWN_B)
    everything = update_measures(VanillaRNN(units=n), *stages, None, *trials, OWN_A, OWN_B)
    assert alone == {name: everything[name] for name in measured(["modes"])}
    lost = {name: np.full_like(w, np.nan) for name, w in stages[2].items()}
    assert all(map(math.isnan, mode_measures(VanillaRNN(units=n), lost, trials[0], OWN_A, OWN_B).values()))


def linear_path(m: np.ndarray, channel: int, drive: float, dt: float = 0.5, n_steps: int = 40) -> np.ndarray:
    """kappa [step, 2] of a linear network of two patterns after each step, for a positive pulse."""
    kappa, path = np.zeros(2), []
    for t in range(n_steps):
        x = np.zeros(2)
        x[channel] = 1 if t < 1 / dt else drive
        kappa = kappa + dt * (-kappa + m @ kappa + x)
        path.append(kappa)
    return np.array(path)


def test_a_linear_network_has_the_outputs_and_alignments_of_its_two_dimensions(network, pulses):
    n, drive = 30, 0.3
    m_a, m_b = np.diag([0.8, 0.0]), np.array([[0.2, 0.1], [-0.5, 0.7]])
    architecture = VanillaRNN(units=n, nonlinearity="identity")
    stages = [network(n, m) for m in (UNTRAINED, m_a, m_b)]
    trials = pulses(0, drive), pulses(1, drive)
    found = update_measures(architecture, *stages, None, *trials, OWN_A, OWN_B)
    before, after, b = linear_path(m_a, 0, drive), linear_path(m_b, 0, drive), linear_path(m_b, 1, drive)
    own, other = np.mean(after[20:] ** 2, axis=0)
    expected = {"mode_index": other / (own + other), "output_first": own**0.5, "output_second": other**0.5}
    update = m_b - m_a
    for source, path in (("a", before), ("b", b)):
        strength = np.sqrt(np.sum((path @ update.T) ** 2, axis=0) / np.sum(path**2)) / np.linalg.norm(update)
        expected |= {f"alignment_{source}a": strength[0], f"alignment_{source}b": strength[1]}
    for stage, path in (("first", before), ("after", after)):
        variances = np.linalg.eigvalsh(path.T @ path)  # both signs occur equally often, so the mean is zero
        expected[f"participation_ratio_{stage}"] = variances.sum() ** 2 / (variances**2).sum()
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)  # inputs are float32


def test_a_linear_network_has_one_fixed_point_and_it_turns_as_the_linear_system_says(network, pulses):
    n, drive = 30, 0.3
    m_a, m_b = np.diag([0.8, 0.0]), np.array([[0.2, 0.1], [-0.5, 0.7]])
    architecture = VanillaRNN(units=n, nonlinearity="identity")
    trials = pulses(0, drive), pulses(1, drive)
    found = fixed_point_measures(architecture, network(n, m_a), network(n, m_b), *trials, OWN_A, OWN_B)
    assert found.keys() == {*measured(["fixed_points"])}
    before, after = (np.linalg.solve(np.eye(2) - m, [drive, 0]) for m in (m_a, m_b))
    angle = np.arctan2(after[1], after[0]) - np.arctan2(before[1], before[0])
    assert found["rotation_angle"] == pytest.approx(abs(angle), abs=1e-6)
    expected = dict.fromkeys(measured(["fixed_points"]), 1.0) | {"rotation_angle": found["rotation_angle"]}
    assert found == expected


@pytest.mark.parametrize(("after_b", "drive", "mode", "angle"), [(ROTATED, 0.02, 1, np.pi / 2), (FORMED, 0.15, 0, 0)])
def test_rotation_and_formation_are_told_apart_as_in_the_model(network, pulses, after_b, drive, mode, angle):
    """At N = 600, overlaps of phi(h) with the patterns deviate by N^-1/2 = 0.04, and angles by a few times that."""
    n = 600
    architecture = VanillaRNN(units=n, nonlinearity="erf")
    untrained, first, second = (network(n, m) for m in (UNTRAINED, AFTER_A, after_b))
    trials = pulses(0, drive, duration=40), pulses(1, drive, duration=40)
    found = fixed_point_measures(architecture, first, second, *trials, OWN_A, OWN_B)
    assert found["rotation_angle"] == pytest.approx(angle, abs=0.12)
    assert found["fixed_points_found"] == found["fixed_points_stable"] == 1
    for name, m in (("first", AFTER_A), ("after", after_b)):
        assert found[f"stable_points_{name}"] == sum(point.stable for point in model.fixed_points(m))
    measures = update_measures(architecture, untrained, first, second, None, *trials, OWN_A, OWN_B)
    assert measures["mode_index"] == pytest.approx(mode, abs=0.05)


def test_an_architecture_that_offers_its_matrix_is_measured_like_the_vanilla_rnn(low_rank, network, patterns, pulses):
    n = 60
    restricted, vanilla = low_rank(units=n), VanillaRNN(units=n, nonlinearity="erf")
    trials = pulses(0, 0.1), pulses(1, 0.1)
    stages = (UNTRAINED, AFTER_A, ROTATED)
    small = [{"u": patterns(n), "m": m} for m in stages]
    full = [network(n, m) for m in stages]
    ours = update_measures(restricted, *small, small[1], *trials, OWN_A, OWN_B)
    theirs = update_measures(vanilla, *full, full[1], *trials, OWN_A, OWN_B)
    assert ours == pytest.approx(theirs, abs=1e-8) and not any(math.isnan(v) for v in ours.values())
    ours = fixed_point_measures(restricted, *small[1:], *trials, OWN_A, OWN_B)
    theirs = fixed_point_measures(vanilla, *full[1:], *trials, OWN_A, OWN_B)
    assert ours == pytest.approx(theirs, abs=1e-6) and not any(math.isnan(v) for v in ours.values())


def test_a_network_without_a_matrix_has_the_rest(two_parts, pulses):
    architecture = two_parts(units=9)
    untrained, first, second = (architecture.init(np.random.default_rng(seed), 2, 2) for seed in range(3))
    trials = pulses(0, 0.1), pulses(1, 0.1)
    found = update_measures(architecture, untrained, first, second, None, *trials, OWN_A, OWN_B)
    flat = [np.concatenate([w["gate"].ravel(), w["write"].ravel()]) for w in (untrained, first, second)]
    distance = cosine(flat[1] - flat[0], flat[2] - flat[1])
    assert found["update_correlation"] == pytest.approx(1 - distance, abs=1e-12)
    assert found["update_norm_first"] == pytest.approx(np.linalg.norm(flat[1] - flat[0]))
    for name in ("update_rank_first", "alignment_ab", "spectral_abscissa_after"):
        assert math.isnan(found[name])
    for name in ("participation_ratio_after", "output_first", "output_second"):
        assert found[name] > 0
    points = fixed_point_measures(architecture, first, second, *trials, OWN_A, OWN_B)
    assert points.keys() == {*measured(["fixed_points"])} and all(math.isnan(v) for v in points.values())


def test_tasks_on_the_same_outputs_have_no_mode(network, pulses):
    n = 20
    stages = [network(n, m) for m in (UNTRAINED, AFTER_A, ROTATED)]
    both = np.array([True, True])
    found = update_measures(VanillaRNN(units=n), *stages, None, pulses(0, 0.1), pulses(1, 0.1), both, both)
    assert math.isnan(found["mode_index"]) and math.isnan(found["output_second"])
    assert found["output_first"] > 0 and found["alignment_aa"] == found["alignment_ab"] > 0


def test_activity_that_has_decayed_has_neither_mode_nor_angle(network, pulses):
    n = 20
    stages = [network(n, m) for m in (UNTRAINED, AFTER_A, UNTRAINED)]
    trials = pulses(0, 0.0, duration=60), pulses(1, 0.0, duration=60)
    architecture = VanillaRNN(units=n)
    found = update_measures(architecture, *stages, None, *trials, OWN_A, OWN_B)
    assert math.isnan(found["mode_index"]) and found["output_first"] < 1e-6
    points = fixed_point_measures(architecture, *stages[1:], *trials, OWN_A, OWN_B)
    assert math.isnan(points["rotation_angle"]) and points["fixed_points_found"] == 1
    assert (points["stable_points_first"], points["stable_points_after"]) == (2, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_give_nan_throughout(network, pulses, bad):
    stages = [network(20, m) for m in (UNTRAINED, AFTER_A, ROTATED)]
    stages[2]["w_rec"][3, 4] = bad
    trials = pulses(0, 0.1), pulses(1, 0.1)
    found = update_measures(VanillaRNN(units=20), *stages, None, *trials, OWN_A, OWN_B)
    found |= fixed_point_measures(VanillaRNN(units=20), *stages[1:], *trials, OWN_A, OWN_B)
    assert found.keys() == {*measured(["updates", "fixed_points"])}
    assert all(math.isnan(value) for value in found.values())


def test_a_network_that_runs_away_is_nan_or_counted_and_raises_nothing(network, pulses):
    """W = 1e9 on the patterns, relu: the activity overflows within a trial."""
    stages = [network(20, m) for m in (UNTRAINED, AFTER_A, 1e9 * np.eye(2))]
    trials = pulses(0, 0.1), pulses(1, 0.1)
    architecture = VanillaRNN(units=20, nonlinearity="relu")
    assert len(update_measures(architecture, *stages, None, *trials, OWN_A, OWN_B)) == len(measured(["updates"]))
    points = fixed_point_measures(architecture, *stages[1:], *trials, OWN_A, OWN_B)
    assert points["fixed_points_found"] == 0 and math.isnan(points["rotation_angle"])
    assert math.isnan(points["stable_points_after"]) and points["stable_points_first"] >= 1

"""The restricted network compared with its definition, the vanilla RNN with the same W, and the 2x2 model."""

from __future__ import annotations

import math

import numpy as np
import pluggy
import pytest
import torch

import rnnbench_architectures
from rnnbench import Batch, VanillaRNN, Weights
from rnnbench.reports.claims.theory import two_by_two as model
from rnnbench_architectures.architectures import RestrictedRNN

M = np.array([[1.3, 0.4], [-0.6, 1.1]])
DT, OFFSET = 0.5, 0.1


def draw(n_inputs: int = 2, n_outputs: int = 2, seed: int = 0, **parameters: object) -> dict[str, np.ndarray]:
    return RestrictedRNN.model_validate(parameters).init(np.random.default_rng(seed), n_inputs, n_outputs)


def one(architecture: RestrictedRNN, seed: int, m: np.ndarray = M, dtype: torch.dtype = torch.float64) -> Weights:
    """A population of one network with a given M."""
    weights = architecture.init(np.random.default_rng(seed), len(m), len(m)) | {"m": m}
    return {name: torch.tensor(w, dtype=dtype)[None] for name, w in weights.items()}


def episode() -> model.Episode:
    """Three trials: a pulse on A, a constant drive on B, no input. The target is 0.5 for A, late, and 0 for B."""
    inputs, targets, mask = np.zeros((3, 30, 2)), np.zeros((3, 30, 2)), np.zeros((3, 30, 2))
    inputs[0, :2, 0], inputs[1, :, 1] = 1, 0.3
    targets[:, 15:, 0], mask[:, 15:] = 0.5, 1
    return model.Episode(inputs, targets, mask)


def trials_of(episode: model.Episode, dtype: torch.dtype = torch.float64) -> Batch:
    arrays = (episode.inputs, episode.targets, episode.mask)
    inputs, targets, mask = (torch.tensor(a.swapaxes(0, 1), dtype=dtype)[None] for a in arrays)
    return Batch(inputs, targets, mask, (0,))


def test_the_hook_gives_the_architecture_with_its_source_and_every_parameter_described() -> None:
    manager = pluggy.PluginManager("rnnbench")
    manager.register(rnnbench_architectures)
    assert "restricted_rnn@1" in [a.id() for a in rnnbench_architectures.rnnbench_architectures()]
    assert RestrictedRNN.source
    assert all(field.description for field in RestrictedRNN.model_fields.values())


@pytest.mark.parametrize("orthogonal", [True, False])
def test_patterns_have_norm_sqrt_n_and_m_is_0_before_training(orthogonal: bool) -> None:
    weights = draw(3, 3, units=64, orthogonal=orthogonal)
    assert set(weights) == {"m", "u"}  # with g = 0 there is no N x N matrix
    np.testing.assert_array_equal(weights["m"], np.zeros((3, 3)))
    overlaps = weights["u"].T @ weights["u"] / 64
    np.testing.assert_allclose(np.diag(overlaps), 1, rtol=1e-12)
    across = np.abs(overlaps - np.eye(3)).max()
    # Random patterns overlap by about N^-1/2 = 0.125, orthogonal ones only by rounding.
    assert across < 1e-12 if orthogonal else 0.01 < across < 4 / 8


def test_random_connectivity_has_variance_g_squared_over_n() -> None:
    j = draw(units=400, g=1.3)["j"]
    assert j.std() == pytest.approx(1.3 / math.sqrt(400), rel=0.01)  # 160,000 draws: standard error 0.2 %


def test_networks_of_one_seed_differ_only_in_g() -> None:
    none, low, high = draw(units=16), draw(units=16, g=0.5), draw(units=16, g=1.5)
    np.testing.assert_array_equal(none["u"], low["u"])
    np.testing.assert_array_equal(low["u"], high["u"])
    np.testing.assert_allclose(3 * low["j"], high["j"])


def test_unequal_inputs_and_outputs_are_refused() -> None:
    with pytest.raises(ValueError, match="as many outputs as inputs, but the tasks have 3 inputs and 2 outputs"):
        draw(3, 2)


def test_more_orthogonal_patterns_than_units_are_refused() -> None:
    with pytest.raises(ValueError, match="5 patterns cannot be orthogonal among 4 units"):
        draw(5, 5, units=4)
    assert draw(5, 5, units=4, orthogonal=False)["u"].shape == (4, 5)


@pytest.mark.parametrize("g", [0.0, 1.2])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "softplus", "erf", "identity"])
def test_it_is_the_vanilla_rnn_with_the_full_connectivity(g: float, nonlinearity: str) -> None:
    restricted = RestrictedRNN(units=60, dt=DT, g=g, nonlinearity=nonlinearity, offset=OFFSET)
    vanilla = VanillaRNN(units=60, dt=DT, nonlinearity=nonlinearity)
    trials = trials_of(episode())
    weights = one(restricted, seed=3)
    u = weights["u"]
    same = {
        "w_rec": restricted.recurrent(weights),
        "w_in": u,
        "w_out": u.mT / 60,
        "h0": restricted.offset * u.sum(-1),
    }
    assert same["w_rec"].shape == (1, 60, 60)
    outputs = vanilla.engine().outputs(same, trials)
    # The same float64 sums in another order; rounding is amplified over some steps (|W| is up to about 2).
    torch.testing.assert_close(restricted.engine().outputs(weights, trials), outputs, rtol=1e-9, atol=1e-12)
    # The gradient is the projection of the full one: dL/dM = U^T dL/dW U / N.
    _, full = vanilla.engine().gradient(same, trials)
    _, gradient = restricted.engine().gradient(weights, trials)
    torch.testing.assert_close(gradient["m"], u.mT @ full["w_rec"] @ u / 60, rtol=1e-8, atol=1e-12)


def test_float32_is_close_to_float64() -> None:
    architecture = RestrictedRNN(units=1000, dt=DT, offset=OFFSET)
    single, double = (
        architecture.engine().outputs(one(architecture, 0, dtype=dtype), trials_of(episode(), dtype))
        for dtype in (torch.float32, torch.float64)
    )
    # The rounding error is 1.2e-7, in sums over 1000 units and 30 steps.
    torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-5)


def deviations(n: int, seeds: range) -> tuple[float, float]:
    """Root mean square deviations from the model, over networks: of the outputs, and of the gradient (relative)."""
    architecture, trials = RestrictedRNN(units=n, dt=DT, offset=OFFSET), episode()
    start = np.full(2, OFFSET)
    z = model.readout(model.simulate(M, trials.inputs, DT, start=start)[:, 1:])
    _, d_m = model.gradient(M, trials, DT, start=start)
    outputs, gradients = [], []
    for seed in seeds:
        weights, batch = one(architecture, seed), trials_of(trials)
        outputs.append(architecture.engine().outputs(weights, batch)[0].numpy().swapaxes(0, 1) - z)
        gradients.append(architecture.engine().gradient(weights, batch)[1]["m"][0].numpy() - d_m)
    return float(np.sqrt(np.mean(np.square(outputs)))), float(
        np.sqrt(np.mean(np.square(gradients)) / np.mean(np.square(d_m)))
    )


def test_readouts_and_gradient_tend_to_the_2x2_model_as_the_network_grows() -> None:
    """The deviation falls as N^-1/2, as a mean over N units with Gaussian patterns does.

    A root mean square over 16 networks has a standard error of about 1 / sqrt(2 x 16) = 18 %. Over a factor of 36 in N
    this gives a standard error of 0.07 for the exponent; two of them are allowed.
    """
    sizes = np.array([100, 600, 3600])
    found = np.array([deviations(n, range(16)) for n in sizes])
    exponents = np.polyfit(np.log(sizes), np.log(found), 1)[0]
    assert np.abs(exponents + 0.5).max() < 0.15, exponents
    assert found[-1, 0] < 0.01 and found[-1, 1] < 0.03, found


def test_with_random_connectivity_the_stationary_state_is_the_2x2_models() -> None:
    """Under a constant drive. The model assumes a stationary private variance, so only the end is compared."""
    g, inputs = 0.9, np.zeros((1, 60, 2))
    inputs[0, :, 0] = 0.5
    still = model.Episode(inputs, np.zeros_like(inputs), np.ones_like(inputs))
    expected, without = (
        model.readout(model.simulate(M, inputs, DT, strength, np.full(2, OFFSET))[0, -1], strength)
        for strength in (g, 0.0)
    )
    architecture, batch = RestrictedRNN(units=1000, dt=DT, g=g, offset=OFFSET), trials_of(still, torch.float32)
    networks = [one(architecture, seed, dtype=torch.float32) for seed in range(8)]
    mean = np.mean([architecture.engine().outputs(w, batch)[0, -1, 0].numpy() for w in networks], axis=0)
    # Over 40 networks the standard deviation of the readouts is at most 0.019. For a mean of 8 networks this gives a
    # standard error of 0.007; four of them are allowed.
    assert np.abs(mean - expected).max() < 0.028
    assert np.abs(mean - without).max() > 0.04  # the model is not as close if it leaves out g

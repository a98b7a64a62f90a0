"""Vanilla RNNs whose initial connectivity is an orthogonal matrix or the identity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from rnnbench import Batch, VanillaRNN, Weights
from rnnbench.engine.rate_rnn import RateRNNEngine
from rnnbench_architectures.architectures import IdentityRNN, OrthogonalRNN

Draw, Make = Callable[..., Weights], Callable[..., Batch]


@pytest.mark.parametrize("g", [0.0, 1.0, 1.4])
def test_all_singular_values_are_g(g: float) -> None:
    w = OrthogonalRNN(units=40, g=g).init(np.random.default_rng(0), 2, 2)["w_rec"]
    np.testing.assert_allclose(w.T @ w, g**2 * np.eye(40), atol=1e-13)
    np.testing.assert_allclose(np.linalg.svd(w, compute_uv=False), g, atol=1e-13)


def test_q_is_uniform_over_orthogonal_matrices() -> None:
    """Under the Haar measure the trace has mean 0 and variance 1 (Diaconis & Shahshahani 1994).

    QR alone, without the signs, gives another mean. With 400 matrices the standard errors are 0.05 (mean) and 0.07
    (variance); four of them are allowed.
    """
    traces = [np.trace(OrthogonalRNN(units=12).init(np.random.default_rng(s), 1, 1)["w_rec"]) for s in range(400)]
    assert abs(np.mean(traces)) < 0.2
    assert np.var(traces) == pytest.approx(1, abs=0.28)


def test_a_linear_orthogonal_network_keeps_the_norm_of_its_state(draw: Draw) -> None:
    architecture = OrthogonalRNN(units=20, nonlinearity="identity")
    weights = {name: w[0] for name, w in draw(architecture).items()}
    h = start = torch.randn(3, 20, dtype=torch.float64)
    for _ in range(50):
        h = architecture.step(weights, h, torch.zeros(3, 2, dtype=torch.float64), None)
    torch.testing.assert_close(h.norm(dim=1), start.norm(dim=1))


def test_identity_rnn_at_dt_1_is_torchs_rectified_rnn_with_identity_weights(draw: Draw, trials: Make) -> None:
    architecture = IdentityRNN(units=9)
    weights, batch = draw(architecture), trials()
    np.testing.assert_array_equal(weights["w_rec"][0], np.eye(9))
    module = torch.nn.RNN(2, 9, nonlinearity="relu", bias=False).double()
    state = {"weight_ih_l0": weights["w_in"][0], "weight_hh_l0": torch.eye(9, dtype=torch.float64)}
    module.load_state_dict(state)
    expected = (module(batch.inputs[0])[0] @ weights["w_out"][0].T).detach()
    torch.testing.assert_close(architecture.engine().outputs(weights, batch)[0], expected)


@pytest.mark.parametrize("dt", [1.0, 0.2])
def test_the_identity_integrates_what_is_above_0_exactly(dt: float) -> None:
    """h grows by dt x in every step, so h[t] = t dt x."""
    architecture = IdentityRNN(units=1, dt=dt)
    ones = {name: torch.ones(1, 1, dtype=torch.float64) for name in ("w_rec", "w_in", "w_out")}
    h = torch.zeros(1, 1, dtype=torch.float64)
    for _ in range(30):
        h = architecture.step(ones, h, torch.full((1, 1), 0.5, dtype=torch.float64), None)
    assert float(h) == pytest.approx(30 * dt * 0.5)


@pytest.mark.parametrize("ours", [OrthogonalRNN, IdentityRNN])
def test_they_are_vanilla_rnns_except_for_w(ours: type[VanillaRNN]) -> None:
    """They have its engine, and all weights but W are the same, so rules for rate units work with them too."""
    assert isinstance(ours(units=4).engine(), RateRNNEngine)
    drawn, vanilla = (a(units=7, bias=True).init(np.random.default_rng(3), 2, 1) for a in (ours, VanillaRNN))
    assert set(drawn) == set(vanilla)
    for name in set(vanilla) - {"w_rec"}:
        np.testing.assert_array_equal(drawn[name], vanilla[name])


@pytest.mark.parametrize("ours", [OrthogonalRNN, IdentityRNN])
def test_more_orthogonal_vectors_than_units_are_refused(ours: type[VanillaRNN]) -> None:
    with pytest.raises(ValueError, match="5 input and readout vectors cannot be orthogonal among 4 units"):
        ours(units=4, orthogonal=True).init(np.random.default_rng(0), 3, 2)

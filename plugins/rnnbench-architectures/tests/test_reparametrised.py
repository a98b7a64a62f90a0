"""Low-rank and excitatory-inhibitory networks compared with the vanilla RNN with the same matrices."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from rnnbench import Batch, VanillaRNN, Weights
from rnnbench.engine.autograd import GenericEngine
from rnnbench_architectures.architectures import DaleRNN, LowRankRNN
from rnnbench_architectures.reparametrised import ReparametrisedRNN

Draw, Make = Callable[..., Weights], Callable[..., Batch]

# Rounding in float64: sums of about ten terms over 12 steps of networks that amplify a few times.
CLOSE = {"rtol": 1e-9, "atol": 1e-12}

SOME = [
    LowRankRNN(units=13, rank=1, learn="recurrent"),
    LowRankRNN(units=13, rank=3, g=1.2, learn="all", bias=True, nonlinearity="erf", noise=0.3),
    DaleRNN(units=13, learn="recurrent"),
    DaleRNN(units=13, learn="all", bias=True, noise=0.3, nonlinearity="softplus", positive_channels=True),
]


def shifted(weights: Weights) -> Weights:
    """Weights that differ from the initial ones; some are rectified to 0.

    With b = 0 and V > 0, errors in the bias or in the rectification would not show.
    """
    generator = torch.Generator().manual_seed(0)
    scale = {name: 0 if name in ("signs", "j") else float(w.std()) or 0.1 for name, w in weights.items()}
    noise = {n: torch.randn(w.shape, generator=generator, dtype=w.dtype) for n, w in weights.items()}
    return {name: w + scale[name] * noise[name] for name, w in weights.items()}


@pytest.mark.parametrize("architecture", SOME, ids=repr)
def test_the_gradient_of_the_engine_equals_autograd_through_the_step(
    architecture: ReparametrisedRNN, draw: Draw, trials: Make
) -> None:
    weights, batch = shifted(draw(architecture, seeds=3)), trials((0, 1, 0), n_noise=architecture.n_noise)
    generic, engine = GenericEngine(architecture), architecture.engine()
    torch.testing.assert_close(engine.outputs(weights, batch), generic.outputs(weights, batch), **CLOSE)
    (losses, gradients), (expected_losses, expected) = engine.gradient(weights, batch), generic.gradient(weights, batch)
    torch.testing.assert_close(losses, expected_losses, **CLOSE)
    assert set(gradients) == set(expected) == set(architecture.trained)
    for name, gradient in expected.items():
        assert gradient.abs().max() > 0
        torch.testing.assert_close(gradients[name], gradient, **CLOSE)


@pytest.mark.parametrize("architecture", SOME, ids=repr)
def test_the_way_of_computing_on_a_gpu_gives_the_same(
    architecture: ReparametrisedRNN, draw: Draw, trials: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The matrices of the whole population are computed at once."""
    weights = shifted(draw(architecture, seeds=3))
    each = [architecture.matrices({name: w[k] for name, w in weights.items()}) for k in range(3)]
    for name, matrix in architecture.matrices(weights).items():
        torch.testing.assert_close(matrix, torch.stack([m[name] for m in each]), **CLOSE)
    batch = trials((0, 1, 0), n_noise=architecture.n_noise)
    _, gradients = architecture.engine().gradient(weights, batch)
    monkeypatch.setattr("rnnbench.engine.one_at_a_time.one_at_a_time", lambda array: False)
    _, batched = architecture.engine().gradient(weights, batch)
    for name, gradient in gradients.items():
        torch.testing.assert_close(batched[name], gradient, **CLOSE)


@pytest.mark.parametrize("g", [0.0, 1.2])
def test_low_rank_is_the_vanilla_rnn_with_the_same_w(g: float, draw: Draw, trials: Make) -> None:
    n, rank = 20, 3
    low, vanilla = LowRankRNN(units=n, rank=rank, g=g), VanillaRNN(units=n)
    weights, batch = draw(low), trials()
    m, n_vectors = weights["m"][0].numpy(), weights["n"][0].numpy()
    w = weights["j"][0].numpy() + sum(np.outer(m[:, r], n_vectors[:, r]) for r in range(rank)) / n
    same = {"w_rec": torch.tensor(w)[None], "w_in": weights["w_in"], "w_out": weights["w_out"]}
    torch.testing.assert_close(low.recurrent(weights), same["w_rec"])
    torch.testing.assert_close(low.engine().outputs(weights, batch), vanilla.engine().outputs(same, batch), **CLOSE)
    # dL/dm = (dL/dW) n / N and dL/dn = (dL/dW)^T m / N
    full = vanilla.engine().gradient(same, batch)[1]["w_rec"][0].numpy()
    _, gradients = low.engine().gradient(weights, batch)
    np.testing.assert_allclose(gradients["m"][0], full @ n_vectors / n, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(gradients["n"][0], full.T @ m / n, rtol=1e-9, atol=1e-12)


def test_what_low_rank_learning_adds_has_rank_r(draw: Draw) -> None:
    low = LowRankRNN(units=30, rank=2, g=0.7)
    weights = draw(low)
    added = low.recurrent(weights)[0] - weights["j"][0]
    assert torch.linalg.matrix_rank(added) == 2
    assert weights["j"].std() == pytest.approx(0.7 / math.sqrt(30), rel=0.1)  # 900 draws: standard error 2.4 %
    assert "j" not in low.trained


def test_a_rank_above_the_number_of_units_is_refused() -> None:
    with pytest.raises(ValidationError, match="rank 9 is above units 8; it cannot exceed the number of units"):
        LowRankRNN(units=8, rank=9)


def test_the_gradient_of_dale_is_the_full_one_with_the_columns_signs(draw: Draw, trials: Make) -> None:
    """dL/dV_ij = dL/dW_ij D_j where V_ij > 0 and i != j, else 0; dL/dV_out = dL/dW_out on excitatory columns."""
    dale = DaleRNN(units=12, excitatory=0.75, learn="all", baseline=0.1)
    weights, batch = shifted(draw(dale)), trials()
    matrices = dale.matrices(weights)
    vanilla = VanillaRNN(units=12, nonlinearity="relu", learn="all")
    _, full = vanilla.engine().gradient(matrices, batch)
    _, gradients = dale.engine().gradient(weights, batch)
    alive = (weights["raw_rec"][0].numpy() > 0) & ~np.eye(12, dtype=bool)
    assert 0 < alive.mean() < 0.9  # both cases occur
    signs = np.array([1.0] * 9 + [-1.0] * 3)
    np.testing.assert_allclose(gradients["raw_rec"][0], full["w_rec"][0].numpy() * signs * alive, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(gradients["raw_out"][0], full["w_out"][0].numpy() * (signs > 0), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(gradients["raw_in"][0], full["w_in"][0], rtol=1e-9)

"""One layer compared with the vanilla RNN, and several layers in discrete time with torch.nn.RNN."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from rnnbench import Batch, VanillaRNN, Weights, masked_loss
from rnnbench.engine.autograd import GenericEngine
from rnnbench_architectures.architectures import MultilayerRNN

Draw, Make = Callable[..., Weights], Callable[..., Batch]


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_one_layer_is_the_vanilla_rnn(nonlinearity: str, noise: float, draw: Draw, trials: Make) -> None:
    shared = {"units": 11, "g": 1.3, "learn": "all", "bias": True, "nonlinearity": nonlinearity, "noise": noise}
    single, vanilla = MultilayerRNN(layers=1, **shared), VanillaRNN(**shared)
    weights, same = draw(single), draw(vanilla)
    names = {"w_rec_1": "w_rec", "w_in": "w_in", "w_out": "w_out", "b_1": "b"}
    assert set(weights) == set(names) and all(torch.equal(weights[a], same[b]) for a, b in names.items())
    batch = trials(n_noise=single.n_noise)
    generic = GenericEngine(single)
    torch.testing.assert_close(generic.outputs(weights, batch), vanilla.engine().outputs(same, batch))
    _, gradients = generic.gradient(weights, batch)
    _, expected = vanilla.engine().gradient(same, batch)
    assert set(gradients) == set(single.trained) == set(names)
    for a, b in names.items():
        torch.testing.assert_close(gradients[a], expected[b], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_in_discrete_time_it_equals_the_rnn_of_torch(layers: int, draw: Draw, trials: Make) -> None:
    architecture = MultilayerRNN(units=7, layers=layers, dt=1.0, learn="all", bias=True)
    weights, batch = draw(architecture), trials()
    for name in weights:
        if name.startswith("b_"):
            weights[name] = torch.linspace(-0.5, 0.5, 7, dtype=torch.float64)[None] * int(name[2:])
    module = torch.nn.RNN(2, 7, num_layers=layers).double()
    for k in range(layers):
        into = weights["w_in" if k == 0 else f"w_up_{k + 1}"]
        for name, w in (
            ("weight_ih", into),
            ("weight_hh", weights[f"w_rec_{k + 1}"]),
            ("bias_ih", weights[f"b_{k + 1}"]),
        ):
            getattr(module, f"{name}_l{k}").data = w[0].clone()
        getattr(module, f"bias_hh_l{k}").data.zero_()
    readouts = module(batch.inputs[0])[0] @ weights["w_out"][0].T
    torch.testing.assert_close(GenericEngine(architecture).outputs(weights, batch)[0], readouts.detach())
    masked_loss(readouts, batch.targets[0], batch.mask[0]).backward()
    _, gradients = GenericEngine(architecture).gradient(weights, batch)
    for k in range(layers):
        into = gradients["w_in" if k == 0 else f"w_up_{k + 1}"]
        torch.testing.assert_close(into[0], getattr(module, f"weight_ih_l{k}").grad, rtol=1e-9, atol=1e-12)
        expected = getattr(module, f"weight_hh_l{k}").grad
        torch.testing.assert_close(gradients[f"w_rec_{k + 1}"][0], expected, rtol=1e-9, atol=1e-12)


def test_the_inputs_reach_the_readout_through_every_layer(draw: Draw, trials: Make) -> None:
    """The network is silent if any layer passes nothing to the next."""
    architecture = MultilayerRNN(units=7, layers=3)
    weights, batch = draw(architecture), trials()
    assert GenericEngine(architecture).outputs(weights, batch).abs().max() > 0
    for name in ("w_in", "w_up_2", "w_up_3"):
        cut = weights | {name: torch.zeros_like(weights[name])}
        assert GenericEngine(architecture).outputs(cut, batch).abs().max() == 0


def test_variances_of_the_initial_weights() -> None:
    weights = MultilayerRNN(units=200, layers=3, g=1.5).init(np.random.default_rng(0), 2, 2)
    for layer in (1, 2, 3):  # 40,000 draws: standard error 0.35 %
        assert weights[f"w_rec_{layer}"].std() == pytest.approx(1.5 / math.sqrt(200), rel=0.02)
    for layer in (2, 3):
        assert weights[f"w_up_{layer}"].std() == pytest.approx(1 / math.sqrt(200), rel=0.02)


def test_a_network_without_layers_is_refused() -> None:
    with pytest.raises(ValidationError, match="layers"):
        MultilayerRNN(layers=0)

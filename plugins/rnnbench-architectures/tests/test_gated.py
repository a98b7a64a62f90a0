"""GRU and LSTM compared with the modules of torch, which get the same weights by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from rnnbench import Batch, Weights, masked_loss
from rnnbench.engine.autograd import GenericEngine
from rnnbench_architectures.architectures import GRU, LSTM
from rnnbench_architectures.gated import GatedRNN

Draw, Make = Callable[..., Weights], Callable[..., Batch]
PAIRS = [(GRU, torch.nn.GRU), (LSTM, torch.nn.LSTM)]

# Rounding in float64: sums of about ten terms over 12 steps; gates do not amplify it.
CLOSE = {"rtol": 1e-10, "atol": 1e-13}


def torch_module(kind: type[torch.nn.RNNBase], weights: Weights) -> torch.nn.RNNBase:
    """The module of torch with the weights of one network; it refuses names and shapes that are not its own."""
    _, n_inputs = weights["weight_ih_l0"].shape
    module = kind(n_inputs, weights["w_out"].shape[1]).double()
    module.load_state_dict({name: w for name, w in weights.items() if name != "w_out"}, strict=True)
    return module


@pytest.mark.parametrize("ours, theirs", PAIRS)
def test_outputs_and_gradients_equal_those_of_torch(
    ours: type[GatedRNN], theirs: type[torch.nn.RNNBase], draw: Draw, trials: Make
) -> None:
    architecture = ours(units=11)
    weights, batch = draw(architecture, 3, 2), trials(n_inputs=3, n_outputs=2)
    module, w_out = torch_module(theirs, {n: w[0] for n, w in weights.items()}), weights["w_out"][0].requires_grad_()
    readouts = module(batch.inputs[0])[0] @ w_out.T
    loss = masked_loss(readouts, batch.targets[0], batch.mask[0])
    loss.backward()
    expected = {name: p.grad for name, p in module.named_parameters()} | {"w_out": w_out.grad}
    weights = {name: w.detach() for name, w in weights.items()}
    # Both our equations, step by step, and the engine for whole trials.
    for engine in (GenericEngine(architecture), architecture.engine()):
        torch.testing.assert_close(engine.outputs(weights, batch)[0], readouts.detach(), **CLOSE)
        losses, gradients = engine.gradient(weights, batch)
        torch.testing.assert_close(losses[0], loss.detach(), **CLOSE)
        assert set(gradients) == set(expected) == set(architecture.trained)
        for name, gradient in expected.items():
            torch.testing.assert_close(gradients[name][0], gradient, **CLOSE)


@pytest.mark.parametrize("ours, theirs", PAIRS)
def test_float32_equals_torch_to_1e_6(ours: type[GatedRNN], theirs: type, draw: Draw, trials: Make) -> None:
    architecture, batch = ours(units=64), trials(n_steps=40)
    weights = {name: w.float() for name, w in draw(architecture).items()}
    single = Batch(batch.inputs.float(), batch.targets.float(), batch.mask.float(), batch.sets)
    module = torch_module(theirs, {name: w[0] for name, w in weights.items()}).float()
    expected = (module(single.inputs[0])[0] @ weights["w_out"][0].T).detach()
    for engine in (GenericEngine(architecture), architecture.engine()):
        torch.testing.assert_close(engine.outputs(weights, single)[0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("ours", [GRU, LSTM])
def test_the_way_of_computing_on_a_gpu_gives_the_same(
    ours: type[GatedRNN], draw: Draw, trials: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU, but the whole population at once and step by step."""
    architecture = ours(units=9)
    weights, batch = draw(architecture, seeds=3), trials((0, 1, 0))
    outputs, (losses, gradients) = (
        f(weights, batch) for f in (architecture.engine().outputs, architecture.engine().gradient)
    )
    for module in ("rnnbench.engine.one_at_a_time", "rnnbench_architectures.gated"):
        monkeypatch.setattr(f"{module}.one_at_a_time", lambda array: False)
    batched_losses, batched = architecture.engine().gradient(weights, batch)
    torch.testing.assert_close(architecture.engine().outputs(weights, batch), outputs, **CLOSE)
    torch.testing.assert_close(batched_losses, losses, **CLOSE)
    for name, gradient in gradients.items():
        torch.testing.assert_close(batched[name], gradient, **CLOSE)


@pytest.mark.parametrize("ours, theirs", PAIRS)
def test_weights_are_drawn_as_torch_draws_them(ours: type[GatedRNN], theirs: type[torch.nn.RNNBase]) -> None:
    """U(-1/sqrt(N), 1/sqrt(N)): variance 1/(3N); in 120,000 draws its standard error is 0.26 %."""
    n, drawn = 200, ours(units=200).init(np.random.default_rng(0), 3, 2)
    peer = theirs(3, n).state_dict()
    assert {name: w.shape for name, w in drawn.items() if name != "w_out"} == {
        n: tuple(w.shape) for n, w in peer.items()
    }
    assert all(np.abs(w).max() <= n**-0.5 for w in drawn.values())
    assert drawn["weight_hh_l0"].var() == pytest.approx(1 / (3 * n), rel=0.01)
    assert float(peer["weight_hh_l0"].var()) == pytest.approx(1 / (3 * n), rel=0.01)


def test_forget_bias_changes_only_the_forget_gate() -> None:
    without, with_it = (LSTM(units=4, forget_bias=b).init(np.random.default_rng(0), 1, 1) for b in (0, 1.5))
    moved = with_it["bias_ih_l0"] - without["bias_ih_l0"]
    np.testing.assert_allclose(moved, [0] * 4 + [1.5] * 4 + [0] * 8, atol=1e-15)
    assert all(np.array_equal(with_it[name], w) for name, w in without.items() if name != "bias_ih_l0")


def test_dt_only_affects_the_sampling_of_trials(draw: Draw, trials: Make) -> None:
    """One update is one step, so on the same arrays dt changes nothing."""
    weights, batch = draw(GRU(units=5)), trials()
    coarse, fine = (GRU(units=5, dt=dt).engine().outputs(weights, batch) for dt in (1.0, 0.1))
    assert torch.equal(coarse, fine)

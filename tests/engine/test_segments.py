"""Long trials in segments: gradients equal those of whole trials and of float64 autograd, and memory is bounded."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from rnnbench.engine import segments as module
from rnnbench.engine.autograd import ARRAYS, GenericEngine
from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.engine.native.kernel import native
from rnnbench.engine.rate_rnn import RateRNNEngine
from rnnbench.engine.segments import segments
from rnnbench.plugin.interfaces import Architecture, Batch
from rnnbench.plugin.registry import installed

N_IN, N_OUT, STEPS, TRIALS, UNITS, NETWORKS = 3, 2, 47, 5, 21, 3


@pytest.mark.parametrize(("n", "per_step"), [(1, 1), (100, 1), (100, module.KEPT), (7, module.KEPT // 3), (3, 10**12)])
def test_segments_cover_all_steps_in_order_and_keep_the_bound_if_one_step_does(n, per_step):
    parts = segments(n, per_step)
    assert [t for part in parts for t in range(part.start, part.stop)] == list(range(n))
    assert all((part.stop - part.start - 1) * per_step <= module.KEPT for part in parts)
    assert (len(parts) == 1) == (n * per_step <= module.KEPT)


def batch(noise: bool, dtype: torch.dtype, n_noise: int) -> Batch:
    random = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64).to(dtype)

    mask = (normal(2, STEPS, TRIALS, N_OUT) > 0).to(dtype)
    arrays = normal(2, STEPS, TRIALS, N_IN), normal(2, STEPS, TRIALS, N_OUT), mask
    return Batch(*arrays, (0, 1, 0), normal(2, STEPS, TRIALS, n_noise) if noise else None)


def weights_of(architecture: Architecture, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    import numpy as np

    drawn = [architecture.init(np.random.default_rng(k), N_IN, N_OUT) for k in range(NETWORKS)]
    return {name: torch.tensor(np.stack([w[name] for w in drawn])).to(dtype) for name in drawn[0]}


def difference(a, b) -> float:
    """Largest difference, relative to the largest number of each array."""
    return max(float((a[name].double() - b[name].double()).abs().max() / b[name].abs().max()) for name in b)


def set_segment_length(n_steps: int, arrays: int, dtype: torch.dtype, monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT", n_steps * arrays * TRIALS * UNITS * (4 if dtype is torch.float32 else 8))


@pytest.mark.parametrize("length", [1, 10, 46])
@pytest.mark.parametrize("dt", [0.3, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.2], ids=["quiet", "noisy"])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "softplus", "erf"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_rate_rnn(nonlinearity, noise, dt, length, dtype, monkeypatch):
    network = VanillaRNN(units=UNITS, g=1.1, dt=dt, nonlinearity=nonlinearity, noise=noise, bias=True, learn="all")
    engine = RateRNNEngine(nonlinearity, dt, noise, network.trained)
    weights, trials = weights_of(network, dtype), batch(noise > 0, dtype, UNITS)
    weights["h0"] = torch.linspace(-1, 1, NETWORKS * UNITS, dtype=dtype).view(NETWORKS, UNITS)
    loss, whole = engine.gradient(weights, trials)
    z = engine.outputs(weights, trials)
    set_segment_length(length, 3 if nonlinearity == "erf" else 2, dtype, monkeypatch)
    assert len(engine._segments({"w_rec": weights["w_rec"][0]}, trials.inputs[0])) == -(-STEPS // length)
    again, cut = engine.gradient(weights, trials)
    exact = dtype is torch.float64
    torch.testing.assert_close(again, loss, rtol=1e-12 if exact else 1e-5, atol=0)
    torch.testing.assert_close(
        engine.outputs(weights, trials), z, rtol=1e-12 if exact else 1e-4, atol=1e-12 if exact else 1e-5
    )
    assert difference(cut, whole) < (1e-12 if exact else 2e-5)


def test_the_compiled_loop_and_torch_agree_across_segments(monkeypatch):
    if native().kernel is None:
        pytest.skip(native().told)
    network = VanillaRNN(units=UNITS, g=1.1, bias=True, learn="all")
    weights, trials = weights_of(network, torch.float32), batch(False, torch.float32, UNITS)
    set_segment_length(9, 2, torch.float32, monkeypatch)
    _, compiled = network.engine().gradient(weights, trials)
    monkeypatch.setattr(RateRNNEngine, "_kernel", lambda *_: None)
    _, plain = network.engine().gradient(weights, trials)
    assert difference(compiled, plain) < 1e-5


def test_rate_rnn_against_float64_autograd(monkeypatch):
    network = VanillaRNN(units=UNITS, g=1.1, bias=True, learn="all", noise=0.1)
    weights, trials = weights_of(network, torch.float64), batch(True, torch.float64, UNITS)
    _, exact = GenericEngine(network).gradient(weights, trials)
    set_segment_length(10, 2, torch.float64, monkeypatch)
    _, cut = network.engine().gradient(weights, trials)
    assert difference(cut, exact) < 1e-10


@pytest.mark.parametrize("name", ["vanilla_rnn", "gru", "lstm", "multilayer_rnn", "low_rank_rnn"])
@pytest.mark.parametrize("length", [1, 10])
def test_any_architecture(name, length, monkeypatch):
    """The reference is autograd through whole trials in float64."""
    found = [f for (kind, _), f in installed().found.items() if kind == "architecture" and f.cls.name == name]
    if not found:
        pytest.skip(f"{name} is not installed")
    network = found[0].cls(units=UNITS)
    weights = weights_of(network, torch.float64)
    trials = batch(network.n_noise > 0, torch.float64, max(1, network.n_noise))
    engine = GenericEngine(network)
    loss, whole = engine.gradient(weights, trials)
    set_segment_length(length, ARRAYS, torch.float64, monkeypatch)
    again, cut = engine.gradient(weights, trials)
    torch.testing.assert_close(again, loss, rtol=1e-12, atol=0)
    assert difference(cut, whole) < 1e-10


MEASURED = """
import re, torch, numpy as np
from pathlib import Path
from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.engine.autograd import ARRAYS, GenericEngine
from rnnbench.plugin.interfaces import Batch
torch.set_num_threads(1)
network = VanillaRNN(units=512, dt=0.1)
engine = {engine}
w = {{n: torch.from_numpy(a).float()[None] for n, a in network.init(np.random.default_rng(0), 3, 3).items()}}
def trials(n):
    return Batch(*(torch.ones(1, {steps}, n, 3) for _ in range(3)), (0,))
with torch.no_grad():
    loss, gradient = engine.gradient(w, trials(32))
    assert torch.isfinite(loss).all() and all(torch.isfinite(g).all() for g in gradient.values())
    assert engine.outputs(w, trials(256)).shape == (1, {steps}, 256, 3)
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 2**20)
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["network.engine()", "GenericEngine(network)"], ids=["rate RNN", "generic"])
def test_ten_thousand_steps_of_512_units_fit_into_four_gigabytes(engine):
    """An update on 32 trials and an evaluation of 256, in a separate process."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED.format(engine=engine, steps=10_000)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 4.0

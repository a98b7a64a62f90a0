"""Matrix products in reduced precision: the operands of every product, and nothing else, are rounded as on a card."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

import rnnbench
from rnnbench.engine.autograd import GenericEngine
from rnnbench.engine.builtin.vanilla_rnn import VanillaRNN
from rnnbench.engine.precision import BITS, is_reduced, products, rounded
from rnnbench.plugin.interfaces import Batch

CPU = torch.device("cpu")


NUMBERS = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False)


@settings(deadline=None)
@given(arrays(np.float32, 17, elements=NUMBERS))
def test_bfloat16_equals_that_of_torch(values):
    x = torch.from_numpy(values)
    torch.testing.assert_close(rounded(x, 7), x.to(torch.bfloat16).float(), rtol=0, atol=0)


@settings(deadline=None)
@given(arrays(np.float32, 9, elements=NUMBERS.filter(lambda v: v == 0 or abs(v) > 2.0**-100)))
def test_tf32_is_the_nearest_of_ten_bits(values):
    """By exact arithmetic in float64, no other number of ten bits is nearer."""
    x, y = values.astype(np.float64), rounded(torch.from_numpy(values), 10).numpy().astype(np.float64)
    unit = 2.0 ** (np.floor(np.log2(np.abs(np.where(x == 0, 1, x)))) - 10)
    assert np.all(np.abs(x - y) <= unit / 2) and np.all(y / unit == np.round(y / unit))


def test_infinities_nan_and_zeros_are_unchanged():
    x = torch.tensor([torch.inf, -torch.inf, torch.nan, 0.0, -0.0])
    torch.testing.assert_close(rounded(x, 7), x, equal_nan=True)


@pytest.mark.parametrize("dtype", BITS)
@pytest.mark.parametrize("generic", [False, True], ids=["rate RNN", "by autograd"])
def test_every_product_is_rounded_in_every_engine_and_only_within_the_block(dtype, generic):
    """The reference is a single step computed here with rounded operands, so that nothing else can differ."""
    network = VanillaRNN(units=13, dt=1.0, g=1.0, learn="all")
    engine = GenericEngine(network) if generic else network.engine()
    w = {n: torch.from_numpy(a).float()[None] for n, a in network.init(np.random.default_rng(0), 3, 2).items()}
    x = torch.randn(1, 1, 5, 3, generator=torch.Generator().manual_seed(0))
    batch = Batch(x, torch.zeros(1, 1, 5, 2), torch.ones(1, 1, 5, 2), (0,))
    full = engine.outputs(w, batch)
    with products(dtype, CPU):
        assert is_reduced()
        reduced = engine.outputs(w, batch)
    assert not is_reduced()
    torch.testing.assert_close(engine.outputs(w, batch), full, rtol=0, atol=0)
    bits = BITS[dtype]
    h = rounded(x[0, 0], bits) @ rounded(w["w_in"][0], bits).T
    z = rounded(torch.tanh(h), bits) @ rounded(w["w_out"][0], bits).T
    torch.testing.assert_close(reduced[0, 0], z, rtol=1e-5, atol=1e-6)
    assert (reduced - full).abs().max() > 1e-5


@pytest.mark.parametrize("dtype", BITS)
def test_errors_of_gradients_match_the_number_of_bits(dtype):
    network = VanillaRNN(units=64, g=0.5, learn="all")
    w = {n: torch.from_numpy(a).float()[None] for n, a in network.init(np.random.default_rng(0), 3, 2).items()}
    random = torch.Generator().manual_seed(0)
    x, y = (torch.randn(1, 20, 8, n, generator=random) for n in (3, 2))
    batch = Batch(x, y, torch.ones_like(y), (0,))
    exact = network.engine().gradient(
        {n: a.double() for n, a in w.items()}, Batch(x.double(), y.double(), torch.ones_like(y).double(), (0,))
    )[1]
    with products(dtype, CPU):
        found = network.engine().gradient(w, batch)[1]
    error = max(float((found[n] - exact[n]).norm() / exact[n].norm()) for n in exact)
    assert 2.0 ** -(BITS[dtype] + 5) < error < 2.0 ** -(BITS[dtype] - 3)


def test_runs_of_different_precision_have_different_cells(tmp_path):
    task = {"use": "fixed_points", "duration": 6, "loss_start": 3}
    content = {
        "name": "tiny",
        "tasks": [task, {**task, "label": "driven", "drive": 0.5}],
        "architectures": [{"use": "vanilla_rnn", "units": 8}],
        "seeds": 1,
        "training": {"batch": 4, "max_updates": 4, "evaluate_every": 2, "evaluation_trials": 8},
    }
    found = {
        dtype: rnnbench.run(content | {"dtype": dtype, "name": dtype}, tmp_path, workers=1, device="cpu", figures=False)
        for dtype in ("float32", "float64", "tf32", "bfloat16")
    }
    losses = {dtype: r.interference["loss_after"].to_numpy() for dtype, r in found.items()}
    off = {dtype: float(np.abs(losses[dtype] - losses["float64"]).max()) for dtype in losses}
    assert off["float32"] < off["tf32"] < off["bfloat16"]
    names = {p.name for r in found.values() for p in r.folder.glob("cells/??/*.json")}
    assert len(names) == 4 * 6

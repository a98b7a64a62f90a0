"""The compiled kernel against float64 autograd, its reproducibility and memory bounds, and runs without a kernel."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from rnnbench.engine.loss import masked_loss
from rnnbench.engine.native import build, kernel
from rnnbench.engine.native.kernel import Kernel, native
from rnnbench.engine.nonlinearity import NONLINEARITIES
from rnnbench.engine.rate_rnn import RateRNNEngine
from rnnbench.plugin.interfaces import Batch

HERE = native()
compiled = pytest.mark.skipif(HERE.kernel is None, reason=HERE.told)

SIZES = [
    (1, 1, 1),
    (3, 2, 4),
    (15, 7, 3),
    (16, 8, 5),
    (17, 9, 5),
    (31, 1, 6),
    (32, 16, 4),
    (33, 11, 7),
    (64, 32, 9),
    (97, 13, 8),
]
"""(units, trials, steps): near the widths of vectors and tiles, and far from them."""


def network(n: int, trials: int, steps: int, bias: bool = True) -> tuple[dict[str, torch.Tensor], Batch]:
    """A network with every kind of weight, and trials with 3 inputs, 2 outputs, noise and a mask that has zeros."""
    rng = np.random.default_rng([n, trials, steps])

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.normal(size=(1, *shape)).astype(np.float32))

    weights = {"w_rec": 1.2 * normal(n, n) / n**0.5, "w_in": normal(n, 3), "w_out": normal(2, n) / n**0.5}
    if bias:
        weights |= {"b": 0.3 * normal(n), "h0": 0.3 * normal(n)}
    mask = torch.from_numpy((rng.random((1, steps, trials, 2)) < 0.7).astype(np.float32))
    mask[:, -1] = 1
    batch = Batch(normal(steps, trials, 3), normal(steps, trials, 2), mask, (0,), normal(steps, trials, n))
    return weights, batch


def by_autograd(weights, batch, phi: str, dt: float, sigma: float) -> tuple[float, dict[str, np.ndarray]]:
    """Loss and gradients of the equation, by autograd in float64."""
    w = {name: value[0].double().requires_grad_() for name, value in weights.items()}
    x, noise = batch.inputs[0].double(), batch.noise[0].double()
    h = torch.zeros(x.shape[1], len(w["w_rec"]), dtype=torch.float64) + w.get("h0", torch.zeros(1))
    f, outputs = NONLINEARITIES[phi].value, []
    for t in range(len(x)):
        current = f(h) @ w["w_rec"].T + x[t] @ w["w_in"].T + w.get("b", torch.zeros(1))
        h = (1 - dt) * h + dt * current + dt**0.5 * sigma * noise[t]
        outputs.append(f(h) @ w["w_out"].T)
    loss = masked_loss(torch.stack(outputs), batch.targets[0].double(), batch.mask[0].double())
    loss.backward()
    return loss.item(), {name: value.grad.numpy() for name, value in w.items() if name != "h0"}


@compiled
@pytest.mark.parametrize("dt", [0.3, 1.0])
@pytest.mark.parametrize("phi", kernel.NONLINEARITIES)
@pytest.mark.parametrize(("n", "trials", "steps"), SIZES)
def test_loss_and_gradients_equal_those_of_autograd(n, trials, steps, phi, dt):
    weights, batch = network(n, trials, steps, bias=n % 2 == 1)
    trained = tuple(name for name in ("w_rec", "w_in", "b", "w_out") if name in weights)
    loss, gradient = RateRNNEngine(phi, dt, 0.1, trained).gradient(weights, batch)
    expected, slopes = by_autograd(weights, batch, phi, dt, 0.1)
    assert loss.item() == pytest.approx(expected, rel=2e-5)
    for name in trained:
        # The tolerance is that of float32 for sums of a few hundred terms over at most nine steps.
        scale = max(np.abs(slopes[name]).max(), 1e-6)
        assert gradient[name][0].numpy() == pytest.approx(slopes[name], abs=2e-5 * scale), name


@compiled
@pytest.mark.parametrize("phi", kernel.NONLINEARITIES)
def test_it_equals_the_torch_engine_up_to_rounding(phi, monkeypatch):
    weights, batch = network(64, 16, 40)
    engine = RateRNNEngine(phi, 0.5, 0.05, ("w_rec", "w_in", "b", "w_out"))
    loss, gradient = engine.gradient(weights, batch)
    monkeypatch.setattr(RateRNNEngine, "_kernel", lambda *_: None)
    again, other = engine.gradient(weights, batch)
    assert loss.item() == pytest.approx(again.item(), rel=1e-5)
    for name, g in gradient.items():
        assert torch.allclose(g, other[name], rtol=1e-3, atol=1e-4 * float(other[name].abs().max())), name
    if phi == "tanh":  # its tanh differs in the last digits, which shows that the kernel was used
        assert any(not torch.equal(gradient[name], other[name]) for name in gradient)


@compiled
def test_tanh_is_exact_to_a_few_units_in_the_last_place():
    x = torch.cat([torch.linspace(-12, 12, 300_001), *(s * torch.logspace(-30, 1, 100_000) for s in (1, -1))])
    x = torch.cat([x, torch.tensor([0.0, torch.inf, -torch.inf])])
    r = rates(x, "tanh")
    exact = np.tanh(x.double().numpy())
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    assert (np.abs(r.double().numpy() - exact) / unit).max() < 2.5  # units in the last place


@compiled
@pytest.mark.parametrize("phi", kernel.NONLINEARITIES)
def test_nan_stays_nan(phi):
    r = rates(torch.tensor([torch.nan, 1.0]), phi)
    assert torch.isnan(r[0]) and torch.isfinite(r[1])


def rates(x: torch.Tensor, phi: str) -> torch.Tensor:
    """phi(x) as the kernel computes it for the initial state of a network of one unit."""
    assert HERE.kernel is not None
    weights = {name: torch.zeros(1, 1) for name in ("w_rec", "w_in", "w_out")}
    start, r = x.reshape(-1, 1).clone(), torch.empty(2, len(x), 1)
    HERE.kernel.forward(weights, torch.zeros(1, len(x), 1), None, start, r, 0.5, 0.0, phi)
    return r[0, :, 0]


@compiled
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (8, 4), (9, 5), (85, 33)])
def test_any_number_of_inputs_and_outputs(inputs, outputs):
    """Numbers near the widths of the tiles, and those of Yang et al. 2019."""
    weights, batch = network(37, 33, 6)
    random = torch.Generator().manual_seed(inputs)
    weights["w_in"] = torch.randn(1, 37, inputs, generator=random) / inputs**0.5
    weights["w_out"] = torch.randn(1, outputs, 37, generator=random) / 6
    x, y = (torch.randn(1, 6, 33, n, generator=random) for n in (inputs, outputs))
    batch = Batch(x, y, torch.ones_like(y), (0,), batch.noise)
    trained = ("w_rec", "w_in", "b", "w_out")
    loss, gradient = RateRNNEngine("tanh", 0.3, 0.1, trained).gradient(weights, batch)
    expected, slopes = by_autograd(weights, batch, "tanh", 0.3, 0.1)
    assert loss.item() == pytest.approx(expected, rel=2e-5)
    for name in trained:
        assert gradient[name][0].numpy() == pytest.approx(slopes[name], abs=2e-5 * np.abs(slopes[name]).max()), name


@compiled
@pytest.mark.parametrize("trained", [(), ("w_rec",), ("w_in",), ("w_out", "b")])
def test_only_trained_weights_have_a_gradient(trained):
    weights, batch = network(17, 9, 5)
    every = RateRNNEngine("tanh", 0.3, 0.1, ("w_rec", "w_in", "b", "w_out")).gradient(weights, batch)[1]
    some = RateRNNEngine("tanh", 0.3, 0.1, trained).gradient(weights, batch)[1] if trained else {}
    assert set(some) == set(trained) and all(torch.equal(some[name], every[name]) for name in trained)


@compiled
def test_bits_depend_neither_on_addresses_nor_on_earlier_computations():
    steps, trials, n = 20, 11, 37
    weights, batch = network(n, trials, steps)
    w, x, errors = {name: a[0] for name, a in weights.items()}, batch.inputs[0], batch.targets[0]
    found = []
    for shift in (0, 1, 5):

        def room(*shape: int, shift: int = shift) -> torch.Tensor:
            length = int(np.prod(shape))
            return torch.full((length + 16,), 7.0 + shift)[shift : shift + length].view(shape)

        moved = {name: room(*a.shape).copy_(a) for name, a in w.items()}
        r, e, state = room(1 + steps, trials, n), room(steps, trials, n), room(trials, n).zero_()
        inputs, dz, following = room(*x.shape).copy_(x), room(*errors.shape).copy_(errors), torch.zeros(trials, n)
        z = HERE.kernel.forward(moved, inputs, None, state, r, 0.5, 0.0, "tanh")
        gradients = HERE.kernel.backward(moved, inputs, dz, r, following, e, 0.5, "tanh", ("w_in", "w_out"))
        found.append([a.clone() for a in (z, state, r, e, gradients["w_in"], gradients["w_out"])])
    assert all(torch.equal(a, b) for one in found[1:] for a, b in zip(found[0], one, strict=True))


@compiled
def test_trials_may_be_views_of_a_larger_batch():
    """A rule may split a batch into views that are not contiguous."""
    weights, batch = network(17, 9, 5)
    cut = [a[:, :, 2:6] for a in (batch.inputs, batch.targets, batch.mask, batch.noise)]
    engine = RateRNNEngine("tanh", 0.3, 0.1, ("w_rec", "w_in", "b", "w_out"))
    found = [
        engine.gradient(weights, Batch(x, y, mask, (0,), noise))
        for x, y, mask, noise in (cut, [a.contiguous() for a in cut])
    ]
    assert torch.equal(found[0][0], found[1][0])
    assert all(torch.equal(g, found[1][1][name]) for name, g in found[0][1].items())


@compiled
def test_arrays_of_wrong_layout_or_type_are_refused():
    weights = {"w_rec": torch.zeros(3, 3), "w_in": torch.zeros(2, 3).mT, "w_out": torch.zeros(1, 3)}
    arrays = torch.zeros(4, 5, 2), None, torch.zeros(5, 3), torch.zeros(5, 5, 3)
    with pytest.raises(ValueError, match="contiguous"):
        HERE.kernel.forward(weights, *arrays, 0.5, 0.0, "tanh")
    weights["w_in"] = torch.zeros(3, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match="float64"):
        HERE.kernel.forward(weights, *arrays, 0.5, 0.0, "tanh")


BOUNDS = """
import ctypes, sys, numpy as np, torch
from rnnbench.engine.native.kernel import Kernel
kernel = Kernel(ctypes.CDLL(sys.argv[1]))

def ones(*shape):  # numpy's arrays are taken one by one from the allocator that the sanitizer watches
    return torch.from_numpy(np.ones(shape, np.float32))

# The kernel's own arrays too.
torch.empty = lambda length, dtype: ones(length)
torch.Tensor.new_empty, torch.Tensor.new_zeros = (lambda self, shape: ones(*shape),) * 2
sizes = [(1, 1, 1), (3, 2, 4), (17, 9, 5), (31, 1, 6), (33, 11, 7), (64, 13, 2), (16, 33, 3)]
for (n, trials, steps), n_in, n_out in zip(sizes, (1, 3, 9, 17, 2, 8, 85), (1, 2, 5, 4, 3, 33, 8), strict=True):
    for phi in ("tanh", "relu", "identity"):
        weights = {"w_rec": ones(n, n) / n, "w_in": ones(n, n_in), "w_out": ones(n_out, n), "b": ones(n)}
        x, noise, r, e = (ones(t, trials, k) for t, k in ((steps, n_in), (steps, n), (1 + steps, n), (steps, n)))
        z = kernel.forward(weights, x, noise, ones(trials, n), r, 0.5, 0.1, phi)
        kernel.backward(weights, x, z, r, ones(trials, n), e, 0.5, phi, ("w_in", "w_out"))
print("within bounds")
"""


@compiled
def test_it_stays_within_its_arrays(tmp_path):
    """The same source compiled with sanitizers, in a separate process."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++")
    runtime = subprocess.run([compiler, "-print-file-name=libasan.so"], capture_output=True, text=True).stdout.strip()
    if not Path(runtime).is_absolute():
        pytest.skip("needs the address sanitizer's library")
    flags = (*build.FLAGS, "-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    build.compile_to(tmp_path / "checked.so", [compiler], flags)
    settings = {"LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0", kernel.SWITCH: "0"}
    program = [sys.executable, "-c", BOUNDS, str(tmp_path / "checked.so")]
    ran = subprocess.run(program, capture_output=True, text=True, env=dict(os.environ) | settings, timeout=300)
    assert (ran.returncode, ran.stdout.strip()) == (0, "within bounds"), ran.stderr[-2000:]


def replace(library: Path, content: bytes) -> None:
    """Replace the cached library and its checksum, as if the new one had been compiled."""
    library.unlink()
    library.write_bytes(content)
    library.chmod(0o700)
    library.with_suffix(".sha256").write_text(hashlib.sha256(content).hexdigest())


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """An empty cache, and a kernel that is looked up as in a new process."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    native.cache_clear()
    yield tmp_path / "cache"
    monkeypatch.undo()
    native.cache_clear()


def test_it_can_be_turned_off(empty_cache, monkeypatch):
    monkeypatch.setenv(kernel.SWITCH, "0")
    assert native().kernel is None and native().told == "torch (RNNBENCH_NATIVE is 0)"
    assert not empty_cache.exists()


def test_without_a_compiler_there_is_torch(empty_cache, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert native().told == "torch (no native kernel: no C++ compiler is found)"
    weights, batch = network(5, 3, 4)
    loss, _ = RateRNNEngine("tanh", 0.3, 0.1, ("w_rec",)).gradient(weights, batch)
    assert loss.item() == pytest.approx(by_autograd(weights, batch, "tanh", 0.3, 0.1)[0], rel=2e-5)


def test_a_compiler_that_fails_is_reported_and_leaves_no_files(empty_cache, monkeypatch, tmp_path):
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\necho 'x.cpp:1: error: no such luck' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    assert native().told == "torch (no native kernel: c++ fails: no such luck)"
    assert list((empty_cache / "rnnbench").iterdir()) == []


@compiled
def test_a_cache_that_cannot_be_written_is_reported(empty_cache, monkeypatch):
    empty_cache.write_text("a file where a folder should be")
    assert native().kernel is None and "cannot be written" in native().told


@compiled
def test_a_library_without_its_functions_is_not_used(empty_cache, tmp_path):
    another = tmp_path / "another.so"
    subprocess.run([shutil.which("c++") or "g++", "-shared", "-x", "c++", "-o", another, "/dev/null"], check=True)
    replace(build.built(), another.read_bytes())
    assert "cannot be loaded" in native().told


@compiled
def test_a_library_that_cannot_be_loaded_or_computes_wrongly_is_not_used(empty_cache, monkeypatch):
    library = build.built()
    good = library.read_bytes()
    replace(library, b"not a library")
    assert "cannot be loaded" in native().told
    native.cache_clear()
    replace(library, good)
    forward = Kernel.forward
    monkeypatch.setattr(Kernel, "forward", lambda self, w, x, *rest: forward(self, w, 1.01 * x, *rest))
    assert native().told == "torch (no native kernel: its self-test fails)"


@compiled
def test_it_is_compiled_once(empty_cache):
    first = build.built()
    before = first.stat().st_mtime_ns
    assert build.built() == first and first.stat().st_mtime_ns == before
    assert {path.name for path in first.parent.iterdir()} == {first.name, f"{first.stem}.sha256"}


@compiled
def test_a_truncated_library_is_compiled_again(empty_cache):
    """A full disk may leave such a file. Loading it would kill the process."""
    library = build.built()
    good = library.read_bytes()
    library.unlink()  # create a new file, since the old one may be loaded
    library.write_bytes(good[:12_000])
    library.chmod(0o700)
    assert native().kernel is not None and len(library.read_bytes()) == len(good)


@compiled
def test_the_compiler_may_be_named_with_arguments(empty_cache, monkeypatch):
    monkeypatch.setenv("CXX", "g++ -O1")
    assert native().kernel is not None


@pytest.mark.parametrize(
    ("cxx", "reason"),
    [
        ("/no/such/compiler", "CXX names no program: /no/such/compiler"),
        ("'", "CXX cannot be read: '"),
        ("true", "true makes no library, and does not say why"),
    ],
)
def test_a_program_that_is_not_a_compiler_is_reported(empty_cache, monkeypatch, cxx, reason):
    monkeypatch.setenv("CXX", cxx)
    assert native().told == f"torch (no native kernel: {reason})"


def test_errors_of_a_compiler_may_contain_any_bytes(empty_cache, monkeypatch, tmp_path):
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\nprintf 'error: \\377' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    assert native().told.startswith("torch (no native kernel: c++ fails:")


def test_without_a_home_folder_there_is_torch(empty_cache, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", staticmethod(lambda: (_ for _ in ()).throw(RuntimeError)))
    assert "there is no home folder" in native().told


@compiled
def test_a_library_that_others_could_have_written_is_not_loaded(empty_cache):
    build.built().chmod(0o777)
    assert native().told == "torch (no native kernel: the cached library could have been written by others)"

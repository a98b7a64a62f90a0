"""Calls the compiled kernel on torch's arrays; without one, says why not, and the engine does the same in torch."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from rnnbench.engine.native.build import CannotBuild, built

SWITCH = "RNNBENCH_NATIVE"
"""Environment variable; 0 turns the kernel off."""

NONLINEARITIES = {"tanh": 0, "relu": 1, "identity": 2}
"""Those that the kernel knows, by their numbers in rate_rnn.cpp."""

POINTER, LONG, FLOAT = ctypes.c_void_p, ctypes.c_long, ctypes.c_float
TOLERANCE = 1e-5
"""Of the self-test, in numbers of size 1: float32 after a few steps is within 1e-6."""


class _Sizes(ctypes.Structure):
    _fields_ = (
        *((name, LONG) for name in ("steps", "trials", "units", "inputs", "outputs")),
        ("dt", FLOAT),
        ("phi", ctypes.c_int),
    )


class _Weights(ctypes.Structure):
    _fields_ = tuple((name, POINTER) for name in ("w_rec", "w_in", "w_out", "b"))


class Kernel:
    """The compiled functions. Arrays are float32, contiguous, on the CPU.

    weights   w_rec [unit, unit], w_in [unit, input], w_out [output, unit], perhaps b [unit]
    inputs    [time, trial, input]
    rates     [1 + time, trial, unit], of the first state and of those after each step
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._forward, self._backward = library.rnnbench_forward, library.rnnbench_backward
        self._panels = library.rnnbench_panels
        self._panels.argtypes, self._panels.restype = [LONG, LONG], LONG
        self._forward.argtypes = [_Sizes, _Weights, POINTER, POINTER, FLOAT, *[POINTER] * 4]
        self._backward.argtypes = [_Sizes, _Weights, *[POINTER] * 8]
        self._forward.restype = self._backward.restype = None
        self.vector = int(library.rnnbench_vector())

    def forward(
        self,
        weights: Mapping[str, Tensor],
        inputs: Tensor,
        noise: Tensor | None,
        state: Tensor,
        rates: Tensor,
        dt: float,
        strength: float,
        nonlinearity: str,
    ) -> Tensor:
        """Readouts [time, trial, output].

        noise      [time, trial, unit], which is added to the states times `strength`
        state      [trial, unit] the first state; becomes the last one
        rates      written
        """
        readouts = inputs.new_empty((*inputs.shape[:2], len(weights["w_out"])))
        sizes, pointers = _sizes(inputs, readouts, rates, dt, nonlinearity), _pointers(weights)
        panels = self._room(sizes.units, sizes.inputs)
        arrays = (state, rates, readouts, panels)
        self._forward(sizes, pointers, _at(inputs), _at(noise), strength, *map(_at, arrays))
        return readouts

    def backward(
        self,
        weights: Mapping[str, Tensor],
        inputs: Tensor,
        errors: Tensor,
        rates: Tensor,
        following: Tensor,
        adjoints: Tensor,
        dt: float,
        nonlinearity: str,
        trained: Collection[str],
    ) -> dict[str, Tensor]:
        """The gradients of w_in and w_out, those of the two that are trained.

        errors      [time, trial, output] dL/dz
        following   [trial, unit] the adjoint of the step after the last one
        adjoints    [time, trial, unit] written
        """
        sizes, pointers = _sizes(inputs, errors, rates, dt, nonlinearity), _pointers(weights)
        panels = self._room(sizes.units, sizes.outputs)
        into = inputs.new_zeros((sizes.inputs, sizes.units)) if "w_in" in trained else None
        out = inputs.new_zeros((sizes.outputs, sizes.units)) if "w_out" in trained else None
        arrays = (inputs, errors, rates, following, adjoints, into, out, panels)
        self._backward(sizes, pointers, *map(_at, arrays))
        return ({} if into is None else {"w_in": into.mT * dt}) | ({} if out is None else {"w_out": out})

    def _room(self, units: int, others: int) -> Tensor:
        return torch.empty(self._panels(units, others), dtype=torch.float32)


def _sizes(inputs: Tensor, outputs: Tensor, rates: Tensor, dt: float, nonlinearity: str) -> _Sizes:
    steps, trials, n_in = inputs.shape
    return _Sizes(steps, trials, rates.shape[-1], n_in, outputs.shape[-1], dt, NONLINEARITIES[nonlinearity])


def _pointers(weights: Mapping[str, Tensor]) -> _Weights:
    return _Weights(*(_at(weights.get(name)) for name in ("w_rec", "w_in", "w_out", "b")))


def _at(x: Tensor | None) -> int | None:
    """Where an array begins; a null pointer for none."""
    if x is None:
        return None
    if x.dtype != torch.float32 or not x.is_contiguous():
        raise ValueError(f"the kernel takes contiguous arrays of float32, not {x.dtype} with strides {x.stride()}")
    return x.data_ptr()


@dataclass(frozen=True)
class Native:
    """The kernel of this machine, if it has one, and in a few words what it is or why there is none."""

    kernel: Kernel | None
    told: str


@cache
def native() -> Native:
    """Compiled and tried when it is first asked for; whatever goes wrong, there is torch."""
    if os.environ.get(SWITCH, "") == "0":
        return Native(None, f"torch ({SWITCH} is 0)")
    try:
        kernel = Kernel(ctypes.CDLL(str(built())))
    except CannotBuild as error:
        return Native(None, f"torch (no native kernel: {error})")
    except (OSError, AttributeError) as error:
        return Native(None, f"torch (no native kernel: it cannot be loaded: {' '.join(str(error).split())[:120]})")
    if not _agrees(kernel):
        return Native(None, "torch (no native kernel: its self-test fails)")
    return Native(kernel, f"native ({32 * kernel.vector}-bit vectors)")


def kernel_for(nonlinearity: str) -> Kernel | None:
    """The kernel, where there is one that knows the nonlinearity."""
    return native().kernel if nonlinearity in NONLINEARITIES else None


def _agrees(kernel: Kernel) -> bool:
    """Three steps of 19 units, 5 trials, 2 inputs and outputs against the equations in float64."""
    random, dt = torch.Generator().manual_seed(0), 0.3

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random)

    weights = {"w_rec": drawn(19, 19) / 5, "w_in": drawn(19, 2), "w_out": drawn(2, 19) / 5}
    start, inputs, errors = drawn(5, 19) / 5, drawn(3, 5, 2), drawn(3, 5, 2)
    rates, adjoints = torch.empty(4, 5, 19), torch.empty(3, 5, 19)
    readouts = kernel.forward(weights, inputs, None, start.clone(), rates, dt, 0.0, "tanh")
    following = torch.zeros(5, 19)
    gradients = kernel.backward(weights, inputs, errors, rates, following, adjoints, dt, "tanh", ("w_in", "w_out"))

    w, w_in, w_out = (weights[name].double() for name in ("w_rec", "w_in", "w_out"))
    x, dz, h = inputs.double(), errors.double(), start.double()
    r = [h.tanh()]
    for t in range(3):
        h = (1 - dt) * h + dt * (r[t] @ w.T + x[t] @ w_in.T)
        r.append(h.tanh())
    e = [following.double()]
    for t in (2, 1, 0):
        e.insert(0, (1 - r[t + 1] ** 2) * (dz[t] @ w_out + dt * e[0] @ w) + (1 - dt) * e[0])
    pairs = (
        (rates, torch.stack(r)),
        (readouts, torch.stack(r[1:]) @ w_out.T),
        (adjoints, torch.stack(e[:-1])),
        (gradients["w_in"], dt * torch.einsum("tbi,tbj->ij", torch.stack(e[:-1]), x)),
        (gradients["w_out"], torch.einsum("tbo,tbi->oi", dz, torch.stack(r[1:]))),
    )
    return all(bool((a - b).abs().max() < TOLERANCE * max(1.0, float(b.abs().max()))) for a, b in pairs)

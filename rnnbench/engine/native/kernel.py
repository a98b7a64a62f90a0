"""Calls the compiled kernel on torch's arrays, or says why there is none, so that the engine uses torch instead."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from rnnbench.engine.native.build import CannotBuild, built
from rnnbench.messages import one_line

SWITCH = "RNNBENCH_NATIVE"
"""Environment variable; the value 0 turns the kernel off."""

NONLINEARITIES = {"tanh": 0, "relu": 1, "identity": 2}
"""Nonlinearities that the kernel supports, with their numbers in rate_rnn.cpp."""

POINTER, LONG, FLOAT = ctypes.c_void_p, ctypes.c_long, ctypes.c_float
TOLERANCE = 1e-5
"""Absolute tolerance of the self-test for numbers of order 1; float32 is within 1e-6 after a few steps."""


class _Sizes(ctypes.Structure):
    _fields_ = (
        *((name, LONG) for name in ("steps", "trials", "units", "inputs", "outputs")),
        ("dt", FLOAT),
        ("phi", ctypes.c_int),
    )


class _Weights(ctypes.Structure):
    _fields_ = tuple((name, POINTER) for name in ("w_rec", "w_in", "w_out", "b"))


class Kernel:
    """The compiled functions for one network. All arrays are contiguous float32 arrays on the CPU.

    Args:
        library: the loaded library.

    Attributes:
        vector: numbers in a vector of the compiled code.
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
        """Run the network through time.

        Args:
            weights: w_rec [unit, unit], w_in [unit, input], w_out [output, unit], and optionally b [unit].
            inputs: [time, trial, input].
            noise: [time, trial, unit], added to the states times `strength`; or None.
            state: the initial state [trial, unit]; overwritten with the last state.
            rates: [1 + time, trial, unit], overwritten with the rates of the initial state and after every step.
            dt: time step (tau).
            strength: factor of the noise.
            nonlinearity: a name in NONLINEARITIES.

        Returns:
            Readouts [time, trial, output].

        Raises:
            ValueError: an array is not float32 or not contiguous.
        """
        readouts = inputs.new_empty((*inputs.shape[:2], len(weights["w_out"])))
        sizes, pointers = _sizes(inputs, readouts, rates, dt, nonlinearity), _pointers(weights)
        panels = self._workspace(sizes.units, sizes.inputs)
        arrays = (state, rates, readouts, panels)
        self._forward(sizes, pointers, _address(inputs), _address(noise), strength, *map(_address, arrays))
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
        """Run the adjoint backwards through time.

        Args:
            weights: as for `forward`.
            inputs: [time, trial, input].
            errors: dL/dz [time, trial, output].
            rates: [1 + time, trial, unit], as written by `forward`.
            following: adjoint [trial, unit] of the step after the last one.
            adjoints: [time, trial, unit], overwritten.
            dt: time step (tau).
            nonlinearity: a name in NONLINEARITIES.
            trained: names of the trained weights.

        Returns:
            Gradients of w_in and w_out, as far as these are trained.

        Raises:
            ValueError: an array is not float32 or not contiguous.
        """
        sizes, pointers = _sizes(inputs, errors, rates, dt, nonlinearity), _pointers(weights)
        panels = self._workspace(sizes.units, sizes.outputs)
        d_in = inputs.new_zeros((sizes.inputs, sizes.units)) if "w_in" in trained else None
        d_out = inputs.new_zeros((sizes.outputs, sizes.units)) if "w_out" in trained else None
        arrays = (inputs, errors, rates, following, adjoints, d_in, d_out, panels)
        self._backward(sizes, pointers, *map(_address, arrays))
        return ({} if d_in is None else {"w_in": d_in.mT * dt}) | ({} if d_out is None else {"w_out": d_out})

    def _workspace(self, units: int, others: int) -> Tensor:
        """Memory for the packed matrices of so many units and inputs or outputs."""
        return torch.empty(self._panels(units, others), dtype=torch.float32)


def _sizes(inputs: Tensor, outputs: Tensor, rates: Tensor, dt: float, nonlinearity: str) -> _Sizes:
    steps, trials, n_in = inputs.shape
    return _Sizes(steps, trials, rates.shape[-1], n_in, outputs.shape[-1], dt, NONLINEARITIES[nonlinearity])


def _pointers(weights: Mapping[str, Tensor]) -> _Weights:
    return _Weights(*(_address(weights.get(name)) for name in ("w_rec", "w_in", "w_out", "b")))


def _address(x: Tensor | None) -> int | None:
    """Address of an array's first number, or a null pointer for None."""
    if x is None:
        return None
    if x.dtype != torch.float32 or not x.is_contiguous():
        raise ValueError(f"the kernel takes contiguous arrays of float32, not {x.dtype} with strides {x.stride()}")
    return x.data_ptr()


@dataclass(frozen=True)
class Native:
    """The kernel of this machine, if there is one.

    Attributes:
        kernel: the compiled functions, or None.
        told: in a few words, what computes the time loop, and why there is no kernel if there is none.
    """

    kernel: Kernel | None
    told: str


@cache
def native() -> Native:
    """The kernel of this machine. It is compiled and tested in the first call; no failure raises an exception."""
    if os.environ.get(SWITCH, "") == "0":
        return Native(None, f"torch ({SWITCH} is 0)")
    try:
        kernel = Kernel(ctypes.CDLL(str(built())))
    except CannotBuild as error:
        return Native(None, f"torch (no native kernel: {error})")
    except (OSError, AttributeError) as error:
        return Native(None, f"torch (no native kernel: it cannot be loaded: {one_line(error, 120)})")
    if not _agrees(kernel):
        return Native(None, "torch (no native kernel: its self-test fails)")
    return Native(kernel, f"native ({32 * kernel.vector}-bit vectors)")


def kernel_for(nonlinearity: str) -> Kernel | None:
    """The kernel, or None if there is none or it does not support the nonlinearity."""
    return native().kernel if nonlinearity in NONLINEARITIES else None


def _agrees(kernel: Kernel) -> bool:
    """Self-test: three steps of 19 units, 5 trials, 2 inputs and 2 outputs, compared with the equations in float64."""
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

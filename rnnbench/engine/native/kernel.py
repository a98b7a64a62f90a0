"""Calls the compiled kernel on torch's arrays; without one, says why not, and the engine does the same in torch."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from rnnbench.engine.native.build import CannotBuild, built

SWITCH = "RNNBENCH_NATIVE"
"""Environment variable; 0 turns the kernel off."""

NONLINEARITIES = {"tanh": 0, "relu": 1, "identity": 2}
"""Those that the kernel knows, by their numbers in rate_rnn.cpp."""

POINTER, LONG = ctypes.c_void_p, ctypes.c_long
TOLERANCE = 1e-5
"""Of the self-test, in numbers of size 1: float32 after a few steps is within 1e-6."""


class Kernel:
    """The compiled functions. Arrays are float32, contiguous, on the CPU."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._forward, self._backward = library.rnnbench_forward, library.rnnbench_backward
        self._panels = library.rnnbench_panels
        self._panels.argtypes, self._panels.restype = [LONG], LONG
        sizes: list[Any] = [LONG, LONG, LONG, ctypes.c_float, ctypes.c_int, POINTER]
        self._forward.argtypes, self._forward.restype = [*[POINTER] * 4, *sizes], None
        self._backward.argtypes, self._backward.restype = [*[POINTER] * 4, *sizes], None
        self.vector = int(library.rnnbench_vector())

    def forward(self, w: Tensor, start: Tensor, h: Tensor, r: Tensor, dt: float, nonlinearity: str) -> None:
        """States and rates of every step, in place.

        w      [unit, unit]
        start  [trial, unit] the first state
        h      [time, trial, unit] input currents; becomes the states
        r      [1 + time, trial, unit] becomes phi of the first state and of those
        """
        panels, numbers = self._room(w), self._numbers(h, dt, nonlinearity)
        self._forward(w.data_ptr(), start.data_ptr(), h.data_ptr(), r.data_ptr(), *numbers, panels.data_ptr())

    def backward(
        self, w: Tensor, e: Tensor, r: Tensor, dt: float, nonlinearity: str, after: Tensor | None = None
    ) -> None:
        """Adjoints e [time, trial, unit] from the errors that the readout sends back, in place.

        after  [trial, unit] the adjoint of the step that follows; None where the trial ends
        """
        panels, numbers = self._room(w), self._numbers(e, dt, nonlinearity)
        following = None if after is None else after.data_ptr()
        self._backward(w.data_ptr(), e.data_ptr(), r.data_ptr(), following, *numbers, panels.data_ptr())

    def _room(self, w: Tensor) -> Tensor:
        return torch.empty(self._panels(len(w)), dtype=torch.float32)

    @staticmethod
    def _numbers(h: Tensor, dt: float, nonlinearity: str) -> tuple[Any, ...]:
        n_steps, n_trials, n_units = h.shape
        return n_steps, n_trials, n_units, dt, NONLINEARITIES[nonlinearity]


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
    except OSError as error:
        return Native(None, f"torch (no native kernel: it cannot be loaded: {' '.join(str(error).split())[:120]})")
    if not _agrees(kernel):
        return Native(None, "torch (no native kernel: its self-test fails)")
    return Native(kernel, f"native ({32 * kernel.vector}-bit vectors)")


def kernel_for(nonlinearity: str) -> Kernel | None:
    """The kernel, where there is one that knows the nonlinearity."""
    return native().kernel if nonlinearity in NONLINEARITIES else None


def _agrees(kernel: Kernel) -> bool:
    """Three steps of 19 units and 5 trials against the equations in float64."""
    random = torch.Generator().manual_seed(0)
    w, start = (torch.randn(shape, generator=random) / 5 for shape in ((19, 19), (5, 19)))
    currents, errors = (torch.randn((3, 5, 19), generator=random) for _ in range(2))
    h, e, r, dt = currents.clone(), errors.clone(), torch.empty(4, 5, 19), 0.3
    kernel.forward(w, start, h, r, dt, "tanh")
    kernel.backward(w, e, r, dt, "tanh")
    state, rates = start.double(), [start.double().tanh()]
    for t in range(3):
        state = (1 - dt) * state + currents[t] + dt * rates[t] @ w.double().T
        rates.append(state.tanh())
    adjoint, later = [], torch.zeros(5, 19, dtype=torch.float64)
    for t in (2, 1, 0):
        slope = 1 - rates[t + 1] ** 2
        later = slope * (errors[t] + dt * later @ w.double()) + (1 - dt) * later
        adjoint.append(later)
    wanted = (torch.stack(rates), torch.stack(adjoint[::-1]))
    return all(bool((a - b).abs().max() < TOLERANCE) for a, b in zip((r, e), wanted, strict=True))

"""The Anti family: like the Go family, but the response lies opposite the stimulus."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from rnnbench_yang19.go import DelayGo, FdGo, ReactGo


class FdAnti(FdGo):
    """Anti: keep fixating while a stimulus is on; point away from it, to the opposite side, when fixation goes off.

    A trial: `fixation`; `stimulus`; fixation goes off, the stimulus stays, and the response begins.
    """

    name: ClassVar[str] = "fdanti"
    turn: ClassVar[float] = np.pi


class ReactAnti(ReactGo):
    """RT Anti: point to the side opposite a stimulus as soon as it comes, though fixation stays on.

    A trial: `fixation`; the stimulus comes and stays, fixation stays too, and the response begins at once.
    """

    name: ClassVar[str] = "reactanti"
    turn: ClassVar[float] = np.pi


class DelayAnti(DelayGo):
    """Dly Anti: remember where a stimulus was; point to the opposite side when fixation goes off.

    A trial: `fixation`; `stimulus`; `delay` without it; fixation goes off and the response begins.
    """

    name: ClassVar[str] = "delayanti"
    turn: ClassVar[float] = np.pi

"""Detects use of the global random states of numpy, Python and torch."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from rnnbench.testing.check import Failed


@contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """Set the three global states from a seed within the block, and restore them afterwards."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])


def without_global_randomness(act: Callable[[], Any], same: Callable[[Any, Any], bool]) -> str:
    """Call a function under two global seeds to see whether it uses global random state.

    Args:
        act: the function to call; it is called twice.
        same: whether two results of `act` are equal.

    Returns:
        The libraries that were watched.

    Raises:
        Failed: `act` changes a global state, or its result depends on one.
    """
    results = []
    for seed in (1, 2):
        with global_seed(seed):
            before = _states()
            results.append(act())
            changed = [name for name, state in _states().items() if state != before[name]]
        if changed:
            raise Failed(f"changes the global random state of {' and '.join(changed)}; use the generator passed in")
    if not same(*results):
        raise Failed("results depend on the global random seed; use the generator passed in")
    return "of numpy, random and torch"


def _states() -> dict[str, str]:
    return {
        "numpy": repr([np.asarray(x).tolist() for x in np.random.get_state()]),  # noqa: NPY002
        "random": repr(random.getstate()),
        "torch": repr(torch.get_rng_state().tolist()),
    }

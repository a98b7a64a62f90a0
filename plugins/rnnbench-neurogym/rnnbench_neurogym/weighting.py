"""Which steps of a trial count, and how much: neurogym has no loss mask, so it is built from the periods."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def asked(n_steps: int, responses: Mapping[int, tuple[int, int]], grace: int) -> tuple[np.ndarray, np.ndarray]:
    """Find which response each step belongs to and which steps count.

    Args:
        n_steps: length of the trial.
        responses: first step of each response period and the step after its last, by the period's number from 1.
        grace: number of steps after the start and after the end of a response period that do not count.

    Returns:
        The number of the response period that counts at each step, 0 where none does, [time]; and whether each step
        counts, [time] boolean.
    """
    response = np.zeros(n_steps, np.int16)
    counted = np.ones(n_steps, bool)
    for _, stop in responses.values():
        counted[stop : stop + grace] = False
    for number, (start, stop) in responses.items():
        counted[start : start + grace] = False
        counted[start + grace : stop] = True
        response[start:stop] = number
    response[~counted] = 0
    return response, counted


def weights(response: np.ndarray, counted: np.ndarray, fixation_weight: float, response_weight: float) -> np.ndarray:
    """Compute the loss mask of a trial.

    The steps of the responses share `response_weight` equally, and the other steps that count share `fixation_weight`.
    The weight of a decision hence depends neither on its length, nor on the delay before it, nor on the time step.

    Args:
        response: number of the response period that counts at each step, 0 where none does, [time].
        counted: whether each step counts, [time] boolean.
        fixation_weight: total weight of the steps outside responses.
        response_weight: total weight of the steps of the responses.

    Returns:
        The mask, [time] float32.
    """
    responding = response > 0
    fixating = counted & ~responding
    return np.asarray(
        response_weight * responding / max(1, responding.sum()) + fixation_weight * fixating / max(1, fixating.sum()),
        np.float32,
    )

"""Which steps of a trial count, and how much: neurogym has no mask, so one is built from the periods."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def asked(n_steps: int, responses: Mapping[int, tuple[int, int]], grace: int) -> tuple[np.ndarray, np.ndarray]:
    """Which response each step belongs to and which steps count.

    n_steps    of the trial
    responses  first step of each response period and the step after its last, by the period's number from 1
    grace      steps after the start and after the end of a response period in which anything goes

    Returns response [time], the number of the response period that counts, 0 where none does; counted [time], boolean.
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
    """The mask of a trial [time].

    The steps of the responses share `response_weight` equally, the other steps that count `fixation_weight`: what
    a decision weighs depends on neither its length, nor the delay before it, nor the time step.
    """
    responding = response > 0
    fixating = counted & ~responding
    return np.asarray(
        response_weight * responding / max(1, responding.sum()) + fixation_weight * fixating / max(1, fixating.sum()),
        np.float32,
    )

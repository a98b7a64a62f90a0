"""The mask, built from periods given in steps."""

from __future__ import annotations

import numpy as np
import pytest

from rnnbench_neurogym.weighting import asked, weights


def test_grace_after_the_start_and_the_end_of_a_response() -> None:
    response, counted = asked(10, {1: (3, 6)}, grace=1)
    assert response.tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    assert counted.astype(int).tolist() == [1, 1, 1, 0, 1, 1, 0, 1, 1, 1]


def test_without_grace_every_step_counts() -> None:
    response, counted = asked(5, {1: (3, 5)}, grace=0)
    assert counted.all()
    assert response.tolist() == [0, 0, 0, 1, 1]


def test_the_grace_after_a_response_does_not_outlast_that_of_the_next() -> None:
    response, counted = asked(7, {2: (2, 4), 5: (4, 7)}, grace=1)
    assert response.tolist() == [0, 0, 0, 2, 0, 5, 5]
    assert counted.astype(int).tolist() == [1, 1, 0, 1, 0, 1, 1]


@pytest.mark.parametrize("n_steps", [6, 60, 600])
def test_what_a_response_weighs_does_not_depend_on_the_length_of_the_trial(n_steps: int) -> None:
    response, counted = asked(n_steps, {1: (n_steps - 3, n_steps)}, grace=1)
    mask = weights(response, counted, fixation_weight=1, response_weight=4)
    assert mask[response > 0].sum() == pytest.approx(4, rel=1e-5)  # float32, up to 600 terms
    assert mask[response == 0].sum() == pytest.approx(1, rel=1e-5)
    assert len(np.unique(mask[response > 0])) == 1


def test_a_trial_that_is_all_response() -> None:
    response, counted = asked(4, {1: (0, 4)}, grace=0)
    assert weights(response, counted, 1, 1).tolist() == [0.25] * 4
